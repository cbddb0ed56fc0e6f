"""Xtensa code: which literals its `l32r` instructions load. Control flow separates instructions from other bytes.

Source: Xtensa ISA Reference Manual (formats RRR, RI16, CALL, BRI8, BRI12, RRRN; opcodes L32R, ENTRY, J, B*, LOOP*, RET*). The
windowed ABI is what ESP-IDF uses: a function begins with `entry a1, n`, aligned to four. An `l32r` reads an aligned word before
itself, at most 256 KB away. A scan of bytes alone takes parts of other instructions for one; so each is looked at from the
beginning of its function.
"""

import bisect
import re
import struct
from collections import namedtuple

from tools.freeze.unsupported import unsupported

_LOW_1 = b"[" + re.escape(bytes(range(0x01, 0x100, 0x10))) + b"]"  # a byte whose lower half is 1
_L32R = re.compile(_LOW_1)  # op0 is 1; the upper half is the register
_ENTRY = re.compile(b"\x36" + _LOW_1 + b"[\x00-\x7f]")  # of a1, with less than 16 KB of stack
_SIZES = (3, 3, 3, 3, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2, 4, 4)  # by op0; 14 and 15 are the S3's vector instructions
_LONGEST_FUNCTION = 0x4000  # bytes; the walk stops there
_MOST_BEGINNINGS = 8  # that are tried for one instruction

# at: address of the word in the code that makes the value · users: addresses of the instructions that use it
Site = namedtuple("Site", ("at", "users"))


def step(data, at):
    """Return (size, offsets it may jump to, whether it goes on behind itself) of the instruction at an offset."""
    first = data[at]
    op0 = first & 15
    size = _SIZES[op0]
    word = int.from_bytes(data[at : at + size], "little")
    if op0 == 0:
        return size, (), not _ends(word)
    if op0 == 6:
        return _step_si(word, at)
    if op0 == 7:  # compare and branch
        return size, (at + 4 + _signed(word >> 16, 8),), True
    if op0 == 12 and first & 0x80:  # beqz.n, bnez.n: only forward
        return size, (at + 4 + (word >> 12 & 15 | word & 0x30),), True
    return size, (), word not in (0xF00D, 0xF01D)  # ret.n, retw.n


def _ends(word):
    """Return whether an RRR instruction never goes on behind itself: ret, retw, jx, ill, and returns from exceptions."""
    if word & 0xFFF00F == 0:
        return word >> 6 & 3 in (0, 2)
    return word & 0xFFF00F == 0x003000


def _step_si(word, at):
    """Return what `step` does for op0 6: j, branches, entry, loops."""
    kind, m, r = word >> 4 & 3, word >> 6 & 3, word >> 12 & 15
    if kind == 0:
        return 3, (at + 4 + _signed(word >> 6, 18),), False
    if kind == 1:
        return 3, (at + 4 + _signed(word >> 12, 12),), True
    if kind == 3 and m == 0:  # entry
        return 3, (), True
    if kind == 3 and m == 1 and r in (8, 9, 10):  # loop, loopnez, loopgtz: to behind the end
        return 3, (at + 4 + (word >> 16),), True
    return 3, (at + 4 + _signed(word >> 16, 8),), True


def _signed(value, bits):
    return value - (1 << bits) if value >> bits - 1 else value


class Code:
    """The literals of all code segments of a Memory."""

    def __init__(self, memory):
        self._segments = [_Segment(address, data) for address, data in memory.code]
        self._literals = {}  # value: [(segment, address of the literal), …]
        for segment in self._segments:
            for literal in segment.loads:
                self._literals.setdefault(segment.word(literal), []).append((segment, literal))

    def values_within(self, first, end):
        """Return the set of all values, first ≤ value < end, that some instruction loads."""
        return {value for value in self._literals if first <= value < end and self.sites(value)}

    def bytes_at(self, address, size):
        """Return bytes of the code."""
        segment = self._of(address)
        at = address - segment.address
        return segment.data[at : at + size]

    def sites(self, value):
        """Return the Sites of a value, those that an instruction truly loads, in the order of their addresses."""
        found = [Site(literal, segment.users(literal)) for segment, literal in self._literals.get(value, ())]
        return sorted(site for site in found if site.users)

    def replaced(self, site, old, new):
        """Return [(address, bytes)] that make the instructions of a Site load another value."""
        return [(site.at, struct.pack("<I", new))]

    def branches_to(self, address):
        """Return the addresses of the instructions that may jump to an address of the same function."""
        segment = self._of(address)
        target = address - segment.address
        around = segment.function_around(target)
        return [segment.address + at for at in around if target in step(segment.data, at)[1]]

    def near(self, address, distance):
        """Return the addresses of the instructions of the same function at most `distance` bytes away, in their order."""
        segment = self._of(address)
        at = address - segment.address
        return sorted(segment.address + o for o in segment.function_around(at) if abs(o - at) <= distance)

    def literal_of(self, address):
        """Return the address of the literal that the `l32r` at an address loads."""
        segment = self._of(address)
        return segment.address + _target(segment.data, address - segment.address)

    def literal_value(self, address):
        """Return what the `l32r` at an address loads; None where that is not in its segment."""
        segment, literal = self._of(address), self.literal_of(address)
        return segment.word(literal) if literal >= segment.address else None

    def users(self, literal):
        """Return the addresses of the instructions that load a literal."""
        return self._of(literal).users(literal)

    def share_segment(self, first, second):
        """Return whether two addresses are in one segment."""
        return self._of(first) is self._of(second)

    def _of(self, address):
        return next((s for s in self._segments if s.address <= address < s.address + len(s.data)), None)


def _target(data, at):
    """Return the offset of the literal of the `l32r` at an offset; the segment must be aligned to four."""
    return (at + 3 & ~3) + ((data[at + 1] | data[at + 2] << 8) - 0x10000 << 2)


class _Segment:
    def __init__(self, address, data):
        self.address, self.data = address, data
        self.loads = {}  # address of a literal: addresses of what may be an l32r of it
        last = len(data) - 3
        for match in _L32R.finditer(data):
            at = match.start()
            if at <= last and (target := _target(data, at)) >= 0:
                self.loads.setdefault(address + target, []).append(address + at)
        self._entries = [at for match in _ENTRY.finditer(data) if (at := match.start()) % 4 == 0]
        self._walked = {}

    def word(self, address):
        return int.from_bytes(self.data[(at := address - self.address) : at + 4], "little")

    def users(self, literal):
        """Return the addresses of the instructions that load a literal: all that are not proven to be something else."""
        return tuple(pc for pc in self.loads[literal] if self._begins(pc - self.address) is not False)

    def _begins(self, at):
        """Return whether an instruction begins at an offset; None when no function is found that decides it."""
        verdict = None
        for instructions in self._functions_before(at):
            if at in instructions:
                return True
            if any(at - back in instructions and instructions[at - back] > back for back in (1, 2, 3)):
                verdict = False
        return verdict

    def _functions_before(self, at):
        """Yield the instructions of the functions that begin before an offset, the nearest first."""
        index = bisect.bisect_right(self._entries, at)
        for entry in reversed(self._entries[max(0, index - _MOST_BEGINNINGS) : index]):
            if at - entry > _LONGEST_FUNCTION:
                return
            yield self._walk(entry)

    def function_around(self, at):
        """Return {offset: size} of the instructions of the function around an offset. Raise Failure where it is not found."""
        for instructions in self._functions_before(at):
            if at in instructions:
                return instructions
        raise unsupported("the beginning of a function is not found")

    def _walk(self, entry):
        """Return {offset: size} of the instructions that are reached from an `entry`."""
        if entry in self._walked:
            return self._walked[entry]
        seen, todo = {}, [entry]
        limit = min(entry + _LONGEST_FUNCTION, len(self.data) - 4)
        while todo:
            at = todo.pop()
            goes_on = True
            while goes_on and at not in seen and entry <= at < limit:
                seen[at], targets, goes_on = step(self.data, at)
                todo += targets
                at += seen[at]
        self._walked[entry] = seen
        return seen
