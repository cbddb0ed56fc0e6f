"""One fault in a good linked image, everything else right: the verifier refuses it, in words that name the fault."""

import hashlib
import random
import re
import struct

import pytest

from host_tests.support import linked_images
from host_tests.support.linked_edit import Edit, Linked
from host_tests.support.linked_faults import FAULTS
from tools import Failure
from tools.freeze import verify as verifier
from tools.freeze.verify import app_image, references
from tools.freeze.verify.memory import Memory

each_image = pytest.mark.parametrize("image", (linked_images.XTENSA, linked_images.RISCV), ids=("xtensa", "riscv"))


def _refusal(image, made, modules=None, heap_kb=None):
    """Return the words of the refusal. AssertionError when there is none, or more than a line."""
    with pytest.raises(Failure) as refused:
        verifier.verify(linked_images.official(image), made, modules or linked_images.samples(), heap_kb)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@each_image
@pytest.mark.parametrize(
    ("change", "words"), [pytest.param(*fault[1:], id=fault[0].replace(" ", "-")) for fault in FAULTS]
)
def test_a_single_fault_is_refused_by_name(image, change, words):
    linked_images.official(image)
    edit = Linked(image)
    change(edit)
    refusal = _refusal(image, edit.sealed())
    assert re.search(words, refusal), refusal


@each_image
def test_what_is_unchanged_is_confirmed(image):
    """The faults above are refused for themselves: the same image, sealed by the same means, is confirmed."""
    made, modules = Linked(image).sealed(), linked_images.samples()
    assert len(verifier.verify(linked_images.official(image), made, modules).modules) == len(modules)


@each_image
def test_any_other_byte_in_memory_is_refused(image):
    """Bytes at random (the same each time), most of them in what was added: there is none that does not matter."""
    linked_images.official(image)
    chance = random.Random(image)
    for turn in range(40):
        edit = Linked(image)
        first, size = (edit.official.segments[0][:2], chance.choice([part for part in edit.segments if part[0]])[:2])[
            turn % 4 == 0
        ]
        if turn % 4:  # behind the official end
            first, size = first + size, edit.segments[0][1] - size
        address = chance.randrange(first, first + size)
        edit.flip(address, chance.randrange(1, 256))
        assert _refusal(image, edit.sealed()), hex(address)


def _headed(image, at, value):
    """Return the image with another byte in its header, and the right SHA-256."""
    end = len(image) - 32
    image = image[:at] + bytes((value,)) + image[at + 1 : end]
    return image + hashlib.sha256(image).digest()


def _addressed(image, number, by):
    """Return the image with one of its segments (0 is the first) at another address."""
    at = 24
    for _ in range(number):
        at += 8 + struct.unpack_from("<I", image, at + 4)[0]
    address = struct.unpack_from("<I", image, at)[0] + by
    image = image[:at] + struct.pack("<I", address) + image[at + 4 : -32]
    return image + hashlib.sha256(image).digest()


def _last_loaded(image):
    """Return the number of the last segment, which no image maps."""
    return image[1] - 1


FILES = (
    ("nothing", lambda image: b"", "no app image"),
    ("another file", lambda image: b"PK" + image[2:], "no app image"),
    ("the checksum", lambda image: _headed(image, len(image) - 33, image[-33] ^ 1), "its checksum is 0x"),
    ("the SHA-256", lambda image: image[:-1] + bytes((image[-1] ^ 1,)), "its SHA-256 is not"),
    ("the tail cut off", lambda image: image[:-32], "cut short"),
    ("half of it cut off", lambda image: image[: len(image) // 2], "cut short: segment"),
    ("something behind it", lambda image: image + b"more", "something follows"),
    ("another chip", lambda image: _headed(image, 12, 2), r"DROM|IROM|header"),
    ("a chip that nobody knows", lambda image: _headed(image, 12, 13), "chip number 13"),
    ("another flash mode", lambda image: _headed(image, 2, image[2] ^ 1), "byte 2 of the linked image's header"),
    ("another entry", lambda image: _headed(image, 4, image[4] ^ 4), "byte 4 of the linked image's header"),
    ("no SHA-256 wanted", lambda image: _headed(image, 23, 0), "no SHA-256"),
    ("seventeen segments", lambda image: _headed(image, 1, 17), "tells of 17 segments"),
    ("one segment less", lambda image: _headed(image, 1, image[1] - 1), "checksum|cut short"),
    ("DROM mapped elsewhere in its page", lambda image: _addressed(image, 0, 16), "not the same modulo 64 KB"),
    ("DROM a page on", lambda image: _addressed(image, 0, 0x10000), "the official image loads"),
    ("a segment elsewhere", lambda image: _addressed(image, _last_loaded(image), 4), "the official image loads"),
)


@each_image
@pytest.mark.parametrize(("change", "words"), [pytest.param(*one[1:], id=one[0].replace(" ", "-")) for one in FILES])
def test_a_damaged_file_is_refused_by_name(image, change, words):
    linked_images.official(image)
    refusal = _refusal(image, change(linked_images.linked(image)))
    assert re.search(words, refusal), refusal


MODULES = (
    ("one more", lambda m: {**m, "sample/more.py": m["sample_top.py"]}, "'sample/more.py' is not in the linked image"),
    (
        "one less",
        lambda m: {k: v for k, v in m.items() if k != "sample_top.py"},
        "module 'sample_top.py' that was not asked for",
    ),
    ("another's", lambda m: {**m, "sample_top.py": m["sample/inner/left.py"]}, "sample_top.py: qstr"),
    ("a longer one", lambda m: {**m, "sample_top.py": m["sample_top.py"] + b"x"}, "sample_top.py: its .mpy is damaged"),
    (
        "a shorter one",
        lambda m: {**m, "sample_top.py": m["sample_top.py"][:-3]},
        "its .mpy is damaged .it ends",
    ),
    ("version 5", lambda m: {**m, "sample_top.py": b"M\5" + m["sample_top.py"][2:]}, "no .mpy file of version 6"),
    ("machine code", lambda m: {**m, "sample_top.py": b"M\6\x2a" + m["sample_top.py"][3:]}, "holds machine code"),
)


@each_image
@pytest.mark.parametrize(("change", "words"), [pytest.param(*one[1:], id=one[0].replace(" ", "-")) for one in MODULES])
def test_other_modules_than_were_linked_are_refused_by_name(image, change, words):
    linked_images.official(image)
    assert re.search(words, _refusal(image, linked_images.linked(image), change(linked_images.samples())))


@each_image
def test_a_module_that_calls_itself_otherwise_is_refused(image):
    """Its name in the table is another one than the one in its .mpy, which tracebacks show."""
    linked_images.official(image)
    edit, name, other = Linked(image), "sample/inner/left.py", "sample/inner/lift.py"
    edit.put(edit.name(name), other.encode())
    modules = {other if key == name else key: data for key, data in linked_images.samples().items()}
    assert f"{other}: its .mpy calls itself '{name}'" in _refusal(image, edit.sealed(), modules)


@each_image
def test_an_official_image_is_not_a_linked_one(image):
    assert "still has the official image's address" in _refusal(image, linked_images.official(image))


@each_image
def test_an_initial_heap_that_was_not_set_is_refused(image):
    assert "the initial heap: the word at" in _refusal(image, linked_images.linked(image), heap_kb=96)


def _s3():
    """Return (its name, its Memory, References): an S3's literal for the initial heap has other users, too."""
    name = "ESP32_GENERIC_S3-20260406-v1.28.0"
    memory = Memory(app_image.read(linked_images.official(name), "official"))
    return name, memory, references.read(memory)


def test_a_literal_that_others_use_must_stay():
    name, _, code = _s3()
    literal = 0x42000034  # 0x10000: mp_task's heap, and more (reference: what the published images hold)
    assert len(code.of(0x10000)) > 1
    edit = Edit(linked_images.linked(name))
    edit.put_word(literal, 96 * 1024)
    assert "0x42000034 changed; code that was to stay makes 0x10000 of it" in _refusal(name, edit.sealed(), heap_kb=96)


def test_padding_that_no_heap_needs_must_stay():
    name, memory, code = _s3()
    start, data = next(region for region in memory.code() if len(region[1]) > 0x80000)
    words = range(start + -start % 4, start + len(data) - 4, 4)
    padding = next(at for at in words if not memory.word_anywhere(at) and not code.covers(at, 4))
    edit = Edit(linked_images.linked(name))
    edit.put_word(padding, 96 * 1024)
    assert f"the padding at {padding:#x} was made something else" in _refusal(name, edit.sealed())


def test_an_image_of_another_version_is_refused():
    refusal = _refusal(linked_images.XTENSA, linked_images.linked("ESP32_GENERIC-20251209-v1.27.0"))
    assert "the official image loads" in refusal


def test_nothing_to_verify_is_refused():
    with pytest.raises(Failure, match="no module was to be linked"):
        verifier.verify(b"", b"", {})
