"""What somebody may ask of the rules at the console: add, remove, try.

A list of rules goes in, a list of rules or words come out; who asks stores it. Nothing here sends anything.
"""

from firmware.command import ACTIONS
from firmware.console.responses import SUCCESS, Wrong, number, parsed, response
from firmware.console.settings_commands import change, written
from firmware.control.rule_preview import event_of, foreseen


class NoRule(Exception):
    """There is no rule of that number, or no such table; the text says which."""


def added(rows, row):
    """`rows` and one more. NoRule for what is no table; the settings say what else does not fit."""
    if not isinstance(row, dict):
        raise NoRule(
            '{"kind":"alert","model":"d80","rf_id":1234,"action":"vibrate","level":30,"duration_ms":1000} is wanted'
        )
    return rows + [row]


def without(rows, number):
    """`rows` without the one of that number, from 1. NoRule."""
    if not 1 <= number <= len(rows):
        raise NoRule("there are %d rules" % len(rows) if rows else "there is no rule")
    return rows[: number - 1] + rows[number:]


def tried(rows, dispatcher, event, now):
    """[words]: the same for the console."""
    told = []
    for rule, rests_s, refused, admitted in foreseen(rows, dispatcher, event, now):
        if rests_s:  # a rule that is at work already
            words = "rests for another %d s" % rests_s
        elif refused:
            words = "refused: " + refused
        else:
            words = "%s %d for %d ms to %s %d" % (
                ACTIONS[admitted.action],
                admitted.intensity,
                admitted.duration_ms,
                admitted.model,
                admitted.rf_id,
            )
        told.append("rule %d: %s" % (rule, words))
    return told or ["no rule is for this"]


def rules(desk, argument):
    """The lines that answer the console's `rules`. Wrong, Refused, OSError."""
    rows = desk.rooms.settings().get("rules")
    what, _, rest = argument.partition(" ")
    what, rest = what.lower(), rest.strip()
    try:
        if what == "add":
            return change(desk, [("rules", added(rows, parsed(rest)))])
        if what == "remove":
            return change(desk, [("rules", without(rows, number(rest)))])
        if what == "try":
            words = rest.split(None, 3)
            if len(words) < 3:
                raise NoRule("rules try BACKEND KIND SEVERITY TEXT, each of them may be -")
            event = event_of(*(words + [""])[:4])
            told = [response("Rules", line) for line in tried(rows, desk.rooms.dispatcher, event, desk.clock())]
            return told + [SUCCESS + "Nothing was sent"]
    except NoRule as fault:
        raise Wrong(str(fault))
    if what:
        raise Wrong("rules, rules add JSON, rules remove NUMBER, rules try BACKEND KIND SEVERITY TEXT")
    lines = [response("Rules", "%d|%s" % (at + 1, written(row))) for at, row in enumerate(rows)]
    return lines + [SUCCESS + "%d rules" % len(rows)]
