"""Time that passes at once, on both interpreters: when everybody sleeps, the clock jumps to the first who wakes."""

import asyncio
import time

import simclock


class _Rushed:
    """MicroPython's event loop on a time of its own: the real one, and what was skipped."""

    def __init__(self):
        self._skipped_ms = 0
        self._real = asyncio.core.ticks
        self._real_us = simclock._state[0]

    def us(self):
        return self._real_us() + 1000 * self._skipped_ms

    def ticks(self):
        return time.ticks_add(self._real(), self._skipped_ms)

    def skip(self, wait_ms):
        self._skipped_ms += max(0, wait_ms)

    def run(self, coroutine):
        before = simclock._state[0], simclock._state[1]
        simclock.wind(self.us, before[1])
        asyncio.core.ticks = self.ticks
        asyncio.new_event_loop()
        asyncio.core._io_queue.wait_io_event = self.skip
        try:
            return asyncio.run(coroutine)
        finally:
            asyncio.core.ticks = self._real
            asyncio.new_event_loop()
            simclock.wind(*before)


class _Virtual:
    """CPython's, on the time of the safety tests."""

    def __init__(self):
        from host_tests.safety.virtual import Time

        self._time = Time(1_000_000, look_us=0)

    def us(self):
        return self._time.now_us

    def run(self, coroutine):
        from host_tests.safety.virtual import Loop

        before = self._time.wind()
        loop = Loop(self._time)
        try:
            return loop.run_until_complete(coroutine)
        finally:
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()
            simclock.wind(*before)


class Hurry:
    """`Hurry().run(coroutine)` returns what the coroutine does; `clock()` gives ms that only grow."""

    def __init__(self):
        self._ground = _Rushed() if hasattr(asyncio, "core") else _Virtual()
        self._since_us = self._ground.us()

    def clock(self):
        return (self._ground.us() - self._since_us) // 1000

    def run(self, coroutine):
        return self._ground.run(coroutine)
