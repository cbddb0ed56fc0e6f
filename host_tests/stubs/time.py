"""MicroPython's own `time`, but for the microseconds of the simulated chip. CPython's is built in: it never sees this file."""

import sys

_path = sys.path
sys.path = ()  # no file, so the built-in one is found
from time import *  # noqa: E402, F403

sys.path = _path

import simclock  # noqa: E402

simclock.wind(ticks_us, sleep_us)  # noqa: F405
ticks_us = simclock.ticks_us
_ticks_ms = ticks_ms  # noqa: F405


def ticks_ms():
    """As MicroPython's; what interrupts left to be done comes first."""
    simclock.deliver()
    return _ticks_ms()
