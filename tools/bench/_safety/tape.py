"""What a recorded pulse trace shows about a stop: when the last active edge was made, counted from the cause."""

from collections import namedtuple

from tools.rf.decode import Receiver
from tools.rf.trace import Words

# ms from the cause to the last active edge (0: none came after it), active frames begun after the cause, ms from the
# cause to the first edge of a stop frame, the longest gap in ms between two active frames before it
Reaction = namedtuple("Reaction", ("last_ms", "frames", "stop_ms", "gap_ms"))


def is_stop(frame):
    """Return whether a frame orders its receiver to stop: vibrate 0 on every model."""
    return frame.ok and frame.action == "vibrate" and frame.intensity == 0


def frames_of(edges, now_us=None):
    """Return the frames of these edges, by the decoder of tools/rf."""
    receiver = Receiver()
    return receiver.feed(edges) + receiver.flush(now_us)


def reaction(edges, cause_us):
    """Return the Reaction to a stop at `cause_us`; None when no stop frame follows. `edges` begin before the cause."""
    frames = frames_of(edges)
    stops = [frame.start_us for frame in frames if is_stop(frame) and frame.start_us >= cause_us]
    if not stops:
        return None
    before = [at_us for at_us, _ in edges if cause_us < at_us < stops[0]]
    begun = sum(cause_us < frame.start_us < stops[0] for frame in frames)
    last_us = before[-1] - cause_us if before else 0
    # what is active may go on behind the first stop frame: then that was not the stop
    late = [frame for frame in frames if frame.start_us > stops[0] and not is_stop(frame)]
    if late:
        last_us, begun = late[-1].end_us - cause_us, begun + len(late)
    active = [frame for frame in frames if frame.ok and frame.start_us < stops[0]]
    gaps_us = [after.start_us - before.end_us for before, after in zip(active, active[1:])]
    return Reaction(last_us / 1000, begun, (stops[0] - cause_us) / 1000, max(gaps_us, default=0) / 1000)


class Tape:
    """The trace file of a simulated device, read from any of its frames on."""

    def __init__(self, path):
        self._path = path

    def mark(self):
        """Return where the file ends now."""
        return self._path.stat().st_size

    def since(self, mark):
        """Return the edges written after `mark`."""
        with open(self._path, "rb") as file:
            file.seek(mark)
            return Words().feed(file.read())
