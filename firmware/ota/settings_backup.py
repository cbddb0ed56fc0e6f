"""What an update keeps in files: its journal, and a copy of the settings as the old version left them.

The copy is for one case alone: a version that went back has left settings that this one cannot read, as roll-back does not
cover the file system.
"""

from lib import json_file


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
        json_file.save(_beside(path), json_file.load(path))
    except json_file.Damaged:
        pass


def bring_back(path):
    """Return True when `path` could not be read, and holds the copy now: for the old version, after a roll-back. Raise OSError."""
    try:
        json_file.load(path)
        return False
    except json_file.Damaged:
        pass
    try:
        copy = json_file.load(_beside(path))
    except json_file.Damaged:
        return False
    if copy:
        json_file.set_aside(path)
        json_file.save(path, copy)
    return bool(copy)


def _beside(path):
    return path[:-5] + ".before.json"
