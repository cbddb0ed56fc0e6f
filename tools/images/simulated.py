"""The image of the simulated board: the form of an ESP32's app image, with a ROMFS of the modules in its segments. No I/O.

Format: Espressif's app image (ESP-IDF esp_app_format.h): header of 24 bytes, segments, checksum, SHA-256. MicroPython itself is
not in it: the simulator runs this machine's own.
"""

import hashlib
import struct

_CHIP_IDS = {"esp32": 0, "esp32s2": 2, "esp32c3": 5, "esp32s3": 9}
_SEGMENT = 0x1000
_MOST_SEGMENTS = 16
_ADDRESS = 0x40080000
_HEADER = 24


def slot_image(content, chip="esp32"):
    """Return an app image (bytes) for `chip` with `content` in its segments."""
    pieces = [content[at : at + _SEGMENT] for at in range(0, len(content), _SEGMENT)] or [b""]
    pieces[_MOST_SEGMENTS - 1 :] = [b"".join(pieces[_MOST_SEGMENTS - 1 :])] if len(pieces) >= _MOST_SEGMENTS else []
    image = struct.pack(
        "<BBBBIB3sHBHH4sB", 0xE9, len(pieces), 2, 0x20, _ADDRESS, 0xEE, b"", _CHIP_IDS[chip], 0, 0, 99, b"", 1
    )
    check = 0xEF
    for number, piece in enumerate(pieces):
        piece += bytes(-len(piece) % 4)
        image += struct.pack("<II", _ADDRESS + number * _SEGMENT, len(piece)) + piece
        check ^= _xor(piece)
    image += bytes(15 - len(image) % 16) + bytes((check,))
    return image + hashlib.sha256(image).digest()


def content(image):
    """Return what `slot_image` was given (bytes), with up to 3 zero bytes behind it."""
    at, pieces = _HEADER, []
    for _ in range(image[1]):
        (length,) = struct.unpack_from("<I", image, at + 4)
        pieces.append(image[at + 8 : at + 8 + length])
        at += 8 + length
    return b"".join(pieces)


def _xor(data):
    """Return the XOR of all bytes of `data`, whose length is a multiple of 4, by halves."""
    while len(data) > 4:
        half = len(data) // 8 * 4
        rest = data[2 * half :]
        data = (int.from_bytes(data[:half], "little") ^ int.from_bytes(data[half : 2 * half], "little")).to_bytes(
            half, "little"
        )
        if rest:
            data = (int.from_bytes(data[:4], "little") ^ int.from_bytes(rest, "little")).to_bytes(4, "little") + data[
                4:
            ]
    check = 0
    for byte in data:
        check ^= byte
    return check
