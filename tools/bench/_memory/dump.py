"""Reads a dump of MicroPython's heap (64-bit words, blocks of 32 bytes) as the probe shows it. No I/O.

Sources: py/gc.c (map of blocks as `micropython.mem_info(1)` prints it), py/obj*.h, py/qstr.h.
"""

import re
import struct

BLOCK = 32  # bytes
WORD = 8
_ROW = re.compile(r"([0-9a-f]{8}): (\S+)")
_START = re.compile(r"GC memory layout; from ([0-9a-f]+):")
_NAMED = re.compile(r"PROBE (type|module|class) (\d+) (.*)")


def start_of(lines):
    """Return the address at which the heap begins, by the last map in `lines`."""
    return int([match[1] for match in map(_START.match, lines) if match][-1], 16)


class Dump:
    """A heap: `lines` are what the device printed, the last map among them; `data` are the heap's bytes.

    `pieces`: {address: bytes} of what is allocated. `types`, `modules`, `classes`: {address: name}.
    """

    def __init__(self, lines, data):
        self._data = data
        self.start = start_of(lines)
        self.types, self.modules, self.classes = {}, {}, {}
        tables = {"type": self.types, "module": self.modules, "class": self.classes}
        for match in filter(None, map(_NAMED.match, lines)):
            tables[match[1]][int(match[2])] = match[3]
        self.pieces = _pieces(self.start, _map(lines, len(data)))

    def word(self, address, number=0):
        """Return the word `number` of what lies at `address`."""
        return struct.unpack_from("<Q", self._data, address - self.start + number * WORD)[0]

    def words(self, address):
        """Return all words of a piece: a tuple."""
        return struct.unpack_from(f"<{self.pieces[address] // WORD}Q", self._data, address - self.start)

    def kind(self, address):
        """Return the name of the object's type ("str", "function", …), "" for what is no object of those types."""
        return self.types.get(self.word(address), "")

    def bytes_at(self, address, size):
        """Return `size` bytes, None where they lie outside of the heap."""
        at = address - self.start
        return self._data[at : at + size] if 0 <= at < len(self._data) else None

    def items(self, table):
        """Return [(key, value)] of a dict's table (words)."""
        if table not in self.pieces:
            return []
        words = self.words(table)
        return list(zip(words[::2], words[1::2]))


def _map(lines, size):
    """Return one letter for each block: "." for a free one, "=" for one that goes on, else the head of a piece."""
    letters = bytearray(b"." * (size // BLOCK))
    last = max(number for number, line in enumerate(lines) if _START.match(line))
    for match in filter(None, map(_ROW.fullmatch, lines[last + 1 :])):
        at = int(match[1], 16) // BLOCK
        letters[at : at + len(match[2])] = match[2].encode()
    return letters


def _pieces(start, letters):
    found, head = {}, None
    for number, letter in enumerate(letters):
        if letter == ord("."):
            head = None
        elif letter == ord("=") and head is not None:
            found[head] += BLOCK
        elif letter != ord("="):
            head = start + number * BLOCK
            found[head] = BLOCK
    return found
