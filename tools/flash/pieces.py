"""What goes where on the flash: the pieces of one board, whether they fit, and how a person would write them by hand. No I/O.

The order is that of writing. Everything outside the pieces stays as it was, but for vfs, which is erased before.
"""

from collections import namedtuple

from tools import Failure
from tools.flash import official, vfs
from tools.images import layout

# name: for people · file: of the folder that --dry-run writes · space: how many bytes its place on the flash has
Piece = namedtuple("Piece", ("name", "file", "offset", "data", "space"))

_NAMES = {
    "nvs": "small numbers (NVS)",
    "otadata": "which slot starts",
    "phy_init": "radio calibration",
    "ota_0": "MicroPython and firmware",
    "vfs": "settings",
}
IMAGE_FILE = "image.bin"
_BLANK = {"nvs", "otadata", "phy_init"}


def every(rows, chip, flash_bytes, parts):
    """Return the Pieces of a board, in the order in which they are written. Raise Failure in words when one does not fit.

    `parts`: {"boot": boot loader, "ota_0": app image (bytes), "vfs": {path: bytes}, perhaps "nvs": bytes}; of the partitions
    that it does not name, nvs, otadata and phy_init are blank then, and the others are left alone.
    """
    at = official.BOOT_LOADER_AT[chip]
    made = [
        Piece("boot loader", "bootloader.bin", at, _sized(parts["boot"], flash_bytes), layout.TABLE_OFFSET - at),
        Piece("flash map", "partitions.bin", layout.TABLE_OFFSET, layout.binary(rows), layout.TABLE_SIZE),
    ]
    for row in rows:
        data = parts.get(row.label)
        if row.label == "vfs":
            data = vfs.image(data, row.size)
        elif data is None and row.label in _BLANK:
            data = row.size * b"\xff"
        if data is not None:
            file = IMAGE_FILE if row.label == "ota_0" else f"{row.label}.bin"
            made.append(Piece(_NAMES[row.label], file, row.offset, data, row.size))
    for piece in made:
        if len(piece.data) > piece.space:
            raise Failure(f"{piece.name}: {len(piece.data)} bytes, its place has {piece.space}{_hint(piece, chip)}")
    return made


def _hint(piece, chip):
    if piece.file != IMAGE_FILE:
        return ""
    return "; a smaller MicroPython may fit" + (" (--image with ESP32_GENERIC-OTA)" if chip == "esp32" else "")


def _sized(loader, flash_bytes):
    try:
        return official.for_flash(loader, flash_bytes)
    except ValueError as fault:
        raise Failure(str(fault))


def map_lines(rows, pieces):
    """Return lines for a person: each place of the flash, and what is written there."""
    by_offset = {piece.offset: piece for piece in pieces}
    places = [("boot loader", pieces[0].offset, pieces[0].space), ("flash map", layout.TABLE_OFFSET, layout.BLOCK)]
    places += [(row.label, row.offset, row.size) for row in rows]
    lines = ["   offset      size  place        what is written"]
    for label, offset, size in places:
        piece = by_offset.get(offset)
        what = _content(piece) if piece else "nothing, it stays as it is"
        lines.append(f"{offset:#9x} {size:#9x}  {label:12} {what}")
    return lines


def _content(piece):
    if piece.data == len(piece.data) * b"\xff":
        return "blank"
    return f"{piece.name}, {len(piece.data)} bytes"


def commands(rows, chip, pieces, port, baud, folder, no_stub=False):
    """Return the esptool commands (lists of words) that do the same with the pieces' files in `folder`."""
    start = ["esptool", "--chip", chip, "--port", port, "--baud", str(baud), *(["--no-stub"] if no_stub else [])]
    settings = layout.row(rows, "vfs")
    places = [word for piece in pieces for word in (f"{piece.offset:#x}", f"{folder}/{piece.file}")]
    return [
        [*start, "--after", "no-reset", "erase-region", f"{settings.offset:#x}", f"{settings.size:#x}"],
        [*start, "write-flash", "--flash-size", "keep", *places],
    ]
