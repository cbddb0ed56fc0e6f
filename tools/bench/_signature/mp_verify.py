"""One signature verified on MicroPython: key, signature and message in hex, a line each, come by stdin; figures as JSON rows.

With an argument BYTES it verifies with only so much of the heap free, and prints whether that was enough.
"""

import gc
import json
import sys
import time
from binascii import unhexlify

from lib import lms_verify

_TIMES = 50
_PIECE = 64


def _hashes(parts):
    counted = [0]
    real = lms_verify.sha256

    def counting(data):
        counted[0] += 1
        return real(data)

    lms_verify.sha256 = counting
    lms_verify.verify(*parts)
    lms_verify.sha256 = real
    return counted[0]


def _allocated(parts):
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    lms_verify.verify(*parts)
    after = gc.mem_alloc()
    gc.enable()
    return after - before


def _enough(parts, left):
    """Return whether a verify gets through with `left` bytes of the heap free; the rest is taken."""
    gc.collect()
    held = None
    for size in (4096, _PIECE):
        while gc.mem_free() > left + size:
            held = held, bytearray(size - 32)
    return lms_verify.verify(*parts)


def _ms(parts):
    gc.collect()
    start = time.ticks_us()
    for _ in range(_TIMES):
        lms_verify.verify(*parts)
    return time.ticks_diff(time.ticks_us(), start) / _TIMES / 1000


def _parts():
    """Return what stdin brings: MicroPython takes no argument of this length."""
    return [unhexlify(sys.stdin.readline().strip()) for _ in range(3)]


def main():
    """Print the figures, one JSON list a line. Raise ValueError for a signature that does not hold."""
    parts = _parts()
    if not lms_verify.verify(*parts):
        raise ValueError("the signature does not hold")
    print(json.dumps(("hashes", _hashes(parts))))
    print(json.dumps(("ms", _ms(parts))))
    print(json.dumps(("allocated", _allocated(parts))))


if len(sys.argv) > 1:
    print(_enough(_parts(), int(sys.argv[1])))
else:
    main()
