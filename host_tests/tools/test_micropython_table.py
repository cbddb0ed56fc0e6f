"""The table of official MicroPython images: what it finds, and that its sizes and hashes are those of the images themselves."""

import csv
import hashlib
import re

import official_images
import pytest
from conftest import ROOT

from tools.flash import official
from tools.images import layout, micropython, targets

TABLE = ROOT / "tools" / "images" / "micropython.csv"
LINES = list(csv.DictReader(TABLE.read_text(encoding="ascii").splitlines()))
VERIFIED = [line for line in LINES if line["verified"] == "yes"]


def test_every_row_is_whole():
    assert len({line["file"] for line in LINES}) == len(LINES)
    for line in LINES:
        assert line.keys() == {"file", "size", "sha256", "app_sha256", "verified"}
        assert re.fullmatch(r"ESP32_GENERIC(_S2|_S3|_C3)?(-[A-Z0-9_]+)?-20\d{6}-v1\.\d+\.\d+\.bin", line["file"])
        assert re.fullmatch("[0-9a-f]{64}", line["sha256"]) and line["verified"] in ("yes", "no")
        assert re.fullmatch("[0-9a-f]{64}" if line["verified"] == "yes" else "([0-9a-f]{64})?", line["app_sha256"])
        version = tuple(map(int, re.search(r"v(\d+)\.(\d+)\.(\d+)", line["file"]).groups()))
        assert version >= official.OLDEST


def test_a_verified_image_is_one_that_the_tests_link():
    """test_freeze_linker.py and test_freeze_verify.py take each of NAMES."""
    assert {line["file"].removesuffix(".bin") for line in VERIFIED} <= set(official_images.NAMES)


@pytest.mark.parametrize("line", VERIFIED, ids=lambda line: line["file"])
def test_a_verified_row_describes_the_image_itself(line):
    data = official_images.official(line["file"].removesuffix(".bin"))
    found = official.read(data)
    entry = micropython.entry_of(data)
    assert (entry.file, entry.size, entry.version) == (line["file"], len(data), found.version)
    assert entry.sha256 == hashlib.sha256(data).hexdigest() and micropython.is_verified(entry)
    assert micropython.entry_of(found.data) == entry, "the app alone is known, too: it is what an .app-bin holds"
    board = micropython.BOARDS[found.chip]
    assert entry.board == board or entry.board.startswith(board + "-")
    assert micropython.entry_of(data[:-1]) is None


def test_the_default_is_the_newest_verified_image_that_every_board_of_the_chip_runs():
    newest = {chip: micropython.newest(chip).file for chip in micropython.BOARDS}
    assert newest == {
        "esp32": "ESP32_GENERIC-20260406-v1.28.0.bin",
        "esp32s2": "ESP32_GENERIC_S2-20251209-v1.27.0.bin",
        "esp32s3": "ESP32_GENERIC_S3-20260406-v1.28.0.bin",
        "esp32c3": "ESP32_GENERIC_C3-20260406-v1.28.0.bin",
    }
    assert {target.chip for target in targets.every().values() if target.chip} == newest.keys()
    with pytest.raises(KeyError):
        micropython.newest("esp8266")


def test_a_version_is_found_by_its_number():
    assert micropython.of_version("esp32", (1, 27, 0)).file == "ESP32_GENERIC-20251209-v1.27.0.bin"
    assert micropython.of_version("esp32", (1, 26, 0)).board == "ESP32_GENERIC-OTA", "where there is no other"
    untried = micropython.of_version("esp32c3", (1, 29, 0))
    assert untried.sha256.startswith("bf72ed9e") and not micropython.is_verified(untried)
    assert micropython.of_version("esp32s3", (1, 27, 0)) is None, "an image that needs octal PSRAM is for few boards"
    assert micropython.of_version("esp32s2", (1, 29, 0)) is None


def test_of_two_builds_of_one_version_the_whole_one_is_taken(monkeypatch):
    def entry(variant, version):
        return micropython.Entry("", "ESP32_GENERIC" + variant, version, 1, variant + str(version)), "", True

    monkeypatch.setattr(
        micropython, "_rows", lambda: [entry("-OTA", (1, 28, 0)), entry("", (1, 28, 0)), entry("", (1, 27, 0))]
    )
    assert micropython.newest("esp32").board == "ESP32_GENERIC"
    assert micropython.of_version("esp32", (1, 28, 0)).board == "ESP32_GENERIC"
    monkeypatch.setattr(micropython, "_rows", lambda: [entry("-OTA", (1, 30, 0)), entry("", (1, 28, 0))])
    assert micropython.newest("esp32").version == (1, 30, 0)


def test_an_image_that_nobody_tried_is_not_in_the_table(monkeypatch):
    assert micropython.entry_of(b"") is None and micropython.entry_of(b"an image of one's own") is None
    data = b"1.29.0"
    rows = micropython._rows()
    untried = rows[-1][0]._replace(size=len(data), sha256=hashlib.sha256(data).hexdigest())
    monkeypatch.setattr(micropython, "_rows", lambda: [(untried, "", False)])
    assert micropython.entry_of(data) is None, "its hash is known, and that is all"


@pytest.mark.parametrize(
    ("text", "version"),
    [("1.28.0", (1, 28, 0)), ("v1.29.1", (1, 29, 1)), ("1.27", (1, 27, 0)), ("1.100.0", (1, 100, 0))],
)
def test_a_version_is_read(text, version):
    assert micropython.parsed(text) == version and micropython.parsed(micropython.text(version)) == version


@pytest.mark.parametrize("text", ["", "1", "1.28.0-preview", "1.28.0.1", "latest", "1.2 8", "-1.28.0"])
def test_what_is_no_version_is_refused(text):
    with pytest.raises(ValueError, match="is no version of MicroPython"):
        micropython.parsed(text)


@pytest.mark.parametrize("chip", micropython.BOARDS)
def test_the_default_leaves_room_for_the_firmware_in_the_smallest_slot(chip):
    """The linker adds some 280 KB (1.28.0 of the ESP32 becomes 1 980 560 bytes); 16 KB stay free."""
    entry = micropython.newest(chip)
    app = entry.size - (layout.TABLE_OFFSET + 0x8000 - official.BOOT_LOADER_AT[chip])
    assert app + 285_000 + 16 * 1024 <= layout.row(layout.table("4MB"), "ota_0").size
