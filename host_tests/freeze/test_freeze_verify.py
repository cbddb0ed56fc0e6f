"""Linked images are confirmed, whatever official image they are made of; and found by the image's own code."""

import pytest
from conftest import peer_module

from host_tests.image_code import DIRECTORY, FILE, NOTHING, Found, lookup
from host_tests.support import linked_images
from tools import Failure
from tools.freeze import verify as verifier
from tools.freeze.verify import app_image, frozen_tables
from tools.freeze.verify.memory import Memory

_FROZEN_MPY = 2  # MP_FROZEN_MPY (py/frozenmod.h)


@pytest.fixture(scope="module", params=linked_images.NAMES or ("no image",))
def image(request):
    """One official image after the other: all tests with it, so that it is linked once."""
    linked_images.official(request.param)
    return request.param


def _confirmed(name):
    heap_kb, made = linked_images.linked_with_heap(name)
    return verifier.verify(linked_images.official(name), made, linked_images.samples(), heap_kb)


def test_an_image_with_samples_of_everything_is_confirmed(image):
    modules = linked_images.samples()
    report = _confirmed(image)
    assert report.modules == sorted(modules) and report.version in image
    assert report.functions == 29  # counted by hand in SAMPLES
    assert report.qstrs == 2 + 15 + 42 + 5 + 5 + 7  # mpy-tool's count
    assert {"qstr pool", "table of frozen modules", "names of frozen modules"} <= {
        patch.what for patch in report.patched
    }
    assert {patch.new for patch in report.patched if patch.what == "initial heap"} == {
        linked_images.linked_with_heap(image)[0] * 1024
    }


def test_another_initial_heap_is_refused(image):
    official, (heap_kb, made) = linked_images.official(image), linked_images.linked_with_heap(image)
    with pytest.raises(Failure, match="initial heap"):
        verifier.verify(official, made, linked_images.samples(), heap_kb + 8)
    with pytest.raises(Failure, match="differs from the official image, and nothing asked for that"):
        verifier.verify(official, made, linked_images.samples())


def test_what_is_in_an_image_is_listed(image):
    official = verifier._official(linked_images.official(image)).tables.modules
    before, after = (
        [name.decode() for name, _ in official],
        verifier.modules_in(linked_images.linked_with_heap(image)[1]),
    )
    assert [name for name, _ in after] == [*before, *linked_images.samples()] and "asyncio/core.py" in before
    assert all(size > 0 for _, size in after)


def test_the_images_own_code_finds_what_was_linked(image):
    """`mp_find_frozen_module` of the official image's machine code, run against the linked image's memory."""
    memory, code = verifier._read(linked_images.official(image), "official").reading
    old = frozen_tables.find(memory, code)
    (function,) = {code.function(use) for use in code.of(old.contents)} & {
        code.function(use) for use in code.of(old.names)
    }
    linked = Memory(app_image.read(linked_images.linked_with_heap(image)[1], "linked"))
    places = {patch.what: patch.new for patch in _confirmed(image).patched}
    modules = frozen_tables.read(linked, *(places[what] for what in frozen_tables.TABLES)).modules
    processor = _processor(linked)
    for path, address in modules:
        assert lookup(processor, function, path) == Found(FILE, _FROZEN_MPY, address), path
    for path in (b"asyncio", b"sample", b"sample/inner"):
        assert lookup(processor, function, path).kind == DIRECTORY, path
    for path in (b"sampl", b"sample/inne", b"sample_top", b"sample/inner/left.pyc", b"nothing.py", b"firmware/app.py"):
        assert lookup(processor, function, path) == Found(NOTHING, 0, 0), path
    before = _processor(memory)
    assert lookup(before, function, b"sample_top.py").kind == NOTHING
    assert lookup(before, function, b"_boot.py").data == dict(old.modules)[b"_boot.py"]


def _processor(memory):
    """Return what runs this image's code; the test is skipped where its package has no wheel."""
    if memory.chip.xtensa:
        peer_module("pypcode")
        from host_tests.image_code import xtensa as engine
    else:
        peer_module("unicorn")
        from host_tests.image_code import riscv as engine
    return engine.Processor(memory.chip.name, memory.regions)


@pytest.mark.parametrize("name", (linked_images.XTENSA, linked_images.RISCV))
def test_an_image_with_the_whole_firmware_is_confirmed(name):
    official, modules = linked_images.official(name), linked_images.firmware()
    made = linked_images.link(official, modules)
    report = verifier.verify(official, made, modules)
    assert len(report.modules) == len(modules) > 100 and "initial heap" not in {patch.what for patch in report.patched}
    listed = dict(verifier.modules_in(made))
    assert all(0 < listed[name] < len(data) for name, data in modules.items())
