"""What is done to a partition, block by block: write and read back, hash, copy, compare, measure an app image. No door.

The partitions come as arguments: whatever has the face of `esp32.Partition`. What takes long is a generator that yields
after every block; its value is what it returns.
"""

from binascii import hexlify
from hashlib import sha256
from struct import unpack_from

from micropython import const

BLOCK = 4096  # bytes: what the flash erases at once

_PIECE = const(512)
_HEAD = const(24)  # bytes of an image's header, and 8 of each segment's
_MAGIC = const(0xE9)
_MOST_SEGMENTS = const(16)
_DIGEST = const(32)


class BadFlash(Exception):
    """A block that does not keep what was written, tried twice. `args[0]` is its number in the partition."""


class Writer:
    """Writes a partition from its beginning, block by block; every block is read back. `written`: bytes so far."""

    def __init__(self, part):
        self._part = part
        self._back = memoryview(bytearray(_PIECE))
        self.size = part.info()[3]
        self.written = 0

    def resume(self, written):
        """Bytes, rounded down to a block: from there on it goes on. What lies before is taken for granted until it is hashed."""
        self.written = min(written, self.size) // BLOCK * BLOCK
        return self.written

    def write(self, data):
        """None; the next 1 … 4096 bytes are in the flash. Fewer than 4096: they are the last ones.

        ValueError for more than fits, or after the last ones; BadFlash when a block failed twice.
        """
        if not 0 < len(data) <= BLOCK or self.written % BLOCK:
            raise ValueError("not the next block")
        if self.written + len(data) > self.size:
            raise ValueError("more than the partition holds")
        block = self.written // BLOCK
        if not self._put(block, data) and not self._put(block, data):
            raise BadFlash(block)
        self.written += len(data)

    def _put(self, block, data):
        """True when `data` can be read back."""
        source = memoryview(data)
        try:
            self._part.ioctl(6, block)
            self._part.writeblocks(block, data, 0)
            for at in range(0, len(data), _PIECE):
                piece = source[at : at + _PIECE]
                back = self._back[: len(piece)]
                self._part.readblocks(block, back, at)
                if back != piece:
                    return False
        except OSError:
            return False
        return True


def digest(part, length):
    """Generator → the SHA-256, in hex, of a partition's first `length` bytes."""
    view = memoryview(bytearray(BLOCK))
    hashed = sha256()
    for block in range((length + BLOCK - 1) // BLOCK):
        piece = view[: min(BLOCK, length - block * BLOCK)]
        part.readblocks(block, piece, 0)
        hashed.update(piece)
        yield
    return hexlify(hashed.digest()).decode()


def image_length(part):
    """Bytes of the app image in a partition (esp_app_format.h): header, segments, padding, checksum, SHA-256. None: no image."""
    size = part.info()[3]
    head = bytearray(_HEAD)
    part.readblocks(0, head, 0)
    segments, hashed = head[1], head[_HEAD - 1]
    if head[0] != _MAGIC or not 0 < segments <= _MOST_SEGMENTS:
        return None
    at = _HEAD
    for _ in range(segments):
        if at + 8 > size:
            return None
        part.readblocks(at // BLOCK, memoryview(head)[:8], at % BLOCK)
        at += 8 + unpack_from("<I", head, 4)[0]
    at = (at + 16) // 16 * 16 + (_DIGEST if hashed == 1 else 0)
    return at if at <= size else None


def same_image(one, other):
    """Generator → True when both partitions hold the same app image, byte for byte."""
    length = image_length(one)
    if length is None or length != image_length(other):
        return False
    ours, others = memoryview(bytearray(_PIECE)), memoryview(bytearray(_PIECE))
    for at in range(0, length, _PIECE):
        many = min(_PIECE, length - at)
        one.readblocks(at // BLOCK, ours[:many], at % BLOCK)
        other.readblocks(at // BLOCK, others[:many], at % BLOCK)
        if ours[:many] != others[:many]:
            return False
        if at % BLOCK == 0:
            yield
    return True


def copy(part, writer, length):
    """Generator → `length`: so many bytes of a partition, through a Writer. BadFlash as the writer."""
    view = memoryview(bytearray(BLOCK))
    while writer.written < length:
        piece = view[: min(BLOCK, length - writer.written)]
        part.readblocks(writer.written // BLOCK, piece, 0)
        writer.write(piece)
        yield
    return length
