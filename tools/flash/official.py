"""What an official image of MicroPython holds: boot loader and app; and the boot loader for another size of flash. No I/O.

Two files are offered for each chip: ".bin" is a flash from its boot loader on (which lies at 0x1000 on an ESP32 or S2), and
".app-bin" is the app alone (reference/micropython-esp32.md §c). A dump of a whole flash is taken as well.
"""

import hashlib
import re
import struct
from collections import namedtuple

from tools.images import layout, runtime

# boot_loader: bytes, None in an .app-bin · data: the app image (bytes) · version: (1, 28, 0), None where there is none
Official = namedtuple("Official", ("chip", "boot_loader", "data", "version"))

BOOT_LOADER_AT = {"esp32": 0x1000, "esp32s2": 0x1000, "esp32s3": 0, "esp32c3": 0}
OLDEST = (1, 25)  # the firmware uses next(iterator, default), which 1.24 does not have
_SIZES = {1: 0, 2: 1, 4: 2, 8: 3, 16: 4, 32: 5}  # MB: the upper half of byte 3 in the header of an image
_M = 1024 * 1024
_SHA_BYTES = 32
_VERSION = re.compile(rb"v(\d{1,3})\.(\d{1,3})\.(\d{1,3})[-.\w]{0,40} on 20\d\d-\d\d-\d\d")


def read(data):
    """Return the Official in the bytes of a file. Raise ValueError in words when there is none, or a damaged one."""
    begin = _begin(data)
    rows = _table(data, begin)
    if rows is None:
        found = runtime.read(data)
        return Official(found.chip, None, found.data, version(found.data))
    loader = boot_loader(data[begin : begin + layout.TABLE_OFFSET])
    shift = BOOT_LOADER_AT[loader.chip] - begin  # from an address of the flash to one of the file, subtracted
    offset = next((row.offset for row in rows if row.type == layout.APP), None)
    if offset is None:
        raise ValueError("its flash map has no place for an app")
    try:
        found = runtime.read(data[offset - shift :])
    except ValueError as fault:
        raise ValueError(f"at {offset:#x}, where its flash map has the app: {fault}")
    if found.chip != loader.chip:
        raise ValueError(f"its boot loader is for {loader.chip}, its app for {found.chip}")
    return Official(loader.chip, loader.data, found.data, version(found.data))


def boot_loader(data):
    """Return the Runtime (chip, data) that a boot loader is, of bytes that begin with one. Raise ValueError in words without one.

    It is the same kind of image as an app.
    """
    try:
        return runtime.read(data)
    except ValueError as fault:
        raise ValueError(f"the boot loader: {fault}")


def version(image):
    """Return (major, minor, patch) of the MicroPython in an image, linked or official; None when there is none."""
    found = _VERSION.search(image)
    return tuple(map(int, found.groups())) if found else None


def revisions(image):
    """Return (least, most) revision of the chip for which an image was built, 100 for v1.0; (0, None) where it has no limit.

    ESP-IDF, esp_app_format.h: min_chip_rev_full and max_chip_rev_full. The boot loader refuses an app of another one.
    """
    least, most = struct.unpack_from("<HH", image, 15)
    return (least, None if most == 0xFFFF else most) if most else (0, None)


def for_flash(loader, flash_bytes):
    """Return the boot loader with `flash_bytes` in its header, and its SHA-256 made anew.

    It refuses a flash map that ends behind the size in its header. Raise ValueError for a size that the header cannot hold.
    """
    if flash_bytes % _M or flash_bytes // _M not in _SIZES:
        raise ValueError(f"a flash of {flash_bytes} bytes is none that a boot loader knows")
    head = bytearray(loader[:-_SHA_BYTES])
    head[3] = head[3] & 0x0F | _SIZES[flash_bytes // _M] << 4
    return bytes(head) + hashlib.sha256(head).digest()


def flash_bytes(loader):
    """Return how much flash the header of a boot loader names, in bytes; None for an unknown code."""
    return next((size * _M for size, code in _SIZES.items() if code == loader[3] >> 4), None)


def _begin(data):
    """Return where the boot loader would begin in the file: at 0, or behind the gap that a whole flash of an ESP32 has."""
    gap = BOOT_LOADER_AT["esp32"]
    return gap if data[:gap] == gap * b"\xff" else 0


def _table(data, begin):
    """Return the rows of the flash map, for a file whose boot loader begins at `begin`; None when there is none."""
    if len(data) < begin + 24 or data[begin] != 0xE9:
        return None
    at = BOOT_LOADER_AT.get(runtime.CHIPS.get(struct.unpack_from("<H", data, begin + 12)[0]))
    if at is None:
        return None
    offset = layout.TABLE_OFFSET - at + begin
    try:
        return layout.parsed(data[offset : offset + layout.TABLE_SIZE])
    except ValueError:
        return None
