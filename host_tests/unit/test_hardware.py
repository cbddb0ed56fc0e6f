"""firmware/hardware/board_io.py: what a board's plain lamp is given, and which pins of the settings are never touched."""

import time

import machine
import simboard

from firmware.hardware import board_io
from firmware.hardware.board_io import Hardware
from lib import plugins


def made(name, pin=-1, stop=-1, enabled=False):
    """The Hardware of a board with these settings."""
    board = plugins.load("firmware.boards", name)
    return Hardware(board, {"player": "viper", "pin": pin}, {"enabled": enabled, "pin": stop, "normally_closed": False})


def duties(name, *percents):
    """The duty (0–65535) of the board's lamp at the start, and then for each percentage, as its pin has it."""
    board = plugins.load("firmware.boards", name)
    show = Hardware(
        board, {"player": "viper", "pin": -1}, {"enabled": False, "pin": -1, "normally_closed": False}
    ).led()
    wave = machine.PWM.of_pin[board.LED_PIN]
    found = [wave.duty_u16()]
    for percent in percents:
        show(percent)
        found.append(wave.duty_u16())
    return found


def test_a_lamp_that_is_lit_by_a_high_level():
    assert duties("nodemcu_32s", 0, 1, 50, 100) == [0, 0, 655, 32767, 65535]


def test_a_lamp_that_is_lit_by_a_low_level():
    assert duties("seeed_xiao_esp32s3", 0, 1, 50, 100, 0) == [65535, 65535, 64880, 32768, 0, 65535]
    assert simboard.levels[21] == 1, "dark"


def test_a_board_without_a_lamp_has_nothing_to_show_it_on():
    hardware = made("seeed_xiao_esp32c3")
    assert hardware.led() is None and hardware.pixel() is None


def test_two_boards_have_a_pixel_that_takes_green_for_red():
    boards = [plugins.load("firmware.boards", name) for name in plugins.names("firmware.boards")]
    swapped = [board.__name__.split(".")[-1] for board in boards if board.PIXEL_SWAPPED]
    assert sorted(swapped) == ["waveshare_esp32_s3_zero", "wemos_lolin_s3_mini"]
    assert all(board.PIXEL_PIN is not None for board in boards if board.PIXEL_SWAPPED)
    assert all(board.LED_PIN is not None for board in boards if board.LED_INVERTED)


def why_not(hardware):
    """Why it has no transmitter, in words."""
    try:
        hardware.transmitter()
    except ValueError as fault:
        return str(fault)
    raise AssertionError("it has one")


def test_pins_that_cannot_be_used_are_never_touched():
    levels = dict(simboard.levels)
    flash = made("generic_esp32", 6, 13, enabled=True)
    assert why_not(flash).startswith("GPIO6 of this chip cannot be used")
    assert flash.pins() == [-1, 0] and flash.stop_input() is None
    floating = made("generic_esp32", 4, 36, enabled=True)
    assert why_not(floating) == "GPIO36 has no pull-up: a broken wire would not be noticed"
    assert floating.pins() == [-1, 0] and floating.stop_input() is None
    assert why_not(made("generic_esp32", 4, 4, enabled=True)) == "transmitter and emergency stop cannot share GPIO4"
    assert simboard.levels == levels


def test_who_has_no_emergency_stop_may_have_any_pin_for_it():
    assert made("simulated", 5, 60).transmitter()


def test_a_pin_that_decides_how_the_chip_starts_can_be_used():
    assert made("generic_esp32", 15).pins() == [15, 0]


def test_s19_the_dose_and_a_note_for_the_next_start_share_the_clocks_memory_and_spare_each_other():
    machine.RTC().memory(b"")
    hardware = made("simulated")
    assert hardware.remembered() is None and board_io.noted() == 0
    hardware.remember("1 2")
    board_io.note(3)
    assert (board_io.noted(), hardware.remembered()) == (3, "1 2")
    hardware.remember("4 5 6")
    assert (board_io.noted(), hardware.remembered()) == (3, "4 5 6")
    board_io.note(0)
    assert (board_io.noted(), hardware.remembered()) == (0, "4 5 6")
    for damaged in (b"set-up ", b"set-up", b"\xff" * 2048, b"set-up \x02 00000000x"):
        machine.RTC().memory(damaged)
        assert hardware.remembered() is None and board_io.noted() in (0, 2)
    machine.RTC().memory(b"")


def test_the_clock_is_set_with_the_fraction_of_its_second():
    set_to = []
    before = machine.RTC
    try:
        machine.RTC = lambda: Watch(set_to)
        made("nodemcu_32s").set_clock(time.time_ns() // 10**9 * 10**6 + 654_321)
    finally:
        machine.RTC = before
    ((year, month, day, weekday, hour, minute, second, micro),) = set_to
    assert micro == 654_321 and abs(time.mktime((year, month, day, hour, minute, second, 0, 0, -1)) - _now_s()) <= 2


class Watch:
    """What stands for the chip's clock."""

    def __init__(self, set_to):
        self.datetime = set_to.append


def _now_s():
    """Now as mktime counts it: the fields of gmtime, taken for local time."""
    return time.mktime(tuple(time.gmtime()[:6]) + (0, 0, -1))
