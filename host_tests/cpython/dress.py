"""Dresses CPython as MicroPython: the names that the firmware expects and CPython lacks. Import it first.

pytest loads it as a plug-in (`-p dress`), the simulator by `import dress`. What CPython has stays as it is.
"""

import asyncio
import builtins
import gc
import os
import sys
import time

import simclock

_PERIOD = 1 << 30


def _signed(difference):
    return ((difference + _PERIOD // 2) & (_PERIOD - 1)) - _PERIOD // 2


def _ticks_ms():
    """Follows a clock that a test winds; what interrupts left to be done comes first."""
    simclock.deliver()
    return simclock.real_us() // 1_000 & (_PERIOD - 1)


async def _sleep_ms(delay_ms):
    # MicroPython puts a sleeper of 0 ms behind all whose time has come; CPython's own `sleep(0)` goes before them
    await asyncio.sleep(delay_ms / 1000 if delay_ms > 0 else 1e-9)


async def _wait_for_ms(awaitable, timeout_ms):
    return await asyncio.wait_for(awaitable, timeout_ms / 1000)


class _Stream:
    """The stream below a StreamReader, as MicroPython's: `read` gives what has arrived, None where nothing has."""

    def __init__(self, reader):
        self._reader = reader

    def read(self, size):
        """Return at most `size` bytes, without waiting; b"" at the end."""
        reader = self._reader
        if not reader._buffer:
            return b"" if reader._eof else None
        data = bytes(reader._buffer[:size])
        del reader._buffer[:size]
        reader._maybe_resume_transport()
        return data


def _put_on():
    asyncio.StreamReader.s = property(_Stream)
    builtins.ptr8 = builtins.ptr16 = builtins.ptr32 = object
    builtins.uint = int
    simclock.wind(lambda: time.monotonic_ns() // 1_000, lambda delay_us: time.sleep(delay_us / 1_000_000))
    time.ticks_ms = _ticks_ms
    os.rename = os.replace  # MicroPython's replaces what is there, on every system
    time.ticks_us = simclock.ticks_us  # does not wrap, as on MicroPython's unix port
    time.ticks_cpu = time.ticks_us
    time.ticks_diff = lambda later, earlier: _signed(later - earlier)
    time.ticks_add = lambda ticks, delta: (ticks + delta) & (_PERIOD - 1)
    time.sleep_ms = lambda delay_ms: time.sleep(delay_ms / 1000)
    time.sleep_us = lambda delay_us: time.sleep(delay_us / 1_000_000)
    gc.threshold = lambda garbage_bytes: None
    gc.mem_free = lambda: 1 << 30
    gc.mem_alloc = lambda: 0
    asyncio.sleep_ms = _sleep_ms
    asyncio.wait_for_ms = _wait_for_ms


if sys.implementation.name == "cpython":
    _put_on()
