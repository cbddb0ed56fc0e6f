"""The set-up of the board: what the page shows of it. What the page may change is in board_actions.py."""

from firmware import boards, shockers
from firmware.config import build
from firmware.hardware import gpio_rules


class BoardSetup:
    """The board as the settings have it. Only boards with the chip of the one at the start are offered, by their `names`."""

    def __init__(self, rooms):
        self.rooms = rooms
        self.models = sorted(shockers.NAMES)  # the receivers that a test pulse can be sent to
        self.pulsed = False  # somebody has sent a test pulse
        self.look()
        self.names = [shown(name) for name in boards.of_chip(self.board.CHIP)]

    def look(self):
        """None; the board of the settings is the one that holds from now on."""
        board = self.board = build.board(self.rooms.settings)
        pins = gpio_rules.transmitter_pins(board)
        self._pins = {
            "out": pins,
            "in": gpio_rules.estop_pins(board),
            "strapping": [pin for pin in pins if gpio_rules.warning(board, pin)],
        }

    def state(self):
        """What the page shows: a dict that JSON can carry. `rf_pin` and `estop_pin` are those that hold, or None."""
        settings = self.rooms.settings
        return {
            "name": shown(settings.get("board")),
            "boards": self.names,
            "chip": self.board.CHIP,
            "pins": self._pins,
            "rf_pin": self.rf_pin(),
            "estop_pin": self.estop_pin(),
            "estop_enabled": settings.get("estop.enabled"),
            "estop_normally_closed": settings.get("estop.normally_closed"),
            "fixed": self.board.RF_PIN is not None,
        }

    def rf_pin(self):
        """The transmitter's pin, None when nobody has said which it is, or one that cannot be used."""
        return self._usable(pin(self.rooms.settings.get("rf.pin"), self.board.RF_PIN), "out")

    def estop_pin(self):
        """The pin of the emergency stop, None when there is none, or one that cannot be used."""
        return self._usable(pin(self.rooms.settings.get("estop.pin"), self.board.ESTOP_PIN), "in")

    def _usable(self, number, way):
        return number if number in self._pins[way] else None

    def has_estop(self):
        """True when an emergency stop is switched on, and it is known on which pin."""
        return self.rooms.settings.get("estop.enabled") and self.estop_pin() is not None


def shown(name):
    """A board's name as a person sees it."""
    return name.lower().replace("_", "-")


def pin(chosen, own):
    """The pin that holds: the person's, or the board's own, or None."""
    return own if chosen < 0 else chosen
