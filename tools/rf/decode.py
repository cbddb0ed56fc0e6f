"""Edges in, frames out: an independent receiver. It decides nothing by itself: the widths are in models.py.

An edge is (time_us, level), the level that begins there. Everything received comes out, good frames and faults alike.
"""

from collections import namedtuple

from tools.rf.frames import BROKEN, DONE, GOING, TOLERANCE_US, Attempt, Lost, near_sync
from tools.rf.models import MODELS

# One pulse: µs of the trace, µs high, µs low. low_us is None where the trace ends in silence.
Pulse = namedtuple("Pulse", ("start_us", "high_us", "low_us"))

_QUIET_US = 8000  # longer than any low of any frame (Petrainer ends with 7000): more silence decides nothing new
_FOREVER_US = float("inf")


class _Line:
    """The wire: remembers its level, so that edges may come in any portions."""

    def __init__(self):
        self.rise_us = None  # of the pulse that is going on
        self.fall_us = None  # of the same pulse; None while the pin is high
        self._last_us = None

    def feed(self, edges):
        """Return the pulses that these edges complete: each ends with the next rise. Raise ValueError when time runs backwards."""
        done = []
        rise_us, fall_us, last_us = self.rise_us, self.fall_us, self._last_us
        for time_us, level in edges:
            if last_us is not None and time_us < last_us:
                raise ValueError(f"an edge at {time_us} us comes after one at {last_us} us")
            last_us = time_us
            if level:
                if fall_us is not None:
                    done.append(Pulse(rise_us, fall_us - rise_us, time_us - fall_us))
                    rise_us = fall_us = None
                if rise_us is None:
                    rise_us = time_us
            elif rise_us is not None and fall_us is None:
                fall_us = time_us
        self.rise_us, self.fall_us, self._last_us = rise_us, fall_us, last_us
        return done

    def end(self, low_us=None):
        """Return the pulse that is going on with this low (None: for ever), or None; the wire is idle then."""
        if self.fall_us is None:
            return None
        pulse = Pulse(self.rise_us, self.fall_us - self.rise_us, low_us)
        self.rise_us = self.fall_us = None
        return pulse


def pulses(edges):
    """Return the list of Pulse of a whole trace. The last one's low is None; a rise that never falls is left out."""
    line = _Line()
    done = line.feed(edges)
    last = line.end()
    return done + [last] if last else done


def edges(pulses):
    """Return the list of (time_us, level) that makes these pulses: the inverse of `pulses`."""
    return [edge for start, high, _ in pulses for edge in ((start, 1), (start + high, 0))]


def train_pulses(train, start_us=0):
    """Return the list of Pulse of a pulse train (high, low, high, low … in µs). Raise ValueError for an odd number of times."""
    if len(train) % 2:
        raise ValueError("a pulse train has a low for every high")
    made = []
    for high, low in zip(train[::2], train[1::2], strict=True):
        made.append(Pulse(start_us, high, low))
        start_us += high + low
    return made


class Receiver:
    """Listens: edges in any portions, frames as they complete. A frame completes with the rise behind it, or by silence."""

    def __init__(self, tolerance_us=TOLERANCE_US):
        self._tolerance_us = tolerance_us
        self._line = _Line()
        self._attempts = []  # the models that the frame in the air may still be of
        self._held = []  # its pulses
        self._lost = None
        self._frames = []

    def feed(self, edges):
        """Return the frames that these edges complete."""
        return self.take(self._line.feed(edges))

    def take(self, pulses):
        """Return the frames that these pulses complete; for callers that have pulses, not edges."""
        for start_us, high_us, low_us in pulses:
            self._take(start_us, high_us, _FOREVER_US if low_us is None else low_us)
        return self._give()

    def settle(self, now_us):
        """Return the frames that the silence up to `now_us` completes; call it now and then while no edges come.

        Only with a time up to which all edges have been fed: an edge that comes later than this silence cuts its frame.
        """
        fall_us = self._line.fall_us
        if fall_us is not None and now_us - fall_us >= _QUIET_US:
            self._take(*self._line.end(now_us - fall_us))
        return self._give()

    def flush(self, now_us=None):
        """Return the last frames: the recording ends here, and what follows is silence.

        `now_us` is the time up to which a pin that is still high has been so. The receiver may be fed again: a new recording.
        """
        if self._line.fall_us is None and self._line.rise_us is not None:
            now_us = self._line.rise_us if now_us is None else now_us
            self._take(self._line.rise_us, now_us - self._line.rise_us, 0)
        last = self._line.end()
        if last:
            self._take(last.start_us, last.high_us, _FOREVER_US)
        while self._attempts:
            for attempt in self._attempts:
                attempt.state = BROKEN if attempt.state == GOING else attempt.state
            self._replay(self._choose())
        self._close("the end of the recording")
        self._line = _Line()
        return self._give()

    def _give(self):
        frames, self._frames = self._frames, []
        return frames

    def _take(self, start_us, high_us, low_us):
        self._replay(self._step((start_us, high_us, low_us)))

    def _replay(self, again):
        """Look once more at pulses that turned out not to belong to the frame they were held for."""
        while again:
            first, *rest = again
            again = self._step(first) + rest

    def _step(self, pulse):
        """Return the pulses to look at again, after this one."""
        if not self._attempts:
            self._hunt(pulse)
            return []
        self._held.append(pulse)
        going = False
        for attempt in self._attempts:
            if attempt.state == GOING and attempt.take(*pulse) == GOING:
                going = True
        return [] if going else self._choose()

    def _choose(self):
        """Settle on the best candidate; return the pulses behind it."""
        best = min(self._attempts, key=Attempt.rank)
        rest = self._held[best.count :]
        self._attempts = []
        self._held = []
        if best.state == DONE:
            self._frames.append(best.frame())
        else:
            self._lost = Lost(best)
        return rest

    def _hunt(self, pulse):
        """Begin a frame where the pulse can be a start; otherwise it is lost, and lost pulses are reported."""
        models = [model for model in MODELS if near_sync(model, pulse[1], pulse[2])]
        if models:
            self._close("the start of another frame")
            self._held = [pulse]
            self._attempts = [Attempt(model, self._tolerance_us, *pulse) for model in models]
            return
        if self._lost is None:
            self._lost = Lost()
        self._lost.add(*pulse)
        if pulse[2] >= _QUIET_US:
            self._close("")

    def _close(self, why):
        if self._lost:
            self._frames.append(self._lost.frame(why))
            self._lost = None


def decode(pulses, tolerance_us=TOLERANCE_US):
    """Return all frames of a list of pulses, good and bad, in order. A width off by more than `tolerance_us` is a fault."""
    receiver = Receiver(tolerance_us)
    return receiver.take(pulses) + receiver.flush()
