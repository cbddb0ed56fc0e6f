"""RISC-V code: which `lui` instructions begin a given address. What each begins is found by control flow.

An address is made by `lui` with its upper 20 bits and the low 12 of what uses the register next: `addi`, a load, a store. So code
that is to use another address with the same low 12 bits needs another `lui` alone. The code has no data between instructions
but for alignment, and instructions of 2 and 4 bytes: walks that begin on different halves of a word soon meet, which shows where
instructions begin.
"""

import re
import struct
from collections import namedtuple

from tools.freeze.riscv_isa import decoded
from tools.freeze.unsupported import unsupported

# at: address of the `lui` · users: the same, in a tuple
Site = namedtuple("Site", ("at", "users"))

_KEPT_BY_CALLS = frozenset((2, 3, 4, 8, 9, *range(18, 28)))  # sp, gp, tp, s0 … s11
_LONGEST_FUNCTION = 1024  # bytes; `mp_task` has half of that
_MOST_STEPS = 4000  # instructions that one walk looks at
_SYNC = 96  # bytes within which two walks have met
_UNKNOWN = None  # a use of the upper bits by themselves


def upper(value):
    """Return the 20 bits that `lui` has for an address; the low 12 are signed."""
    return value + 0x800 >> 12 & 0xFFFFF


class Code:
    """The addresses that all code segments of a Memory make."""

    def __init__(self, memory):
        self._segments = [_Segment(address, data) for address, data in memory.code]

    def sites(self, value):
        """Return the Sites of an address, in their order. Raise Failure where code makes something else with the same `lui`."""
        found = []
        for segment in self._segments:
            for at, values in segment.made(upper(value)).items():
                if value in values:
                    if values != {value}:
                        raise unsupported("its code makes several addresses from one")
                    found.append(Site(at, (at,)))
        return sorted(found)

    def values_within(self, first, end):
        """Return the set of all addresses, first ≤ address < end, that code makes."""
        values = set()
        for high in range(upper(first), upper(end - 1) + 1):
            for segment in self._segments:
                values.update(*segment.made(high).values())
        return {value for value in values if value is not _UNKNOWN and first <= value < end}

    def replaced(self, site, old, new):
        """Return [(address, bytes)] that make the code of a Site use another address, which has the same low 12 bits.

        Raise Failure unless it is known of every `lui` with these upper bits what it begins: it might be the old address.
        """
        if (new - old) % 4096:
            raise unsupported("an address of its code cannot be replaced")
        for segment in self._segments:
            for at, values in segment.made(upper(old)).items():
                if _UNKNOWN in values:
                    raise unsupported(f"it is unclear which address its code makes at {at:#x}")
        word = int.from_bytes(self.bytes_at(site.at, 4), "little")
        return [(site.at, struct.pack("<I", word & 0xFFF | upper(new) << 12))]

    def bytes_at(self, address, size):
        """Return bytes of the code."""
        segment = self._of(address)
        at = address - segment.address
        return segment.data[at : at + size]

    def branches_to(self, address):
        """Return the addresses of the conditional branches before an address, within one function's length, that jump there."""
        segment = self._of(address)
        target = address - segment.address
        return [
            segment.address + at
            for at, made in segment.decoded_before(target, _LONGEST_FUNCTION)
            if target in made.jumps and made.goes_on
        ]

    def near(self, address, distance):
        """Return the addresses of the instructions at most `distance` bytes away, in their order."""
        segment = self._of(address)
        at = address - segment.address
        return [segment.address + o for o, _ in segment.decoded_before(at + distance + 1, 2 * distance + 1)]

    def _of(self, address):
        return next((s for s in self._segments if s.address <= address < s.address + len(s.data)), None)


class _Segment:
    def __init__(self, address, data):
        self.address, self.data = address, data
        self._made = {}

    def made(self, high):
        """Return {address of a lui with these upper bits: addresses that it begins}. Other uses of its register are _UNKNOWN."""
        if high not in self._made:
            found = self._made[high] = {}
            tail = (high << 12).to_bytes(4, "little")[1:]
            for match in re.finditer(b"(?s)[\x37\xb7]." + re.escape(tail[1:]), self.data):
                at = match.start()
                if at % 2 == 0 and self.data[at + 1] & 0xF0 == tail[0] and self._begins(at):
                    found[self.address + at] = self._values(at, high << 12) or {_UNKNOWN}
        return self._made[high]

    def decoded_before(self, end, size):
        """Yield (offset, Instruction) of the instructions that begin in the `size` bytes before an offset."""
        at = self._synchronised(end - size)
        while at < end and (instruction := decoded(self.data, at)):
            yield at, instruction
            at += instruction.size

    def _synchronised(self, at):
        """Return the first offset, not before `at`, at which an instruction begins."""
        start = max(0, at - _SYNC)
        while start < at:
            start += self._size(start)
        return start

    def _size(self, at):
        return 4 if self.data[at] & 3 == 3 else 2

    def _begins(self, at):
        """Return whether an instruction begins at an offset. Where two walks do not meet, it is taken for one."""
        for start in (max(0, at - _SYNC), max(2, at - _SYNC + 2)):
            while start < at:
                start += self._size(start)
            if start == at:
                return True
        return False

    def _values(self, lui, high):
        """Return the addresses that are made of the register that a `lui` sets, on all ways from there until it is set anew."""
        register = (self.data[lui] | self.data[lui + 1] << 8) >> 7 & 31
        values, seen, todo = set(), set(), [lui + 4]
        while todo and len(seen) < _MOST_STEPS:
            at = todo.pop()
            while at not in seen and 0 <= at <= len(self.data) - 4:
                seen.add(at)
                instruction = decoded(self.data, at)
                if instruction is None:
                    break
                if instruction.base == register:
                    values.add(high + instruction.imm & 0xFFFFFFFF)
                if register in instruction.reads:
                    values.add(_UNKNOWN)
                lost = instruction.is_call and register not in _KEPT_BY_CALLS
                if instruction.writes == register or lost:
                    break
                todo += instruction.jumps
                if not instruction.goes_on:
                    break
                at += instruction.size
        return values
