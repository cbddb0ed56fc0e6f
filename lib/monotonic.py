"""Milliseconds since start that never wrap, made of ticks that do. Read it at least once in six days."""

from time import ticks_diff, ticks_ms


class Clock:
    """A clock that counts on from 0; `ticks_ms` wraps after 12.4 days on the device (reference/micropython-esp32.md §a)."""

    def __init__(self):
        self._ticks = ticks_ms()
        self._now_ms = 0

    def now(self):
        """Milliseconds since this clock was made, an int that only grows; changes of the wall clock do not touch it."""
        ticks = ticks_ms()
        step = ticks_diff(ticks, self._ticks)
        if step > 0:
            self._ticks = ticks
            self._now_ms += step
        return self._now_ms
