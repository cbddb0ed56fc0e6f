"""Makes a new image out of the old one and a small file that says what differs, in pieces of any size. No I/O of its own.

The file (tools/images/patch.py makes it): "PAT1", the bytes of the old and of the new image (u32 each, little-endian), then
steps of 5 bytes: u16 count, u24 place. With the highest bit of the count so many new bytes follow; without it so many are
copied from that place of the old image. No step crosses a block of 4096 bytes of the new image. Nothing here is trusted: the
result is hashed by whoever asked for it.
"""

from struct import unpack_from

from micropython import const

MAGIC = b"PAT1"
BLOCK = const(4096)
NEW = const(0x8000)
_HEAD = const(12)
_STEP = const(5)


class Damaged(Exception):
    """This is no patch for these images."""


class Patch:
    """`read(at, buffer)` fills `buffer` from the old image of `old_size` bytes; `write(block)` takes the new one's blocks.

    `feed` the file from byte `start` on. After a cut call `begin`: then `start` is where the next block begins. `written`:
    bytes of the new image so far.
    """

    def __init__(self, read, old_size, write, size):
        self._read = read
        self._old_size = old_size
        self._write = write
        self._size = size
        self._block = memoryview(bytearray(BLOCK))
        self.start = 0
        self.written = 0
        self.begin()

    def begin(self):
        """None; what comes next is byte `start` of the file."""
        self._at = self.start  # in the file
        self._short = b""  # a head or a step that is not complete
        self._filled = 0  # of the block
        self._fresh = 0  # new bytes that are still to come

    def feed(self, data):
        """None; blocks that are complete were written. Damaged; what `read` and `write` raise."""
        view = memoryview(data)
        while len(view):
            many = self._take_fresh(view) if self._fresh else self._take_step(view)
            self._at += many
            view = view[many:]
            if self._filled and not self._fresh and self._filled == self._due():
                self._write(self._block[: self._filled])
                self.written += self._filled
                self._filled = 0
                self.start = self._at

    def _due(self):
        """Bytes of the block that is being made."""
        return min(BLOCK, self._size - self.written)

    def _take_fresh(self, view):
        many = min(self._fresh, len(view))
        self._block[self._filled : self._filled + many] = view[:many]
        self._filled += many
        self._fresh -= many
        return many

    def _take_step(self, view):
        """How many bytes of `view` belong to the head or step that is due; one that is complete is heeded."""
        wanted = _STEP if self.start else _HEAD
        many = min(wanted - len(self._short), len(view))
        self._short += bytes(view[:many])
        if len(self._short) == wanted:
            short, self._short = self._short, b""
            if self.start:
                self._heed(*unpack_from("<HHB", short))
            else:
                old_size, size = unpack_from("<II", short, 4)
                if short[:4] != MAGIC or old_size > self._old_size or size != self._size:
                    raise Damaged("it is for other images")
                self.start = _HEAD
        return many

    def _heed(self, count, low, high):
        many = count & (NEW - 1)
        if not 0 < many <= self._due() - self._filled:
            raise Damaged("a step over the end of a block")
        if count & NEW:
            self._fresh = many
            return
        at = low | high << 16
        if at + many > self._old_size:
            raise Damaged("a step behind the end of the old image")
        self._read(at, self._block[self._filled : self._filled + many])
        self._filled += many
