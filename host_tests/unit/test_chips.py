"""firmware/hardware/gpio_rules.py: which pins a person is offered, and in which words the others are refused."""

from firmware.hardware import gpio_rules
from lib import plugins


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
# of those, what a transmitter may be on here, with a warning: they only decide how the chip starts
STRAPS = {"esp32": [0, 2, 5, 12, 15], "esp32s2": [0, 45], "esp32s3": [0, 3, 45, 46], "esp32c3": [2, 8, 9]}
BOOT = {"esp32c3": 9}  # 0 on every other


def test_an_esp32_has_seventeen_pins_for_a_transmitter():
    board = Board(BOOT_PIN=0)
    assert gpio_rules.transmitter_pins(board) == [2, 4, 5, 12, 13, 14, 15, 18, 19, 21, 22, 23, 25, 26, 27, 32, 33]
    assert gpio_rules.estop_pins(board) == [4, 13, 14, 18, 19, 21, 22, 23, 25, 26, 27, 32, 33]


def test_a_c3_has_six():
    assert gpio_rules.transmitter_pins(Board(CHIP="esp32c3", BOOT_PIN=9)) == [0, 1, 2, 3, 8, 10]
    assert gpio_rules.estop_pins(Board(CHIP="esp32c3", LED_PIN=10)) == [0, 1, 3]


def test_what_the_reference_firmware_refuses_is_refused_or_warned_about():
    for chip, unsafe in UNSAFE.items():
        board = Board(CHIP=chip, BOOT_PIN=BOOT.get(chip, 0))
        for pin in unsafe:
            assert pin not in gpio_rules.estop_pins(board) and gpio_rules.why_not(board, pin, estop=True), (chip, pin)
            offered = pin in STRAPS[chip] and pin != board.BOOT_PIN
            assert (pin in gpio_rules.transmitter_pins(board)) is offered, (chip, pin)
            assert bool(gpio_rules.why_not(board, pin)) is not offered
            assert bool(gpio_rules.warning(board, pin)) is (pin in STRAPS[chip] or (chip, pin) == ("esp32s2", 46))
        safe = [pin for pin in gpio_rules.transmitter_pins(board) if pin not in STRAPS[chip]]
        assert len(safe) >= 4 and not any(gpio_rules.warning(board, pin) for pin in safe)
    assert gpio_rules.transmitter_pins(Board(CHIP="unheard of")) == []


def test_the_flash_the_console_and_usb_are_refused_on_every_board():
    never = {
        "esp32": [1, 3, 6, 7, 8, 9, 10, 11, 16, 17],
        "esp32s2": list(range(26, 33)) + [19, 20, 43, 44],
        "esp32s3": list(range(26, 38)) + [19, 20, 43, 44],
        "esp32c3": list(range(11, 22)),
    }
    for name in plugins.names("firmware.boards"):
        board = plugins.load("firmware.boards", name)
        for pin in never.get(board.CHIP, ()):
            assert gpio_rules.why_not(board, pin) and gpio_rules.why_not(board, pin, estop=True), (name, pin)
            assert gpio_rules.refused(board, pin, None) == gpio_rules.why_not(board, pin)


def test_two_pins_together():
    board = Board()
    assert (
        gpio_rules.refused(board, None, None)
        == gpio_rules.refused(board, 4, None)
        == gpio_rules.refused(board, 4, 13)
        == ""
    )
    assert gpio_rules.refused(board, 4, 4) == "transmitter and emergency stop cannot share GPIO4"
    assert gpio_rules.refused(board, 4, 36) == gpio_rules.why_not(board, 36, estop=True) != ""
    assert gpio_rules.refused(board, 6, 13).startswith("GPIO6 of this chip cannot be used")


def test_pins_that_are_not_there_are_refused():
    for pin in (20, 24, 28, 40, 48, -1, 1000):
        assert "cannot be used" in gpio_rules.why_not(Board(), pin)


def test_what_the_maker_of_a_board_chose_may_stay():
    d1 = Board(RF_PIN=15, LED_PIN=2, BOOT_PIN=0)
    assert 15 in gpio_rules.transmitter_pins(d1) and 15 not in gpio_rules.estop_pins(d1)
    assert gpio_rules.warning(d1, 15) == ""
    core = Board(CHIP="esp32s3", RF_PIN=1, ESTOP_PIN=38, LED_PIN=13, PIXEL_PIN=14, BOOT_PIN=0)
    assert 38 in gpio_rules.estop_pins(core) and 13 not in gpio_rules.transmitter_pins(core) + gpio_rules.estop_pins(
        core
    )


def test_the_words_say_why():
    board = Board(LED_PIN=4)
    assert gpio_rules.why_not(board, 13) == "" and gpio_rules.why_not(board, 13, estop=True) == ""
    assert gpio_rules.why_not(board, 4) == "GPIO4 is used by this board's own lamp or button"
    assert "keep it from starting" in gpio_rules.why_not(board, 12, estop=True)
    assert "no pull-up" in gpio_rules.why_not(board, 36, estop=True)
    assert gpio_rules.why_not(board, 36) == "GPIO36 can be read, and not driven"
    assert gpio_rules.why_not(board, 6) == (
        "GPIO6 of this chip cannot be used: it is not there, or belongs to its flash, console or start"
    )
    assert "decides how the chip starts" in gpio_rules.warning(board, 12)
    assert gpio_rules.warning(board, 13) == ""


def test_every_board_can_be_set_up():
    names = plugins.names("firmware.boards")
    assert len(names) >= 18 and "openshock_core_v2" in names
    for name in names:
        board = plugins.load("firmware.boards", name)
        pins = gpio_rules.transmitter_pins(board)
        assert len(pins) >= 3 and pins == sorted(set(pins)), name
        assert board.RF_PIN is None or board.RF_PIN in pins
        stops = gpio_rules.estop_pins(board)
        assert len(stops) >= 3 and stops == sorted(set(stops)), name
        assert board.ESTOP_PIN is None or board.ESTOP_PIN in stops
