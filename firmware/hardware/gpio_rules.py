"""Which pins of a chip a person may use, and what to say of the others: plain data and a few questions. A chip is a row. No I/O.

Facts: reference/openshock-firmware.md §j, and the pin lists of Espressif's data sheets. A pin that the flash, the console or
USB needs is offered to nobody; nor is one that the board's own lamps and buttons use.
"""

from lib.tables import find

# What is missing belongs to flash, PSRAM, console, USB or JTAG, or is not there. The ESP32's GPIO10 belongs to the flash of most
# modules.
_PINS = (
    ("esp32", (0, 2, 4, 5, 12, 13, 14, 15, 18, 19, 21, 22, 23, 25, 26, 27, 32, 33)),
    (
        "esp32s2",
        (
            0,
            1,
            2,
            3,
            4,
            5,
            6,
            7,
            8,
            9,
            10,
            11,
            12,
            13,
            14,
            15,
            16,
            17,
            18,
            21,
            33,
            34,
            35,
            36,
            37,
            38,
            39,
            40,
            41,
            42,
            45,
        ),
    ),
    (
        "esp32s3",
        (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 21, 38, 39, 40, 41, 42, 45, 46, 47, 48),
    ),
    ("esp32c3", (0, 1, 2, 3, 8, 9, 10)),
    (
        "",
        (
            0,
            1,
            2,
            3,
            4,
            5,
            6,
            7,
            8,
            9,
            10,
            11,
            12,
            13,
            14,
            15,
            16,
            17,
            18,
            19,
            20,
            21,
            22,
            23,
            24,
            25,
            26,
            27,
            28,
            29,
            30,
            31,
            32,
            33,
            34,
            35,
            36,
            37,
            38,
            39,
        ),
    ),  # the simulated board: no chip at all
)

# Pins that can be read, and neither driven nor pulled up: an e-stop with a broken wire would float (S9)
_INPUTS = (("esp32", (34, 35, 36, 37, 38, 39)), ("esp32s2", (46,)))

# Pins that decide how the chip starts. A transmitter may be there, with a warning: whatever is wired to them must not hold them
# at that moment. An e-stop may not.
_STRAPS = (
    ("esp32", (0, 2, 5, 12, 15)),
    ("esp32s2", (0, 45, 46)),
    ("esp32s3", (0, 3, 45, 46)),
    ("esp32c3", (2, 8, 9)),
)


def transmitter_pins(board):
    """The pins of `board` (a module of firmware/boards) that a transmitter may be on, in their order, a list."""
    return _offered(board, board.RF_PIN)


def estop_pins(board):
    """The pins of `board` that an emergency stop may be on: each can be read and has a pull-up. A list in their order.

    A strap is none: a button that is held while the chip starts would keep it from starting.
    """
    straps = find(_STRAPS, board.CHIP, ())
    return [pin for pin in _offered(board, board.ESTOP_PIN) if pin == board.ESTOP_PIN or pin not in straps]


def warning(board, pin):
    """What to know of `pin` before something is wired to it, in words; "" when there is nothing to say."""
    if pin in find(_STRAPS, board.CHIP, ()) and pin != board.RF_PIN:
        return "GPIO%d decides how the chip starts: what is wired to it must leave it alone at that moment" % pin
    return ""


def why_not(board, pin, estop=False):
    """Why `pin` cannot be the transmitter's (or the emergency stop's), in words; "" when it can."""
    if pin in (estop_pins(board) if estop else transmitter_pins(board)):
        return ""
    if pin in _taken(board):
        return "GPIO%d is used by this board's own lamp or button" % pin
    if pin in find(_INPUTS, board.CHIP, ()):
        words = "has no pull-up: a broken wire would not be noticed" if estop else "can be read, and not driven"
        return "GPIO%d %s" % (pin, words)
    if estop and pin in find(_STRAPS, board.CHIP, ()):
        return "GPIO%d decides how the chip starts: a button held there would keep it from starting" % pin
    return "GPIO%d of this chip cannot be used: it is not there, or belongs to its flash, console or start" % pin


def _pins(chip):
    return find(_PINS, chip, ()) if chip else range(40)  # of the simulated board, which has no chip at all


def _taken(board):
    """The pins of the board's own lamps and its BOOT button."""
    return [pin for pin in (board.LED_PIN, board.PIXEL_PIN, board.BOOT_PIN) if pin is not None]


def _offered(board, own):
    """The chip's pins without those in use; `own`, the one that the board's maker chose, is among them, whatever it is."""
    taken = _taken(board)
    pins = [pin for pin in _pins(board.CHIP) if pin not in taken and pin != own]
    return sorted(pins + ([] if own is None else [own]))


def refused(board, rf_pin, estop_pin):
    """Why these two pins (None: there is none) cannot be used together on `board`, in words; "" when they can."""
    if rf_pin is not None and rf_pin == estop_pin:
        return "transmitter and emergency stop cannot share GPIO%d" % rf_pin
    words = "" if rf_pin is None else why_not(board, rf_pin)
    return words or ("" if estop_pin is None else why_not(board, estop_pin, estop=True))
