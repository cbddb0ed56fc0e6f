"""The file system of `vfs`: LittleFS as MicroPython itself formats it, with blocks as large as the flash erases. No I/O."""

from littlefs import LittleFS, UserContext
from littlefs.errors import LittleFSError

from tools import Failure
from tools.images.layout import BLOCK

_NO_SPACE = -28


class _Used(UserContext):
    """A partition in memory that knows its `last` used block."""

    last = 0

    def prog(self, cfg, block, off, data):
        self.last = max(self.last, block)
        return super().prog(cfg, block, off, data)


def image(files, size):
    """Return the file system (bytes) of `files` {path: bytes} for a partition of `size` bytes, up to its last used block.

    The same files give the same bytes. Raise Failure when they do not fit, or have no name that LittleFS takes.
    """
    context = _Used(size)
    system = LittleFS(context, block_size=BLOCK, block_count=size // BLOCK)
    try:
        for path in sorted(files):
            parent = path.rpartition("/")[0]
            if parent:
                system.makedirs(parent, exist_ok=True)
            with system.open(path, "wb") as file:
                file.write(files[path])
    except LittleFSError as fault:
        if fault.code != _NO_SPACE:
            # a name that is too long, or goes through a file
            raise Failure(f"vfs cannot take one of the files: {fault}")
        total = sum(map(len, files.values()))
        raise Failure(f"{len(files)} files with {total} bytes do not fit into the {size // 1024} KB of vfs")
    system.unmount()
    return bytes(context.buffer[: (context.last + 1) * BLOCK])
