"""Patches from one app image to another, for devices that have the older one: lib/patch.py says how they are built. No I/O.

A LittleFS image with one changed file shares nearly all of its bytes with the one before, at other places.
"""

import struct

from tools.rooms import room

_THERE = room("lib.patch")  # what the device takes
BLOCK, MAGIC, NEW = _THERE.BLOCK, _THERE.MAGIC, _THERE.NEW

_SEED = 16  # bytes that two places must share before anybody looks closer
_MOST_PLACES = 32  # where the same seed is looked at
_WORTH = 12  # bytes: a copy costs 5, and 5 more where it cuts new bytes in two


def made(old, new):
    """The patch (bytes) that makes `new` out of `old`. ValueError when one is larger than 16 MB."""
    if max(len(old), len(new)) > 1 << 24:
        raise ValueError("images of more than 16 MB")
    places = _places(old)
    out = bytearray(MAGIC + struct.pack("<II", len(old), len(new)))
    for start in range(0, len(new), BLOCK):
        _block(out, old, new[start : start + BLOCK], places)
    return bytes(out)


def _places(old):
    places = {}
    for at in range(len(old) - _SEED + 1):
        found = places.setdefault(old[at : at + _SEED], [])
        if len(found) < _MOST_PLACES:
            found.append(at)
    return places


def _block(out, old, block, places):
    """None; the steps for one block are behind `out`."""
    at = fresh = 0
    while at < len(block):
        many, place = _longest(old, block, at, places)
        if many < _WORTH:
            at += 1
            continue
        _put_new(out, block[fresh:at])
        out += struct.pack("<HHB", many, place & 0xFFFF, place >> 16)
        at = fresh = at + many
    _put_new(out, block[fresh:])


def _put_new(out, data):
    if data:
        out += struct.pack("<HHB", NEW | len(data), 0, 0) + data


def _longest(old, block, at, places):
    """(bytes, place in `old`) of the longest piece that is in `old` as it is in `block` from `at` on."""
    best = 0, 0
    for place in places.get(block[at : at + _SEED], ()):
        many = _SEED
        while at + many < len(block) and place + many < len(old) and block[at + many] == old[place + many]:
            many += 1
        best = max(best, (many, -place))
    return best[0], -best[1]
