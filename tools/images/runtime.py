"""One image as the chip's boot loader starts it, such as MicroPython's ".app-bin": whether it is whole, for which chip. No I/O.

The format is Espressif's: a header of 24 bytes, segments, padding, a checksum byte, a SHA-256 (reference/micropython-esp32.md
§c). The boot loader starts nothing that is not whole; this finds out before it is written. A boot loader is such an image, too:
what else a file may hold, and where, tools/flash/official.py knows.
"""

import hashlib
import struct
from collections import namedtuple

Runtime = namedtuple("Runtime", ("chip", "data"))

CHIPS = {0: "esp32", 2: "esp32s2", 5: "esp32c3", 9: "esp32s3"}
_MAGIC, _CHECKSUM = 0xE9, 0xEF
_HEAD = 24
_MOST_SEGMENTS = 16


def read(data):
    """Return the Runtime at the beginning of `data` (bytes): its chip ("esp32" …) and its image, without what follows it.

    Raise ValueError in words for one that is none, or damaged.
    """
    if len(data) < _HEAD or data[0] != _MAGIC or not 0 < data[1] <= _MOST_SEGMENTS:
        raise ValueError("it is no image of a runtime; take a .bin or .app-bin of MicroPython")
    number = struct.unpack_from("<H", data, 12)[0]
    if number not in CHIPS:
        raise ValueError(f"it is for a chip (number {number}) that this firmware does not know")
    if data[23] != 1:
        raise ValueError("it has no SHA-256 of its own")
    end = _checked(data)
    return Runtime(CHIPS[number], data[:end])


def _checked(data):
    """Return how many bytes the image has. Raise ValueError when it is not whole."""
    at, check = _HEAD, _CHECKSUM
    for _ in range(data[1]):
        if at + 8 > len(data):
            raise ValueError("it is cut short")
        length = struct.unpack_from("<I", data, at + 4)[0]
        at += 8
        if at + length > len(data):
            raise ValueError("it is cut short")
        for byte in data[at : at + length]:
            check ^= byte
        at += length
    at = (at + 16) // 16 * 16
    if at + 32 > len(data):
        raise ValueError("it is cut short")
    if data[at - 1] != check:
        raise ValueError("its checksum is wrong")
    if hashlib.sha256(data[:at]).digest() != data[at : at + 32]:
        raise ValueError("its SHA-256 is wrong")
    return at + 32
