"""Patches by hand, for tests of both interpreters: the format of lib/binary_patch.py, units that are stored and not compressed."""

from struct import pack

from lib.binary_patch import ADD, BLOCK, COPY, MAGIC, MOVE, STEP, UNIT

_MOST = UNIT - 200  # new bytes of a unit


def head(old, new):
    """Return the head of a patch from one image to the other."""
    return MAGIC + pack("<II", len(old), len(new)) + bytes(old[-32:])


def number(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def signed(value):
    return number(value * 2 if value >= 0 else -value * 2 - 1)


def copy(many, new=b""):
    return number(many << 2 | COPY) + number(len(new)) + bytes(new)


def move(by, many, new=b""):
    return number((by * 2 if by >= 0 else -by * 2 - 1) << 2 | MOVE) + number(many) + number(len(new)) + bytes(new)


def add(many):
    return number(many << 2 | ADD)


def step(many, by):
    return number(many << 2 | STEP) + signed(by)


def unit(*steps):
    """Return a unit with these steps, in one stored block (RFC 1951 §3.2.4)."""
    data = b"".join(steps)
    packed = b"\x01" + pack("<HH", len(data), len(data) ^ 0xFFFF) + data
    return pack("<H", len(packed)) + packed


def made(old, new):
    """Return a patch that copies what is the same at the same place, a unit or more for each block."""
    out = head(old, new)
    for start in range(0, len(new), BLOCK):
        out += b"".join(_units(old, new, start, min(len(new), start + BLOCK)))
    return out


def _units(old, new, start, end):
    steps, many = [], 0
    at = start
    while at < end:
        stop = at
        while stop < end and stop < len(old) and old[stop] == new[stop]:
            stop += 1
        begin = stop
        while (
            begin < end
            and begin - stop < _MOST
            and not (begin < len(old) and old[begin : begin + 8] == new[begin : begin + 8])
        ):
            begin += 1
        steps.append(copy(stop - at, new[stop:begin]))
        many += begin - stop
        at = begin
        if many >= _MOST:
            yield unit(*steps)
            steps, many = [], 0
    if steps:
        yield unit(*steps)
