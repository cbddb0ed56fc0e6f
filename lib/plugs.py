"""Finds a plug by name: one file in a folder. The only room that may meet a missing module."""

import os
import sys

from lib.guests import forget


class NoSuchPlug(Exception):
    """No file of that name is in the folder."""


def load(folder, name):
    """The module `folder.name`, imported on first use. NoSuchPlug for a name that is no plain word or has no file."""
    if not name or not all(letter == "_" or letter.isalpha() or letter.isdigit() for letter in name):
        raise NoSuchPlug(name)
    path = folder + "." + name
    try:
        return __import__(path, None, None, (name,))
    except ImportError:
        raise NoSuchPlug(name)


def glance(folder, name, read):
    """What `read(plug)` gives: plain data, for the plug and what only it had loaded are forgotten again. NoSuchPlug as `load`."""
    before = set(sys.modules)
    value = read(load(folder, name))
    tops = (folder.partition(".")[0], "lib")
    for path in [path for path in sys.modules if path not in before and path.partition(".")[0] in tops]:
        forget(path)
    return value


def names(folder):
    """The names of all plugs in `folder`, sorted; an empty list where its files cannot be listed (frozen code)."""
    found = set()
    for start in sys.path:
        try:
            files = os.listdir((start or ".") + "/" + folder.replace(".", "/"))
        except OSError:
            continue
        for file in files:
            name, _, kind = file.rpartition(".")
            if kind in ("py", "mpy") and name[:1] != "_":
                found.add(name)
    return sorted(found)


def find(path):
    """Where the data file `path` lies beside the code: below the first place of the module path that has it, or None."""
    for start in sys.path:
        place = (start + "/" if start else "") + path
        try:
            os.stat(place)
            return place
        except OSError:
            pass
    return None
