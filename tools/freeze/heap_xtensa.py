"""The initial heap's size in Xtensa code: a literal of its own, a literal that others use, or two instructions. See heap.

Source: Xtensa ISA Reference Manual (L32R, MOVI.N, SLLI).
"""

import struct
from collections import namedtuple

_NEAR = 32  # bytes from the branch that tests whether there is a heap
_RANGE = 0x40000  # bytes: how far before itself an `l32r` reads
_MOST_MOVI_N = 95

_RESULT = 10  # register in which a call returns

# at: address of the instruction · register: that gets the value · literal: address of what is loaded, or None · shift: of the
# `slli` behind a `movi.n`, or None
Size = namedtuple("Size", ("at", "register", "literal", "shift"))


def found(code, test, value):
    """Return the Sizes near the branch `test` that make a value: one before and perhaps one behind; [] for anything else.

    The last one must be added to what the allocation returned.
    """
    sizes = []
    for at in code.near(test, _NEAR):
        word = int.from_bytes(code.bytes_at(at, 5), "little")
        if word & 15 == 1 and code.literal_value(at) == value:
            sizes.append(Size(at, word >> 4 & 15, code.literal_of(at), None))
        elif (shift := _shift(word)) and _movi_n(word) << shift == value:
            sizes.append(Size(at, word >> 8 & 15, None, shift))
    before = [size for size in sizes if size.at < test]
    if len(before) != 1 or len(sizes) > 2 or {sizes[-1].register, _RESULT} not in _sums(code, test):
        return []
    return sizes


def _sums(code, test):
    """Return the pairs of registers (sets) that are added to each other behind the branch."""
    sums = []
    for at in code.near(test, _NEAR):
        word = int.from_bytes(code.bytes_at(at, 3), "little")
        if at > test and (word & 15 == 0xA or word & 0xFF000F == 0x800000):  # add.n, add
            sums.append({word >> 8 & 15, word >> 4 & 15})
    return sums


def _movi_n(word):
    """Return the number that a `movi.n` sets, negative ones as those above 95."""
    return word & 0x70 | word >> 12 & 15


def _shift(word):
    """Return by how much the `slli` behind a `movi.n` shifts the same register; None for other instructions."""
    register, slli = word >> 8 & 15, word >> 16
    if word & 0x8F != 0x0C or slli & 0xEF000F != 0x010000 or (slli >> 8 & 15, slli >> 12 & 15) != (register, register):
        return None
    return 32 - (slli >> 16 & 0x10 | slli >> 4 & 15)


def changed(code, sizes, value):
    """Return [(address, bytes)] that make another value of these Sizes; None where these instructions cannot."""
    changes = {}
    ours = {size.at for size in sizes}
    for size in sizes:
        if size.literal is None:
            change = _other_number(code, size, value)
        elif set(code.users(size.literal)) <= ours:
            change = size.literal, struct.pack("<I", value)
        else:
            change = _other_literal(code, size.at, value)
        if change is None:
            return None
        changes[change[0]] = change[1]
    return sorted(changes.items())


def _other_number(code, size, value):
    number, rest = divmod(value, 1 << size.shift)
    if rest or number > _MOST_MOVI_N:
        return None
    word = int.from_bytes(code.bytes_at(size.at, 2), "little")
    return size.at, struct.pack("<H", word & 0x0F8F | number & 0x70 | (number & 15) << 12)


def _other_literal(code, at, value):
    """Return the change of an `l32r` that makes it load the nearest literal of that value; None where none is in range."""
    pc = at + 3 & ~3
    within = [site.at for site in code.sites(value) if pc - _RANGE <= site.at < pc and code.share_segment(site.at, at)]
    if not within:
        return None
    return at, code.bytes_at(at, 1) + struct.pack("<H", max(within) - pc >> 2 & 0xFFFF)
