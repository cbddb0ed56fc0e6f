"""Plays the schedule, one frame at a time. Before every frame it asks the scheduler anew, so stop overtakes everything."""

import asyncio

from micropython import const

_LOOK_MS = const(1000)  # an idle radio looks again that often: keep-alives, and a sign of life
_GAP_MS = const(
    10
)  # behind a frame cut short: no low of a frame is as long (7 ms), so what follows is heard as a new one
_LATE_US = const(60)  # a frame with an edge later than that may not be understood: it is sent again once
# Who became ready while a frame was played runs in the turn after the next; a stop may need more: each 2 KiB of its message
# are a turn, and so is each task on the way from a lost connection to `halt`.
_TURNS = const(4)


class Mute:
    """The player of a device that has no transmitter yet: nothing is ever sent."""

    def play(self, train, heed=True):
        """0, at once."""
        return 0


class Radio:
    """The one user of the transmitter: `player.play(train, heed)`.

    `play` gives the worst lateness in µs, or less than 0 when the e-stop input cut the frame; without `heed` it does not
    look at that input: so stop frames go out while the button is still held. `latched`: the emergency stop is known, and
    only then need they not heed it. `on_cut()` is called after a cut, `beat()` at least once a second, `on_missed(key)` for a
    command of that receiver (model, id, channel) whose time was over before its first frame. `look()` is True when the e-stop was
    pressed since somebody looked, and everything was stopped for it: the player sees only what is pressed while it plays.
    """

    def __init__(self, scheduler, player, clock, on_cut, beat, on_missed=None, look=bool):
        self._scheduler = scheduler
        self._player = player
        self._clock = clock
        self._on_cut = on_cut
        self._beat = beat
        self._on_missed = on_missed
        self._look = look
        self._wake = asyncio.Event()
        self._gap_ms = 0
        self.latched = False
        self.frames = 0
        self.late_frames = 0
        self.worst_late_us = 0

    def use(self, player):
        """None; the next frame goes out by this player."""
        self._player = player

    def wake(self):
        """None; call it after each change of the schedule: an idle radio looks again at once."""
        self._wake.set()

    async def run(self):
        """Never returns; a frame at a time, with one turn of the event loop between two of them."""
        while True:
            self._beat()
            self._wake.clear()
            now = self._clock()
            self._look()  # the last moment before the frame
            train = self._scheduler.next(now)
            if train is None:
                try:
                    await asyncio.wait_for_ms(self._wake.wait(), _LOOK_MS)
                except asyncio.TimeoutError:
                    pass  # nothing happened
                continue
            self._gap_ms = 0
            self._scheduler.again(self._play(train))
            if self._scheduler.missed and self._on_missed:
                self._on_missed(self._scheduler.missed)
            await asyncio.sleep_ms(self._gap_ms)
            for _ in range(_TURNS):
                if self._look():
                    break
                await asyncio.sleep_ms(0)

    def _play(self, train):
        """True when an edge of the frame came too late."""
        late_us = self._player.play(train, not (self.latched and self._scheduler.saying_stop))
        self.frames += 1
        if late_us < 0:
            self._gap_ms = _GAP_MS
            self._on_cut()
            return False
        if late_us > self.worst_late_us:
            self.worst_late_us = late_us
        if late_us <= _LATE_US:
            return False
        self.late_frames += 1
        return True

    async def quiet(self):
        """None once nothing is due any more, not even a stop frame. For the way into restart, update and set-up."""
        while self._scheduler.busy():
            await asyncio.sleep_ms(5)
