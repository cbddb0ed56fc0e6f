"""The small part of FlatBuffers that a gateway needs, without I/O: tables with scalars, texts, tables and lists of tables.

What is read comes from outside, so every offset is checked before it is followed, and nothing is assumed of the order in
which tables, their vtables and their padding lie: FlatSharp writes a vtable behind its table and shares it among equal
tables, flatc writes it before. Layout: https://flatbuffers.dev/internals, reference/openshock-api.md §d.2.
"""

from struct import calcsize, pack_into, unpack_from

from micropython import const

from lib.strict_utf8 import is_utf8

_MOST = const(4096)  # bytes of a buffer that is looked at
_VTABLE = const(4)  # bytes of a vtable before its first slot, and of a table before its first field


class Bad(Exception):
    """The buffer breaks a rule of the format, or holds something else than was asked for; the text names it."""


def root(data):
    """Return the Table that the buffer `data` (bytes-like) holds. Raise Bad when there is none, or the buffer is above 4 KB."""
    if len(data) > _MOST:
        raise Bad("a buffer above 4 KB")
    return Table(data, _follow(data, 0))


def _number(data, at, kind):
    """Return the number at `at`: the only way to the bytes, so nothing outside of them is ever read. Raise Bad."""
    if not 0 <= at <= len(data) - calcsize(kind):
        raise Bad("an offset that leads outside")
    return unpack_from(kind, data, at)[0]


def _follow(data, at):
    """Return where the offset at `at` leads to: always forward. Raise Bad."""
    step = _number(data, at, "<I")
    if not step:
        raise Bad("an offset that leads to itself")
    return at + step


class Table:
    """The table at `at`, its head checked. A slot that is absent reads as its default, as one behind the vtable does.

    What a slot holds is for the caller to know; one that cannot hold it is Bad.
    """

    def __init__(self, data, at):
        self._data = data
        self._at = at
        self._vtable = at - _number(data, at, "<i")
        self._slots = _number(data, self._vtable, "<H") - _VTABLE  # bytes of the slots
        self._size = _number(data, self._vtable + 2, "<H")  # bytes of the table
        if self._slots < 0 or self._slots & 1 or self._vtable + _VTABLE + self._slots > len(data):
            raise Bad("a vtable of a wrong size")
        if self._size < _VTABLE or at + self._size > len(data):
            raise Bad("a table of a wrong size")

    def _field(self, slot, size):
        """Return where the field of `size` bytes begins, 0 when it is absent."""
        if 2 * slot >= self._slots:
            return 0
        offset = _number(self._data, self._vtable + _VTABLE + 2 * slot, "<H")
        if not offset:
            return 0
        if not _VTABLE <= offset <= self._size - size:
            raise Bad("a field outside of its table")
        return self._at + offset

    def number(self, slot, kind):
        """Return the number in that slot, 0 when it is absent; `kind` is a letter of struct: B, H, I, Q, b, h, i, q, f or d."""
        kind = "<" + kind
        at = self._field(slot, calcsize(kind))
        return _number(self._data, at, kind) if at else 0

    def _target(self, slot):
        """Return where the offset in that slot leads to, 0 when it is absent."""
        at = self._field(slot, 4)
        return _follow(self._data, at) if at else 0

    def table(self, slot):
        """Return the Table in that slot, or None."""
        at = self._target(slot)
        return Table(self._data, at) if at else None

    def text(self, slot):
        """Return the str in that slot, or None. Raise Bad when it is not UTF-8."""
        at = self._target(slot)
        if not at:
            return None
        end = at + 4 + _number(self._data, at, "<I")
        if end > len(self._data):
            raise Bad("a text that ends outside")
        text = bytes(self._data[at + 4 : end])
        if not is_utf8(text):
            raise Bad("a text that is not UTF-8")
        return text.decode()

    def tables(self, slot, most):
        """Return a list of the Tables in that slot, empty when it is absent. Raise Bad above `most`: offsets may share a table."""
        at = self._target(slot)
        if not at:
            return []
        count = _number(self._data, at, "<I")
        if count > most:
            raise Bad("a list of more than %d tables" % most)
        data = self._data
        return [Table(data, _follow(data, place)) for place in range(at + 4, at + 4 + 4 * count, 4)]


def message(fields):
    """Return the buffer (bytes) whose root table has these `fields`.

    A field is (kind, value), its slot is its place: a letter of struct and a number, "s" and a str, "t" and the fields of a
    table. None, in place of a field or as its value, and numbers that are 0 are left out: readers take the default.
    """
    out = bytearray(4)
    _refer(out, 0, _write(out, fields))
    return bytes(out)


def _refer(out, at, target):
    pack_into("<I", out, at, target - at)


def _write(out, fields):
    """Return where the table begins that is now at the end of `out`, its vtable before it, what it refers to behind it."""
    present = []
    slots = 0
    for slot, field in enumerate(fields):
        if field and field[1] is not None and (field[0] in "st" or field[1]):
            present.append((_width(field[0]), slot))
            slots = slot + 1
    present.sort(reverse=True)  # the widest first, so that no gaps come between them
    vtable = len(out) + (len(out) & 1)
    # the first field lies 4 bytes behind the beginning of the table: that is where the widest must be aligned
    at = vtable + _VTABLE + 2 * slots
    at += -(at + 4) % max(present[0][0] if present else 4, 4)
    size = 4 + sum([width for width, _ in present])
    out.extend(bytes(at + size - len(out)))
    pack_into("<HH", out, vtable, _VTABLE + 2 * slots, size)
    pack_into("<i", out, at, at - vtable)
    place = at + 4
    for width, slot in present:
        kind, value = fields[slot]
        pack_into("<H", out, vtable + _VTABLE + 2 * slot, place - at)
        if kind == "s":
            _refer(out, place, _text(out, value))
        elif kind == "t":
            _refer(out, place, _write(out, value))
        else:
            pack_into("<" + kind, out, place, value)
        place += width
    return at


def _width(kind):
    return 4 if kind in "st" else calcsize("<" + kind)


def _text(out, text):
    """Return where the text begins that is now at the end of `out`: its length in bytes, UTF-8, a zero."""
    text = text.encode()
    out.extend(bytes(-len(out) % 4))
    at = len(out)
    out.extend(len(text).to_bytes(4, "little") + text + b"\0")
    return at
