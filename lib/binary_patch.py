"""Makes a new image out of the old one and a small file with the differences. No I/O: reading and writing are arguments.

The file (tools/images/patch.py makes it): a head of 44 bytes, "PAT2", the bytes of the old and of the new image (u32 each,
little-endian) and the old image's last 32 bytes (of an app image: its SHA-256); then units, each a u16 and as many bytes of
raw DEFLATE (RFC 1951, a window of 512 bytes). Each unit can be read without those before it, and holds steps to its end. A step
begins with a number, whose two lowest bits give its kind:

    COPY n     n bytes are copied, then a number m and m new bytes follow
    MOVE n     the place in the old image moves by n, then it goes on as COPY with another number
    ADD n      n bytes are copied; of the next two the u16 is larger by as much as last time
    STEP n     as ADD, by a number that follows

Old and new places go along together; at the beginning of a unit they are equal. Numbers have seven bits a byte, the lowest
first; of those that may be negative, n stands as 2n and -n as 2n - 1. In a linked image a change moves what lies behind it,
so that thousands of pointers differ by the same: these are ADDs.

Nothing here is trusted: the caller hashes the result.
"""

from io import BytesIO
from struct import unpack

from deflate import RAW, DeflateIO
from micropython import const

MAGIC = b"PAT2"
BLOCK = 4096
HEAD = 44
UNIT = 1024  # the most bytes of a unit: with more of them a patch would be smaller by 4 %
WINDOW_BITS = 9
COPY, MOVE, ADD, STEP = range(4)

_TAIL = const(32)
_AHEAD = const(128)
_MOST_BITS = const(28)


class Damaged(Exception):
    """The file is no patch for these images."""


class Patch:
    """`read(at, buffer)` fills `buffer` from the old image, `write(block)` takes the new one's blocks; bytes of both at most.

    `written`: bytes of the new image so far. `start`: the byte of the file with which it goes on, also after a cut, behind
    `begin`. `point`: (bytes written, byte of the file) with which another Patch can go on, behind `resume`.
    """

    def __init__(self, read, old_size, write, size):
        self._read = read
        self._old_size = old_size
        self._write = write
        self._size = size
        self._block = memoryview(bytearray(BLOCK))
        self._unit = BytesIO(bytes(UNIT))
        self._ahead = bytearray(_AHEAD)  # of what comes out of a unit
        self._stream = None
        self._at = self._end = 0  # in it
        self._shift = 0  # the place in the old image less the one in the new image
        self._ready = 0  # so far the block holds what lies at that place
        self._filled = 0  # of the block
        self.resume(0, 0)

    def resume(self, written, start):
        """Continue where another Patch was: `point`."""
        self.written, self.start = self.point = written, start
        self.begin()

    def begin(self):
        """Expect byte `start` of the file next."""
        self._await(2 if self.start else HEAD)
        self._has_length = False

    def _await(self, many):
        self._unit.seek(0)
        self._wanted = self._missing = many

    def feed(self, data):
        """Return a generator: it takes the next bytes of the file and yields after every block that it has written.

        Raise Damaged, and what `read` and `write` raise.
        """
        view = memoryview(data)
        while len(view):
            many = min(self._missing, len(view))
            self._unit.write(view[:many])
            self._missing -= many
            view = view[many:]
            if self._missing:
                continue
            self._unit.seek(0)
            if not self.start:
                self._check_head(self._unit.read(HEAD))
            elif not self._has_length:
                self._expect_unit(self._unit.read(2))
            else:
                yield from self._applied()
                self._note(2 + self._wanted)

    def _check_head(self, head):
        magic, old_size, size, tail = unpack("<4sII32s", head)
        if magic != MAGIC or size != self._size or not _TAIL <= old_size <= self._old_size:
            raise Damaged("it is for other images")
        there = bytearray(_TAIL)
        self._read(old_size - _TAIL, there)
        if there != tail:
            raise Damaged("it is for another image than the one that is here")
        self._old_size = old_size
        self._note(HEAD)

    def _expect_unit(self, head):
        length = unpack("<H", head)[0]
        if not 0 < length <= UNIT:
            raise Damaged("a unit of %d bytes" % length)
        self._has_length = True
        self._await(length)

    def _note(self, taken):
        """Count `taken` more bytes of the file as done."""
        self.start += taken
        if not self._filled:
            self.point = self.written, self.start
        self.begin()

    @property
    def done(self):
        """Return whether the new image is complete."""
        return self.written == self._size

    # --- the steps of a unit

    def _applied(self):
        """Yield after every block while the unit's steps are carried out."""
        self._stream = None
        self._at = self._end = self._shift = self._ready = step = 0
        while self._has_more():
            many = self._number()
            kind, many = many & 3, many >> 2
            fresh = 0
            if kind == MOVE:
                self._shift += _signed(many)
                self._ready = 0
                many = self._number()
            elif kind == STEP:
                step = _signed(self._number())
            if kind <= MOVE:
                fresh = self._number()
                if not many and not fresh:
                    raise Damaged("a step that does nothing")
            while many:
                many -= self._copied(many)
                if self._is_flushed():
                    yield
            while fresh:
                fresh -= self._taken(fresh)
                if self._is_flushed():
                    yield
            if kind >= ADD:
                self._add(step)
                if self._is_flushed():
                    yield
        self._stream = None  # its window is free for the next one's

    def _is_flushed(self):
        """Return True when the block was full, and is written."""
        if self._filled < min(BLOCK, self._size - self.written):
            return False
        self._write(self._block[: self._filled])
        self.written += self._filled
        self._filled = self._ready = 0
        return True

    def _space(self, many):
        """Return how many of `many` bytes the block takes."""
        space = min(many, BLOCK - self._filled, self._size - self.written - self._filled)
        if not space:
            raise Damaged("more than the new image has")
        return space

    def _copied(self, many):
        """Return how many of `many` bytes of the old image are in the block."""
        many = self._space(many)
        if self._ready < self._filled + many:
            at = self.written + self._filled + self._shift
            there = min(BLOCK - self._filled, self._old_size - at)
            if at < 0 or many > there:
                raise Damaged("a place outside of the old image")
            self._ready = self._filled + there
            self._read(at, self._block[self._filled : self._ready])
        self._filled += many
        return many

    def _add(self, step):
        if self._copied(2) < 2:
            raise Damaged("a step over the end of a block")
        block, at = self._block, self._filled - 2
        value = (block[at] | block[at + 1] << 8) + step
        block[at] = value & 0xFF
        block[at + 1] = value >> 8 & 0xFF

    def _taken(self, many):
        """Return how many of `many` new bytes are in the block."""
        many = self._space(many)
        if self._has_more():
            many = min(many, self._end - self._at)
            self._block[self._filled : self._filled + many] = memoryview(self._ahead)[self._at : self._at + many]
            self._at += many
            self._filled += many
            return many
        raise Damaged("a unit that ends within a step")

    # --- the bytes of a unit

    def _has_more(self):
        """Return False at the end of the unit."""
        if self._at == self._end:
            try:
                if not self._stream:
                    self._stream = DeflateIO(self._unit, RAW, WINDOW_BITS)
                self._end = self._stream.readinto(self._ahead)
            except (OSError, EOFError):
                raise Damaged("a unit that cannot be unpacked")
            self._at = 0
        return self._at < self._end

    def _number(self):
        value = bits = 0
        while self._has_more() and bits < _MOST_BITS:
            byte = self._ahead[self._at]
            self._at += 1
            value |= (byte & 0x7F) << bits
            if byte < 0x80:
                return value
            bits += 7
        raise Damaged("a number that does not end")


def _signed(number):
    return -(number >> 1) - 1 if number & 1 else number >> 1
