"""Lines with a level, written as they come; the last of them can be asked for. No line may hold a token or a key."""

from struct import pack_into, unpack_from

from micropython import const

DEBUG = const(0)
INFO = const(1)
WARNING = const(2)
ERROR = const(3)

_NAMES = ("debug", "info", "warning", "error")
_KEPT = const(1536)  # bytes: some twenty-five lines of a device at work
_LONGEST = const(200)
_PLACE = const(30)  # characters; one byte of a record says how long it is
# a record: its bytes, level, bytes of its place, ms; then the place and the text, both in UTF-8
_HEAD = "<HBBQ"
_HEAD_BYTES = const(12)


class Log:
    """The last lines, in one piece of memory; `clock` gives milliseconds, `write` takes a finished line and never waits.

    `written` only grows with each line: a mark for `last`.
    """

    def __init__(self, clock, write, level=INFO):
        self._clock = clock
        self._write = write
        self.level = level
        self._ring = bytearray(_KEPT)  # whole records, the oldest first: where one leaves, the rest moves up
        self._view = memoryview(self._ring)
        self._used = 0
        self.written = 0  # bytes of all records since the start

    def line(self, level, place, text, quiet=False):
        """None; keeps and writes one line, cut at 200 characters; `quiet`: only keeps it. Below `self.level` nothing happens."""
        if level < self.level:
            return
        now = self._clock()
        data = _printable(text[:_LONGEST])
        self._keep(now, level, place[:_PLACE].encode(), data)
        if not quiet:
            self._write("[%d][%s][%s] %s" % (now, _NAMES[level], place, str(data, "utf-8")))

    def info(self, place, text):
        """None; a line for the course of things."""
        self.line(INFO, place, text)

    def warning(self, place, text):
        """None; a line for what was refused or will be tried again."""
        self.line(WARNING, place, text)

    def error(self, place, text):
        """None; a line for a fault."""
        self.line(ERROR, place, text)

    def last(self, since=0):
        """Yields the kept entries, oldest first: tuples (ms, level, place, text). `since`: what `written` was before them.

        Further lines may come meanwhile: they are not among them, and the entries that leave for them no more.
        """
        end = self.written
        while True:
            first = self.written - self._used
            since = max(since, first)
            if since >= end:
                return
            at = since - first
            size, level, place, ms = unpack_from(_HEAD, self._ring, at)
            since += size
            text = at + _HEAD_BYTES + place
            yield ms, level, _text(self._view[at + _HEAD_BYTES : text]), _text(self._view[text : at + size])

    def _keep(self, ms, level, place, data):
        """None; the oldest leave where there is no room. Without memory for a step the ring is as before it."""
        size = _HEAD_BYTES + len(place) + len(data)
        gone = 0
        while self._used - gone + size > _KEPT:
            gone += unpack_from("<H", self._ring, gone)[0]
        if gone:
            self._view[: self._used - gone] = self._view[gone : self._used]
            self._used -= gone
        at = self._used
        pack_into(_HEAD, self._ring, at, size, level, len(place), ms)
        text = at + _HEAD_BYTES + len(place)
        self._ring[at + _HEAD_BYTES : text] = place
        self._ring[text : at + size] = data
        self._used += size
        self.written += size


def _text(view):
    return str(view, "utf-8")


def _printable(text):
    """`text` in UTF-8, with "?" for each control character: names come from strangers, and a line must stay one line.

    Byte by byte: MicroPython keeps a letter that it was shown alone for ever, among its names. Behind 0x7f lies the second
    set of control characters: to a terminal 0x9b begins a command as well. Halves of surrogates are no text at all.
    """
    data = text.encode("utf-8", "surrogatepass")
    for byte in data:
        if byte < 0x20 or byte == 0x7F or byte == 0xC2 or byte == 0xED:
            break
    else:
        return data
    made = bytearray()
    left_out = 0
    for at, byte in enumerate(data):
        if left_out:
            left_out -= 1
            continue
        if byte == 0xC2 and data[at + 1] < 0xA0:
            left_out, byte = 1, 0x3F
        elif byte == 0xED and data[at + 1] >= 0xA0:
            left_out, byte = 2, 0x3F
        elif byte < 0x20 or byte == 0x7F:
            byte = 0x3F
        made.append(byte)
    return made
