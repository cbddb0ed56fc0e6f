"""What must be true of a trace, by the table of DESIGN §7 alone. Nothing here is imported from the rooms that are judged."""

from tools.rf.decode import pulses

LONGEST_MARK_US = {"caixianlin": 1400, "petrainer": 750, "petrainer998dr": 1500, "wellturnt330": 960, "d80": 1900}
WINDOW_US = 60_000_000
ACTIONS = ("stop", "shock", "vibrate", "sound", "light")


def carried(model, action, level):
    """The level as that receiver's frame carries it (reference/openshock-firmware.md §a)."""
    if action == "sound" and model in ("caixianlin", "wellturnt330", "d80"):
        return 0
    if model == "caixianlin":
        return min(level, 99)
    if model == "d80":
        return max(level * 15 // 100, 1) if level else 0
    return level


def on_air(model, rf_id, action, level):
    """(model, id, action, level) as a receiver hears a command; `action` is a number or a name."""
    name = action if isinstance(action, str) else ACTIONS[action]
    return model, rf_id, name, carried(model, name, level)


def check_pin(edges, longest_us=1900, slack_us=75):
    """S1: never high for longer than the longest mark, and low in the end. AssertionError otherwise."""
    assert not edges or edges[-1][1] == 0, "the pin is high, and nothing more comes"
    for pulse in pulses(edges):
        assert pulse.high_us <= longest_us + slack_us, f"high for {pulse.high_us} us at {pulse.start_us} us"


def check_air(frames, admitted, cuts_us=()):
    """S2: each frame is whole and says what was admitted, or is a stop frame to such a receiver; one a cut may be broken.

    `admitted` holds (model, id, action, level) as on the air. AssertionError otherwise.
    """
    known = {what[:2] for what in admitted}
    cuts = list(cuts_us)
    for frame in frames:
        if not frame.ok:
            cut = next((at for at in cuts if frame.start_us <= at <= frame.end_us + 10_000), None)
            assert cut is not None, f"a broken frame at {frame.start_us} us: {frame.faults}"
            cuts.remove(cut)
            continue
        what = frame.model, frame.rf_id, frame.action, frame.intensity
        quiet = what[2:] == ("vibrate", 0) and what[:2] in known
        assert quiet or what in admitted, f"{what} was never admitted"


class Window:
    """An exact sliding window: how much of what was given lies in the last `length_us`. Intervals (from, to, weight)."""

    def __init__(self, length_us):
        self._length_us = length_us
        self._given = []

    def add(self, from_us, to_us, weight):
        self._given.append((from_us, to_us, weight))

    def sum_at(self, now_us):
        """Weight × µs of all that was given in the window that ends at `now_us`."""
        since_us = now_us - self._length_us
        return sum(
            weight * max(0, min(to_us, now_us) - max(from_us, since_us)) for from_us, to_us, weight in self._given
        )

    def peak(self):
        """The largest sum of any window: it ends where something given ends, or begins where something begins."""
        moments = [to_us for _, to_us, _ in self._given]
        moments += [from_us + self._length_us for from_us, _, _ in self._given]
        return max((self.sum_at(at_us) for at_us in moments), default=0)


def busiest_second(times_us):
    """The most of `times_us` (sorted) that lie within any second."""
    most = first = 0
    for at, time_us in enumerate(times_us):
        while time_us - times_us[first] >= 1_000_000:
            first += 1
        most = max(most, at - first + 1)
    return most
