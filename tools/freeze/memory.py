"""An image as the chip sees it: constant data (DROM) by address, and the code. Knows addresses, no structures of MicroPython."""

import struct

from tools.freeze import chips
from tools.freeze.unsupported import only, unsupported


class Memory:
    """The read-only data of an AppImage, `base` ≤ address < `end`, as bytes and as little-endian words; and its code segments."""

    def __init__(self, image):
        chip = self.chip = image.chip
        self.drom = only((s for s in image.segments if chips.within(s.address, chip.drom)), "segment of constant data")
        self.code = [
            s for s in image.segments if chips.within(s.address, chip.irom) or chips.within(s.address, chip.iram)
        ]
        self.base, self.data = self.drom
        self.end = self.base + len(self.data)
        if self.base % 4 or self.end % 4 or self.end > chip.drom[1]:
            raise unsupported("its constant data is not aligned")
        self.words = struct.unpack(f"<{len(self.data) // 4}I", self.data)

    def __contains__(self, address):
        return self.base <= address < self.end

    def word(self, address):
        """Return the word at an aligned address. Raise Failure outside of the data."""
        if address % 4 or address not in self:
            raise unsupported(f"no constant word at {address:#x}")
        return self.words[(address - self.base) // 4]

    def read(self, address, size):
        """Return `size` bytes. Raise Failure where that reaches out of the data."""
        at = address - self.base
        if at < 0 or at + size > len(self.data):
            raise unsupported(f"no constant data at {address:#x}")
        return self.data[at : at + size]

    def text(self, address):
        """Return the bytes of a string that ends with NUL. Raise Failure outside of the data."""
        at = address - self.base
        end = self.data.find(0, at) if at >= 0 else -1
        if end < 0:
            raise unsupported(f"no text at {address:#x}")
        return self.data[at:end]

    def places(self, value):
        """Return the aligned addresses of all constant words of this value."""
        return [self.base + at for at in aligned(self.data, struct.pack("<I", value))]


def aligned(data, word):
    """Yield the offsets, multiples of four, at which four bytes lie in `data`."""
    at = data.find(word)
    while at >= 0:
        if at % 4 == 0:
            yield at
        at = data.find(word, at + 1)
