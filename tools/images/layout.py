"""Flash maps: which partition lies where, for each size of flash, as data; a new size is a row in _TABLES. No I/O.

Facts: DESIGN §3, reference/micropython-esp32.md §c. Each slot (`ota_0`, `ota_1`) holds one image: MicroPython with the firmware
frozen into it. `vfs` holds settings, journal and logs, no code; it has the type that the ESP32 port itself gives it. The
partition table lies at 0x8000, the second stage boot loader before it.
"""

import hashlib
import struct
from collections import namedtuple

Row = namedtuple("Row", ("label", "type", "subtype", "offset", "size"))

APP, DATA = 0, 1
NVS, OTADATA, PHY, FAT = 0x02, 0x00, 0x01, 0x81
OTA_0, OTA_1 = 0x10, 0x11

TABLE_OFFSET = 0x8000
TABLE_SIZE = 0xC00
BLOCK = 4096
_APP_ALIGNMENT = 0x10000  # the MMU maps a runtime in pages of this size
_FIRST = 0x9000  # behind the table's own sector
_K = 1024
_M = 1024 * _K

_HEAD = (
    Row("nvs", DATA, NVS, 0x9000, 0x4000),
    Row("otadata", DATA, OTADATA, 0xD000, 0x2000),
    Row("phy_init", DATA, PHY, 0xF000, 0x1000),
)


def _rows(slot, flash):
    """Return the rows for a flash of `flash` bytes: two slots of `slot` bytes, the rest for vfs."""
    ota_0 = 0x10000
    ota_1 = ota_0 + slot
    vfs = ota_1 + slot
    return (
        *_HEAD,
        Row("ota_0", APP, OTA_0, ota_0, slot),
        Row("ota_1", APP, OTA_1, ota_1, slot),
        Row("vfs", DATA, FAT, vfs, flash - vfs),
    )


# name: (bytes of flash, rows). `sim` is the simulator's, small because it is copied often.
_TABLES = {
    "4MB": (4 * _M, _rows(0x1F0000, 4 * _M)),
    "8MB": (8 * _M, _rows(0x2F0000, 8 * _M)),
    "16MB": (16 * _M, _rows(0x2F0000, 16 * _M)),
    "sim": (0x130000, _rows(0x80000, 0x130000)),
}
NAMES = tuple(_TABLES)


def table(name):
    """Return the rows of a layout, a list in the order of their offsets. Raise ValueError for a name that is not in NAMES."""
    return list(_known(name)[1])


def flash_size(name):
    """Return the bytes of flash that a layout is for. Raise ValueError for a name that is not in NAMES."""
    return _known(name)[0]


def _known(name):
    if name not in _TABLES:
        raise ValueError(f"there is no layout '{name}', only {', '.join(NAMES)}")
    return _TABLES[name]


def of_chip(chip, flash_bytes):
    """Return the name of the layout for a chip ("esp32", "esp32s3" …; "" is the simulator) with so much flash.

    Raise ValueError for less than 4 MB: two images do not fit.
    """
    if chip == "":
        return "sim"
    if flash_bytes >= 16 * _M:
        return "16MB"
    if flash_bytes >= 8 * _M:
        return "8MB"
    if flash_bytes >= 4 * _M:
        return "4MB"
    raise ValueError(f"{flash_bytes // _K} KB of flash are too few: updates need 4 MB")


def of_board(chip, flash_mb):
    """Return the name of the layout for a board with that chip and flash in MB, as its file in firmware/boards gives them."""
    return of_chip(chip, flash_mb * _M)


def row(rows, label):
    """Return the row with that label. Raise KeyError when there is none."""
    for one in rows:
        if one.label == label:
            return one
    raise KeyError(label)


def check(rows, flash_bytes):
    """Raise ValueError in words when rows overlap, are out of order or unaligned, share a label, or end behind the flash."""
    end, labels = _FIRST, set()
    for one in rows:
        name = one.label
        if not 0 < len(name.encode()) < 16:
            raise ValueError(f"a label has 1 to 15 bytes, '{name}' has not")
        if name in labels:
            raise ValueError(f"two rows are called {name}")
        labels.add(name)
        if one.offset < end:
            raise ValueError(f"{name} at {one.offset:#x} overlaps what ends at {end:#x}")
        alignment = _APP_ALIGNMENT if one.type == APP else BLOCK
        if one.offset % alignment or one.size % BLOCK or one.size <= 0:
            raise ValueError(f"{name} at {one.offset:#x} with {one.size:#x} bytes is not aligned")
        if (one.type, one.subtype) == (DATA, OTADATA) and one.size != 2 * BLOCK:
            raise ValueError(f"{name} must have {2 * BLOCK:#x} bytes, not {one.size:#x}")
        end = one.offset + one.size
    if end > flash_bytes:
        raise ValueError(f"the rows end at {end:#x}, the flash at {flash_bytes:#x}")
    if len(rows) * 32 + 32 > TABLE_SIZE:
        raise ValueError(f"{len(rows)} rows are too many for a table")


def binary(rows):
    """Return the table for the flash at TABLE_OFFSET, TABLE_SIZE bytes, the same that ESP-IDF's gen_esp32part makes."""
    lines = b"".join(
        struct.pack("<2sBBII16sI", b"\xaa\x50", one.type, one.subtype, one.offset, one.size, one.label.encode(), 0)
        for one in rows
    )
    digest = b"\xeb\xeb" + 14 * b"\xff" + hashlib.md5(lines, usedforsecurity=False).digest()
    return (lines + digest).ljust(TABLE_SIZE, b"\xff")


def parsed(data):
    """Return the rows of a table as `binary` makes it, a list. Raise ValueError when it is none, or damaged."""
    rows = []
    for at in range(0, min(len(data), TABLE_SIZE), 32):
        line = data[at : at + 32]
        if line[:2] == b"\xeb\xeb":
            if line[16:] != hashlib.md5(data[:at], usedforsecurity=False).digest():
                raise ValueError("the partition table is damaged")
            return rows
        if line[:2] != b"\xaa\x50" or len(line) < 32:
            break
        kind, subtype, offset, size, label = struct.unpack_from("<BBII16s", line, 2)
        rows.append(Row(label.rstrip(b"\0").decode("utf-8", "replace"), kind, subtype, offset, size))
    raise ValueError("there is no partition table")


def csv(rows):
    """Return the table as text for ESP-IDF's own tools: name, type, subtype, offset, size, flags; numbers in hexadecimal."""
    lines = ["# Name, Type, SubType, Offset, Size, Flags"]
    lines += [f"{one.label},{_TYPES[one.type]},{one.subtype:#x},{one.offset:#x},{one.size:#x}," for one in rows]
    return "\n".join(lines) + "\n"


_TYPES = {APP: "app", DATA: "data"}
