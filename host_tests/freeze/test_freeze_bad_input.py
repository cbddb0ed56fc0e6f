"""What cannot be linked is refused in one line that says what to do: damaged and strange images, modules that do not belong."""

import struct

import pytest
from official_images import C3, ESP32, S3, modules, official

from tools import Failure
from tools.freeze import app_image, chips, compiler, linker, tables
from tools.freeze import official as officials

ADVICE = "take an official image of another version"


@pytest.fixture(scope="module")
def app():
    return app_image.app_of(official(ESP32))


@pytest.fixture(scope="module")
def found(app):
    return officials.read(app)


def refused(data, given=None, **options):
    """Return the one line with which linking is refused."""
    with pytest.raises(Failure) as caught:
        linker.link(data, modules("xtensawin") if given is None else given, **options)
    text = str(caught.value)
    assert "\n" not in text and 20 < len(text) < 300
    return text


def with_words(found, *changes):
    """Return the app image with (address, old bytes, new bytes) of constant data or code changed, whole again."""
    patches = [tables.Patch(address, old, new) for address, old, new in changes]
    assert all(len(patch.old) == len(patch.new) for patch in patches)
    return app_image.write(found.image.header, found.image.chip, tables.changed(found, b"", patches))


def with_word(found, address, value):
    old = struct.pack("<I", found.memory.word(address))
    return with_words(found, (address, old, struct.pack("<I", value)))


def with_text(found, old, new):
    """Return the app image with every occurrence of a constant text replaced by another of the same length."""
    assert len(old) == len(new) and old in found.memory.data
    segments = [app_image.Segment(s.address, s.data.replace(old, new)) for s in found.image.segments]
    return app_image.write(found.image.header, found.image.chip, segments)


# --- files


def test_what_is_no_image():
    assert "no app image" in refused(b"")
    assert "no app image" in refused(b"PK\3\4" + bytes(100_000))


def test_a_download_that_ended_early(app):
    for size in (30, 5000, len(app) // 2, len(app) - 1):
        text = refused(official(ESP32)[: 0xF000 + size])
        assert "cut short" in text or "no app image" in text


def test_one_wrong_bit(app):
    wrong = bytearray(app)
    wrong[len(app) // 2] ^= 4
    assert "checksum is wrong" in refused(bytes(wrong))
    wrong[-40] ^= 1  # somewhere in the padding, which the checksum does not see
    wrong[len(app) // 2] ^= 4
    assert "is wrong" in refused(bytes(wrong))


def test_another_chip(found):
    header = bytearray(found.image.header)
    struct.pack_into("<H", header, 12, 13)
    assert "(id 13)" in refused(app_image.write(bytes(header), found.image.chip, found.image.segments))


def test_an_image_without_a_digest(found):
    header = bytearray(found.image.header)
    header[23] = 0
    assert "no SHA-256" in refused(app_image.write(bytes(header), found.image.chip, found.image.segments))


# --- images


def test_another_program_of_esp_idf(found):
    assert "holds no MicroPython" in refused(with_text(found, b"; MicroPython v", b"; MicroPascal v"))


def test_an_old_version(found):
    assert "it is MicroPython 1.22.0; take" in refused(with_text(found, b"thon v1.28.0", b"thon v1.22.0"))


def test_another_version_of_mpy_files(found):
    word = 0x2B06 << 1 | 1
    at = next(
        a for a in found.memory.places(word) if found.memory.word(a - 12) == found.qstrs.ids[b"micropython"] << 3 | 2
    )
    assert "version 7, not 6" in refused(with_word(found, at, word + 2))


def test_a_linked_image(app):
    linked = linker.link(app, modules("xtensawin")).data
    assert "linked into this image already" in refused(linked)
    assert "linked into this image already" in refused(
        linked, {"other.py": compiler.compiled("other.py", "x = 1\n", "xtensawin")}
    )


def test_pools_that_are_not_as_expected(found):
    pool, read = found.qstrs.address, found.memory.word
    assert ADVICE in refused(with_word(found, pool + 4, read(pool + 4) & 0x7FFFFFFF))  # not sorted
    assert ADVICE in refused(with_word(found, pool + 4, read(pool + 4) - 1))  # another number before
    assert ADVICE in refused(with_word(found, pool + 24, read(pool + 28)))  # not in order
    hashes, lengths = read(pool + 16), read(pool + 20)
    for at in (hashes, lengths):
        assert ADVICE in refused(with_words(found, (at, found.memory.read(at, 1), b"\0")))


def test_other_qstrs_than_those_of_mpy_files(found):
    assert found.qstrs.texts[100] != found.qstrs.texts[101]
    assert "not those of .mpy files" in refused(swapped_qstrs(found, 100))


def swapped_qstrs(found, number):
    """Return the app image with two neighbours of the first pool exchanged: addresses, hashes and lengths."""
    pool = found.memory.word(found.memory.word(found.qstrs.address))
    hashes, lengths = (found.memory.word(pool + at) for at in (16, 20))
    places = ((pool + 24 + 4 * number, 4), (hashes + 2 * number, 2), (lengths + number, 1))
    changes = []
    for at, size in places:
        both = found.memory.read(at, 2 * size)
        changes.append((at, both, both[size:] + both[:size]))
    return with_words(found, *changes)


def test_constants_that_are_kept_in_another_way(found):
    pi = struct.pack("<f", 3.141592653589793)
    assert "floats in another way" in refused(with_text(found, pi, struct.pack("<I", 0x54442D18)))
    texts = [found.memory.word(a + 4) for a in found.memory.places(found.qstrs.ids[b"version"] << 3 | 2)]
    at = next(t for t in texts if t in found.memory and found.memory.word(t) == found.types.addresses["str"])
    assert "texts in another way" in refused(with_word(found, at + 4, found.memory.word(at + 4) ^ 1 or 3))


def test_modules_that_are_not_as_expected(found):
    names = found.frozen.names_at
    text = found.memory.read(names, 80)
    for old, new, told in (
        (b"flashbdev.py", b"flashbdev,py", "table of frozen modules"),
        (b"flashbdev.py", b"flashbdew.py", "another name inside"),
        (b"espnow.py", b"espnov.py", "table of frozen modules"),
    ):
        assert old in text and told in refused(with_words(found, (names, text, text.replace(old, new))))
    module = found.memory.word(found.frozen.contents)
    at = found.memory.word(module + 8)
    assert "kept in another way" in refused(with_words(found, (at, found.memory.read(at, 4), b"\0\0\7\0")))
    assert "has no end" in refused(with_word(found, at + 4, found.memory.end - 1))


def test_tables_that_something_else_knows(found):
    spare = found.memory.end - 4
    for address in (found.qstrs.address, found.frozen.contents, found.frozen.names_at):
        assert "its data refers" in refused(with_word(found, spare, address))
    ram = next(s for s in found.image.segments if s.address == 0x3FFBDB60)
    address = struct.pack("<I", found.frozen.contents)
    segments = [s._replace(data=address + s.data[4:]) if s == ram else s for s in found.image.segments]
    assert "its data refers" in refused(app_image.write(found.image.header, found.image.chip, segments))
    site = found.code.sites(found.frozen.names_at)[0]
    other = next(
        v
        for v in sorted(found.code.values_within(found.memory.base, found.memory.end))
        if len(found.code.sites(v)) == 1
    )
    literal = found.code.sites(other)[0].at
    inside = struct.pack("<I", found.frozen.names_at + 4)
    assert literal != site.at
    assert "inside of the tables" in refused(with_words(found, (literal, found.code.bytes_at(literal, 4), inside)))


def test_an_end_that_is_not_found_or_shared(found):
    site = next(s for s in found.code.sites(found.memory.end) if s.at == 0x4014E194)
    end = struct.pack("<I", found.memory.end)
    assert "end of its constant data is not found" in refused(with_words(found, (site.at, end, bytes(4))))
    # Another instruction of that function is made to load the end, too, too far away from where the start is loaded.
    pc = site.users[0]
    user = next(at for at in found.code.near(pc, 400) if found.code.bytes_at(at, 1)[0] & 15 == 1 and abs(at - pc) > 40)
    load = found.code.bytes_at(user, 1) + struct.pack("<H", site.at - (user + 3 & ~3) >> 2 & 0xFFFF)
    assert "used for something else" in refused(with_words(found, (user, found.code.bytes_at(user, 3), load)))


@pytest.mark.parametrize("place", [0x42000198, 0x4208ACC8])
def test_both_places_of_an_end_are_needed_on_an_s3(place):
    found = officials.read(app_image.app_of(official(S3)))
    text = refused(with_words(found, (place, struct.pack("<I", found.memory.end), bytes(4))))
    assert "end of its constant data is not found" in text


def test_a_riscv_end_that_is_not_found():
    found = officials.read(app_image.app_of(official(C3)))
    at = 0x420A2DE4
    old = found.code.bytes_at(at, 4)
    new = bytes((old[0], old[1], old[2] ^ 8, old[3]))
    text = refused(with_words(found, (at, old, new)), modules("rv32imc"))
    assert "end of its constant data is not found" in text


def test_more_constant_data_than_addresses(found, monkeypatch):
    chip = found.image.chip._replace(drom=(found.image.chip.drom[0], found.memory.end + 1000))
    monkeypatch.setattr(chips, "CHIPS", (chip,))
    assert "no addresses left" in refused(with_words(found))


# --- modules


def mpy(name, source="x = 1\n", architecture="xtensawin"):
    return {name: compiler.compiled(name, source, architecture)}


NATIVE = "import micropython\n@micropython.native\ndef f():\n    pass\n"


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("a.py", lambda data: b"", "no .mpy file"),
        ("a.py", lambda data: b"x = 1\n", "no .mpy file"),
        ("a.py", lambda data: data[:1] + b"\5" + data[2:], "version 5, the image takes 6"),
        ("a.py", lambda data: data[:3] + b"\x3f" + data[4:], "another kind of chip"),
        ("a.py", lambda data: data[: len(data) // 2], "is damaged"),
        ("a.py", lambda data: data[:-1], "is damaged"),
        ("a.py", lambda data: data + b"\0", "is damaged"),
        ("a.py", lambda data: data[:4] + b"\xff\xff\x7f" + data[5:], "is damaged"),
        ("b.py", lambda data: data, "under the name 'a.py'"),
        ("../a.py", lambda data: data, "no name of a module"),
        ("/a.py", lambda data: data, "no name of a module"),
        ("a.mpy", lambda data: data, "no name of a module"),
    ],
)
def test_a_module_that_is_none(app, name, change, told):
    assert told in refused(app, {name: change(mpy("a.py")["a.py"])})


def test_a_module_with_machine_code(app):
    assert "holds machine code" in refused(app, mpy("a.py", NATIVE))
    assert "holds machine code" in refused(app, mpy("a.py", NATIVE, "x64"))


def test_a_name_that_is_taken(app):
    assert "frozen in the official image already" in refused(app, mpy("neopixel.py"))


def test_a_name_that_is_too_long(app):
    long = "x" * 256
    assert "longer than 255 bytes" in refused(app, {**mpy("a.py")}, qstrs=(long,))


def test_more_than_fits(app):
    fits = linker.link(app, modules("xtensawin"), most_bytes=len(linker.link(app, modules("xtensawin")).data))
    text = refused(app, most_bytes=len(fits.data) - 1)
    assert f"{len(fits.data)} bytes, 1 more than its partition holds" in text
