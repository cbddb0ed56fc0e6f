"""firmware/chips.py: which pins a person is offered, and in which words the others are refused."""

from firmware import chips
from lib import plugs


class Board:
    """A board with nothing on it."""

    CHIP = "esp32"
    RF_PIN = ESTOP_PIN = LED_PIN = PIXEL_PIN = BOOT_PIN = None

    def __init__(self, **own):
        for name, value in own.items():
            setattr(self, name, value)


# Refused by the reference firmware (openshock-firmware.md §j), and what it refuses to drive
UNSAFE = {
    "esp32": [0, 1, 2, 3, 5, 6, 7, 8, 9, 11, 15, 16, 17, 34, 35, 36, 37, 38, 39],
    "esp32s2": [0, 26, 27, 28, 29, 30, 31, 32, 43, 44, 45, 46],
    "esp32s3": [0, 3, 19, 20, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 43, 44, 45, 46],
    "esp32c3": [2, 4, 5, 6, 7, 8, 9] + list(range(12, 22)),
}


def test_an_esp32_has_fourteen_pins_for_a_transmitter():
    assert chips.transmitter_pins(Board()) == [4, 12, 13, 14, 18, 19, 21, 22, 23, 25, 26, 27, 32, 33]
    assert chips.estop_pins(Board()) == [4, 13, 14, 18, 19, 21, 22, 23, 25, 26, 27, 32, 33]


def test_a_c3_has_four():
    assert chips.transmitter_pins(Board(CHIP="esp32c3")) == [0, 1, 3, 10]
    assert chips.estop_pins(Board(CHIP="esp32c3", LED_PIN=10)) == [0, 1, 3]


def test_what_the_reference_firmware_refuses_is_offered_on_no_chip():
    for chip, unsafe in UNSAFE.items():
        board = Board(CHIP=chip)
        for pin in unsafe:
            assert pin not in chips.transmitter_pins(board) + chips.estop_pins(board), (chip, pin)
            assert chips.why_not(board, pin) and chips.why_not(board, pin, estop=True)
    assert chips.transmitter_pins(Board(CHIP="unheard of")) == []


def test_pins_that_are_not_there_are_refused():
    for pin in (20, 24, 28, 40, 48, -1, 1000):
        assert "cannot be used" in chips.why_not(Board(), pin)


def test_what_the_maker_of_a_board_chose_may_stay():
    d1 = Board(RF_PIN=15, LED_PIN=2, BOOT_PIN=0)
    assert 15 in chips.transmitter_pins(d1) and 15 not in chips.estop_pins(d1)
    assert chips.warning(d1, 15) == ""
    core = Board(CHIP="esp32s3", RF_PIN=1, ESTOP_PIN=38, LED_PIN=13, PIXEL_PIN=14, BOOT_PIN=0)
    assert 38 in chips.estop_pins(core) and 13 not in chips.transmitter_pins(core) + chips.estop_pins(core)


def test_the_words_say_why():
    board = Board(LED_PIN=4)
    assert chips.why_not(board, 13) == "" and chips.why_not(board, 13, estop=True) == ""
    assert chips.why_not(board, 4) == "GPIO4 is used by this board's own lamp or button"
    assert "keep it from starting" in chips.why_not(board, 12, estop=True)
    assert "no pull-up" in chips.why_not(board, 36, estop=True)
    assert chips.why_not(board, 6) == (
        "GPIO6 of this chip cannot be used: it is not there, or belongs to its flash, console or start"
    )
    assert "decides how the chip starts" in chips.warning(board, 12)
    assert chips.warning(board, 13) == ""


def test_every_board_can_be_set_up():
    names = plugs.names("firmware.boards")
    assert len(names) >= 18 and "openshock_core_v2" in names
    for name in names:
        board = plugs.load("firmware.boards", name)
        pins = chips.transmitter_pins(board)
        assert len(pins) >= 3 and pins == sorted(set(pins)), name
        assert board.RF_PIN is None or board.RF_PIN in pins
        stops = chips.estop_pins(board)
        assert len(stops) >= 3 and stops == sorted(set(stops)), name
        assert board.ESTOP_PIN is None or board.ESTOP_PIN in stops
