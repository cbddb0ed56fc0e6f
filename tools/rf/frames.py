"""One frame in the making: which model's widths the pulses follow, and what is wrong. The Receiver (decode.py) feeds it."""

from dataclasses import dataclass

from tools.rf.models import MAX_HIGH_US, Fault

GOING, DONE, BROKEN = "going", "done", "broken"

TOLERANCE_US = 75  # a width further off than this is a fault
_NEAR_SYNC_HIGH_US = 200  # a sync may be this far off, or an eighth, and still begin a (faulty) frame
NEAR_US = 300  # a width further off than this is no part of the frame: the next best symbol is 450 µs away
_STUCK_US = MAX_HIGH_US * 11 // 10  # invariant S1: never high for longer


@dataclass(frozen=True)
class Frame:
    """A received frame, good or bad. Times are µs of the trace.

    A good frame has no `faults`. A bad one keeps what could be read; the fields are None where nothing could.
    `end_us` is where the frame's own last low ends, the silence behind it excluded. `bits` are the bits as text, highest
    first, tail included. `worst_us` is the largest error of any width. `intensity` is as carried on the air.
    """

    model: str | None
    rf_id: int | None
    channel: int | None
    action: str | None
    intensity: int | None
    start_us: int
    end_us: int
    bits: str
    n_pulses: int
    worst_us: int
    faults: tuple[Fault, ...]

    @property
    def ok(self):
        """Return whether nothing is wrong with it."""
        return not self.faults

    @property
    def hex(self):
        """Return the whole nibbles of the bits as hex digits; the tail bits that fill none are left out."""
        whole = len(self.bits) // 4 * 4
        return f"{int(self.bits[:whole], 2):0{whole // 4}X}" if whole else ""


class Attempt:
    """The pulses so far, taken as a frame of one model."""

    def __init__(self, model, tolerance_us, start_us, high_us, low_us):
        """Begin with the sync, which `near_sync` has accepted."""
        self.model = model
        self.state = GOING
        self.count = 0  # pulses accepted
        self.n_off = 0  # widths out of tolerance
        self.total_us = 0  # sum of the errors, to choose between two candidates
        self.worst_us = 0
        self.start_us = self.end_us = start_us
        self._tolerance_us = tolerance_us
        self._value = 0
        self._n_bits = 0
        self._width_fault = None
        self._end_fault = None
        self._frame = None
        self._last = model.n_pulses - 1
        high, low = model.sync
        self._accept(start_us, high_us, low_us, high, low, abs(low_us - low))

    def take(self, start_us, high_us, low_us):
        """Return the new state, after one pulse more. A BROKEN frame has not accepted it."""
        at = self.count
        last = at == self._last
        if last and self.model.end:
            return self._take_end(start_us, high_us, low_us)
        one_high, one_low = self.model.one
        zero_high, zero_low = self.model.zero
        one_error = one_low - low_us
        zero_error = zero_low - low_us
        if last:  # the low of the last pulse merges with the silence: it may be longer, never shorter
            one_error = max(one_error, 0)
            zero_error = max(zero_error, 0)
        one_error = abs(one_error)
        zero_error = abs(zero_error)
        if abs(high_us - one_high) + one_error < abs(high_us - zero_high) + zero_error:
            high, low, low_error, bit = one_high, one_low, one_error, 1
        else:
            high, low, low_error, bit = zero_high, zero_low, zero_error, 0
        if low_error > NEAR_US or abs(high_us - high) > NEAR_US:
            self.state = BROKEN
            return BROKEN
        self._value = self._value << 1 | bit
        self._n_bits += 1
        self._accept(start_us, high_us, low_us, high, low, low_error)
        if last:
            self.state = DONE
        return self.state

    def _take_end(self, start_us, high_us, low_us):
        high, low = self.model.end
        if abs(high_us - high) > NEAR_US:
            self.state = BROKEN
            return BROKEN
        missing = max(low - low_us, 0)
        if missing > self._tolerance_us:
            self._end_fault = Fault("tail", f"{low_us} us of silence at the end instead of {low}")
            missing = 0
        self._accept(start_us, high_us, low_us, high, low, missing)
        self.state = DONE
        return DONE

    def _accept(self, start_us, high_us, low_us, high, low, low_error):
        """Count the pulse in, and note the worst width that is out of tolerance."""
        high_error = abs(high_us - high)
        error = high_error if high_error > low_error else low_error
        self.total_us += high_error + low_error
        if error > self.worst_us:
            self.worst_us = error
            if error > self._tolerance_us:
                which, got, wanted = ("high", high_us, high) if high_error >= low_error else ("low", low_us, low)
                self._width_fault = f"pulse {self.count + 1} is {got} us {which} instead of {wanted}"
        if error > self._tolerance_us:
            self.n_off += 1
        self.count += 1
        self.end_us = start_us + high_us + min(low_us, low)

    def rank(self):
        """Return the rank, smaller is better. A tenth of the pulses off or missing weighs as one fault; a broken frame, two."""
        if self.state == DONE:
            return (len(self.frame().faults) + 10 * self.n_off / self.model.n_pulses, self.total_us)
        missing = self.model.n_pulses - self.count + self.n_off
        return (2 + bool(self.n_off) + 10 * missing / self.model.n_pulses, self.total_us)

    def frame(self):
        """Return the Frame of a DONE attempt (made once); `broken` makes that of a BROKEN one."""
        if self._frame is None:
            reading = self.model.reading(self.model, self._value)
            faults = self._faults() + reading.faults
            self._frame = self._as_frame(
                (reading.rf_id, reading.channel, reading.action, reading.intensity), self.end_us, self.count, faults
            )
        return self._frame

    def broken(self, end_us, n_more, why):
        """Return the Frame of one that ended too early; `n_more` pulses up to `end_us` were received and not understood."""
        fault = Fault("truncated", f"{self.count} of {self.model.n_pulses} pulses, then {why}")
        return self._as_frame((None,) * 4, end_us, self.count + n_more, self._faults() + (fault,))

    def _faults(self):
        faults = []
        if self._width_fault:
            more = f", the worst of {self.n_off}" if self.n_off > 1 else ""
            faults.append(Fault("width", self._width_fault + more))
        if self._end_fault:
            faults.append(self._end_fault)
        return tuple(faults)

    def _as_frame(self, fields, end_us, n_pulses, faults):
        bits = f"{self._value:0{self._n_bits}b}" if self._n_bits else ""
        return Frame(self.model.name, *fields, self.start_us, end_us, bits, n_pulses, self.worst_us, faults)


class Lost:
    """Pulses that belong to no whole frame: noise, or the rest of a frame that broke off. It ends in a faulty Frame."""

    def __init__(self, attempt=None):
        self._attempt = attempt
        self._n = 0
        self._first = None
        self._start_us = 0
        self._end_us = attempt.end_us if attempt else 0
        self._highest_us = 0

    def add(self, start_us, high_us, low_us):
        """Add one pulse more that was not understood."""
        if not self._n:
            self._start_us = start_us
            self._first = high_us, low_us
        self._n += 1
        self._highest_us = max(self._highest_us, high_us)
        self._end_us = start_us + high_us

    def frame(self, why):
        """Return the Frame to report. `why` names what came instead, where no pulse shows it."""
        if self._first:
            high_us, low_us = self._first
            widths = f"{high_us} us high, {'silence' if low_us == float('inf') else f'{low_us} us low'}"
            why = widths if self._n == 1 else f"{self._n} pulses that fit nowhere, the first {widths}"
        stuck = ()
        if self._highest_us > _STUCK_US:
            stuck = (Fault("stuck", f"the pin was high for {self._highest_us} us, longer than any model allows"),)
        if self._attempt:
            frame = self._attempt.broken(self._end_us, self._n, why)
            return Frame(**{**vars(frame), "faults": frame.faults + stuck})
        fault = Fault("sync", f"no model begins so: {why}")
        return Frame(None, None, None, None, None, self._start_us, self._end_us, "", self._n, 0, (fault, *stuck))


def near_sync(model, high_us, low_us):
    """Return whether this pulse may begin a frame of `model`, though perhaps a faulty one."""
    high, low = model.sync
    high_near = max(_NEAR_SYNC_HIGH_US, high // 8)
    return abs(high_us - high) <= high_near and abs(low_us - low) <= max(NEAR_US, low // 8)
