"""The linker on every official image: what it adds reads back as it was compiled, and nothing else is changed."""

import concurrent.futures

import pytest
from conftest import ROOT
from frozen_reader import FrozenReader
from official_images import C3, ESP32, NAMES, PLACES, architecture, modules, official

from tools import Failure
from tools.freeze import app_image, compiler, linker, mpy_file, tables, tried
from tools.freeze import official as officials
from tools.freeze.blob import Blob


@pytest.mark.parametrize("name", NAMES)
def test_what_is_linked_reads_back_and_little_else_is_changed(name):
    data, given = app_image.app_of(official(name)), modules(architecture(name))
    linked = linker.link(data, given)
    before, after = officials.read(data), officials.read(linked.data)
    assert (linked.chip, linked.version) == (before.image.chip.name, before.types.version)
    assert (linked.official_bytes, set(linked.sizes)) == (len(data), set(given))
    assert 0 < sum(linked.sizes.values()) <= linked.blob_bytes
    check_modules(before, after, given)
    check_places(PLACES[name], before.image, after.image, linked.blob_bytes)


def check_modules(before, after, given):
    """Fail unless the modules that were there and those that were given are frozen in an image."""
    assert after.frozen.names == before.frozen.names + tuple(sorted(given))
    static = mpy_file.static_qstrs(before.qstrs.texts)
    reader = FrozenReader(after)
    for name, mpy in given.items():
        assert reader.module(name) == mpy_file.read(name, mpy, static)
    for text in (b"pkg.deep.inner", b"pkg.deep", b"inner", b"pkg"):
        assert text in after.qstrs.ids


def check_places(places, before, after, added):
    """Fail unless constant data is longer by some bytes, and of the rest nothing but the words at the known places differs."""
    assert after.header == before.header and len(after.segments) == len(before.segments)
    changed = set()
    for old, new in zip(before.segments, after.segments):
        assert old.address == new.address
        assert len(new.data) - len(old.data) == (added if old == before.segments[0] else 0)
        changed |= {old.address + at for at in differences(old.data, new.data)}
    words = {int(place, 16): set() for place in places.split()}
    for address in changed:
        word = max(word for word in words if word <= address)
        words[word].add(address - word)
    assert all(offsets and offsets <= set(range(4)) for offsets in words.values())


def differences(old, new):
    """Yield the offsets at which bytes differ, as far as the old ones go."""
    for block in range(0, len(old), 4096):
        if old[block : block + 4096] != new[block : block + 4096][: len(old) - block]:
            yield from (i for i in range(block, min(block + 4096, len(old))) if old[i] != new[i])


def test_all_of_a_firmware_links_twice_alike():
    paths = {p.relative_to(ROOT).as_posix(): p for folder in ("lib", "firmware") for p in (ROOT / folder).rglob("*.py")}
    with concurrent.futures.ThreadPoolExecutor(2) as workers:
        compiled = workers.map(lambda name: compiler.compiled(name, paths[name].read_text("utf-8"), "xtensawin"), paths)
        given = {name: mpy for name, mpy in zip(paths, compiled) if not compiler.is_native(mpy)}
    assert len(given) > 100
    linked = linker.link(official(ESP32), given)
    assert linked == linker.link(official(ESP32), dict(reversed(given.items())))
    after = officials.read(linked.data)
    reader = FrozenReader(after)
    static = mpy_file.static_qstrs(after.qstrs.texts)
    for name, mpy in given.items():
        assert reader.module(name) == mpy_file.read(name, mpy, static)


@pytest.mark.parametrize("source", ["", "a_name_of_its_own = 1\n"])
def test_a_small_module_is_enough_to_tell_a_linked_image(source):
    given = {"m.py": compiler.compiled("m.py", source, "xtensawin")}
    linked = linker.link(official(ESP32), given)
    assert 1 <= officials.read(linked.data).qstrs.sizes[3] < 5
    with pytest.raises(Failure, match="linked into this image already"):
        linker.link(linked.data, modules("xtensawin"))


def test_further_texts_are_interned():
    given = modules("xtensawin")
    linked = linker.link(official(ESP32), given, qstrs=("a text of ours", b"another", "print"))
    texts = officials.read(linked.data).qstrs.texts
    assert texts.count(b"a text of ours") == texts.count(b"another") == texts.count(b"print") == 1
    assert linker.link(official(ESP32), given, qstrs=["another", "a text of ours"]).data == linked.data


def test_without_new_texts_the_pool_stays():
    image = officials.read(app_image.app_of(official(ESP32)))
    blob = Blob(image.memory.end)
    patches = tables.moved(image, blob, [], ["new.py"], [image.memory.word(image.frozen.contents)])
    assert [f"{patch.address:x}" for patch in sorted(patches)] == PLACES[ESP32].split()[1:]


def test_constant_data_does_not_run_into_code_of_the_same_pages():
    image = officials.read(app_image.app_of(official(C3)))
    assert tables._limit(image.memory) == 0x3C800000
    # As if code lay behind constant data: from 0x42200020 on, the pages of 0x3C200000.
    image.memory.code.append(app_image.Segment(0x42200020, b"code"))
    assert tables._limit(image.memory) == 0x3C200000


def test_all_official_images_are_known_as_tried():
    for name in (ESP32, C3):
        data = app_image.app_of(official(name))
        assert tried.was_tried(data) and not tried.was_tried(data[:-1] + b"x")
    assert sorted(tried.IMAGES.values()) == sorted(NAMES)
