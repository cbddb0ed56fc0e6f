"""A million bytes of noise into the console, on MicroPython: prints what lives before and after, and whether it still answers."""

import gc
import json
import sys

sys.path.insert(0, ".")

from host_tests.unit.console_story import Desk  # noqa: E402
from host_tests.unit.rooms import Dice  # noqa: E402

_PIECE = 4096


def noise(dice):
    """4 KiB that are different each time: half of them any bytes, half letters and line ends."""
    piece = bytearray(_PIECE)
    for at in range(_PIECE):
        piece[at] = dice.below(256) if at < _PIECE // 2 else 10 + dice.below(90)
    return piece


def main(size):
    dice = Dice(3)
    with Desk() as desk:
        said = [0]

        def write(data, more=False):
            said[0] += len(data)
            if data[:5] == b"$SYS$":
                desk.line.out = data

        desk.line.write = write
        desk.hears(noise(dice), 200, b"\n")
        gc.collect()
        before = gc.mem_alloc()
        for _ in range(size // _PIECE):
            desk.hears(noise(dice))
        desk.hears(200, b"\n", b"$estop\n")
        gc.collect()
        answer = desk.line.out.decode()
        print(
            json.dumps(
                {"before": before, "after": gc.mem_alloc(), "said": said[0], "answer": answer, "left": desk.left}
            )
        )


main(int(sys.argv[1]))
