"""A dict in a file: whole, the old or the new one, whenever power fails."""

import json
import os

from micropython import const

from lib.jsontext import loads

_LARGEST = const(8192)


class Damaged(Exception):
    """The file is there, but does not hold a dict of at most 8 KiB in JSON."""


def load(path):
    """The dict in `path`; an empty one when there is no such file. Damaged when the file cannot be read as a dict."""
    try:
        size = os.stat(path)[6]
    except OSError:
        return {}
    if size > _LARGEST:
        raise Damaged("larger than 8 KiB")
    try:
        with open(path, "rb") as file:
            content = loads(
                file.read(_LARGEST)
            )  # strictly: MicroPython's own json reads half of a table as a whole one
    except (ValueError, OSError):
        raise Damaged("not JSON")
    if not isinstance(content, dict):
        raise Damaged("not a table")
    return content


def save(path, content):
    """None; replaces what is in `path` in one step. ValueError for more than 8 KiB; OSError when the file system refuses.

    The new file is complete and closed before it takes the old one's name: a file open at power-off has no bytes
    (reference/micropython-esp32.md §k).
    """
    text = json.dumps(content)
    if len(text.encode()) > _LARGEST:
        raise ValueError("larger than 8 KiB")
    with open(path + ".new", "w") as file:
        file.write(text)
    os.rename(path + ".new", path)
