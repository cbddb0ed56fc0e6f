"""What one receiver was given lately: how often, how much in a sliding minute, and whether it rests. No I/O, no clock.

`safety.py` asks before a command, books what went on the air, and settles what ended early.
"""

from array import array

from micropython import const

from firmware.command import SHOCK

RATE = const(10)  # commands a second (S18)
_SECOND_MS = const(1000)
_BIN_MS = const(5000)
_PAST = const(13)  # bins that hold a minute wherever in a bin it begins: at most 65 s are counted, never less than 60
_BINS = const(20)  # and seven for what a command of 30 s has still to give
STALE_MS = const(65000)  # nothing newer than that: the page says nothing any more
FRAME_MS = const(60)  # a command has one frame at least, however short it is


class Page:
    """One receiver's page. A dose is level × time, in percent-milliseconds: 100 % for a second is 100 000.

    `dose` and `shocked_ms` are what it was given before `now`, as far as anybody knows.
    """

    def __init__(self, now, dose=0, shocked_ms=0):
        self._times = [now - _SECOND_MS] * RATE  # when the last commands were booked: a ring, the oldest is next
        self._next = 0
        self._doses = array("I", bytes(4 * _BINS))  # a ring of bins, the past minute's and those ahead
        self._bin = now // _BIN_MS  # the bin of the last look
        self._doses[self._bin % _BINS] = dose
        self._action = -1
        self._level = 0
        self._since = (
            now - FRAME_MS
        )  # when what is on the air began, by one command or by several that followed on each other
        self._counted = now  # what was booked last is in the doses until then
        self._shocked_ms = shocked_ms  # of the shocks that are one, without the last command
        self._shock_since = self._shock_ends = now  # the last command for a shock
        self.ends = now  # when what was booked last ends
        self.asked_us = None  # when the last order was asked for, by the service's clock

    def repeats(self, action, level, now):
        """True when this very action at this level is on the air: live control says the same again and again."""
        return now < self.ends and action == self._action and level == self._level

    def often(self, now):
        """True when the tenth last command is less than a second ago."""
        return now - self._times[self._next] < _SECOND_MS

    def shocked(self, rest_ms, now):
        """Milliseconds of shocks until `now`, at whatever levels, since the last pause of `rest_ms` without one."""
        ends = min(self._shock_ends, now)
        if now - ends >= rest_ms:
            return 0
        return self._shocked_ms + ends - self._shock_since

    def dose(self, now):
        """Percent-milliseconds given in the past minute (up to 65 s), not counting what the running command has still to give."""
        self._advance(now)
        return sum(self._doses) - self._level * max(self._counted - self._first(now), 0)

    def past(self, rest_ms, now):
        """(dose, ms of shocks) as `Page` takes them, with what the running command has still to give."""
        self._advance(now)
        return sum(self._doses), self.shocked(rest_ms, max(now, self._shock_ends))

    def book(self, action, level, duration_ms, rest_ms, now):
        """None; a command went on the air, what ran before gives no more. Shocks closer together than `rest_ms` are one."""
        repeated = self.repeats(action, level, now)
        if now >= self.ends or action != self._action:
            self._since = now
        self.settle(now)
        if not repeated:
            self._times[self._next] = now
            self._next = (self._next + 1) % RATE
        self._action, self._level, self.ends = action, level, now + duration_ms
        self._counted = max(self.ends, self._first(now))
        self._spread(now, self._counted, level)
        if action == SHOCK:
            self._shocked_ms = self.shocked(rest_ms, now)
            self._shock_since, self._shock_ends = now, self._counted

    def settle(self, now):
        """None; what was running ends now. What it did not give is not counted, but for one frame."""
        self._advance(now)
        first = self._first(now)
        if first < self._counted:
            self._spread(first, self._counted, -self._level)
            self._counted = first
            if self._action == SHOCK:
                self._shock_ends = first
        self.ends = min(self.ends, now)

    def _first(self, now):
        """The time from which on what is on the air may be taken back: it had one frame."""
        return max(now, self._since + FRAME_MS)

    def _advance(self, now):
        """None; bins that left the minute become empty bins of the time ahead."""
        newest = now // _BIN_MS
        for _ in range(min(newest - self._bin, _BINS)):
            self._bin += 1
            self._doses[(self._bin - _PAST) % _BINS] = 0
        self._bin = newest

    def _spread(self, start, end, level):
        while start < end:
            upto = min(end, (start // _BIN_MS + 1) * _BIN_MS)
            self._doses[start // _BIN_MS % _BINS] += level * (upto - start)
            start = upto
