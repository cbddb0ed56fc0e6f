"""What goes over the air: the device's pulse trace as it grows, heard by the receiver of tools/rf, grouped into bursts."""

import asyncio
import time

from tools.rf.bursts import Bursts
from tools.rf.decode import Receiver
from tools.rf.trace import Words

_GAP_MS = 1200  # a burst ends with so long a silence: far more than a device needs, as this PC may have other work
_MARGIN_MS = 300
_LOOK_S = 0.01  # the trace is a file that grows: there is nothing to await


class Air:
    """Hears the trace at `path`. `on_event(dict)` gets each burst as it ends; `events` keeps them all."""

    def __init__(self, path, on_event):
        self.events = []
        self.frames = []  # every frame heard, tools.rf.frames.Frame
        self._path = path
        self._on_event = on_event
        self._words = Words()
        self._receiver = Receiver()
        self._changed = asyncio.Condition()
        self._origin_us = time.monotonic_ns() // 1000
        self._bursts = Bursts(_GAP_MS, self._origin_us)
        self._edge_us = self._origin_us  # when the last edge was made, or seen here: a stalled device writes it late

    def now_ms(self):
        """Now, in the milliseconds of the events."""
        return round((time.monotonic_ns() // 1000 - self._origin_us) / 1000)

    def silent_for(self, seconds):
        """True when no edge was made, and none was seen here, for so long."""
        return time.monotonic_ns() // 1000 - self._edge_us >= seconds * 1_000_000

    def quiet(self):
        """True when nothing has been on the air for so long that every burst has ended."""
        return self.silent_for((_GAP_MS + _MARGIN_MS) / 1000)

    async def run(self):
        """Never returns."""
        with open(self._path, "rb") as trace:
            while True:
                now_us = time.monotonic_ns() // 1000  # first: every edge up to here is in what is read now
                self._hear(trace.read(), now_us)
                async with self._changed:
                    self._changed.notify_all()
                await asyncio.sleep(_LOOK_S)

    def _hear(self, data, now_us):
        """None; takes what was read just now. A frame is over by silence once there is no more of it to be read.

        The device writes a frame at once, but who is stalled on the way may see it in two halves, and both late.
        """
        edges = self._words.feed(data)
        if edges:
            self._edge_us = max(edges[-1][0], now_us)
        frames = self._receiver.feed(edges)
        events = self._bursts.feed(frames)
        if not data:
            settled = self._receiver.settle(now_us)
            events += self._bursts.feed(settled) + self._bursts.settle(now_us)
            frames += settled
        self.frames += frames
        for event in events:
            self.events.append(event)
            self._on_event(event)

    async def until(self, true, timeout_s):
        """None as soon as `true()`; asyncio.TimeoutError when that takes too long."""

        async def wait():
            async with self._changed:
                await self._changed.wait_for(true)

        await asyncio.wait_for(wait(), timeout_s)
