"""Verifies a release's signature with only so many bytes of the heap left: `lms_heap.py BYTES`, prints what it allocated in all."""

import gc
import sys

from host_tests.unit.lms_vectors import RELEASE
from lib import lms_verify


def _fill(left):
    """Whatever holds the heap down to about `left` bytes; what is left may lie in pieces."""
    gc.collect()
    held = None  # a chain: a list would have to grow in one piece
    for size in (4096, 512, 64, 32):
        try:
            while gc.mem_free() > left + size + 96:
                held = held, bytearray(size)
        except MemoryError:
            pass  # no piece of that size any more
    return held


def main():
    """None; prints "churn BYTES" (allocated in all, were nothing collected), "left BYTES", and "holds True" or "full"."""
    key, message, signature = RELEASE
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    lms_verify.verify(key, signature, message)
    print("churn", gc.mem_alloc() - before)
    gc.enable()
    held = _fill(int(sys.argv[1]))
    print("left", gc.mem_free())
    try:
        print("holds", lms_verify.verify(key, signature, message))
    except MemoryError:
        print("full")
    return held


main()
