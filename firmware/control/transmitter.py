"""Plays the schedule, one frame at a time. Before every frame it asks the scheduler anew, so stop overtakes everything."""

import asyncio

from micropython import const

from lib.idle import TIMES

_LOOK_MS = const(1000)  # an idle radio looks again that often: keep-alives, and a sign of life
# behind a frame cut short: no low of a frame is as long (7 ms), so what follows is heard as a new one
_GAP_MS = const(10)
_LATE_US = const(60)  # a frame with an edge later than that may not be understood: it is sent again once
# Who became ready while a frame was played runs in the turn after the next; a stop may need more, as each task on the way from a
# lost connection to `halt` is one.
_TURNS = const(4)
# so many reads in a row: the network has more, which comes when the window is open again (lwIP's holds 5744 bytes)
_MUCH = const(4)
_MORE_MS = const(20)
_PATIENCE_MS = const(50)  # so long all frames wait for who reads; then stop frames go on
_ORDERS = const(16)  # carried out in one pause, at most


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
        self.digest = bool  # carries out one of the orders that were received; False when none waits
        self._reads = 0  # since the pause began …
        self._heeded = 0  # … as far as they have made it longer
        self._much = 0
        self._turns = 0
        self._orders = 0
        self._pause_ms = 0
        self._since_ms = 0
        self._held = False  # more is being read: nothing active may go out
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

    def attend(self):
        """None; something was received: behind it may be a stop, so nothing active goes out until all of it was read (S27)."""
        self._reads += 1

    async def run(self):
        """Never returns; a frame at a time, and a pause before each of them."""
        while True:
            self._beat()
            self._wake.clear()
            self._begin_pause()
            while self._pauses():
                await asyncio.sleep_ms(self._pause_ms)
            now = self._clock()
            self._look()  # the last moment before the frame
            train = self._scheduler.next(now, self._held)
            if train is None:
                if self._held or TIMES.work():
                    continue
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

    def _begin_pause(self):
        if not self._held:
            self._reads = self._heeded = 0
            self._much = _MUCH
        self._held = False
        self._orders = 0
        self._turns = _TURNS
        self._since_ms = self._clock()

    def _pauses(self):
        """True when others come before the next frame, for a turn, or for `_pause_ms`.

        So everybody who became ready has a turn, what was received is read to its end, then it is carried out. A stop that is due
        waits for nobody.
        """
        self._pause_ms = 0
        if self._look() or self._scheduler.stopping():
            return False
        if self._reads > self._heeded:
            self._heeded = self._reads
            self._turns = _TURNS
            self._held = self._clock() - self._since_ms >= _PATIENCE_MS
            return not self._held
        if self._turns:
            self._turns -= 1
            return True
        if self._heeded >= self._much:
            self._much = self._heeded + _MUCH
            self._turns = 1
            self._pause_ms = _MORE_MS
            return True
        self._orders += 1
        return self._orders <= _ORDERS and self.digest()

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
