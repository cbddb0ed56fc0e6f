"""What an update keeps in files: its journal, and a copy of the settings as the old version left them.

The copy is for one case alone: a version that went back has left settings that this one cannot read, as roll-back does not
cover the file system. It is read in the start that finds the roll-back, and in no other: what is older would come back (S20).
"""

import os

from micropython import const

from firmware.config.settings import copy_of, stricter
from lib import json_file
from lib.strict_json import loads

_LARGEST = const(8192)


class File:
    """The journal's place in a file system. A damaged one is an empty one: what it was about is seen from the slots."""

    def __init__(self, path):
        self._path = path

    def load(self):
        """Return a dict."""
        try:
            return json_file.load(self._path)
        except json_file.Damaged:
            return {}

    def save(self, content):
        """Put a dict on the flash. Raise OSError when the file system refuses."""
        json_file.save(self._path, content)


def keep(path):
    """Put a copy of what is in `path` beside it. Raise OSError when there is no space: then nothing was begun.

    Settings that cannot be read are not worth it: an older copy stays.
    """
    try:
        json_file.save(copy_of(path), json_file.load(path))
    except json_file.Damaged:
        pass


def bring_back(path):
    """Return True when `path` could not be read, and holds the copy now: for the old version, in the start that finds a roll-back.

    Caps are the stricter of the copy's and of what can still be made out in `path` (S20). Raise OSError.
    """
    try:
        json_file.load(path)
        return False
    except json_file.Damaged:
        pass
    try:
        copy = json_file.load(copy_of(path))
    except json_file.Damaged:
        return False
    if copy:
        copy.update(stricter(copy, _made_out(path)))
        json_file.set_aside(path)
        json_file.save(path, copy)
    return bool(copy)


def forget(path):
    """None; there is no copy of `path` any more: the version that runs stays, or nothing was begun."""
    try:
        os.stat(copy_of(path))
    except OSError:
        return
    json_file.forget(copy_of(path))


def _made_out(path):
    """What is in a file that is not as it was written, where it is a table at all."""
    try:
        with open(path, "rb") as file:
            content = loads(file.read(_LARGEST))
        return content if isinstance(content, dict) else {}
    except (OSError, ValueError):
        return {}
