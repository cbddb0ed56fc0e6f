"""An image as the chip sees it: constant data (DROM) by address, and the code. Knows addresses, no structures of MicroPython."""

import struct

from tools.freeze import chips
from tools.freeze.unsupported import only, unsupported


class Memory:
    """The read-only data of an AppImage, `base` ≤ address < `end`, as bytes and as little-endian words; and its code segments."""

    def __init__(self, image):
        chip = self.chip = image.chip
        self.drom = only((s for s in image.segments if chips.within(s.address, chip.drom)), "segment of constant data")
        self.code = [s for s in image.segments if any(chips.within(s.address, r) for r in (chip.irom, chip.iram))]
        self._data = [s for s in image.segments if s not in self.code]
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
        """Return `size` bytes. Raise Failure where the data ends before."""
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
        return list(_places(self.drom, value))

    def is_in_data(self, value):
        """Return whether an aligned word of data, constant or copied to RAM, has this value."""
        return any(True for segment in self._data for _ in _places(segment, value))


def _places(segment, value):
    """Yield the aligned addresses of all words of this value in a segment."""
    word = struct.pack("<I", value)
    at = segment.data.find(word)
    while at >= 0:
        if (segment.address + at) % 4 == 0:
            yield segment.address + at
        at = segment.data.find(word, at + 1)
