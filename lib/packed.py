"""Many files in one, as a file system to import from: read only; each is unpacked while it is read. For `vfs.mount`.

The one file, all numbers little-endian: b"ROOMS" and u16 n; n rows of u32 crc32(path) and u32 place, in the order of the first;
at each place u8 length of the path, u8 kind, the path ("/lib/log.mpy"), and where the kind is 1 the file as a raw DEFLATE
stream (RFC 1951) with a window of 1 KB. Kind 0 is a folder.
"""

from binascii import crc32
from errno import ENOENT

from deflate import RAW, DeflateIO
from micropython import const

MAGIC = b"ROOMS"
_HEAD = const(7)
_ROW = const(8)
_WINDOW = const(10)  # bits
_FOLDER = const(0x4000)
_FILE = const(0x8000)
_READ_ONLY = const(30)  # EROFS


class Packed:
    """The file system in the file `path`. Its methods are what `vfs` asks for; OSError as of any other file system."""

    def __init__(self, path):
        """OSError when there is no such file, ValueError when it is another one."""
        self._path = path
        self._file = open(path, "rb")  # noqa: SIM115
        head = self._file.read(_HEAD)
        if head[:5] != MAGIC:
            raise ValueError("no packed rooms")
        self._count = head[5] | head[6] << 8

    def mount(self, readonly, mkfs):
        """None; nothing is to be done."""

    def _row(self, number):
        self._file.seek(_HEAD + number * _ROW)
        row = self._file.read(_ROW)
        return int.from_bytes(row[:4], "little"), int.from_bytes(row[4:], "little")

    def _at(self, place):
        """(kind, path) of what lies at a place; the file is read up to its data."""
        self._file.seek(place)
        length, kind = self._file.read(2)
        return kind, self._file.read(length).decode()

    def _find(self, path):
        """(kind, place of the data) of a path. OSError when there is none."""
        wanted, low, high = crc32(path.encode()), 0, self._count
        while low < high:
            middle = (low + high) // 2
            key, place = self._row(middle)
            if key == wanted:
                kind, name = self._at(place)
                if name == path:
                    return kind, place + 2 + len(name)
                break
            if key < wanted:
                low = middle + 1
            else:
                high = middle
        raise OSError(ENOENT)

    def stat(self, path):
        """What `os.stat` gives; the size is not known."""
        kind, _ = self._find(path)
        return (_FILE if kind else _FOLDER, 0, 0, 0, 0, 0, 0, 0, 0, 0)

    def open(self, path, mode):
        """A stream of what was packed."""
        kind, place = self._find(path)
        if not kind or "r" not in mode or "+" in mode:
            raise OSError(_READ_ONLY)
        file = open(self._path, "rb")  # noqa: SIM115
        file.seek(place)
        return DeflateIO(file, RAW, _WINDOW, True)

    def ilistdir(self, path):
        """(name, kind, 0) of everything in a folder. OSError when there is none."""
        if path != "/":
            self._find(path)
            path += "/"
        for number in range(self._count):
            kind, name = self._at(self._row(number)[1])
            if name.startswith(path) and "/" not in name[len(path) :]:
                yield name[len(path) :], _FILE if kind else _FOLDER, 0
