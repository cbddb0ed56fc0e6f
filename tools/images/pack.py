"""Packs files into a LittleFS image for a partition, as MicroPython's VfsLfs2 mounts it; only the blocks in use are there.

Blocks are small (BLOCK): a file takes whole ones, and most of ours are small. The flash erases 4 096 bytes at once, but
nobody writes here. boot.py reads the size of blocks from the image.
"""

import zlib

from littlefs import LittleFS, UserContext
from littlefs.errors import LittleFSError

from tools import Failure, filesystem

BLOCK = 256
SECTOR = 4096  # an image ends at such a bound
_NO_SPACE = -28


def image(files, size):
    """The image (bytes) of `files` {path: bytes} for a partition of `size` bytes; the same for the same files.

    Its superblock says `size`, but it is shorter: what follows is never read. Failure when the partition is too small.
    """
    most = size // BLOCK
    filled = _filled(files, size, most)
    if filled is None:
        total = sum(map(len, files.values()))
        raise Failure(f"{len(files)} files with {total} bytes do not fit into a partition of {size // 1024} KB")
    least = filled[0].used_block_count
    for more in range(most - least):
        filled = _filled(files, size, least + more)
        if filled is not None:
            break
    system, context = filled
    count = system.block_count
    if count < most:
        system.fs_grow(most)
    system.unmount()
    return bytes(context.buffer[: -(-count * BLOCK // SECTOR) * SECTOR])


def _filled(files, size, count):
    """(LittleFS, UserContext) of a file system with `count` blocks and these files in it; None when they do not fit."""
    context = UserContext(size)
    try:
        system = LittleFS(context, block_size=BLOCK, block_count=count, read_size=16, prog_size=16, cache_size=BLOCK)
        filesystem.put(system, files, _scattered)
    except LittleFSError as fault:
        if fault.code != _NO_SPACE:
            raise
        return None
    return system, context


def _scattered(path):
    """Files in the order of their names would leave every block of a directory half full."""
    return zlib.crc32(path.encode()), path
