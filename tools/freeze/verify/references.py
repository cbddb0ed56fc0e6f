"""What code refers to, in one form for both instruction sets: which number an instruction makes, and where that is written.

`read(memory)` walks an image's code; xtensa.py and riscv.py do it. Nothing here knows what a number means.
"""

from bisect import bisect_right
from collections import defaultdict, namedtuple

from tools.freeze.verify import riscv, xtensa

# value: the number, an address mostly · by: the use, an address or a pair of addresses (RISC-V: lui, and what completes it)
# · held_at, size: the bytes that change when the number does: a literal word, or an instruction
Reference = namedtuple("Reference", ("value", "by", "held_at", "size"))


class References:
    """All References of an image's code.

    all: list of them · functions: sorted addresses at which functions start, by calls and
    pointers · covers(address, size): whether an instruction that is executed, or a literal that is loaded, has any of these bytes
    · unclear(value): addresses of instructions that may be a part of that number, and that nothing is seen to complete.
    """

    def __init__(self, walk):
        self.all = found = [Reference(*one) for one in walk.found]
        self.functions = sorted(walk.functions)
        self.covers, self.unclear = walk.covers, walk.unclear
        self._constants = walk.constants
        self._by_value = defaultdict(list)
        for reference in found:
            self._by_value[reference.value].append(reference)

    def of(self, value):
        """Return the References that make this number."""
        return self._by_value.get(value, [])

    def values(self):
        """Return all numbers that the code makes so."""
        return self._by_value.keys()

    def function(self, reference):
        """Return the start of the function that `reference` is in; None before the first."""
        use = reference.by if isinstance(reference.by, int) else reference.by[0]
        at = bisect_right(self.functions, use) - 1
        return self.functions[at] if at >= 0 else None

    def constants(self, start):
        """Return the numbers that the function at `start` makes without an address: [Reference]."""
        at = bisect_right(self.functions, start)
        end = self.functions[at] if at < len(self.functions) else start + 0x10000
        return [Reference(*found) for found in self._constants(start, end)]


def read(memory):
    """Return the References of the code in `memory`, found by the flow of control from where execution can begin."""
    return References(xtensa.Walk(memory) if memory.chip.xtensa else riscv.Sweep(memory))


def again(reference, official, linked):
    """Return (the number that the same use makes in the Memory `linked`, where it is held); None when it is no such use there.

    `reference` is one of the Memory `official`; all code of both is known to be the same, but for what holds such numbers.
    """
    return (xtensa if official.chip.xtensa else riscv).again(reference, official, linked)
