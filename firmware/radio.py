"""Plays the schedule, one frame at a time. Before every frame it asks the scheduler anew, so stop overtakes everything."""

import asyncio


class Radio:
    """The one user of the transmitter. `player.play(train)` returns the worst lateness in µs, or less than 0 when e-stop cut it."""

    def __init__(self, scheduler, player, clock, on_cut):
        self._scheduler = scheduler
        self._player = player
        self._clock = clock
        self._on_cut = on_cut
        self._wake = asyncio.Event()
        self.frames = 0
        self.worst_late_us = 0

    def wake(self):
        """None; call it after each change of the schedule: an idle radio looks again at once."""
        self._wake.set()

    async def run(self):
        """Never returns; a frame at a time, with one turn of the event loop between two of them."""
        play = self._player.play
        while True:
            train = self._scheduler.next(self._clock())
            if train is None:
                self._wake.clear()
                await self._wake.wait()
                continue
            late_us = play(train)
            self.frames += 1
            if late_us < 0:
                self._on_cut()
            elif late_us > self.worst_late_us:
                self.worst_late_us = late_us
            await asyncio.sleep_ms(0)

    async def quiet(self):
        """None once nothing is due any more, not even a stop frame. For the way into restart, update and set-up."""
        while self._scheduler.busy():
            await asyncio.sleep_ms(5)
