"""An official image that anybody can have: MicroPython 1.23.0 in the source package of mp-image-tool-esp32 on PyPI.

It is linked, verified, and read by esptool, where ../shared/images is missing, too.
"""

import hashlib
import os
import subprocess
import sys
import tarfile

import official_images
import pytest
from conftest import ROOT, peer_module

from tools.freeze import linker, verify

PACKAGE = "mp-image-tool-esp32==0.1.1"
MEMBER = "mp_image_tool_esp32-0.1.1/tests/data/ESP32_GENERIC-20240602-v1.23.0.bin"
SHA256 = "5e442176c7e90347aa102915077dda59f795af190f907f3919ee1e4e57984716"  # as micropython.org has it
FOLDER = ROOT / "build" / "official"


@pytest.fixture(scope="module")
def official():
    """The bytes of the image, fetched once; skipped without a network, but under CI."""
    path = FOLDER / "mp_image_tool_esp32-0.1.1.tar.gz"
    if not path.exists():
        # its build back end is in our environment: without isolation pip makes no environment of its own for a file list
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "-q",
            "--no-deps",
            "--no-build-isolation",
            "--no-binary",
            ":all:",
        ]
        done = subprocess.run(
            [*command, "-d", str(FOLDER), PACKAGE], capture_output=True, text=True, timeout=100, check=False
        )
        if done.returncode or not path.exists():
            if os.environ.get("CI"):
                pytest.fail(f"{PACKAGE} cannot be fetched, and CI is set: {done.stderr[-500:]}")
            pytest.skip(f"{PACKAGE} cannot be fetched from PyPI")
    with tarfile.open(path) as package:
        data = package.extractfile(MEMBER).read()
    assert hashlib.sha256(data).hexdigest() == SHA256
    return data


def test_it_is_linked_verified_and_read_by_esptool(official, tmp_path):
    modules = official_images.modules("xtensawin")
    linked = linker.link(official, modules, heap_kb=64)
    assert linked.version == "1.23.0" and linked == linker.link(official, modules, heap_kb=64)
    assert len(verify.verify(official, linked.data, modules, 64).modules) == len(modules)
    path = tmp_path / "linked.bin"
    path.write_bytes(linked.data)
    command = [sys.executable, "-m", peer_module("esptool"), "image-info", str(path)]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    assert told.count("(valid)") == 2, told
