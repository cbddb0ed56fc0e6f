"""The linker on every official image: what it adds reads back as it was compiled, and nothing else is changed."""

import concurrent.futures

import pytest
from conftest import ROOT
from frozen_reader import FrozenReader
from official_images import ESP32, NAMES, PLACES, architecture, modules, official

from tools import Failure
from tools.freeze import app_image, compiler, linker, mpy_file
from tools.freeze import official as officials


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
    static = before.qstrs.texts[: before.qstrs.sizes[0]]
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
    static = after.qstrs.texts[: after.qstrs.sizes[0]]
    for name, mpy in given.items():
        assert reader.module(name) == mpy_file.read(name, mpy, static)


def test_what_is_linked_is_not_linked_again():
    linked = linker.link(official(ESP32), modules("xtensawin"))
    with pytest.raises(Failure, match="linked into this image already"):
        linker.link(linked.data, modules("xtensawin"))
