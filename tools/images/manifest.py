"""The manifest of an update: what it is, for which board, and the hash of its image; one line of JSON that is signed. No I/O.

A device checks the signature of exactly these bytes first, then every field in them (firmware/ota/manifest.py).
"""

import hashlib
import json
import re

from tools.common.firmware_modules import load_module

FILE = "manifest.json"
SIGNATURE = "manifest.json.sig"
IMAGE = "image.bin"
PRODUCT = "openshock-micropython"
SCHEMA = 2
MOST_BYTES = 2048
_DATE = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")


def made(target, version, counter, date, image):
    """Return the manifest's bytes for `image` (bytes), the one part of a version.

    Raise ValueError for a version that is not SemVer, a date that is not YYYY-MM-DD, a counter below 0, and for more than
    MOST_BYTES.
    """
    if not is_version(version):
        raise ValueError(f"'{version}' is no version (major.minor.patch, semver.org)")
    if not _DATE.fullmatch(date):
        raise ValueError(f"'{date}' is no date (YYYY-MM-DD)")
    if not 0 <= counter < 1 << 30:
        raise ValueError(f"{counter} is no rollback counter")
    fields = {
        "board": target.title,
        "chip": target.chip,
        "counter": counter,
        "date": date,
        "layout": target.layout,
        "product": PRODUCT,
        "schema": SCHEMA,
        "sha256": hashlib.sha256(image).hexdigest(),
        "size": len(image),
        "version": version,
    }
    line = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
    if len(line) > MOST_BYTES:
        raise ValueError(f"a manifest has at most {MOST_BYTES} bytes, not {len(line)}")
    return line


def is_version(text):
    """Return whether the text is a version as the devices take it: as semver.org has it, 40 characters at most."""
    return load_module("lib.semver").is_version(text)
