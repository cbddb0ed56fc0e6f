"""What would come of an event by the rules that are set, for who tries them at the console or on the page. Nothing is sent."""

from micropython import const

from firmware.command import Event
from firmware.control import safety
from firmware.control.event_rules import Rules

_LONGEST = const(200)  # characters of an event


def foreseen(rows, dispatcher, event, now):
    """What would come of `event` (a command.Event), rule by rule, after caps and latch. Nothing is sent.

    [(number of the rule, s that it still rests, why it is refused in words or "", the Command as it would go out or None)]
    """
    told = []
    for rule, asked, wait_ms in (dispatcher.rules or Rules(rows)).foretold(event, now):
        admitted, reason = dispatcher.foresee(asked)
        told.append((rule, (wait_ms + 999) // 1000, safety.words(reason) if reason else "", admitted))
    return told


def event_of(backend, kind, severity, text):
    """The Event to try; a dash is nothing."""
    return Event(*[("" if word == "-" else word) for word in (backend, kind, severity, text[:_LONGEST])])
