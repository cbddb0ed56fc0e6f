"""What the page may change of the rules: all of them at once, and a dry run. In memory only while it does.

An act is a function of the Setup (api.py) and the body of the call. It returns the answer, or None for the new state.
"""

from firmware.command import ACTIONS
from firmware.config import validators
from firmware.config.settings import fits
from firmware.config.validators import is_text
from firmware.control import safety
from firmware.portal.session import Wrong, store, text_of
from lib.log import INFO

_LONGEST = 200  # characters of an event


def change(setup, body):
    """None; the rules are saved, and hold from the next start on. Wrong says which field of a rule does not fit, and what would."""
    rooms = setup.board.rooms
    rows = body.get("rules")
    if isinstance(rows, list):
        _check(rows)
    store(rooms.settings, [("rules", rows, "rules")])
    rooms.log.line(INFO, "setup", "%d rules" % len(rooms.settings.get("rules")))


def _check(rows):

    for row in rows:
        wrong = validators.misfit(row, is_text)
        if wrong:
            raise Wrong(400, wrong[1], wrong[0])
    if not fits("rules", rows):
        raise Wrong(400, "no room for another rule: forget one first", "rules")


def attempt(setup, body):
    """An answer with `told`: what would come of an event of that backend, kind, severity and text, rule by rule. Wrong.

    A table each: rule (its number), rests_s, refused (words, or ""), and unless it is refused what would go out, named as in a
    rule. No sentence: the page speaks more than one language.
    """
    from firmware.control.rule_preview import event_of, foreseen

    rooms = setup.board.rooms
    event = event_of(*[text_of(body, name, _LONGEST) for name in ("backend", "kind", "severity", "text")])
    rows = []
    for row in rooms.settings.get("rules"):  # a cap that was lowered a moment ago counts
        level = min(row["level"], rooms.settings.get("cap." + row["action"]))
        rows.append(dict(row, level=level, duration_ms=min(row["duration_ms"], rooms.settings.get("cap.longest_ms"))))
    return {"told": [_shown(rooms, *row) for row in foreseen(rows, rooms.dispatcher, event, rooms.clock())]}


def _shown(rooms, number, rests_s, refused, admitted):
    if admitted and not rooms.settings.get("cap." + ACTIONS[admitted.action]):
        refused, admitted = safety.words("cap"), None  # safety itself learns of a new cap at the next start
    told = {"rule": number, "rests_s": rests_s, "refused": refused}
    if admitted:
        told["action"] = ACTIONS[admitted.action]
        told["level"] = admitted.intensity
        told["duration_ms"] = admitted.duration_ms
        told["model"] = admitted.model
        told["rf_id"] = admitted.rf_id
        told["channel"] = admitted.channel
    return told
