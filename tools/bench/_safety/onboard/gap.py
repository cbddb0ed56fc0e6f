"""Runs on MicroPython in real time: the real radio plays `argv[1]` shockers for `argv[2]` s; prints as JSON what the gaps cost.

A gap is from the end of one frame's last low to the first edge of the next. The e-stop's task looks every 5 ms beside it.
"""

import asyncio
import gc
import json
import sys
import time
from array import array

from firmware.command import VIBRATE, Command
from firmware.control.scheduler import Scheduler
from firmware.control.transmitter import Radio
from firmware.shockers import caixianlin
from lib import ook_player
from lib.monotonic import Clock
from lib.watchdog_feeder import WatchdogFeeder

_MOST = 4000
_starts = array("Q", bytes(8 * _MOST))  # µs of each frame's first edge
_ids = array("H", bytes(2 * _MOST))
_n = 0
_first = True


def _pin(level):
    global _first
    if _first:
        _starts[_n] = time.ticks_us()
        _first = False


class _Player(ook_player.Portable):
    def play(self, train, heed=True):
        global _n, _first
        _first = True
        late_us = super().play(train, heed)
        _ids[_n] = _trains.index(train)
        _n += 1
        return late_us


_trains = []


async def _watch(feeder):
    while True:
        feeder.alive("estop")
        await asyncio.sleep_ms(5)


async def _main(n, seconds):
    clock = Clock().now
    scheduler = Scheduler(lambda model: caixianlin)
    feeder = WatchdogFeeder(("radio", "estop"), bool)
    player = _Player(_pin, time.ticks_us, int, int)
    radio = Radio(scheduler, player, clock, bool, lambda: feeder.alive("radio"))
    for rf_id in range(n):
        _trains.append(caixianlin.encode(rf_id, VIBRATE, 5))
        scheduler.put(Command("caixianlin", rf_id, VIBRATE, 5, 60000, None, "bench", None), clock())
    gc.collect()
    tasks = asyncio.create_task(radio.run()), asyncio.create_task(_watch(feeder))
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    frame_us = sum(_trains[0])
    gaps = [_starts[i + 1] - _starts[i] - frame_us for i in range(_n - 1)]
    whole_us = _starts[_n - 1] - _starts[0]
    counts = [0] * n
    for i in range(_n - 1):
        counts[_ids[i]] += 1
    each = [count * frame_us / whole_us for count in counts]
    air = frame_us * (_n - 1) / whole_us
    print(json.dumps({"gaps_us": sorted(gaps), "air": air, "each": each, "late": radio.late_frames}))


asyncio.run(_main(int(sys.argv[1]), int(sys.argv[2])))
