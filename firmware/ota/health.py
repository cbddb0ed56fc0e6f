"""Whether a new version may stay: it proves within five minutes that it can do what the old one could. Time is an argument.

A check is a name in CHECKS. What was not well before the update is not asked for (`before`). As long as the version is on
trial, any restart brings the old one back: that is the boot loader's promise, and our way out.
"""

import asyncio
from array import array

from micropython import const

from lib.idle import TIMES
from lib.log import ERROR, INFO

SETTINGS = "settings"  # they can be read
RADIO = "radio"  # a frame can be played, in time
ESTOP = "estop"  # its input can be read, and its task lives
NETWORK = "network"  # joined
HUB = "hub"  # greeted, or whatever a backend's server does to show that it knows us
CHECKS = (SETTINGS, RADIO, ESTOP, NETWORK, HUB)

WAIT = const(0)
STAY = const(1)
LEAVE = const(2)

_WINDOW_MS = const(300000)
_CALM_MS = const(60000)  # without a fault in any task
_LOOK_MS = const(500)
_MOST_LATE_US = const(20000)  # far above what a radio needs: this asks whether it works, not how well
_TRIES = const(3)


class Gate:
    """One trial, which begins at `now`. `before`: the names of the checks that were not well under the old version."""

    def __init__(self, before, now):
        self._open = [name for name in CHECKS if name not in before]
        self._ends = now + _WINDOW_MS
        self._calm = now + _CALM_MS
        self._last = ""  # the last fault
        self.why = ""  # why it is not to stay

    def well(self, name):
        """Note that this check has been passed."""
        if name in self._open:
            self._open.remove(name)

    def unwell(self, name, words):
        """Note that this check has failed for good."""
        if name in self._open:
            self.why = self.why or "%s: %s" % (name, words)

    def fault(self, name, now):
        """Note that a task of that name has failed, and was begun anew: the quiet minute starts again."""
        self._calm = now + _CALM_MS
        self._last = name

    def judge(self, now):
        """Return WAIT, STAY or LEAVE; then `why` says why."""
        if self.why:
            return LEAVE
        if not self._open and now >= self._calm:
            return STAY
        if now < self._ends:
            return WAIT
        missing = ", ".join(self._open)
        self.why = "not within %d min: %s" % (_WINDOW_MS // 60000, missing) if missing else "faults in " + self._last
        return LEAVE


async def prove(gate, journal, slots, clock, log):
    """Return True when the version stays: it is confirmed. False when it is to go back: the next restart does that.

    `gate` is told meanwhile by others what they see.
    """
    while True:
        verdict = gate.judge(clock())
        if verdict == STAY:
            async with TIMES:
                is_confirmed = slots.confirm()
            if is_confirmed:
                return _confirmed(journal, log)
            gate.why = "the boot loader means another version"
        if verdict != WAIT:
            return _given_up(gate.why, journal, log)
        await asyncio.sleep_ms(_LOOK_MS)


def _confirmed(journal, log):
    log.line(INFO, "update", "this version stays")
    try:
        journal.confirmed()
    except OSError as fault:
        log.line(ERROR, "update", "that cannot be kept (%s)" % fault)  # the next start finds it out
    return True


def _given_up(why, journal, log):
    log.line(ERROR, "update", "this version goes back: " + why)
    try:
        journal.gave_up(why)
    except OSError as fault:
        log.line(ERROR, "update", "that cannot be kept (%s)" % fault)
    return False


def radio_words(rehearse, train):
    """Return "" when `rehearse(train)` plays that train in time, else what is wrong, in words.

    `rehearse` is as lib/dry_run_player.py: all of the player but the pin. One late frame is no fault: three in a row are.
    """
    worst_us = -1
    for _ in range(_TRIES):
        try:
            worst_us = rehearse(train)
        except (OSError, ValueError) as fault:
            return "no frame can be played (%s)" % fault
        if 0 <= worst_us <= _MOST_LATE_US:
            return ""
    return "frames come out %d us late" % worst_us if worst_us >= 0 else "a frame does not come to its end"


def silent_train():
    """Return a pulse train with the times of a receiver's frame, for `radio_words`: it is played to nobody."""
    return array("H", (1400, 750) + (750, 250, 250, 750) * 20)


def estop_words(stop_input):
    """Return "" when the e-stop's input can be read (None: there is none), else what is wrong."""
    try:
        if stop_input is not None:
            bool(stop_input())
    except (OSError, ValueError) as fault:
        return "its input cannot be read (%s)" % fault
    return ""
