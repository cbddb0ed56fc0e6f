"""The initial heap's size in RISC-V code: `c.lui`, so multiples of 4 KB. See heap.

Source: The RISC-V Instruction Set Manual, volume I ("C" extension: C.LUI has 011 above, 01 below, and bits 17:12 of its value).
"""

import struct

_NEAR = 40  # bytes from the branch that tests whether there is a heap
_STEP = 4096
_MOST = 31  # above, the value is negative
_RESULT = 10  # a0, in which a call returns


def found(code, test, value):
    """Return the addresses near the branch `test` of `c.lui` that make a value: one before and one behind; [] for anything else.

    The last one must be added to what the allocation returned.
    """
    near = code.near(test, _NEAR)
    sizes = [at for at in near if _value(_word(code, at)) == value]
    if len(sizes) != 2 or not sizes[0] < test < sizes[1]:
        return []
    added = 0x9002 | _register(_word(code, sizes[1])) << 7 | _RESULT << 2  # c.add
    return sizes if any(_word(code, at) == added for at in near if at > sizes[1]) else []


def _word(code, at):
    return int.from_bytes(code.bytes_at(at, 2), "little")


def _register(word):
    return word >> 7 & 31


def _value(word):
    """Return what a `c.lui` sets; None for other instructions, also for `c.addi16sp`, which has register 2."""
    if word & 0xF003 != 0x6001 or _register(word) in (0, 2):
        return None
    return (word >> 2 & 31) * _STEP


def changed(code, sizes, value):
    """Return [(address, bytes)] that make another value at these addresses; None where a `c.lui` cannot."""
    number, rest = divmod(value, _STEP)
    if rest or number > _MOST:
        return None
    return [(at, struct.pack("<H", _word(code, at) & 0xFF83 | number << 2)) for at in sizes]
