"""A dict in a file: whole, the old or the new one, whenever power fails; what was written otherwise is detected.

The file is one JSON object. Its last two members belong to this module: "schema", the number of this form (1), and "crc32", the
CRC-32 (as zlib has it) of all bytes before the comma in front of it, in 8 hexadecimal digits. A file that has neither was
written by hand, or by a version before this form: it is read as it is. To edit a file by hand, take both out.
"""

import binascii
import errno
import os

from micropython import const

from lib.idle import TIMES
from lib.strict_json import NoMemory, dumps, loads

_LARGEST = const(8192)
_PIECE = const(512)
_SEAL_SIZE = const(20)
_BOM = b"\xef\xbb\xbf"  # the byte order mark that some editors put in front of UTF-8; it has no meaning (RFC 8259 §8.1)


class Damaged(Exception):
    """The file exists, but does not hold a dict of at most 8 KiB in JSON as it was written."""


def load(path):
    """Return the dict in `path`; an empty one when there is no such file.

    Raise Damaged, in words, when it cannot be trusted, and MemoryError.
    """
    try:
        size = os.stat(path)[6]
    except OSError as fault:
        if fault.args[:1] == (errno.ENOENT,):
            return {}
        raise Damaged("unreadable")  # a file system that fails says nothing of what is in it
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
    """Replace what is in `path` in one step. Raise ValueError above 8 KiB or for what JSON cannot hold; OSError.

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
    """Copy what is in `path` to a second file, for a look: x.damaged.json beside x.json. An older one is replaced.

    The first 8 KiB of it, and nothing where the file system is full: the caller has to go on.
    """
    TIMES.stop_first()
    try:
        with open(path, "rb") as file, open(_aside(path), "wb") as copy:
            for _ in range(_LARGEST // _PIECE):
                copy.write(file.read(_PIECE))
    except OSError:
        forget_aside(path)


def forget_aside(path):
    """Remove what `set_aside` kept of `path`."""
    forget(_aside(path))


def forget(path):
    """Remove the file `path`, where there is one."""
    TIMES.stop_first()
    try:
        os.remove(path)
    except OSError:
        pass  # there is none


def _aside(path):
    return path[:-5] + ".damaged.json"
