"""Makes what is in a simulated flash: the runtime's stand-in, an app image, and the whole chip from a layout's rows."""

import hashlib
import struct

from littlefs import LittleFS

from tools import filesystem, layout

SECTOR = layout.BLOCK
_CHIP_IDS = {"esp32": 0, "esp32s2": 2, "esp32c3": 5, "esp32s3": 9}
_SEGMENT = 0x1000


def runtime_image(text, chip="esp32"):
    """An app image as ESP-IDF's tools make it, with `text` for its program: header, segments, checksum, SHA-256.

    MicroPython itself is not in it: the simulator runs this machine's own.
    """
    pieces = [text[at : at + _SEGMENT] for at in range(0, len(text), _SEGMENT)] or [b""]
    pieces[15:] = [b"".join(pieces[15:])] if len(pieces) > 15 else []
    chip_id = _CHIP_IDS[chip]
    image = struct.pack(
        "<BBBBIB3sHBHH4sB", 0xE9, len(pieces), 2, 0x20, 0x40080000, 0xEE, b"", chip_id, 0, 0, 99, b"", 1
    )
    check = 0xEF
    for number, piece in enumerate(pieces):
        piece += bytes(-len(piece) % 4)
        image += struct.pack("<II", 0x40080000 + number * _SEGMENT, len(piece)) + piece
        for byte in piece:
            check ^= byte
    image += bytes(15 - len(image) % 16) + bytes((check,))
    return image + hashlib.sha256(image).digest()


def app_image(files, size, trim=True, block=SECTOR):
    """A LittleFS image for a partition of `size` bytes with `files` (path → bytes); `trim`: without what was never written.

    The same files give the same bytes.
    """
    context = filesystem.Used(size)
    lfs = LittleFS(context, block_size=block, block_count=size // block, prog_size=min(block, 256), read_size=16)
    filesystem.put(lfs, files)
    lfs.unmount()
    return bytes(context.buffer[: -(-(context.last + 1) * block // SECTOR) * SECTOR] if trim else context.buffer)


def folder_files(folder):
    """Every file under `folder`, as `app_image` wants them."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def chip(rows, contents=None):
    """The bytes of a flash with these rows, blank but for its table and `contents` (label → bytes); a bytearray.

    ValueError for contents that do not fit.
    """
    data = bytearray(b"\xff" * max(row.offset + row.size for row in rows))
    data[layout.TABLE_OFFSET : layout.TABLE_OFFSET + layout.TABLE_SIZE] = layout.binary(rows)
    places = {row.label: row for row in rows}
    for label, content in (contents or {}).items():
        row = places[label]
        if len(content) > row.size:
            raise ValueError(f"{label} holds {row.size} bytes, not {len(content)}")
        data[row.offset : row.offset + len(content)] = content
    return data
