"""Memory as the chip sees it once an image is loaded: reading by address, with bounds. No meaning of what is read."""

import struct
from bisect import bisect_right
from itertools import pairwise

from tools import Failure
from tools.freeze.verify.chips import CODE, within


class Memory:
    """The bytes of an AppImage at their addresses. `base`, `end`: of DROM, where all constant data lies."""

    def __init__(self, image):
        self.chip = image.chip
        self.entry = image.entry
        self.regions = _regions(image.segments)
        self._starts = [start for start, _ in self.regions]
        self.base, self.drom = next(r for r in self.regions if within(r[0], image.chip.drom))
        self.end = self.base + len(self.drom)
        self.read_ranges = []  # of what was read by `take`, as (first, behind the last)

    def code(self):
        """Return the regions (start, bytes) that the processor may execute."""
        return [region for region in self.regions if within(region[0], CODE)]

    def region(self, address):
        """Return (start, bytes) of the region around `address`; None where nothing is loaded."""
        at = bisect_right(self._starts, address) - 1
        if at < 0 or address >= self.regions[at][0] + len(self.regions[at][1]):
            return None
        return self.regions[at]

    def word_anywhere(self, address):
        """Return the 32-bit word at `address` of any region; None where there is none."""
        found = self.region(address)
        if found is None or address - found[0] + 4 > len(found[1]):
            return None
        return struct.unpack_from("<I", found[1], address - found[0])[0]

    def words_of(self, value):
        """Return the addresses of all aligned words of this value, in all regions."""
        wanted, found = struct.pack("<I", value), []
        for start, data in self.regions:
            at = data.find(wanted)
            while at >= 0:
                if (start + at) % 4 == 0:
                    found.append(start + at)
                at = data.find(wanted, at + 1)
        return found

    def holds(self, address, align=1):
        """Return whether `address` is one of DROM, and aligned to `align` bytes."""
        return self.base <= address < self.end and address % align == 0

    def take(self, address, size, what, align=1):
        """Return `size` bytes of DROM. Raise Failure, naming `what`, where they leave it or are not aligned."""
        if address % align:
            raise Failure(f"{what} lies at {address:#x}, which is not aligned to {align} bytes")
        if not self.base <= address <= address + size <= self.end:
            raise Failure(
                f"{what} at {address:#x} ({size} bytes) does not lie in DROM ({self.base:#x} to {self.end:#x})"
            )
        self.read_ranges.append((address, address + size))
        return self.drom[address - self.base : address - self.base + size]

    def words(self, address, count, what):
        """Return a tuple of `count` words of DROM. Raise Failure as `take` does."""
        return struct.unpack(f"<{count}I", self.take(address, 4 * count, what, 4))

    def halves(self, address, count, what):
        """Return a tuple of `count` 16-bit numbers of DROM. Raise Failure as `take` does."""
        return struct.unpack(f"<{count}H", self.take(address, 2 * count, what, 2))

    def text(self, address, what):
        """Return the bytes up to the next NUL. Raise Failure when DROM ends before it."""
        if not self.holds(address):
            raise Failure(f"{what} at {address:#x} does not lie in DROM ({self.base:#x} to {self.end:#x})")
        end = self.drom.find(0, address - self.base)
        if end < 0:
            raise Failure(f"{what} at {address:#x} has no NUL behind it")
        return self.take(address, end + 1 - (address - self.base), what)[:-1]


def _regions(segments):
    """Return [(start, bytes)], sorted; what was split for the file's layout is one region again.

    Raise Failure for two segments at the same addresses.
    """
    parts = []
    for segment in sorted(segments, key=lambda segment: segment.address):
        if segment.data and parts and sum(map(len, parts[-1][1])) + parts[-1][0] == segment.address:
            parts[-1][1].append(segment.data)
        elif segment.data:
            parts.append((segment.address, [segment.data]))
    regions = [(start, b"".join(pieces)) for start, pieces in parts]
    for (start, data), (after, _) in pairwise(regions):
        if start + len(data) > after:
            raise Failure(f"two segments have bytes for {after:#x}")
    return regions
