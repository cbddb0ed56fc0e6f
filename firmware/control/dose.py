"""What one receiver was given lately: how often, how much in a sliding minute, and whether it rests. No I/O, no clock.

`safety.py` asks before a command, books what went on the air, and settles what ended early.
"""

from array import array

from micropython import const

RATE = const(10)  # commands a second (S18)
_SECOND_MS = const(1000)
_BIN_MS = const(5000)
_PAST = const(13)  # bins that hold a minute wherever in a bin it begins: at most 65 s are counted, never less than 60
_BINS = const(20)  # and seven for what a command of 30 s has still to give
STALE_MS = const(65000)  # nothing newer than that: the page says nothing any more


class Page:
    """One receiver's page. A dose is level × time, in percent-milliseconds: 100 % for a second is 100 000."""

    def __init__(self, now):
        self._times = [now - _SECOND_MS] * RATE  # when the last commands were booked: a ring, the oldest is next
        self._next = 0
        self._doses = array("I", bytes(4 * _BINS))  # a ring of bins, the past minute's and those ahead
        self._bin = now // _BIN_MS  # the bin of the last look
        self._action = -1
        self._level = 0
        self._since = now  # when what is on the air began, by one command or by several that followed on each other
        self._rest_from = self._rest_until = now  # behind the last full-length shock, whatever came since
        self.ends = now  # when what was booked last ends
        self.asked_us = None  # when the last order was asked for, by the service's clock

    def repeats(self, action, level, now):
        """True when this very action at this level is on the air: live control says the same again and again."""
        return now < self.ends and action == self._action and level == self._level

    def lasted(self, action, now):
        """Milliseconds for which `action` has been on the air without a break, at whatever levels; 0 when it is not."""
        return now - self._since if now < self.ends and action == self._action else 0

    def often(self, now):
        """True when the tenth last command is less than a second ago."""
        return now - self._times[self._next] < _SECOND_MS

    def rests(self, now):
        """True while the receiver rests after a full-length shock."""
        return self._rest_from <= now < self._rest_until

    def dose(self, now):
        """Percent-milliseconds given in the past minute (up to 65 s), not counting what the running command has still to give."""
        self._advance(now)
        return sum(self._doses) - self._level * max(self.ends - now, 0)

    def book(self, action, level, duration_ms, rest_ms, repeated, now):
        """None; a command went on the air, what ran before gives no more. `rest_ms` > 0 for a full-length shock."""
        if not self.lasted(action, now):
            self._since = now
        self.settle(now)
        if not repeated:
            self._times[self._next] = now
            self._next = (self._next + 1) % RATE
        self._action, self._level, self.ends = action, level, now + duration_ms
        self._spread(now, self.ends, level)
        if rest_ms:
            self._rest_from = self.ends
            self._rest_until = self.ends + rest_ms

    def settle(self, now):
        """None; what was running ends now. What it did not give is not counted, and a shock cut short needs no rest."""
        self._advance(now)
        if now < self.ends:
            self._spread(now, self.ends, -self._level)
            self.ends = now
            if now < self._rest_from:
                self._rest_until = now

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
