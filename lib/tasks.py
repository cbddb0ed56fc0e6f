"""Tasks that end together, supervised tasks, pauses that grow. The only module in lib/ that catches Exception."""

import asyncio
from random import random

from micropython import const

_AGAIN_MS = const(4000)
_LEAST_MS = const(100)


class _Ended:
    """How the first task of one `together` ended."""

    def __init__(self, at_end):
        self.at_end = at_end
        self.event = asyncio.Event()
        self.fault = None
        self.running = 0  # those that have begun and not ended; one that is cancelled before it begins never does


async def _watch(ended, part):
    ended.running += 1
    try:
        if type(part) is not tuple:
            await part
        else:
            name, start, log, pause_ms, on_fault = part
            while True:
                try:
                    await start()
                    log.warning(name, "ended")
                except Exception as fault:
                    _report(name, fault, log, on_fault)
                await asyncio.sleep_ms(pause_ms())
    except Exception as fault:
        ended.fault = ended.fault or fault
    finally:
        ended.running -= 1
        ended.event.set()
        if ended.at_end:
            ended.at_end()


async def together(*parts, at_end=None):
    """Return when the first of them ends: the others are cancelled and waited for. Raise what the first one raised.

    Each is a coroutine, or what `supervise` returns: that never ends by itself, and needs one coroutine less.
    `at_end()` is called in the very moment in which one of them ends, and again for each that ends after it.
    `gather` leaves the others running, on either interpreter (reference/style.md §4.12).
    """
    ended = _Ended(at_end)
    running = []
    try:
        for part in parts:  # one by one: no memory for the next, and all end
            running.append(asyncio.create_task(_watch(ended, part)))
        await ended.event.wait()
    finally:
        for task in running:
            task.cancel()
        await _all_gone(ended, running)
    if ended.fault:
        raise ended.fault


async def _all_gone(ended, running):
    """Wait until all have ended. A cancellation meanwhile is ours, and comes out then: to await the tasks would hide it.

    `wait_for` loses a cancellation that comes in the moment in which its own waiting ends, on either interpreter; so a task
    that is still there after longer than any clean-up takes is cancelled again.
    """
    ours, patience_ms = None, _AGAIN_MS
    while ended.running:
        ended.event.clear()
        try:
            await asyncio.wait_for_ms(ended.event.wait(), patience_ms)
        except asyncio.TimeoutError:
            for task in running:
                task.cancel()
        except asyncio.CancelledError as cancelled:
            ours = cancelled
            # whoever waits for us tells us again and again: ours must be told sooner than the next time, or they never are
            patience_ms = max(patience_ms // 2, _LEAST_MS)
    if ours:
        raise ours


def supervise(name, start, log, pause_ms, on_fault):
    """Return a part for `together` that runs the coroutine function `start` again and again; faults go to `on_fault` and the log.

    `pause_ms()` returns how long to wait before the next start, in ms.
    """
    return name, start, log, pause_ms, on_fault


def _report(name, fault, log, on_fault):
    """Pass `fault` to `on_fault` and the log; raise nothing: where there is no memory for a line, the next start matters more."""
    try:
        on_fault(name, fault)
    except Exception:
        pass  # `log` may still work
    try:
        log.error(name, "%s: %s" % (type(fault).__name__, fault))
    except Exception:
        pass


async def guarded(name, coroutine, log):
    """Await `coroutine`. What it raises goes to the log only: it must not end its neighbours."""
    try:
        await coroutine
    except Exception as fault:
        _report(name, fault, log, _ignore)


def _ignore(*_):
    """Do nothing."""


class Backoff:
    """Pauses with full jitter: from 0 to a bound that doubles with each failure, at most `cap_ms`."""

    def __init__(self, first_ms, cap_ms, chance=random):
        self._first_ms = first_ms
        self._cap_ms = cap_ms
        self._chance = chance
        self.failures = 0

    def good(self):
        """Begin again: the next failure starts from the first bound."""
        self.failures = 0

    def first_ms(self):
        """Return a pause in ms as before the first failure, after an end that was none; the count stays as it is."""
        return int(self._chance() * min(self._cap_ms, self._first_ms))

    def next_ms(self):
        """Return the next pause in ms, 0 to `cap_ms`; count one failure."""
        bound = min(self._cap_ms, self._first_ms << min(self.failures, 16))
        self.failures += 1
        return int(self._chance() * bound)
