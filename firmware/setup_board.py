"""The set-up of the board: its name, the pins, the caps, and the test pulse."""

from micropython import const

from firmware import chips
from firmware.command import ACTIONS, SOUND, VIBRATE, Command, whole
from firmware.dispatcher import TEST_LEVEL, TEST_MS
from firmware.safety import REASONS
from firmware.setup import Wrong, store, text_of
from lib import plugs

_BOARDS = "firmware.boards"
_MODELS = "firmware.shockers"
_LONGEST_NAME = const(40)
# field of the page: (setting, whether it is a pin)
_FIELDS = {
    "rf_pin": ("rf.pin", True),
    "estop_pin": ("estop.pin", True),
    "estop_enabled": ("estop.enabled", False),
    "estop_normally_closed": ("estop.normally_closed", False),
}
_GENTLE = {ACTIONS[VIBRATE]: VIBRATE, ACTIONS[SOUND]: SOUND}
_BAD_INPUT = ("malformed", "action", "id", "level", "duration", "model", "unsupported", "test")


class BoardSetup:
    """The board as the settings have it. Only boards with the chip of the one at the start are offered."""

    def __init__(self, rooms):
        self._rooms = rooms
        self._log = rooms.log
        self._chip = self._board().CHIP
        self._names = _boards_with(self._chip) or [_shown(rooms.settings.get("board"))]
        self.models = plugs.names(_MODELS)  # the receivers that a test pulse can be sent to
        self.pulsed = False  # somebody has sent a test pulse

    def _board(self):
        return plugs.load(_BOARDS, _file_of(self._rooms.settings.get("board")))

    def state(self):
        """What the page shows: a dict that JSON can carry. `rf_pin` and `estop_pin` are those that hold, or None."""
        settings, board = self._rooms.settings, self._board()
        pins = chips.transmitter_pins(board)
        return {
            "name": _shown(settings.get("board")),
            "boards": self._names,
            "chip": board.CHIP,
            "pins": {
                "out": pins,
                "in": chips.estop_pins(board),
                "strapping": [pin for pin in pins if chips.warning(board, pin)],
            },
            "rf_pin": _pin(settings.get("rf.pin"), board.RF_PIN),
            "estop_pin": _pin(settings.get("estop.pin"), board.ESTOP_PIN),
            "estop_enabled": settings.get("estop.enabled"),
            "estop_normally_closed": settings.get("estop.normally_closed"),
            "fixed": board.RF_PIN is not None,
        }

    def has_transmitter(self):
        """True when it is known on which pin the transmitter is."""
        return _pin(self._rooms.settings.get("rf.pin"), self._board().RF_PIN) is not None

    def has_estop(self):
        """True when an emergency stop is switched on, and it is known on which pin."""
        settings = self._rooms.settings
        return settings.get("estop.enabled") and _pin(settings.get("estop.pin"), self._board().ESTOP_PIN) is not None

    def change(self, body):
        """None; board and pins are saved, and hold from now on. Wrong when one does not fit: then all stays as it was."""
        settings = self._rooms.settings
        board = self._board()
        changes = []
        if "board" in body:
            name = text_of(body, "board", _LONGEST_NAME)
            if _shown(name) not in self._names:
                raise Wrong(400, "no board of that name has this chip", "board")
            board = plugs.load(_BOARDS, _file_of(name))
            if _shown(name) != _shown(settings.get("board")):  # pins that were chosen for another board mean nothing
                changes += [("board", _shown(name), "board"), ("rf.pin", -1, "rf_pin"), ("estop.pin", -1, "estop_pin")]
        for field in body:
            if field == "board":
                continue
            if field not in _FIELDS:
                raise Wrong(400, "there is no such setting", field)
            key, is_pin = _FIELDS[field]
            value = _pin_asked(body[field], board, field) if is_pin else body[field]
            changes.append((key, value, field))
        self._check_apart(board, changes)
        store(settings, changes)
        if changes:
            self._rooms.rewire()
            self._log.info("setup", "board " + settings.get("board"))

    def _check_apart(self, board, changes):
        new = {key: value for key, value, _ in changes}
        settings = self._rooms.settings
        pins = [new.get(key, settings.get(key)) for key in ("rf.pin", "estop.pin")]
        rf_pin, estop_pin = _pin(pins[0], board.RF_PIN), _pin(pins[1], board.ESTOP_PIN)
        if rf_pin is not None and rf_pin == estop_pin:
            field = "rf_pin" if "rf.pin" in new else "estop_pin"
            raise Wrong(400, "transmitter and emergency stop cannot share GPIO%d" % rf_pin, field)

    def caps(self, body):
        """None; the caps in `body` (names without "cap.") are saved: who stands here may raise them, too. Wrong: none is."""
        known = self._rooms.settings.section("cap")
        for name in body:
            if name not in known:
                raise Wrong(400, "there is no such cap", name)
        store(self._rooms.settings, [("cap." + name, value, name) for name, value in body.items()])
        self._log.info("setup", "caps changed: " + ", ".join(sorted(body)))

    def pulse(self, body):
        """None; one receiver vibrates or sounds, gently and for a second at most. Wrong says why it does not."""
        action = _GENTLE.get(text_of(body, "action", 10))
        if action is None:
            raise Wrong(400, "vibrate or sound, nothing else", "action")
        if not self.has_transmitter():
            raise Wrong(409, "first say on which pin the transmitter is", "rf_pin")
        if not whole(body.get("rf_id"), 0, 65535):
            raise Wrong(400, "0-65535", "rf_id")
        if not whole(body.get("intensity"), 1, TEST_LEVEL):
            raise Wrong(400, "1-%d" % TEST_LEVEL, "intensity")
        if not whole(body.get("duration_ms"), 1, TEST_MS):
            raise Wrong(400, "1-%d ms" % TEST_MS, "duration_ms")
        settings = self._rooms.settings
        level = min(
            body["intensity"], settings.get("cap." + ACTIONS[action])
        )  # a cap that was lowered a moment ago counts
        length_ms = min(body["duration_ms"], settings.get("cap.longest_ms"))
        if not level:
            raise Wrong(409, REASONS["cap"])
        model = text_of(body, "model", _LONGEST_NAME)
        asked = Command(model, body["rf_id"], action, level, length_ms, None, "set-up", None)
        reason = self._rooms.dispatcher.test_pulse(asked)
        if reason:
            raise Wrong(400 if reason in _BAD_INPUT else 409, REASONS[reason], "model" if reason == "model" else "")
        self.pulsed = True


def _boards_with(chip):
    """The names of all boards with that chip, as a person sees them; what was looked at is forgotten again."""
    names = []
    for name in plugs.names(_BOARDS):
        if plugs.glance(_BOARDS, name, lambda board: board.CHIP) == chip:
            names.append(_shown(name))
    return names


def _file_of(name):
    return name.lower().replace("-", "_")


def _shown(name):
    return name.lower().replace("_", "-")


def _pin(chosen, own):
    """The pin that holds: the person's, or the board's own, or None."""
    return own if chosen < 0 else chosen


def _pin_asked(value, board, field):
    """The pin as the setting keeps it: -1 for the board's own. Wrong with the reason when it cannot be used."""
    if value is None or value == -1:
        return -1
    if not whole(value, 0, 48):
        raise Wrong(400, "a pin of this board", field)
    reason = chips.why_not(board, value, estop=field == "estop_pin")
    if reason:
        raise Wrong(400, reason, field)
    return value
