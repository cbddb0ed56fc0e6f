"""The official MicroPython images that tests of the linker read, and modules to link into them. No tests live here."""

import functools
import lzma

import pytest
from conftest import ROOT

from tools.freeze import compiler

FOLDER = ROOT.parent / "shared" / "images"
NAMES = tuple(
    f"ESP32_GENERIC{name}"
    for name in (
        "-20240602-v1.23.0",
        "-20241129-v1.24.1",
        "-20250911-v1.26.1",
        "-20251209-v1.27.0",
        "-20260406-v1.28.0",
        "-OTA-20250415-v1.25.0",
        "-OTA-20250809-v1.26.0",
        "-SPIRAM-20251209-v1.27.0",
        "_C3-20240602-v1.23.0",
        "_C3-20241129-v1.24.1",
        "_C3-20260406-v1.28.0",
        "_S2-20240602-v1.23.0",
        "_S2-20251209-v1.27.0",
        "_S3-20241129-v1.24.1",
        "_S3-20250911-v1.26.1",
        "_S3-20260406-v1.28.0",
        "_S3-FLASH_4M-20240602-v1.23.0",
        "_S3-SPIRAM_OCT-20251209-v1.27.0",
    )
)
ESP32, S2, S3, C3 = NAMES[4], NAMES[12], NAMES[15], NAMES[10]  # the newest of each chip


@functools.lru_cache(maxsize=2)
def official(name):
    """Return the bytes of an official .bin; end the test where the images are not at hand."""
    path = FOLDER / f"{name}.bin.xz"
    if not path.exists():
        pytest.skip(f"{name}.bin.xz is not beside the project, in shared/images")
    return lzma.decompress(path.read_bytes())


def architecture(name):
    """Return mpy-cross's name for the architecture of an image's chip."""
    return "rv32imc" if "_C3" in name else "xtensawin"


# What each kind of constant and function becomes; every statement is a case of its own.
EVERY_KIND = '''
"""A module of every kind of constant."""
SHORT, LONG = "linked", "a text of twenty-five characters and more"
BYTES, EMPTY = b"\\x00\\xffbytes", b""
SMALL, NEGATIVE, LARGE, LARGEST = 0x3FFFFFFF, -0x40000000, 0x40000000, 123456789012345678901234567890
NEGATIVE_LARGE, WORD = -0x40000001, 0xFFFFFFFF
FLOAT, COMPLEX = 3.25, 2.5j
TUPLE = (1, "in a tuple", ("nested", b"bytes", 1.5, None, True, False, ..., 1 << 40), "another text of twenty-five characters")
NONE = (None, ..., True)


def generator(n, *, step=1):
    for i in range(0, n, step):
        yield i


async def coroutine(value):
    return await value


def closure(first):
    count = first

    def inner(add):
        nonlocal count
        count += add
        return lambda: (count, add)

    return inner


class Example:
    def method(self, a, b=2, *c, d=4, **e):
        try:
            return {k: [x for x in c if x] for k in e}
        except (ValueError, OSError) as fault:
            raise RuntimeError("no " + str(fault)) from fault
        finally:
            with open(a) as file:
                while file.read():
                    if d:
                        break
'''
SOURCES = {
    "pkg/__init__.py": "from pkg.kinds import SHORT\n",
    "pkg/kinds.py": EVERY_KIND,
    "pkg/deep/inner.py": "import pkg.kinds\n\n\ndef f():\n    return pkg.kinds.TUPLE\n",
    "main.py": "import pkg\n",
}


@functools.lru_cache(maxsize=None)
def modules(arch):
    """Return {name: .mpy bytes} of SOURCES."""
    return {name: compiler.compiled(name, source, arch) for name, source in SOURCES.items()}
