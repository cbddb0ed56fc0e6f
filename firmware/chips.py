"""Which pins of a chip a person may use, and what to say of the others: plain data and a few questions. A chip is a row. No I/O.

Facts: reference/openshock-firmware.md §j, and the pin lists of Espressif's data sheets. A pin that the flash, the console or
USB needs is offered to nobody; nor is one that the board's own lamps and buttons use.
"""

# What is missing is flash, console, USB, a strap that other boards hold, or not there. 34–39 of the ESP32 can be read, but
# have no pull-up: an e-stop with a broken wire would float (S9). Its GPIO10 belongs to the flash of most modules.
_PINS = {
    "esp32": (4, 12, 13, 14, 18, 19, 21, 22, 23, 25, 26, 27, 32, 33),
    "esp32s2": tuple(range(1, 19)) + (21,) + tuple(range(33, 43)),
    "esp32s3": (1, 2) + tuple(range(4, 19)) + (21, 38, 39, 40, 41, 42, 47, 48),
    "esp32c3": (0, 1, 3, 10),
    "": tuple(range(40)),  # the simulated board: no chip at all
}

# pins that decide how the chip starts: usable, but whatever is wired there must not hold them at that moment
_STRAPS = {
    "esp32": (0, 2, 5, 12, 15),
    "esp32s2": (0, 45, 46),
    "esp32s3": (0, 3, 45, 46),
    "esp32c3": (2, 8, 9),
}


def transmitter_pins(board):
    """The pins of `board` (a module of firmware/boards) that a transmitter may be on, in their order, a list."""
    return _offered(board, board.RF_PIN)


def estop_pins(board):
    """The pins of `board` that an emergency stop may be on: each can be read and has a pull-up. A list in their order.

    A strap is none: a button that is held while the chip starts would keep it from starting.
    """
    straps = _STRAPS.get(board.CHIP, ())
    return [pin for pin in _offered(board, board.ESTOP_PIN) if pin == board.ESTOP_PIN or pin not in straps]


def warning(board, pin):
    """What to know of `pin` before something is wired to it, in words; "" when there is nothing to say."""
    if pin in _STRAPS.get(board.CHIP, ()) and pin != board.RF_PIN:
        return "GPIO%d decides how the chip starts: what is wired to it must leave it alone at that moment" % pin
    return ""


def why_not(board, pin, estop=False):
    """Why `pin` cannot be the transmitter's (or the emergency stop's), in words; "" when it can."""
    if pin in (estop_pins(board) if estop else transmitter_pins(board)):
        return ""
    if pin in _taken(board):
        return "GPIO%d is used by this board's own lamp or button" % pin
    if estop and pin in _STRAPS.get(board.CHIP, ()):
        return "GPIO%d decides how the chip starts: a button held there would keep it from starting" % pin
    if estop and board.CHIP == "esp32" and 34 <= pin <= 39:
        return "GPIO%d has no pull-up: a broken wire would not be noticed" % pin
    return "GPIO%d of this chip cannot be used: it is not there, or belongs to its flash, console or start" % pin


def _taken(board):
    """The pins of the board's own lamps and its BOOT button."""
    return [pin for pin in (board.LED_PIN, board.PIXEL_PIN, board.BOOT_PIN) if pin is not None]


def _offered(board, own):
    """The chip's pins without those in use; `own`, the one that the board's maker chose, is among them, whatever it is."""
    taken = _taken(board)
    pins = [pin for pin in _PINS.get(board.CHIP, ()) if pin not in taken and pin != own]
    return sorted(pins + ([] if own is None else [own]))
