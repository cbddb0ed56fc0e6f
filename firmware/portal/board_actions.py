"""What the page may change of the board: name, pins, caps, hostname; and the test pulse. In memory only while it does.

An act is a function of the Setup (api.py) and the body of the call. It returns the answer, or None for the new state.
"""

from micropython import const

from firmware.command import ACTIONS, SOUND, VIBRATE, Command, whole
from firmware.control import safety
from firmware.control.dispatcher import TEST_LEVEL, TEST_MS
from firmware.hardware import gpio_rules
from firmware.portal.board import pin, shown
from firmware.portal.session import Wrong, store, text_of
from lib import plugins
from lib.log import INFO

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


def change(setup, body):
    """None; board and pins are saved, and hold from now on. Wrong when one does not fit: then all stays as it was."""
    part = setup.board
    settings, board = part.rooms.settings, part.board
    changes = []
    if "board" in body:
        name = shown(text_of(body, "board", _LONGEST_NAME))
        if name not in part.names:
            raise Wrong(400, "no board of that name has this chip", "board")
        board = plugins.load("firmware.boards", name.replace("-", "_"))
        if name != shown(settings.get("board")):  # pins that were chosen for another board mean nothing
            changes += [("board", name, "board"), ("rf.pin", -1, "rf_pin"), ("estop.pin", -1, "estop_pin")]
    for field in body:
        if field == "board":
            continue
        if field not in _FIELDS:
            raise Wrong(400, "there is no such setting", field)
        key, is_pin = _FIELDS[field]
        changes.append((key, _pin_asked(body[field], board, field) if is_pin else body[field], field))
    _check_apart(settings, board, changes)
    store(settings, changes)
    if changes:
        part.look()
        part.rooms.rewire()
        part.rooms.log.line(INFO, "setup", "board " + settings.get("board"))


def _check_apart(settings, board, changes):
    new = {key: value for key, value, _ in changes}
    pins = [new.get(key, settings.get(key)) for key in ("rf.pin", "estop.pin")]
    rf_pin, estop_pin = pin(pins[0], board.RF_PIN), pin(pins[1], board.ESTOP_PIN)
    if rf_pin is not None and rf_pin == estop_pin:
        field = "rf_pin" if "rf.pin" in new else "estop_pin"
        raise Wrong(400, "transmitter and emergency stop cannot share GPIO%d" % rf_pin, field)


def _pin_asked(value, board, field):
    """The pin as the setting keeps it: -1 for the board's own. Wrong with the reason when it cannot be used."""
    if value is None or value == -1:
        return -1
    if not whole(value, 0, 48):
        raise Wrong(400, "a pin of this board", field)
    reason = gpio_rules.why_not(board, value, estop=field == "estop_pin")
    if reason:
        raise Wrong(400, reason, field)
    return value


def rename(setup, body):
    """None; the device has another name, from its next start on. Wrong."""
    store(setup.board.rooms.settings, [("hostname", body.get("hostname"), "hostname")])


def caps(setup, body):
    """None; the caps in `body` (names without "cap.") are saved: who stands here may raise them, too. Wrong: none is."""
    rooms = setup.board.rooms
    known = rooms.settings.section("cap")
    for name in body:
        if name not in known:
            raise Wrong(400, "there is no such cap", name)
    store(rooms.settings, [("cap." + name, value, name) for name, value in body.items()])
    rooms.log.line(INFO, "setup", "caps changed: " + ", ".join(sorted(body)))


def pulse(setup, body):
    """An answer; one receiver vibrates or sounds, gently and for a second at most. Wrong says why it does not."""
    part = setup.board
    action = _GENTLE.get(text_of(body, "action", 10))
    if action is None:
        raise Wrong(400, "vibrate or sound, nothing else", "action")
    if part.rf_pin() is None:
        raise Wrong(409, "first say on which pin the transmitter is", "rf_pin")
    if not whole(body.get("rf_id"), 0, 65535):
        raise Wrong(400, "0-65535", "rf_id")
    if not whole(body.get("intensity"), 1, TEST_LEVEL):
        raise Wrong(400, "1-%d" % TEST_LEVEL, "intensity")
    if not whole(body.get("duration_ms"), 1, TEST_MS):
        raise Wrong(400, "1-%d ms" % TEST_MS, "duration_ms")
    settings = part.rooms.settings
    level = min(body["intensity"], settings.get("cap." + ACTIONS[action]))  # a cap that was lowered a moment ago counts
    length_ms = min(body["duration_ms"], settings.get("cap.longest_ms"))
    if not level:
        raise Wrong(409, safety.words("cap"))
    model = text_of(body, "model", _LONGEST_NAME)
    asked = Command(model, body["rf_id"], action, level, length_ms, None, "set-up", None)
    reason = part.rooms.dispatcher.test_pulse(asked)
    if reason:
        raise Wrong(400 if reason in _BAD_INPUT else 409, safety.words(reason), "model" if reason == "model" else "")
    part.pulsed = True
    return {"sent": True}
