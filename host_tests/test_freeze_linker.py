"""The linker on every official image: what it adds reads back as it was compiled, and nothing else is changed."""

import pytest
from conftest import ROOT
from frozen_reader import FrozenReader
from official_images import ESP32, NAMES, PLACES, architecture, modules, official

from tools import Failure
from tools.freeze import app_image, compiler, linker, mpy_file
from tools.freeze import official as officials


@pytest.mark.parametrize("name", NAMES)
def test_what_is_linked_reads_back(name):
    data, given = official(name), modules(architecture(name))
    linked = linker.link(data, given)
    before, after = officials.read(app_image.app_of(data)), officials.read(linked.data)
    assert after.frozen.names == before.frozen.names + tuple(sorted(given))
    assert (linked.chip, linked.version) == (before.image.chip.name, before.types.version)
    assert set(linked.sizes) == set(given) and 0 < sum(linked.sizes.values()) <= linked.blob_bytes
    static = before.qstrs.texts[: before.qstrs.sizes[0]]
    reader = FrozenReader(after)
    for module, mpy in given.items():
        assert reader.module(module) == mpy_file.read(module, mpy, static)
    for text in (b"pkg.deep.inner", b"pkg.deep", b"inner", b"pkg"):
        assert text in after.qstrs.ids


@pytest.mark.parametrize("name", NAMES)
def test_only_the_known_places_are_changed(name):
    data = official(name)
    linked = linker.link(data, modules(architecture(name)))
    before, after = app_image.read(app_image.app_of(data)), app_image.read(linked.data)
    assert [s.address for s in after.segments] == [s.address for s in before.segments] and after.header == before.header
    changed = set()
    for old, new in zip(before.segments, after.segments):
        assert len(new.data) - len(old.data) == (linked.blob_bytes if old == before.segments[0] else 0)
        changed |= {old.address + i for i, (a, b) in enumerate(zip(old.data, new.data)) if a != b}
    places = {int(place, 16): set() for place in PLACES[name].split()}
    for address in changed:
        place = max(place for place in places if place <= address)
        places[place].add(address - place)
    assert all(offsets and offsets <= set(range(4)) for offsets in places.values())


def test_all_of_a_firmware_links_twice_alike():
    given = {}
    for path in sorted(p for folder in ("lib", "firmware") for p in (ROOT / folder).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        mpy = compiler.compiled(name, path.read_text(encoding="utf-8"), "xtensawin")
        if not compiler.is_native(mpy):
            given[name] = mpy
    linked = linker.link(official(ESP32), given)
    assert linked == linker.link(official(ESP32), dict(reversed(given.items())))
    after = officials.read(linked.data)
    reader = FrozenReader(after)
    static = after.qstrs.texts[: after.qstrs.sizes[0]]
    for name, mpy in given.items():
        assert reader.module(name) == mpy_file.read(name, mpy, static)


def test_what_is_linked_is_not_linked_again():
    linked = linker.link(official(ESP32), modules("xtensawin"))
    with pytest.raises(Failure, match="linked into this image already"):
        linker.link(linked.data, modules("xtensawin"))
