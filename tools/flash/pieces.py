"""What goes where on the flash: the pieces of one board, whether they fit, and how a person would write them by hand. No I/O.

The order is that of writing. Everything outside the pieces stays as it was, but for vfs, which is erased before.
"""

from collections import namedtuple

from tools import Failure, layout
from tools.flash import official, vfs

# name: for people · file: of the folder that --dry-run writes · room: how many bytes there are for it
Piece = namedtuple("Piece", ("name", "file", "offset", "data", "room"))

_NAMES = {
    "nvs": "small numbers (NVS)",
    "otadata": "which slot starts",
    "phy_init": "radio calibration",
    "ota_0": "MicroPython",
    "app_0": "firmware",
    "vfs": "boot.py, main.py, settings",
}
_BLANK = {"nvs", "otadata", "phy_init"}


def every(rows, chip, flash_bytes, parts):
    """The Pieces of a board, in the order in which they are written. Failure in words when one does not fit.

    `parts`: {"boot": boot loader, "ota_0": runtime, "app_0": firmware (bytes), "vfs": {path: bytes}, perhaps "nvs": bytes};
    of the partitions that it does not name, nvs, otadata and phy_init are blank then, and the others are left alone.
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
            made.append(Piece(_NAMES[row.label], f"{row.label}.bin", row.offset, data, row.size))
    for piece in made:
        if len(piece.data) > piece.room:
            raise Failure(f"{piece.name} has {len(piece.data)} bytes, its place {piece.room}{_hint(piece, chip)}")
    return made


def _hint(piece, chip):
    if piece.file != "ota_0.bin":
        return ""
    return "; take the smaller build, ESP32_GENERIC-OTA" if chip == "esp32" else "; is there a smaller build?"


def _sized(loader, flash_bytes):
    try:
        return official.for_flash(loader, flash_bytes)
    except ValueError as fault:
        raise Failure(str(fault))


def map_lines(rows, pieces):
    """Lines for a person: each place of the flash, and what is written there."""
    by_offset = {piece.offset: piece for piece in pieces}
    places = [("boot loader", pieces[0].offset, pieces[0].room), ("flash map", layout.TABLE_OFFSET, layout.BLOCK)]
    places += [(row.label, row.offset, row.size) for row in rows]
    lines = ["   offset      size  place        what is written"]
    for label, offset, size in places:
        piece = by_offset.get(offset)
        lines.append(f"{offset:#9x} {size:#9x}  {label:12} {_what(piece) if piece else 'nothing, it stays as it is'}")
    return lines


def _what(piece):
    if piece.data == len(piece.data) * b"\xff":
        return "blank"
    return f"{piece.name}, {len(piece.data)} bytes"


def commands(rows, chip, pieces, port, baud, folder, no_stub=False):
    """The esptool commands (lists of words) that do the same with the pieces' files in `folder`."""
    start = ["esptool", "--chip", chip, "--port", port, "--baud", str(baud), *(["--no-stub"] if no_stub else [])]
    settings = layout.row(rows, "vfs")
    places = [word for piece in pieces for word in (f"{piece.offset:#x}", f"{folder}/{piece.file}")]
    return [
        [*start, "--after", "no-reset", "erase-region", f"{settings.offset:#x}", f"{settings.size:#x}"],
        [*start, "write-flash", "--flash-size", "keep", *places],
    ]
