"""What the page may change of the rules: all of them at once, and a dry run. In memory only while it does.

An act is a function of the Setup (setup_api.py) and the body of the call. It returns the answer, or None for the new state.
"""

from firmware.rule_commands import event_of, tried
from firmware.setup import store, text_of
from lib.log import INFO

_LONGEST = 200  # characters of an event


def change(setup, body):
    """None; the rules are saved, and hold from the next start on. Wrong says what would fit."""
    rooms = setup.board.rooms
    store(rooms.settings, [("rules", body.get("rules"), "rules")])
    rooms.log.line(INFO, "setup", "%d rules" % len(rooms.settings.get("rules")))


def attempt(setup, body):
    """An answer with `told`: what would come of an event of that backend, kind, severity and text, line by line. Wrong."""
    rooms = setup.board.rooms
    event = event_of(*[text_of(body, name, _LONGEST) for name in ("backend", "kind", "severity", "text")])
    rows = []
    for row in rooms.settings.get("rules"):  # a cap that was lowered a moment ago counts
        level = min(row["level"], rooms.settings.get("cap." + row["action"]))
        rows.append(dict(row, level=level, duration_ms=min(row["duration_ms"], rooms.settings.get("cap.longest_ms"))))
    return {"told": tried(rows, rooms.dispatcher, event, rooms.clock())}
