"""Runs on MicroPython, for `bench radio`: plays frames (JSON in) in real time, reports how late each edge was (JSON out)."""

import gc
import json
import sys
import time
from array import array

from lib import ook_player

frames = [array("H", pulses) for pulses in json.load(sys.stdin)]
_TIMES = array("Q", bytes(8 * 256))
_count = 0


def _pin(level):
    global _count
    _TIMES[_count] = time.ticks_us()
    _count += 1


def main():
    """Print one line of JSON: {"late_us": [[per edge] per frame], "results_us": [results of `play`]}."""
    global _count
    player = ook_player.Portable(_pin, time.ticks_us, int, int)
    late, results = [], []
    for train in frames:
        gc.collect()
        _count = 0
        results.append(player.play(train))
        due, row = _TIMES[0], []
        for i, pulse in enumerate(train):
            row.append(_TIMES[i] - due)
            due += pulse
        late.append(row)
    print(json.dumps({"late_us": late, "results_us": results}))


main()
