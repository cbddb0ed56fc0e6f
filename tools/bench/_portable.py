"""Runs on MicroPython, for `bench radio`: plays frames (JSON in) in real time, tells how late each edge was (JSON out)."""

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
    """None; one line of JSON: {"late_us": [[per edge] per frame], "told_us": [what `play` returned]}."""
    global _count
    player = ook_player.Portable(_pin, time.ticks_us, int, int)
    late, told = [], []
    for train in frames:
        gc.collect()
        _count = 0
        told.append(player.play(train))
        due, row = _TIMES[0], []
        for i, pulse in enumerate(train):
            row.append(_TIMES[i] - due)
            due += pulse
        late.append(row)
    print(json.dumps({"late_us": late, "told_us": told}))


main()
