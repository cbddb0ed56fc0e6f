"""The official MicroPython images that the project knows, from micropython.csv beside this file. No I/O but reading that table.

A row has verified "yes" once the tests have linked the image and verified the result. A release of which only the hash is
known stands there with "no": a user who asks for it gets exactly that file, with a note that it is untried.
`size` and `sha256` are those of the file as micropython.org offers it (".bin": boot loader, flash map, app), `app_sha256` is
that of the app inside, which is what an ".app-bin" holds; it is blank where the project does not have the file.
"""

import csv
import hashlib
import re
from collections import namedtuple
from pathlib import Path

# file: its name on the server · board: MicroPython's name of the build, variant included · version: (1, 28, 0) · size: bytes
Entry = namedtuple("Entry", ("file", "board", "version", "size", "sha256"))

BOARDS = {
    "esp32": "ESP32_GENERIC",
    "esp32s2": "ESP32_GENERIC_S2",
    "esp32s3": "ESP32_GENERIC_S3",
    "esp32c3": "ESP32_GENERIC_C3",
}
# Builds that run on every board of their chip, the preferred one first. OTA: the same code with fewer libraries.
_VARIANTS = ("", "-OTA")
_NAME = re.compile(r"([A-Z0-9_]+(?:-[A-Z0-9_]+)?)-\d{8}-v(\d+)\.(\d+)\.(\d+)\.bin")
_TABLE = Path(__file__).with_suffix(".csv")


def newest(chip):
    """Return the newest verified Entry that runs on every board with that chip. Raise KeyError when there is none."""
    found = [entry for entry in _verified() if entry.board in _builds(chip)]
    if not found:
        raise KeyError(chip)
    return max(found, key=lambda entry: (entry.version, -_builds(chip).index(entry.board)))


def of_version(chip, version):
    """Return the Entry of a chip and a version (1, 28, 0), verified or not; None when the table has none."""
    found = [entry for entry, _, _ in _rows() if entry.version == version and entry.board in _builds(chip)]
    return min(found, key=lambda entry: _builds(chip).index(entry.board), default=None)


def entry_of(data):
    """Return the verified Entry of which `data` is the whole file, or the app inside; None when there is none."""
    digest = hashlib.sha256(data).hexdigest()
    return next((entry for entry, app, verified in _rows() if verified and digest in (entry.sha256, app)), None)


def is_verified(entry):
    """Return whether the tests have linked and verified that image."""
    return entry in _verified()


def parsed(text):
    """Return the version (1, 28, 0) in a text such as "1.28.0" or "v1.28.0". Raise ValueError when there is none."""
    found = re.fullmatch(r"v?(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?", text)
    if not found:
        raise ValueError(f"'{text}' is no version of MicroPython (1.28.0)")
    return tuple(int(number or 0) for number in found.groups())


def text(version):
    """Return a version as people write it."""
    return ".".join(map(str, version))


def _builds(chip):
    return [BOARDS[chip] + variant for variant in _VARIANTS] if chip in BOARDS else []


def _verified():
    return [entry for entry, _, verified in _rows() if verified]


def _rows():
    """Return [(Entry, SHA-256 of the app or "", whether verified)] of the table, in its order."""
    with _TABLE.open(encoding="ascii", newline="") as file:
        return [_row(line) for line in csv.DictReader(file)]


def _row(line):
    board, *version = _NAME.fullmatch(line["file"]).groups()
    entry = Entry(line["file"], board, tuple(map(int, version)), int(line["size"]), line["sha256"])
    return entry, line["app_sha256"], line["verified"] == "yes"
