"""A .bin of the whole flash: boot loader, partition table, app image. Puts another app image in its place.

Source: ESP-IDF, `esp_flash_partitions.h` (esp_partition_info_t) and `docs/en/api-guides/partition-tables.rst`. The table lies at
0x8000 of the flash, the app of an official .bin at 0x10000; the file begins at 0x1000 of the flash on an ESP32 and S2, else at 0.
"""

import struct
from collections import namedtuple

from tools import Failure
from tools.freeze import app_image

Partition = namedtuple("Partition", ("label", "type", "offset", "size"))

_TABLE_AT, _TABLE_SIZE, _APP_AT = 0x8000, 0xC00, 0x10000
_ENTRY = struct.Struct("<HBBII16sI")
_MAGIC = 0x50AA
_APP = 0  # type
_ERASED = b"\xff"


def is_full(data):
    """Return whether a file holds more than an app image. Raise Failure when it holds none."""
    return app_image.offset_of_app(data) != 0


def partitions(data):
    """Return the Partitions of a .bin's table, with offsets in the file."""
    begin = _APP_AT - app_image.offset_of_app(data)
    found, at = [], _TABLE_AT - begin
    while at + _ENTRY.size <= min(len(data), _TABLE_AT - begin + _TABLE_SIZE):
        magic, kind, _, offset, size, label, _ = _ENTRY.unpack_from(data, at)
        if magic != _MAGIC:
            break
        found.append(Partition(label.rstrip(b"\0").decode(errors="replace"), kind, offset - begin, size))
        at += _ENTRY.size
    return found


def with_app(data, app):
    """Return the bytes of a .bin with another app image; what is behind its partition stays. Raise Failure when it is too large."""
    at = app_image.offset_of_app(data)
    slot = next((p for p in partitions(data) if p.type == _APP and p.offset == at), None)
    if slot is None:
        raise Failure("its partition table has no entry for the app; take the .app-bin of the same release")
    if len(app) > slot.size:
        raise Failure(
            f"the image has {len(app)} bytes, and the partition {slot.label} of this .bin holds {slot.size}: freeze fewer "
            f"modules, or write the app image alone with --app-only and flash it with a partition table of your own"
        )
    out = data[:at] + app
    end = at + slot.size
    return out + _ERASED * (end - len(out)) + data[end:] if len(data) > end else out
