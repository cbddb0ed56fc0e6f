"""What is done to a partition block by block: write and read back, hash. No wrapper of hardware: the partition is an argument.

It is whatever has the methods of `esp32.Partition`.
"""

from binascii import hexlify
from hashlib import sha256

from micropython import const

BLOCK = 4096  # bytes: what the flash erases at once

_PIECE = const(512)


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
        """Continue behind `written` bytes, rounded down to a block. What lies before is not trusted until it is hashed."""
        self.written = min(written, self.size) // BLOCK * BLOCK

    def write(self, data):
        """Put the next 1 … 4096 bytes into the flash. Fewer than 4096: they are the last ones.

        Raise ValueError for more than fits, or after the last ones; BadFlash when a block failed twice.
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
        """Return True when `data` can be read back."""
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
    """Return a generator → the SHA-256, in hex, of a partition's first `length` bytes; it yields after every block."""
    view = memoryview(bytearray(BLOCK))
    hashed = sha256()
    for block in range((length + BLOCK - 1) // BLOCK):
        piece = view[: min(BLOCK, length - block * BLOCK)]
        part.readblocks(block, piece, 0)
        hashed.update(piece)
        yield
    return hexlify(hashed.digest()).decode()
