"""Mounts an app image as boot.py does: `mount_app.py IMAGE PARTITION_BYTES [MODULE …]`; a JSON object tells what is in it.

What follows the image in its partition is rubbish here, as it is in a flash that held a larger one before.
"""

import json
import os
import sys
from binascii import hexlify
from hashlib import sha256

import vfs


class Flash:
    """A partition in memory, in blocks of `block` bytes; counts how far it is read, and writes."""

    def __init__(self, image, size, block):
        self._data = bytearray(b"\x5a" * size)
        self._data[: len(image)] = image
        self.block = block
        self.furthest = self.writes = 0

    def ioctl(self, command, _):
        return {4: len(self._data) // self.block, 5: self.block}.get(command, 0)

    def readblocks(self, block, buffer, offset=0):
        at = block * self.block + offset
        self.furthest = max(self.furthest, at + len(buffer))
        buffer[:] = self._data[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        self.writes += 1


def files(folder, found):
    """`found` with path → SHA-256 of everything below; the paths without the place where it is mounted."""
    for name, kind, *_ in os.ilistdir(folder):
        path = folder + "/" + name
        if kind == 0x4000:
            files(path, found)
        else:
            with open(path, "rb") as file:
                found[path.split("/", 2)[2]] = hexlify(sha256(file.read()).digest()).decode()
    return found


def refused():
    """Whether nothing can be written there."""
    try:
        with open("/app/new", "w") as file:
            file.write("x")
    except OSError:
        return True
    return False


def main(path, size, *modules):
    """None; prints the JSON object."""
    with open(path, "rb") as file:
        image = file.read()
    for block in (256, 512, 1024, 2048, 4096):
        flash = Flash(image, int(size), block)
        try:
            vfs.mount(vfs.VfsLfs2(flash), "/app", readonly=True)
            break
        except OSError:
            pass
    told = {"files": files("/app", {}), "refused": refused()}
    sys.path.insert(0, "/app")
    __import__("firmware")
    told["rooms"] = files("/rooms", {})
    for module in modules:
        __import__(module)
    told["from"] = {name: sys.modules[name].__file__ for name in sys.modules if "." in name}
    told.update({"furthest": flash.furthest, "writes": flash.writes, "block": flash.block})
    print(json.dumps(told))


main(*sys.argv[1:])
