"""An update whose power goes at every operation of the flash: a part of it on both interpreters; all in test_update_power.py."""

from host_tests.unit import update_walk


def test_c3_01_c3_02_c3_03_the_power_goes_at_each_operation_of_an_update():
    assert update_walk.points(update_walk.WHOLE, "torn", True) > 20


def test_c3_01_the_power_goes_at_each_operation_of_an_update_by_a_patch():
    assert update_walk.points(update_walk.PATCHED, "torn", True) > 20


def test_c3_03_the_power_goes_at_each_operation_of_a_roll_back():
    assert update_walk.points(update_walk.CRASHES, "middle", False) > 20


def test_c3_04_five_cuts_anywhere():
    new, starts = update_walk.stormy(update_walk.WHOLE, 30, 1, 40)
    assert new > 15 and starts > 4 * 30
