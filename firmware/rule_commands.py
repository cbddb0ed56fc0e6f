"""What somebody may ask of the rules: add, remove, try. For the console and the page; in memory only while one of them asks.

A list of rules goes in, a list of rules or words come out; who asks stores it. Nothing here sends anything.
"""

from micropython import const

from firmware import safety
from firmware.command import ACTIONS, Event
from firmware.configuring import change, written
from firmware.replies import SUCCESS, Wrong, number, parsed, response
from firmware.rules import Rules

_LONGEST = const(200)  # characters of an event


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


def foreseen(rows, dispatcher, event, now):
    """What would come of `event` (a command.Event), rule by rule, after caps and latch. Nothing is sent.

    [(number of the rule, s that it still rests, why it is refused in words or "", the Command as it would go out or None)]
    """
    told = []
    for rule, asked, wait_ms in (dispatcher.rules or Rules(rows)).foretold(event, now):
        admitted, reason = dispatcher.foresee(asked)
        told.append((rule, (wait_ms + 999) // 1000, safety.words(reason) if reason else "", admitted))
    return told


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


def event_of(backend, kind, severity, text):
    """The Event to try; a dash is nothing."""
    return Event(*[("" if word == "-" else word) for word in (backend, kind, severity, text[:_LONGEST])])


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
