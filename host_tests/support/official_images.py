"""The official MicroPython images that tests of the linker read, and modules to link into them. No tests live here."""

import functools
import lzma

import pytest
from conftest import ROOT

from tools.freeze import compiler

FOLDER = ROOT.parent / "shared" / "images"
# Where the code of each tells of the tables and of the end of constant data: addresses of words and of `lui`, found apart from
# this linker by an earlier one, whose images ran.
PLACES = {
    "ESP32_GENERIC-20240602-v1.23.0": "400d0ef4 400d1ecc 400d1ed0 4010e908",
    "ESP32_GENERIC-20241129-v1.24.1": "400d0d80 400d1d18 400d1d1c 4010e558 4010f238",
    "ESP32_GENERIC-20250911-v1.26.1": "400d17f8 4010f2f0 4010f2f4 4014df4c",
    "ESP32_GENERIC-20251209-v1.27.0": "400d17a4 4010f898 4010f89c 4014de6c",
    "ESP32_GENERIC-20260406-v1.28.0": "400d17a0 4010f8d0 4010f8d4 4014e194",
    "ESP32_GENERIC-OTA-20250415-v1.25.0": "400d12b4 4010ddc8 4010ddcc 4010ee14",
    "ESP32_GENERIC-OTA-20250809-v1.26.0": "400d1474 4010e314 4010e318 4010f958",
    "ESP32_GENERIC-SPIRAM-20251209-v1.27.0": "400d15b0 4010e968 4010e96c 4010ff64",
    "ESP32_GENERIC_C3-20240602-v1.23.0": "420172be 4201747a 42017514 42042002 42042070 4204fc3c",
    "ESP32_GENERIC_C3-20241129-v1.24.1": "42017988 42017b40 42017bda 42048458 420484ca 42057a80 420861d2",
    "ESP32_GENERIC_C3-20260406-v1.28.0": "420385e6 42038936 420389be 4205d1a4 4205d1ea 42068588 420a2de4",
    "ESP32_GENERIC_S2-20240602-v1.23.0": "40024e54 40080e18 40081c38 40081c3c 400be798",
    "ESP32_GENERIC_S2-20251209-v1.27.0": "400817b8 400bf844 400bf848 400c1088",
    "ESP32_GENERIC_S3-20241129-v1.24.1": "40374460 40374488 420011b8 42002164 42002168 4203f0c8 4203fdd0",
    "ESP32_GENERIC_S3-20250911-v1.26.1": "40374464 403744ac 42001bc0 420400ac 420400b0 4208bfd0",
    "ESP32_GENERIC_S3-20260406-v1.28.0": "42000198 42001b04 4204030c 42040310 4208acc8",
    "ESP32_GENERIC_S3-FLASH_4M-20240602-v1.23.0": "4037448c 4200117c 420020b0 420020b4 4203f060",
    "ESP32_GENERIC_S3-SPIRAM_OCT-20251209-v1.27.0": "42000198 42001b0c 420402a0 420402a4 4208a9cc",
}
NAMES = tuple(PLACES)
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
