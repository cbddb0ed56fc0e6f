"""The initial heap: on every official image it is found where it is known to be, and changed as its instructions allow."""

import struct

import pytest
from official_images import C3, ESP32, NAMES, S3, official

from tools import Failure
from tools.freeze import app_image, heap, linker
from tools.freeze import official as officials

# Literals of mp_task alone; two `movi.n`; two `c.lui`; an `l32r` that is aimed at another literal. Found by an earlier linker.
LITERALS = {
    "-20240602-v1.23.0": 0x400D0708,
    "-20241129-v1.24.1": 0x400D05A0,
    "-20250911-v1.26.1": 0x400D0F3C,
    "-20251209-v1.27.0": 0x400D0E90,
    "-20260406-v1.28.0": 0x400D0E90,
    "-OTA-20250809-v1.26.0": 0x400D0CE4,
    "-SPIRAM-20251209-v1.27.0": 0x400D0DA8,
}
NUMBERS = {"-OTA-20250415-v1.25.0": (0x400EC441, 0x400EC44E)}
UPPER = {
    "_C3-20240602-v1.23.0": (0x42006216, 0x42006226),
    "_C3-20241129-v1.24.1": (0x420054FC, 0x42005522),
    "_C3-20260406-v1.28.0": (0x4202946C, 0x4202947E),
}
SHARED = {
    "_S2-20240602-v1.23.0": (0x40087D41, 32),
    "_S2-20251209-v1.27.0": (0x400A6CB5, 48),
    "_S3-20241129-v1.24.1": (0x42006751, 32),
    "_S3-20250911-v1.26.1": (0x42024159, 48),
    "_S3-20260406-v1.28.0": (0x42027E0D, 48),
    "_S3-FLASH_4M-20240602-v1.23.0": (0x42008605, 32),
    "_S3-SPIRAM_OCT-20251209-v1.27.0": (0x42027E25, 48),
}
PREFIX = "ESP32_GENERIC"


def read(name):
    return officials.read(app_image.app_of(official(name)))


def test_every_image_is_in_a_table():
    assert {PREFIX + name for table in (LITERALS, NUMBERS, UPPER, SHARED) for name in table} == set(NAMES)


@pytest.mark.parametrize("name", LITERALS)
def test_a_literal_of_its_own_is_changed(name):
    image = read(PREFIX + name)
    for kilobytes in (48, 57, 64, 128):
        assert heap.patches(image, kilobytes) == [
            (LITERALS[name], struct.pack("<I", 56 * 1024), struct.pack("<I", kilobytes * 1024))
        ]
    assert heap.patches(image, 56) == []


@pytest.mark.parametrize("name", NUMBERS)
def test_two_short_numbers_are_changed_alike(name):
    image = read(PREFIX + name)
    patches = heap.patches(image, 72)
    assert [patch.address for patch in patches] == list(NUMBERS[name])
    assert [(patch.old.hex(), patch.new.hex()) for patch in patches] == [("0c7a", "0c9a"), ("0c76", "0c96")]
    with pytest.raises(Failure, match="possible are 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 128$"):
        heap.patches(image, 60)


@pytest.mark.parametrize("name", UPPER)
def test_two_upper_immediates_are_changed_alike(name):
    image = read(PREFIX + name)
    patches = heap.patches(image, 76)
    assert [patch.address for patch in patches] == list(UPPER[name])
    for patch in patches:
        old, new = (int.from_bytes(data, "little") for data in (patch.old, patch.new))
        assert (old >> 2 & 31, new >> 2 & 31) == (16, 19) and old & ~0x7C == new & ~0x7C
    assert heap.patches(image, 64) == []
    with pytest.raises(Failure, match="possible are 16, 20, 24, .* 124$"):
        heap.patches(image, 70)


@pytest.mark.parametrize("name", SHARED)
def test_a_shared_literal_stays_and_another_is_loaded(name):
    image, (at, kilobytes) = read(PREFIX + name), SHARED[name]
    (patch,) = heap.patches(image, kilobytes)
    assert patch.address == at and patch.old[0] == patch.new[0] and len(patch.new) == 3
    literal = (at + 3 & ~3) + (struct.unpack("<H", patch.new[1:])[0] - 0x10000 << 2)
    assert image.code.bytes_at(literal, 4) == struct.pack("<I", kilobytes * 1024)
    assert heap.patches(image, 64) == []
    with pytest.raises(Failure, match=f"cannot have an initial heap of 72 KB; possible are 16.* {kilobytes}, "):
        heap.patches(image, 72)


@pytest.mark.parametrize("kilobytes", [-1, 0, 15, 129, 1 << 30])
def test_sizes_that_no_chip_has(kilobytes):
    with pytest.raises(Failure, match="take one of 16 to 128 KB"):
        linker.link(official(ESP32), {}, heap_kb=kilobytes)


def test_the_heap_alone_can_be_changed():
    data = app_image.app_of(official(ESP32))
    linked = linker.link(data, {}, heap_kb=64)
    assert linked.blob_bytes == 0 and linked.sizes == {} and len(linked.data) == len(data)
    old, new = app_image.read(data), app_image.read(linked.data)
    changed = [
        a.address + i for a, b in zip(old.segments, new.segments) for i in range(len(a.data)) if a.data[i] != b.data[i]
    ]
    literal = LITERALS["-20260406-v1.28.0"]
    assert changed == [literal + 1, literal + 2] and (new.header, new.chip) == (old.header, old.chip)


def changed_code(image, address, new):
    """Return the Official of an image with bytes of its code changed."""
    segments = []
    for segment in image.image.segments:
        at = address - segment.address
        if 0 <= at < len(segment.data):
            segment = segment._replace(data=segment.data[:at] + new + segment.data[at + len(new) :])
        segments.append(segment)
    return officials.read(app_image.write(image.image.header, image.image.chip, segments))


@pytest.mark.parametrize(
    ("name", "address", "new"),
    [
        (ESP32, LITERALS["-20260406-v1.28.0"], struct.pack("<I", 0xE400)),  # another size than the port's
        (ESP32, 0x400F6B9A, bytes.fromhex("6a86")),  # the sum behind the test is of other registers: add.n a8, a6, a6
        (PREFIX + "-OTA-20250415-v1.25.0", 0x400EC44E, bytes.fromhex("0c86")),  # a larger end than what was allocated
        (PREFIX + "-OTA-20250415-v1.25.0", 0x400EC450, bytes.fromhex("406611")),  # slli a6, a6, 12
        (S3, 0x42027E1A, bytes.fromhex("6a86")),
        (C3, 0x4202947E, bytes.fromhex("4569")),  # c.lui s2, 0x11
        (C3, 0x42029484, bytes.fromhex("2e99")),  # c.add s2, a1
    ],
)
def test_other_code_is_refused(name, address, new):
    image = changed_code(read(name), address, new)
    with pytest.raises(Failure, match="the size of its initial heap .* is not found"):
        heap.patches(image, 48)


def test_a_text_that_nothing_uses_is_refused():
    image = read(ESP32)
    text = image.memory.base + image.memory.data.find(b"mp_task_heap allocation failed!")
    (site,) = image.code.sites(text)
    with pytest.raises(Failure, match="use of the text about the initial heap"):
        heap.patches(changed_code(image, site.at, bytes(4)), 48)
