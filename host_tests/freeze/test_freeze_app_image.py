"""What the boot loader would not start is refused: small images made here, each with one fault."""

import functools
import hashlib
import operator
import struct

import pytest

from tools import Failure
from tools.freeze.verify import app_image
from tools.freeze.verify.memory import Memory

_HEAD = bytes.fromhex("e9000220 20000d40 ee0000000000000000ffff0000000001".replace(" ", ""))
_DESCRIPTION = bytes.fromhex("3254cdab") + bytes(252)
_DROM, _RAM = (0x3F400020, _DESCRIPTION), (0x3FFBDB60, b"data" * 4)
_C3, _ESP32 = 5, 0


def _irom(segments, base=0x400D0000, size=64):
    """Return a segment of code at the address that its place in the file asks for, behind these."""
    return base + 24 + sum(8 + len(data) for _, data in segments) + 8, bytes(size)


def _image(*segments, chip=_ESP32):
    """Return an app image of these segments, (address, data) each."""
    body = b"".join(struct.pack("<II", address, len(data)) + data for address, data in segments)
    check = functools.reduce(operator.xor, b"".join(data for _, data in segments), 0xEF)
    image = _HEAD[:1] + bytes((len(segments),)) + _HEAD[2:12] + bytes((chip,)) + _HEAD[13:] + body
    image += bytes(15 - len(image) % 16) + bytes((check,))
    return image + hashlib.sha256(image).digest()


_GOOD = (_DROM, _RAM, _irom((_DROM, _RAM)))


def test_a_good_image_is_read():
    read = app_image.read(_image(*_GOOD), "made")
    assert read.chip.name == "esp32" and read.entry == 0x400D0020
    assert [(one.address, one.data) for one in read.segments] == list(_GOOD)
    for place in (0xF000, 0x10000):  # in a file with a boot loader
        assert app_image.read(bytes(place) + _image(*_GOOD), "made") == read


def test_what_the_file_splits_is_one_region_of_memory():
    """Padding (address 0) is not loaded; a segment cut in two to fill a gap is one again."""
    first, second = (0x3FFBDB60, b"data" * 2), (0x3FFBDB68, b"DATA" * 2)
    parts = (_DROM, second, (0, bytes(20)), first)
    memory = Memory(app_image.read(_image(*parts, _irom(parts)), "made"))
    assert dict(memory.regions)[0x3FFBDB60] == b"datadataDATADATA"
    assert [start for start, _ in memory.regions] == [0x3F400020, 0x3FFBDB60, _irom(parts)[0]]
    assert (
        memory.word_anywhere(0x3FFBDB68) == int.from_bytes(b"DATA", "little")
        and memory.word_anywhere(0x3FFBDB6E) is None
    )


def _cut(size):
    return _image(*_GOOD)[:size]


@pytest.mark.parametrize(
    ("image", "words"),
    (
        (_image(*_GOOD)[:24] + bytes(300), "no app image with a description"),
        (_cut(24 + 8 + 256 + 4), "cut short: segment 1 has no header"),
        (_cut(24 + 8 + 100), "cut short: segment 0 has 100 of 256 bytes"),
        (_cut(24 + 8 + 256 + 8 + 16 + 8 + 64), "cut short: its checksum"),
        (_image(_DROM, (0x3FFBDB60, b"dat"), _irom((_DROM, (0, b"dat")))), "segment 1 has 3 bytes, no multiple of 4"),
        (_image(_DROM, _RAM), "0 IROM segments; the boot loader maps exactly one"),
        (_image(_DROM, _irom((_DROM,)), _irom((_DROM, _irom((_DROM,))))), "2 IROM segments"),
        (_image(_DROM, _irom((_DROM,), 0x400D0004)), "IROM at .* not the same modulo 64 KB"),
        (_image(_DROM, _irom((_DROM,), 0x403F0000, 0x10000)), "IROM ends at 0x40400128, behind its window"),
        (
            _image((0x3C000020, _DESCRIPTION), _irom((_DROM,), 0x42000000), chip=_C3),
            "the same entries of the MMU's table",
        ),
        (_image(*_GOOD, chip=1), "chip number 1, which this verifier does not know"),
    ),
)
def test_what_the_boot_loader_would_not_start_is_refused(image, words):
    with pytest.raises(Failure, match=words):
        app_image.read(image, "made")


def test_what_overlaps_is_refused():
    parts = (_DROM, _RAM, (0x3FFBDB6C, b"more"))
    with pytest.raises(Failure, match="two segments have bytes for 0x3ffbdb6c"):
        Memory(app_image.read(_image(*parts, _irom(parts)), "made"))


def test_windows_of_one_table_of_pages_do_not_meet():
    """On the C3, data at page 1 and code at page 0 are apart, as the official images have them."""
    parts = ((0x3C010020, _DESCRIPTION), _irom((_DROM,), 0x42000000))
    assert app_image.read(_image(*parts, chip=_C3), "made").chip.name == "esp32c3"
