"""Runs on the simulated device, before main: a fault on demand, by an input pin, in the task that reads and in the radio's."""

import simboard

from firmware import link, scheduler

LINK_PIN, RADIO_PIN = 40, 41

_take = link.Link._take
_next = scheduler.Scheduler.next
_down = {}


def _fault(pin):
    """True once for each time that the pin goes low."""
    low = simboard.read(pin) == 0
    was, _down[pin] = _down.get(pin), low
    return low and not was


async def _take_or_fail(self, data):
    if _fault(LINK_PIN):
        raise RuntimeError("a fault for the bench")
    await _take(self, data)


def _next_or_fail(self, now):
    if _fault(RADIO_PIN):
        raise MemoryError("a fault for the bench")
    return _next(self, now)


link.Link._take = _take_or_fail
scheduler.Scheduler.next = _next_or_fail
