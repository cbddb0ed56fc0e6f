"""The simulator's record of the transmitter pin: 8 bytes an edge, little-endian, (time_us << 1) | level. Read and written.

The time is CLOCK_MONOTONIC in µs. Edges are (time_us, level).
"""

import array
import struct
import sys

from tools import Failure

_WORD = 8


def pack(edges):
    """Return the bytes of a trace file for these edges. Raise Failure for a time before 0, or beyond 63 bits."""
    try:
        return b"".join(struct.pack("<Q", time_us << 1 | level) for time_us, level in edges)
    except struct.error:
        raise Failure("a trace has no place for times before 0, or beyond 63 bits")


class Words:
    """Cuts a byte stream into edges, for a file that still grows."""

    def __init__(self):
        self._rest = b""

    def feed(self, data):
        """Return the list of edges that `data` completes; bytes of an incomplete one are kept."""
        data = self._rest + data
        whole = len(data) // _WORD * _WORD
        self._rest = data[whole:]
        words = array.array("Q", data[:whole])
        if sys.byteorder == "big":
            words.byteswap()
        return [(word >> 1, word & 1) for word in words]

    def waiting(self):
        """Return how many bytes of an incomplete edge are kept, 0–7."""
        return len(self._rest)


def unpack(data):
    """Return the list of edges of a whole trace file. Raise Failure when it ends within an edge or its time runs backwards."""
    words = Words()
    edges = words.feed(data)
    if words.waiting():
        raise Failure(f"not a trace: {len(data)} bytes are no whole number of {_WORD}-byte edges")
    for index in range(1, len(edges)):
        if edges[index][0] < edges[index - 1][0]:
            raise Failure(f"not a trace: edge {index + 1} is earlier than the one before it")
    return edges
