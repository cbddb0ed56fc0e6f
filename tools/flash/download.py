"""Downloads official MicroPython images from micropython.org; each is kept in build/micropython and taken from there again.

A file that the table of tools/images/micropython.py knows is taken only with the size and the SHA-256 that stand there. The
name of any other one holds a date that cannot be guessed: the board's page on micropython.org has it.
"""

import hashlib
import http.client
import os
import re
import ssl
import urllib.request

from tools import Failure
from tools.common.environment import ROOT
from tools.images import micropython

FOLDER = ROOT / "build" / "micropython"
SITE = "https://micropython.org"
_FILES = SITE + "/resources/firmware/"
_PAGES = SITE + "/download/"
_TIME_S = 60
_MOST_BYTES = 16 * 1024 * 1024
_OTHERWISE = "--image FILE takes one that you have (a .bin from micropython.org/download)"


def image(chip, version=None, folder=None, fetch=None):
    """Return the path of the official image for a chip: of that version (1, 28, 0), else the newest verified one.

    `fetch(url)` returns bytes or raises OSError. Raise Failure, in one line, when it cannot be had.
    """
    folder, fetch = folder or FOLDER, fetch or _fetch
    entry = micropython.newest(chip) if version is None else micropython.of_version(chip, version)
    if entry is None:
        return _unknown(chip, version, folder, fetch)
    path = folder / entry.file
    if path.exists() and _is(path.read_bytes(), entry):
        return path
    data = _downloaded(entry.file, fetch)
    if not _is(data, entry):
        raise Failure(f"{entry.file} arrived damaged, or is another file than the one that was tried; {_OTHERWISE}")
    return _stored(path, data)


def _unknown(chip, version, folder, fetch):
    """Return the path of a release that the table does not have."""
    board, wanted = micropython.BOARDS[chip], micropython.text(version)
    pattern = rf"{board}-\d{{8}}-v{re.escape(wanted)}\.bin"
    there = sorted(path for path in folder.glob(f"{board}-*-v{wanted}.bin") if re.fullmatch(pattern, path.name))
    if there:
        return there[-1]
    try:
        page = fetch(f"{_PAGES}{board}/").decode("utf-8", "replace")
    except _FAULTS as fault:
        raise Failure(f"micropython.org cannot be asked for {board} {wanted} ({_reason(fault)}); {_OTHERWISE}")
    names = sorted(set(re.findall(pattern, page)))
    if not names:
        raise Failure(f"micropython.org offers no {board} {wanted}; {_OTHERWISE}")
    return _stored(folder / names[-1], _downloaded(names[-1], fetch))


_FAULTS = (OSError, http.client.HTTPException)


def _downloaded(name, fetch):
    print(f"Downloading {name} …", flush=True)
    try:
        return fetch(_FILES + name)
    except _FAULTS as fault:
        raise Failure(f"{name} cannot be downloaded ({_reason(fault)}); {_OTHERWISE}")


def _is(data, entry):
    return len(data) == entry.size and hashlib.sha256(data).hexdigest() == entry.sha256


def _stored(path, data):
    """Return `path`, which holds `data`, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    new.write_bytes(data)
    os.replace(new, path)
    return path


def _reason(fault):
    reason = getattr(fault, "reason", None) or getattr(fault, "strerror", None) or fault
    return str(reason).strip().splitlines()[0] if str(reason).strip() else type(fault).__name__


def _fetch(url):
    """Return what an HTTPS server offers there. OSError or HTTPException when it does not."""
    import certifi  # the same roots on every system, also where Python was installed without any

    context = ssl.create_default_context(cafile=certifi.where())
    request = urllib.request.Request(url, headers={"User-Agent": "openshock-micropython tools"})
    with urllib.request.urlopen(request, timeout=_TIME_S, context=context) as answer:
        data = answer.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise OSError("it is larger than any image")
    return data
