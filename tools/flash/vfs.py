"""The file system of `vfs`: LittleFS as MicroPython itself formats it, with blocks as large as the flash erases. No I/O."""

from littlefs import LittleFS
from littlefs.errors import LittleFSError

from tools import Failure, filesystem
from tools.layout import BLOCK

_NO_SPACE = -28


def image(files, size):
    """Return the file system (bytes) of `files` {path: bytes} for a partition of `size` bytes, up to its last used block.

    The same files give the same bytes. Failure when they do not fit, or have no name that LittleFS takes.
    """
    context = filesystem.Used(size)
    system = LittleFS(context, block_size=BLOCK, block_count=size // BLOCK)
    try:
        filesystem.put(system, files)
    except LittleFSError as fault:
        if fault.code != _NO_SPACE:
            raise Failure(
                f"vfs cannot take one of the files: {fault}"
            )  # a name that is too long, or goes through a file
        total = sum(map(len, files.values()))
        raise Failure(f"{len(files)} files with {total} bytes do not fit into the {size // 1024} KB of vfs")
    system.unmount()
    return bytes(context.buffer[: (context.last + 1) * BLOCK])
