"""Stops under load in virtual time: live control for 1 to 16 receivers at 10 Hz, in front of consoles that hold up whoever writes.

The devices are those of the tests (host_tests/safety/load.py), imported late: they want CPython dressed as MicroPython.
"""

import random

from tools.bench._safety.virtual import alone
from tools.rf.encoders import encoded

RECEIVERS = (1, 4, 11, 16)
KINDS = ("stop", "estop", "button")


def _story():
    encoded("caixianlin", 1, "vibrate", 1)  # dresses CPython
    from host_tests.safety import load, world

    return load, world.World.end


def consoles():
    """Return the names of the consoles: a list."""
    return list(_story()[0].CONSOLES)


def stops(n, console, runs):
    """Return {kind: [ms from the cause to the end of the last active frame]} for `n` receivers, `runs` of each kind."""
    load, end = _story()
    chance, found = random.Random(n), {kind: [] for kind in KINDS}
    with alone():
        for kind in KINDS:
            for _ in range(runs):
                try:
                    _, cause_us, last_us = load.stopped(kind, n, *load.CONSOLES[console], chance)
                finally:
                    end()
                found[kind].append(max(0, last_us - cause_us) / 1000)
    return found


def presses(n, console, runs):
    """Return (how many of `runs` presses of 20 ms latched and let no further active frame begin, their length in ms)."""
    load, end = _story()
    chance, seen = random.Random(n), 0
    with alone():
        for _ in range(runs):
            try:
                world, pressed_us = load.pressed(n, *load.CONSOLES[console], chance)
                late = [frame for frame in world.active() if frame.start_us > pressed_us + load.NOTICED_US]
                seen += world.device.latch.latched and not late
            finally:
                end()
    return seen, load.PRESS_MS
