"""The file format of an app image as ESP-IDF's boot loader reads it: header, segments, checksum, SHA-256, mapping.

Sources: ESP-IDF `esp_app_format.h`, `bootloader_support/src/esp_image_format.c` and `bootloader_utility.c`. Nothing about
MicroPython belongs here. A 24-byte header; segments of (address, length, data); zeros, so that the checksum (XOR of all
segment data and 0xEF) is the last byte of a row of 16; the SHA-256 of all that.
"""

import hashlib
import struct
from collections import namedtuple

from tools import Failure
from tools.freeze.verify.chips import PAGE, by_number, within

# head: the 24 bytes · entry: address of the first instruction · segments: of those that are loaded or mapped
AppImage = namedtuple("AppImage", ("chip", "head", "entry", "segments"))
Segment = namedtuple("Segment", ("address", "data", "offset"))  # offset: of the data, from the start of the image

_MAGIC, _HEAD, _MOST_SEGMENTS = 0xE9, 24, 16
_DESCRIPTION = bytes.fromhex("3254cdab")  # ESP_APP_DESC_MAGIC_WORD, at the start of the first segment's data
_PLACES = (0, 0xF000, 0x10000)  # of the app in a file: an app image; a .bin from flash 0x1000 on; one from 0 on


def read(data, what):
    """Return the AppImage in the file `data`; `what` ("official", "linked") names it in words.

    Raise Failure when there is none, or when the boot loader would not start it.
    """
    what = f"the {what} image"
    data = _app(data, what)
    if len(data) < _HEAD or not 0 < data[1] <= _MOST_SEGMENTS:
        raise Failure(f"{what}: the header tells of {data[1]} segments; 1 to {_MOST_SEGMENTS} are possible")
    if data[23] != 1:
        raise Failure(f"{what}: the header tells of no SHA-256")
    segments, end = _segments(data, what)
    _whole(data, segments, end, what)
    chip = by_number(struct.unpack_from("<H", data, 12)[0])
    _mapping(segments, chip, what)
    entry = struct.unpack_from("<I", data, 4)[0]
    return AppImage(chip, data[:_HEAD], entry, [segment for segment in segments if segment.address])


def _app(data, what):
    """Return the bytes from the app's header on. Raise Failure where no app is found."""
    for at in _PLACES:
        if data[at : at + 1] == bytes((_MAGIC,)) and data[at + 32 : at + 36] == _DESCRIPTION:
            return data[at:]
    raise Failure(f"{what}: no app image with a description (esp_app_desc_t) at {', '.join(map(hex, _PLACES))}")


def _segments(data, what):
    """Return (all Segments, offset behind the last). Raise Failure when the file ends before one does."""
    at, found = _HEAD, []
    for number in range(data[1]):
        if at + 8 > len(data):
            raise Failure(f"{what} is cut short: segment {number} has no header")
        address, length = struct.unpack_from("<II", data, at)
        at += 8
        if at + length > len(data):
            raise Failure(f"{what} is cut short: segment {number} has {len(data) - at} of {length} bytes")
        if length % 4:
            raise Failure(f"{what}: segment {number} has {length} bytes, no multiple of 4")
        found.append(Segment(address, data[at : at + length], at))
        at += length
    return found, at


def _whole(data, segments, end, what):
    """Raise Failure for a wrong checksum or SHA-256, and for anything but 0xFF behind them."""
    end = end // 16 * 16 + 16
    if len(data) < end + 32:
        raise Failure(f"{what} is cut short: its checksum or SHA-256 is missing")
    check = 0xEF
    for segment in segments:
        check ^= _xor(segment.data)
    if data[end - 1] != check:
        raise Failure(f"{what}: its checksum is {data[end - 1]:#04x}, its segments make {check:#04x}")
    if hashlib.sha256(data[:end]).digest() != data[end : end + 32]:
        raise Failure(f"{what}: its SHA-256 is not that of its bytes")
    if data[end + 32 :].strip(b"\xff"):
        raise Failure(f"{what}: something follows its SHA-256")


def _xor(data):
    """Return the XOR of all bytes: halves of one large number are folded onto each other."""
    size = 1 << max(len(data) - 1, 0).bit_length()
    value = int.from_bytes(data, "little")
    while size > 1:
        size //= 2
        value = value >> 8 * size ^ value & (1 << 8 * size) - 1
    return value


def _mapping(segments, chip, what):
    """Raise Failure unless there is one DROM and one IROM segment, each mapped as the MMU can, within its window."""
    pages = {}
    for name, window in (("DROM", chip.drom), ("IROM", chip.irom)):
        mapped = [segment for segment in segments if within(segment.address, window)]
        if len(mapped) != 1:
            raise Failure(f"{what}: {len(mapped)} {name} segments; the boot loader maps exactly one")
        address, data, offset = mapped[0]
        if (address - offset) % PAGE:
            raise Failure(f"{what}: {name} at {address:#x} lies at {offset:#x} of the file: not the same modulo 64 KB")
        if address + len(data) > window[1]:
            raise Failure(f"{what}: {name} ends at {address + len(data):#x}, behind its window ({window[1]:#x})")
        pages[name] = set(range((address - window[0]) // PAGE, (address + len(data) - 1 - window[0]) // PAGE + 1))
    if chip.shared_mmu and pages["DROM"] & pages["IROM"]:
        raise Failure(f"{what}: DROM and IROM need the same entries of the MMU's table")
