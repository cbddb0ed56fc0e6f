"""How fast the receiver of `tools rf` listens: edges a second, and how many times faster than the air."""

import time

from tools.rf import trace
from tools.rf.bursts import Bursts
from tools.rf.decode import Receiver, edges, train_pulses
from tools.rf.encoders import encoded
from tools.rf.models import MODELS

_FRAMES = 1000
_ROUNDS = 3


def _listen(data):
    """Return the seconds to turn a trace file's bytes into bursts; the best of some rounds."""
    best = float("inf")
    for _ in range(_ROUNDS):
        begun = time.perf_counter()
        receiver, bursts = Receiver(), Bursts()
        frames = receiver.feed(trace.Words().feed(data)) + receiver.flush()
        events = bursts.feed(frames) + bursts.flush()
        best = min(best, time.perf_counter() - begun)
        if [event.get("frames") for event in events] != [_FRAMES]:
            raise RuntimeError(f"the receiver misheard: {events[:3]}")
    return best


def run(report):
    """Measure: one row a model."""
    for model in MODELS:
        air = train_pulses(encoded(model.name, 46231, "vibrate", 25) * _FRAMES)
        changes = edges(air)
        taken_s = _listen(trace.pack(changes))
        on_air_s = (changes[-1][0] - changes[0][0]) / 1e6
        note = f"{on_air_s / taken_s:.0f} times faster than the air"
        report.row(f"decode {model.name}, trace file to bursts", round(len(changes) / taken_s), "edges/s", note=note)
