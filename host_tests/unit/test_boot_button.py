"""The BOOT button: how long it must be held for what, and what counts for nothing."""

from firmware.hardware.boot_button import NOTHING, OPEN, RESET, BootButton


def told(*spans, step_ms=5):
    """What a fresh button says to (pressed, ms) spans, as [(ms, what)] without the NOTHINGs."""
    button, now, said = BootButton(), 0, []
    for pressed, length_ms in spans:
        for _ in range(length_ms // step_ms):
            what = button.sample(pressed, now)
            if what != NOTHING:
                said.append((now, what))
            now += step_ms
    return said


UP, DOWN = False, True


def test_five_seconds_open_the_set_up_when_it_is_released():
    assert told((UP, 100), (DOWN, 5100), (UP, 500)) == [(5260, OPEN)]


def test_ten_seconds_reset_at_once_and_only_once():
    assert told((UP, 100), (DOWN, 30_000), (UP, 500)) == [(10_100, RESET)]


def test_less_is_nothing():
    assert told((UP, 100), (DOWN, 4900), (UP, 500)) == []
    assert told((UP, 100), (DOWN, 50), (UP, 5000), (DOWN, 50), (UP, 500)) == []


def test_it_may_bounce():
    bounce = [(UP, 20), (DOWN, 20)] * 3
    assert told((UP, 100), *bounce, (DOWN, 6000), *bounce, (UP, 500)) == [(6400, OPEN)]


def test_who_held_it_at_the_start_meant_something_else():
    assert told((DOWN, 20_000), (UP, 500)) == []
    assert told((DOWN, 3000), (UP, 100), (DOWN, 6000), (UP, 100)) == [(9160, OPEN)]


def test_what_nobody_saw_is_no_holding():
    button = BootButton()
    for now in (0, 100):
        button.sample(UP, now)
    assert button.sample(DOWN, 105) == NOTHING
    assert button.sample(DOWN, 20_000) == NOTHING  # nobody looked meanwhile: it may have been two presses
    assert button.sample(UP, 20_100) == NOTHING
