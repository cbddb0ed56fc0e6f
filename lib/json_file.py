"""A dict in a file: whole, the old or the new one, whenever power fails; what was written otherwise is found out.

The file is one JSON object. Its last two members are ours: "schema", the number of this form (1), and "crc32", the CRC-32 (as zlib
has it) of all bytes before the comma in front of it, in 8 hexadecimal digits. A file that has neither was written by hand, or by
a version before this form: it is read as it is. Whoever edits a file by hand takes both out.
"""

import binascii
import os

from micropython import const

from lib.idle import TIMES
from lib.strict_json import NoMemory, dumps, loads

_LARGEST = const(8192)
_PIECE = const(512)
_SEAL_SIZE = const(20)
_BOM = b"\xef\xbb\xbf"  # the byte order mark that some editors put in front of UTF-8; it says nothing (RFC 8259 §8.1)


class Damaged(Exception):
    """The file is there, but does not hold a dict of at most 8 KiB in JSON as it was written."""


def load(path):
    """The dict in `path`; an empty one when there is no such file. Damaged, in words, when it cannot be trusted; MemoryError."""
    try:
        size = os.stat(path)[6]
    except OSError:
        return {}
    if size > _LARGEST:
        raise Damaged("larger than 8 KiB")
    try:
        with open(path, "rb") as file:
            text = file.read(size)
        if text[:3] == _BOM:
            text = text[3:]
        content = loads(text)  # strictly: MicroPython's own json reads half of a table as a whole one
    except OSError:
        raise Damaged("unreadable")
    except NoMemory as fault:
        raise MemoryError(str(fault))  # nothing is wrong with the file: whoever saves now would lose what is in it
    except ValueError as fault:
        raise Damaged(str(fault))
    if not isinstance(content, dict):
        raise Damaged("not a table")
    if "schema" in content or "crc32" in content:
        if text[-_SEAL_SIZE:] != _seal(memoryview(text)[:-_SEAL_SIZE]):
            raise Damaged("not as it was written")
        del content["schema"], content["crc32"]
    return content


def save(path, content):
    """None; replaces what is in `path` in one step. ValueError for more than 8 KiB, or what JSON cannot say; OSError.

    The new file is complete and closed before it takes the old one's name: a file open at power-off has no bytes
    (reference/micropython-esp32.md §k).
    """
    TIMES.stop_first()
    text = dumps(content)[:-1] + (b',"schema":1' if content else b'"schema":1')
    if len(text) > _LARGEST - _SEAL_SIZE:
        raise ValueError("larger than 8 KiB")
    with open(path + ".new", "wb") as file:
        file.write(text)
        file.write(_seal(text))
    os.rename(path + ".new", path)


def _seal(text):
    return b',"crc32":"%08x"}' % binascii.crc32(text)


def set_aside(path):
    """None; what is in `path` is in a second file, too, for a look: x.damaged.json beside x.json. An older one is replaced.

    The first 8 KiB of it, and nothing where the file system has no room: whatever comes next matters more.
    """
    TIMES.stop_first()
    try:
        with open(path, "rb") as file, open(_aside(path), "wb") as copy:
            for _ in range(_LARGEST // _PIECE):
                copy.write(file.read(_PIECE))
    except OSError:
        forget_aside(path)


def forget_aside(path):
    """None; what `set_aside` kept of `path` is gone."""
    TIMES.stop_first()
    try:
        os.remove(_aside(path))
    except OSError:
        pass  # there is none


def _aside(path):
    return path[:-5] + ".damaged.json"
