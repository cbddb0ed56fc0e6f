"""Packs the compiled rooms of an image into one file, which lib/packed.py reads; the rest stays files of their own. No I/O.

A file of its own costs a LittleFS half a block and, in directories that it keeps twice and half empty, as much again: with
some hundred small files that was a quarter of the image. Each room is packed by itself, as each is loaded by itself.
"""

import struct
import zlib

from tools.environment import ROOT
from tools.images import content

ROOMS = "rooms"
DOOR = "firmware/__init__.mpy"
_READER = "lib/packed.py"
_WINDOW = 10  # bits: what a board has left while it loads a room
# what the package `firmware` does when it is imported, which main.py does first
_MOUNT = """
import sys
import vfs

vfs.mount(Packed(__file__.rpartition("/firmware/")[0] + "/rooms"), "/rooms")
sys.path.insert(0, "/rooms")
__path__ = "/rooms/firmware"
"""


def packed(files, architecture):
    """{path: bytes} for the image, of {path: bytes}: the compiled rooms are in ROOMS, and DOOR opens them."""
    rooms = {path: data for path, data in files.items() if path.endswith(".mpy")}
    rest = {path: data for path, data in files.items() if path not in rooms}
    rooms.pop(_READER.replace(".py", ".mpy"), None)  # it is in DOOR
    source = (ROOT / _READER).read_text(encoding="utf-8") + _MOUNT
    return {**rest, ROOMS: archive(rooms), DOOR: content.compiled(DOOR.replace(".mpy", ".py"), source, architecture)}


def archive(rooms):
    """The file (bytes) that holds all of {path: bytes}. ValueError when two paths have the same sum."""
    folders = {parent for path in rooms for parent in _parents(path)}
    paths = {"/" + path: 1 for path in rooms} | {"/" + path: 0 for path in folders}
    sums = {path: zlib.crc32(path.encode()) for path in paths}
    if len(set(sums.values())) != len(sums):
        raise ValueError("two paths with the same sum")
    head = b"ROOMS" + struct.pack("<H", len(paths))
    at, rows, data = len(head) + 8 * len(paths), {}, b""
    for path, kind in sorted(paths.items()):
        rows[path] = at + len(data)
        name = path.encode()
        data += bytes((len(name), kind)) + name + (_squeezed(rooms[path[1:]]) if kind else b"")
    table = b"".join(struct.pack("<II", sums[path], rows[path]) for path in sorted(rows, key=sums.get))
    return head + table + data


def _squeezed(data):
    made = zlib.compressobj(9, zlib.DEFLATED, -_WINDOW, 9)
    return made.compress(data) + made.flush()


def _parents(path):
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path
