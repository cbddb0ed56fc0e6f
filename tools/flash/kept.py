"""What --keep-settings reads from a board before it is written (files of vfs, NVS), and the file that holds it meanwhile.

The file is there from before the first write until the last one is verified, so that a pulled cable costs no settings. It
holds keys and tokens: only its owner may read it.
"""

import base64
import json
import os
from collections import namedtuple
from pathlib import Path

from littlefs import LittleFS, UserContext
from littlefs.errors import LittleFSError

from tools import Failure
from tools.images import layout

# nvs: bytes, or None where the board had none of that size · files: {path: bytes}
Kept = namedtuple("Kept", ("nvs", "files"))

# code: it is frozen into the image now, and an older copy must not survive on the file system
_OURS = ("boot.py", "main.py", "firmware/", "lib/")


class _Remote(UserContext):
    """The blocks of a file system on a board, each fetched once, when it is read. Nothing is ever written."""

    def __init__(self, read_block, block_size, block_count):
        super().__init__(0)
        self._read_block = read_block
        self._size = block_size
        self._count = block_count
        self._blocks = {}
        self.fault = None  # the library swallows exceptions: the first one is here

    def read(self, cfg, block, off, size):
        blank = bytearray(size)  # no file system has that, so a fault ends in an error of its own
        if self.fault is not None or block >= self._count:
            return blank
        if block not in self._blocks:
            try:
                self._blocks[block] = bytes(self._read_block(block * self._size, self._size))
            except Exception as fault:
                self.fault = fault
                return blank
        return bytearray(self._blocks[block][off : off + size])

    def prog(self, cfg, block, off, data):
        return -5

    def erase(self, cfg, block):
        return -5


def read(rows, flash_bytes, wanted_nvs, read_flash):
    """Return the Kept of a board with these rows. `read_flash(offset, size)` gives bytes; `wanted_nvs`: Row of the new NVS.

    Raise Failure when the files cannot be read.
    """
    offset, size = vfs_place(rows, flash_bytes)
    found = next((row for row in rows if row.label == "nvs"), None)
    same = found is not None and found.size == wanted_nvs.size
    return Kept(read_flash(found.offset, found.size) if same else None, files(offset, size, read_flash))


def vfs_place(rows, flash_bytes):
    """Return (offset, bytes) of the file system of a board with these rows.

    MicroPython's own images have no row for it: it is what the others leave (ports/esp32/modules/inisetup.py, _boot.py).
    """
    end = max(row.offset + row.size for row in rows)
    vfs = next((row for row in rows if row.label in ("vfs", "ffat")), None)
    return (vfs.offset, vfs.size) if vfs else (end, flash_bytes - end)


def files(offset, size, read_flash):
    """Return {path: bytes} of the LittleFS at `offset`, without code. Raise Failure when there is none."""
    count = size // layout.BLOCK
    context = _Remote(lambda at, length: read_flash(offset + at, length), layout.BLOCK, count)
    try:
        system = LittleFS(context, mount=False, block_size=layout.BLOCK, block_count=count)
        system.mount()
        paths = [f"{root}/{name}".lstrip("/") for root, _, names in system.walk("/") for name in names]
        made = {}
        for path in paths:
            if not path.startswith(_OURS):
                with system.open(path, "rb") as file:
                    made[path] = file.read()
    except (LittleFSError, UnicodeDecodeError):
        if context.fault is None:
            raise Failure(
                "the files of this board cannot be read, nothing was changed; without --keep-settings it begins blank"
            )
    if context.fault is not None:
        raise context.fault
    return made


def write(path, kept):
    """Write `kept` into the file `path`, readable for its owner alone."""
    content = json.dumps(
        {
            "nvs": None if kept.nvs is None else base64.b64encode(kept.nvs).decode(),
            "files": {name: base64.b64encode(data).decode() for name, data in kept.files.items()},
        }
    )
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(content)


def load(path):
    """Return the Kept in the file `path`. Raise Failure when there is none."""
    try:
        content = json.loads(Path(path).read_text(encoding="ascii"))
        nvs = None if content["nvs"] is None else base64.b64decode(content["nvs"], validate=True)
        return Kept(nvs, {name: base64.b64decode(data, validate=True) for name, data in content["files"].items()})
    except OSError as fault:
        raise Failure(f"{path}: {fault.strerror or fault}")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Failure(f"{path} is no file that --keep-settings left")
