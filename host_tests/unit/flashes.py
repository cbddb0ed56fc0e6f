"""Small flashes for tests of both interpreters: the partitions of two slots, and images that the boot loader takes."""

from hashlib import sha256
from struct import pack

import simflash
import simota

ROWS = (  # label, type, subtype, offset, size
    ("nvs", 1, 0x02, 0x9000, 0x4000),
    ("otadata", 1, 0x00, 0xD000, 0x2000),
    ("ota_0", 0, 0x10, 0x10000, 0x4000),
    ("ota_1", 0, 0x11, 0x20000, 0x4000),
)
OTADATA = 0xD000
END = 0x24000
FILLING = bytes(range(256)) * 18  # of an image: more than a block, and no multiple of one


def image(text, filling=FILLING):
    """Return an app image of two segments (esp_app_format.h)."""
    data = bytearray(pack("<BBBBI15sB", 0xE9, 2, 0, 0, 0x40080000, b"", 1))
    check = 0xEF
    for segment in (text + bytes(-len(text) % 4), filling):
        data += pack("<II", 0x3F400000, len(segment))
        data += segment
        for byte in segment:
            check ^= byte
    data += bytes(15 - len(data) % 16) + bytes((check,))
    data += sha256(data).digest()
    return data


def flash(contents, rows=ROWS, slot=0):
    """Return a chip in memory, put on the board, with those contents (label → bytes); the boot loader has taken `slot`."""
    data = bytearray(b"\xff" * END)
    for number, (label, type_, subtype, offset, size) in enumerate(rows):
        row = pack("<HBBII16sI", 0x50AA, type_, subtype, offset, size, label.encode(), 0)
        data[simflash.TABLE + 32 * number : simflash.TABLE + 32 * number + 32] = row
        content = contents.get(label, b"")
        assert len(content) <= size
        data[offset : offset + len(content)] = content
    chip = simflash.Flash(data, slot)
    simflash.insert(chip)
    return chip


def usual(state=simota.VALID):
    """Return a chip that runs from slot 0, with images in both slots, and otadata that names slot 0 with that state."""
    chip = flash({"ota_0": image(b"first"), "ota_1": image(b"other")})
    simota.put(chip, OTADATA, 0, 1, state)
    chip.power_on()
    return chip


def driven(steps):
    """Return what a generator returns; a second value: how often it yielded."""
    many = 0
    while True:
        try:
            next(steps)
            many += 1
        except StopIteration as end:
            return end.value, many
