"""Runs on the simulated device, before main: a fault on demand, by an input pin, in the task that reads and in the radio's."""

import simboard

from firmware.control import scheduler
from lib import websocket

LINK_PIN, RADIO_PIN = 40, 41

_feed = websocket.Frames.feed
_next = scheduler.Scheduler.next
_down = {}


def _fault(pin):
    """Return True once for each time that the pin goes low."""
    low = simboard.read(pin) == 0
    was, _down[pin] = _down.get(pin), low
    return low and not was


def _feed_or_fail(self, data):
    if _fault(LINK_PIN):
        raise RuntimeError("a fault for the bench")
    return _feed(self, data)


def _next_or_fail(self, now):
    if _fault(RADIO_PIN):
        raise MemoryError("a fault for the bench")
    return _next(self, now)


websocket.Frames.feed = _feed_or_fail
scheduler.Scheduler.next = _next_or_fail
