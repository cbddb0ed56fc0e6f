"""What an update sends: patches between images that the linker makes of official ones, for the changes that releases have."""

import functools
import re

import pytest
from conftest import ROOT
from official_images import C3, ESP32, NAMES, S3, official
from test_patch import agrees

from tools.freeze import linker
from tools.images import image, modules, targets

MOST_FIRMWARE_BYTES = 80 * 1024  # of an update that changes the firmware alone (DESIGN §9)
BOARDS = {ESP32: "generic_esp32", S3: "generic_esp32s3", C3: "generic_esp32c3"}
OLDER = {ESP32: "ESP32_GENERIC-20251209-v1.27.0", S3: "ESP32_GENERIC_S3-20250911-v1.26.1"}


def linked(name, board, **changes):
    """Return the image of a board with these changes ({path: source})."""
    target = targets.named(board)
    frozen = modules.compiled(target, (bytes(52),), {**modules.versioned("0.2.0"), **changes})
    return linker.link(official(name), frozen, heap_kb=image.HEAP_KB.get(target.chip)).data


@functools.cache
def older(name, board):
    """Return the image of the version before."""
    return linked(name, board, **modules.versioned("0.1.0"))


def one_function():
    """Return a change of one function in the middle of the image."""
    path = "firmware/ota/download.py"
    source = (ROOT / path).read_text(encoding="utf-8")
    changed = source.replace("            tries += 1\n", "            tries += 1\n            print(tries, far)\n")
    assert changed != source
    return {path: changed}


def one_module():
    """Return a module that was not there, with names of its own."""
    source = (ROOT / "firmware" / "backends" / "valtronics.py").read_text(encoding="utf-8")
    for name in sorted(set(re.findall(r"\b_?[a-z]+_[a-z_]+\b", source))):
        source = re.sub(rf"\b{name}\b", name + "_too", source)
    return {"firmware/backends/one_more.py": source}


@pytest.mark.parametrize("what", [dict, one_function, one_module], ids=["version", "function", "module"])
@pytest.mark.parametrize("name", BOARDS)
def test_an_update_of_the_firmware_alone_sends_little(name, what):
    board = BOARDS[name]
    patch = agrees(older(name, board), linked(name, board, **what()))
    assert len(patch) <= MOST_FIRMWARE_BYTES


@pytest.mark.parametrize("name", OLDER)
def test_another_micropython_sends_less_than_half_the_image(name):
    board = BOARDS[name]
    assert OLDER[name] in NAMES
    new = linked(name, board)
    assert len(agrees(older(OLDER[name], board), new)) <= len(new) // 2
