"""firmware/hardware.py: what a board's plain lamp is given, so that a percentage means the same light on every board."""

import machine
import simboard

from firmware.hardware import Hardware
from lib import plugs


def duties(name, *percents):
    """The duty (0–65535) of the board's lamp at the start, and then for each percentage, as its pin has it."""
    board = plugs.load("firmware.boards", name)
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
    board = plugs.load("firmware.boards", "seeed_xiao_esp32c3")
    hardware = Hardware(board, {"player": "viper", "pin": -1}, {"enabled": False, "pin": -1, "normally_closed": False})
    assert hardware.led() is None and hardware.pixel() is None


def test_two_boards_have_a_pixel_that_takes_green_for_red():
    boards = [plugs.load("firmware.boards", name) for name in plugs.names("firmware.boards")]
    swapped = [board.__name__.split(".")[-1] for board in boards if board.PIXEL_SWAPPED]
    assert sorted(swapped) == ["waveshare_esp32_s3_zero", "wemos_lolin_s3_mini"]
    assert all(board.PIXEL_PIN is not None for board in boards if board.PIXEL_SWAPPED)
    assert all(board.LED_PIN is not None for board in boards if board.LED_INVERTED)
