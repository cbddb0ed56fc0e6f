"""The power goes at every erase and write of a whole update, and a thousand times five times anywhere. On MicroPython.

The settings and the journal lie in a real LittleFS on the simulated flash, so its own erases and writes are points as well.
It takes 30 s, and these are the 30 s that an update has to be trusted for. Eight processes do the storms: MicroPython's
random numbers and the heap begin anew in each.
"""

import concurrent.futures
import os

from conftest import run_micropython


def walked(what, number=0):
    """Return the lines that the walk has printed, as lists of words."""
    done = run_micropython("host_tests/programs/update_walk.py", what, number, heap="1024wK", timeout_s=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return [line.split("\t") for line in done.stdout.splitlines() if "\t" in line]


def test_c3_01_02_03_the_power_goes_at_every_point():
    lines = walked("points")
    assert [line[:2] for line in lines] == [
        [words, how]
        for words in ("whole", "long", "patch", "long patch", "crashes", "no hub")
        for how in ("before", "middle", "torn", "after")
    ]
    points = [int(line[2]) for line in lines]
    assert min(points) >= 60, points  # how many there are: the walk has seen all of them


def test_c3_04_a_thousand_updates_with_five_cuts_each():
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as workers:
        results = [line for lines in workers.map(lambda number: walked("storms", number), range(8)) for line in lines]
    assert len(results) == 8
    assert (
        sum(int(new) for _, new, _ in results) >= 900
    )  # some are cut before the order is kept: the old version runs on
    assert sum(int(starts) for _, _, starts in results) >= 5000
