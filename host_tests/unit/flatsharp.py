"""Writes FlatBuffers as the real gateway does (reference/openshock-api.md §d.2), which no other serializer does.

Tables lie front to back, each with its vtable behind it; equal vtables are shared, so an offset to one may point either way;
defaults are left out, the padding holds whatever was in memory before, and the end comes where the last byte is.
"""

import struct

_DIRT = 0xA5
_SIZES = {"B": 1, "H": 2, "i": 4, "I": 4, "f": 4, "Q": 8, "s": 4, "t": 4, "l": 4}


class Writer:
    """`message(fields)`: as lib/flatbuffers.py's, with one kind more: "l" and a list of tables' fields."""

    def __init__(self, share=True):
        self.share = share
        self.out = bytearray()
        self.vtables = {}

    def message(self, fields):
        """The bytes; may end at an odd length."""
        self.out = bytearray(4)
        self.vtables = {}
        self._refer(0, self._table(fields))
        return bytes(self.out)

    def _refer(self, at, target):
        struct.pack_into("<I", self.out, at, target - at)

    def _pad(self, step, offset=0):
        while (len(self.out) + offset) % step:
            self.out.append(_DIRT)

    def _table(self, fields):
        present = [slot for slot, field in enumerate(fields) if _is_there(field)]
        places, size = {}, 4
        for slot in present:
            width = _SIZES[fields[slot][0]]
            size += -size % width
            places[slot] = size
            size += width
        self._pad(8 if any([fields[slot][0] == "Q" for slot in present]) else 4)
        at = len(self.out)
        self.out.extend(bytes([_DIRT]) * size)
        for slot in present:
            kind, value = fields[slot]
            if kind not in "stl":
                struct.pack_into("<" + kind, self.out, at + places[slot], value)
        struct.pack_into("<i", self.out, at, at - self._vtable(places, size))
        for slot in present:
            kind, value = fields[slot]
            write = {"s": self._text, "t": self._table, "l": self._list}.get(kind)
            if write:
                self._refer(at + places[slot], write(value))
        return at

    def _vtable(self, places, size):
        slots = max(places) + 1 if places else 0
        vtable = struct.pack("<HH", 4 + 2 * slots, size)
        vtable += b"".join([struct.pack("<H", places.get(slot, 0)) for slot in range(slots)])
        if vtable not in self.vtables or not self.share:
            self._pad(2)
            self.vtables[vtable] = len(self.out)
            self.out.extend(vtable)
        return self.vtables[vtable]

    def _text(self, text):
        text = text.encode()
        self._pad(4)
        at = len(self.out)
        self.out.extend(struct.pack("<I", len(text)) + text + b"\0")
        return at

    def _list(self, tables):
        self._pad(4)
        at = len(self.out)
        self.out.extend(struct.pack("<I", len(tables)) + bytes(4 * len(tables)))
        for number, fields in enumerate(tables):
            self._refer(at + 4 + 4 * number, self._table(fields))
        return at


def _is_there(field):
    return bool(field) and field[1] is not None and (field[0] in "stl" or field[1] != 0)


# what a gateway sends


def ping(unix_ms, writer=None):
    """A Ping."""
    return (writer or Writer()).message((("B", 1), ("t", (("Q", unix_ms),))))


def trigger(number, writer=None):
    """A Trigger."""
    return (writer or Writer()).message((("B", 2), ("t", (("B", number),))))


def commands(entries, writer=None):
    """A ShockerCommandList of (model, RF id, type, intensity, duration in ms)."""
    tables = [tuple(zip("BHBBH", entry)) for entry in entries]
    return (writer or Writer()).message((("B", 3), ("t", (("l", tables),))))


def update_request(major, minor, patch, before=None, build=None, writer=None):
    """An OtaUpdateRequest."""
    version = ("H", major), ("H", minor), ("H", patch), ("s", before), ("s", build)
    return (writer or Writer()).message((("B", 4), ("t", (("t", version),))))
