"""Frames in, bursts out: what a person would call one transmission. One event a burst, the dicts that `--json` prints.

Several receivers take turns on the air, so a burst is followed for each (model, id, channel) by itself.
"""

from tools.rf.models import BY_NAME

GAP_MS = 400  # a receiver silent for longer, and for one round of the others' turns, has ended its burst


class _Burst:
    """Equal frames to one receiver, so far."""

    def __init__(self, frame):
        self.first = self.last = frame
        self.n_frames = 1
        self.others_us = {}  # what one turn of each other receiver took since its last frame

    def same(self, frame):
        return (self.first.action, self.first.intensity) == (frame.action, frame.intensity)

    def add(self, frame):
        self.last = frame
        self.n_frames += 1
        self.others_us = {}

    def over(self, now_us, gap_us):
        return now_us - self.last.end_us > gap_us + sum(self.others_us.values())


class Bursts:
    """Groups frames into events. Feed it in the order of the air; `origin_us` is the 0 of the events' milliseconds."""

    def __init__(self, gap_ms=GAP_MS, origin_us=0):
        self._gap_us = gap_ms * 1000
        self._origin_us = origin_us
        self._open = {}  # (model, id, channel) -> _Burst, in the order of their first frames

    def feed(self, frames):
        """Return the events that these frames complete: bursts, and every faulty frame by itself at once."""
        events = []
        for frame in frames:
            events += self.settle(frame.start_us)
            events += self._take(frame) if frame.ok else [self._fault(frame)]
        return events

    def settle(self, now_us):
        """Return the bursts that the silence up to `now_us` has ended; call it now and then while nothing comes."""
        over = [key for key, burst in self._open.items() if burst.over(now_us, self._gap_us)]
        return [self._event(self._open.pop(key)) for key in over]

    def flush(self):
        """Return the bursts still open: the recording ends here."""
        events = [self._event(burst) for burst in self._open.values()]
        self._open = {}
        return events

    def _take(self, frame):
        key = frame.model, frame.rf_id, frame.channel
        for other, burst in self._open.items():
            if other != key:
                burst.others_us[key] = frame.end_us - frame.start_us
        burst = self._open.get(key)
        if burst and burst.same(frame):
            burst.add(frame)
            return []
        self._open.pop(key, None)
        self._open[key] = _Burst(frame)
        return [self._event(burst)] if burst else []

    def _ms(self, time_us):
        return round((time_us - self._origin_us) / 1000)

    def _event(self, burst):
        """Return one burst as a dict. `last_ms` is where its last frame ends; `channel` is named when it is not the usual one."""
        frame = burst.first
        event = {
            "event": "rf",
            "model": frame.model,
            "rf_id": frame.rf_id,
            "action": frame.action,
            "intensity": frame.intensity,
            "frames": burst.n_frames,
            "first_ms": self._ms(frame.start_us),
            "last_ms": self._ms(burst.last.end_us),
        }
        if frame.channel != BY_NAME[frame.model].idle_channel:
            event["channel"] = frame.channel
        return event

    def _fault(self, frame):
        return {"event": "rf_fault", **frame_fields(frame), **self._span(frame)}

    def _span(self, frame):
        return {"first_ms": self._ms(frame.start_us), "last_ms": self._ms(frame.end_us)}


def frame_fields(frame):
    """Return the fields of a frame, as a dict for JSON."""
    return {
        "model": frame.model,
        "rf_id": frame.rf_id,
        "channel": frame.channel,
        "action": frame.action,
        "intensity": frame.intensity,
        "hex": frame.hex,
        "bits": frame.bits,
        "pulses": frame.n_pulses,
        "faults": [str(fault) for fault in frame.faults],
    }


def frame_event(frame, origin_us=0):
    """Return one frame as a dict for JSON, with its times in µs from `origin_us`."""
    start_us, end_us = frame.start_us - origin_us, frame.end_us - origin_us
    return {"event": "frame", **frame_fields(frame), "start_us": start_us, "end_us": end_us, "worst_us": frame.worst_us}


def bursts(frames, gap_ms=GAP_MS, origin_us=0):
    """Return all events of a list of frames, ordered by their first millisecond."""
    grouped = Bursts(gap_ms, origin_us)
    events = grouped.feed(frames) + grouped.flush()
    return sorted(events, key=lambda event: event["first_ms"])
