"""Espressif's app image: reading one, writing one. Everything about the format is here, and nothing about MicroPython.

Header (24 bytes), segments (address, length, data), zeros up to 15 modulo 16, checksum byte, SHA-256. Sources: ESP-IDF
`esp_app_format.h` (esp_image_header_t, esp_image_segment_header_t), `esp_app_desc.h` (esp_app_desc_t),
`bootloader_support/src/esp_image_format.c`.
"""

import hashlib
import struct
from collections import namedtuple

from tools import Failure
from tools.freeze import chips

Segment = namedtuple("Segment", ("address", "data"))
# header: its 24 bytes · chip: chips.Chip · segments: without padding; what was divided to fill gaps is joined · size: of the whole
AppImage = namedtuple("AppImage", ("header", "chip", "segments", "size"))

MAGIC = 0xE9
_CHECKSUM_SEED = 0xEF
_HEADER_SIZE, _SEGMENT_HEADER, _DIGEST_SIZE = 24, 8, 32
_SEGMENTS_AT, _CHIP_AT, _HASHED_AT = 1, 12, 23  # offsets in the header
_MOST_SEGMENTS = 16  # ESP_IMAGE_MAX_SEGMENTS
_DESCRIPTION = struct.pack("<I", 0xABCD5432)  # ESP_APP_DESC_MAGIC_WORD, the first word of the first segment
_IDF_VERSION = slice(112, 144)  # esp_app_desc_t.idf_ver
# In a .bin of the whole flash the app is at 0x10000 of the flash; the file begins at 0x1000 on an ESP32 and S2, else at 0.
_PLACES = (0, 0xF000, 0x10000)


def app_of(data):
    """Return the bytes of the app image in an official .bin or .app-bin. Raise Failure when there is none, or a damaged one."""
    return data[(at := offset_of_app(data)) : at + read(data[at:]).size]


def offset_of_app(data):
    """Return where the app image begins in an official file: 0 in an .app-bin. Raise Failure when there is none."""
    for at in _PLACES:
        first = at + _HEADER_SIZE + _SEGMENT_HEADER
        if data[at : at + 1] == bytes((MAGIC,)) and data[first : first + 4] == _DESCRIPTION:
            return at
    raise Failure("it holds no app image: take the .bin or .app-bin of a MicroPython release for an ESP32")


def read(data):
    """Return the AppImage at the beginning of `data`. Raise Failure when it is damaged, or for a chip that is not known."""
    if len(data) < _HEADER_SIZE or data[0] != MAGIC or not 0 < data[_SEGMENTS_AT] <= _MOST_SEGMENTS:
        raise Failure("it is no app image: take the .bin or .app-bin of a MicroPython release")
    number = struct.unpack_from("<H", data, _CHIP_AT)[0]
    chip = chips.by_id(number)
    if chip is None:
        known = ", ".join(sorted(chip.name for chip in chips.CHIPS))
        raise Failure(f"the image is for a chip (id {number}) that cannot be linked for; possible are {known}")
    if data[_HASHED_AT] != 1:
        raise Failure("the image has no SHA-256 of its own, which official images have; download it again")
    segments, at = _segments(data)
    checksum_at = at | 15
    if checksum_at + 1 + _DIGEST_SIZE > len(data):
        raise Failure("the image is cut short; download it again")
    if data[checksum_at] != _checksum(segment.data for segment in segments):
        raise Failure("the image's checksum is wrong; download it again")
    end = checksum_at + 1
    if data[end : end + _DIGEST_SIZE] != hashlib.sha256(data[:end]).digest():
        raise Failure("the image's SHA-256 is wrong; download it again")
    mapped = [segment for segment in segments if chips.is_flash(chip, segment.address)]
    copied = _joined(s for s in segments if s.address and not chips.is_flash(chip, s.address))
    return AppImage(bytes(data[:_HEADER_SIZE]), chip, (*mapped, *copied), end + _DIGEST_SIZE)


def _segments(data):
    """Return (all segments, where they end)."""
    segments, at = [], _HEADER_SIZE
    for _ in range(data[_SEGMENTS_AT]):
        if at + _SEGMENT_HEADER > len(data):
            raise Failure("the image is cut short; download it again")
        address, size = struct.unpack_from("<II", data, at)
        at += _SEGMENT_HEADER
        if at + size > len(data):
            raise Failure("the image is cut short; download it again")
        segments.append(Segment(address, bytes(data[at : at + size])))
        at += size
    return segments, at


def _checksum(pieces):
    """Return the exclusive or of all bytes, begun with 0xEF. Halving one large integer is much faster than a loop of bytes."""
    check = _CHECKSUM_SEED
    for piece in pieces:
        value = int.from_bytes(piece, "little")
        bits = 8
        while bits < 8 * len(piece):
            bits *= 2
        while bits > 8:
            bits //= 2
            value = (value >> bits) ^ (value & (1 << bits) - 1)
        check ^= value
    return check


def idf_version(image):
    """Return ESP-IDF's version, such as (5, 2), from the app description. Raise Failure when there is none."""
    text = image.segments[0].data[_IDF_VERSION].split(b"\0")[0].decode("ascii", "replace")
    numbers = text.lstrip("v").split("-")[0].split(".")
    if image.segments[0].data[:4] != _DESCRIPTION or len(numbers) < 2 or not all(n.isdecimal() for n in numbers[:2]):
        raise Failure("the image does not tell its ESP-IDF version; take an official image")
    return int(numbers[0]), int(numbers[1])


def write(header, chip, segments):
    """Return the bytes of an app image of these segments.

    A segment that the cache maps lies in the file at its address modulo the MMU's page. Gaps are filled with pieces of segments
    that the boot loader copies to RAM, as esptool's elf2image does, or else with padding, which it skips. Raise Failure when
    more than 16 segments come out.
    """
    mapped = [segment for segment in segments if chips.is_flash(chip, segment.address)]
    copied = [segment for segment in segments if not chips.is_flash(chip, segment.address)]
    written, at = [], _HEADER_SIZE
    for segment in mapped:
        while gap := (segment.address - _SEGMENT_HEADER - at) % chips.MMU_PAGE:
            filler = _filler((gap - _SEGMENT_HEADER) % chips.MMU_PAGE, copied)
            written.append(filler)
            at += _SEGMENT_HEADER + len(filler.data)
        written.append(segment)
        at += _SEGMENT_HEADER + len(segment.data)
    return _assembled(header, written + copied)


def _joined(segments):
    """Return the segments, those that follow each other in memory made one."""
    joined = []
    for address, data in segments:
        if joined and joined[-1].address + len(joined[-1].data) == address:
            address, data = joined[-1].address, joined.pop().data + data
        joined.append(Segment(address, data))
    return joined


def _filler(size, copied):
    """Return a Segment of at most `size` bytes of data for a gap, taken off the list of copied ones where there are any."""
    if not copied or not size:
        return Segment(0, bytes(size))
    address, data = copied.pop(0)
    if len(data) > size:
        copied.insert(0, Segment(address + size, data[size:]))
    return Segment(address, data[:size])


def _assembled(header, segments):
    if len(segments) > _MOST_SEGMENTS:
        raise Failure(
            f"the image would have {len(segments)} segments, and {_MOST_SEGMENTS} are the most; freeze fewer modules"
        )
    out = bytearray(header)
    out[_SEGMENTS_AT] = len(segments)
    for address, data in segments:
        out += struct.pack("<II", address, len(data)) + data
    out += bytes(15 - len(out) % 16)
    out.append(_checksum(segment.data for segment in segments))
    return bytes(out) + hashlib.sha256(out).digest()
