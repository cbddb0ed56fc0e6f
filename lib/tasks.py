"""Tasks that live and die together; tasks that are kept alive; pauses that grow. The one room that catches everything."""

import asyncio
from random import random


class _Ended:
    """Where the tasks of one `together` leave how the first of them ended."""

    def __init__(self):
        self.event = asyncio.Event()
        self.fault = None


async def _watch(ended, coroutine):
    try:
        await coroutine
    except Exception as fault:
        ended.fault = ended.fault or fault
    finally:
        ended.event.set()


async def together(*coroutines):
    """None when the first of them ends: the others are cancelled and waited for. What the first one raised comes out here.

    `gather` leaves the others running, on either interpreter (reference/style.md §4.12).
    """
    ended = _Ended()
    running = [asyncio.create_task(_watch(ended, coroutine)) for coroutine in coroutines]
    try:
        await ended.event.wait()
    finally:
        for task in running:
            task.cancel()
        for task in running:
            try:
                await task
            except asyncio.CancelledError:
                pass
    if ended.fault:
        raise ended.fault


async def keep(name, start, log, pause_ms, on_fault):
    """Never returns: runs the coroutine function `start` again and again. Each fault goes to `on_fault`, then to the log.

    `pause_ms()` says how long to wait before the next start.
    """
    while True:
        try:
            await start()
            log.warning(name, "ended")
        except Exception as fault:
            _tell(name, fault, log, on_fault)
        await asyncio.sleep_ms(pause_ms())


def _tell(name, fault, log, on_fault):
    """None; never raises: where there is no memory for a line, the next start matters more."""
    try:
        on_fault(name, fault)
    except Exception:
        pass  # `log` may still be able to tell
    try:
        log.error(name, "%s: %s" % (type(fault).__name__, fault))
    except Exception:
        pass


async def guarded(name, coroutine, log):
    """None when `coroutine` ends. What it raises goes to the log: one guest of many, whose fault is nobody else's."""
    try:
        await coroutine
    except Exception as fault:
        _tell(name, fault, log, _nobody)


def _nobody(*_):
    """None."""


class Backoff:
    """Pauses with full jitter: from 0 to a bound that doubles with each failure, at most `cap_ms`."""

    def __init__(self, first_ms, cap_ms, chance=random):
        self._first_ms = first_ms
        self._cap_ms = cap_ms
        self._chance = chance
        self.failures = 0

    def good(self):
        """None; the next failure starts from the first bound again."""
        self.failures = 0

    def next_ms(self):
        """The next pause in ms, 0 to `cap_ms`; counts one failure."""
        bound = min(self._cap_ms, self._first_ms << min(self.failures, 16))
        self.failures += 1
        return int(self._chance() * bound)
