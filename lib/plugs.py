"""Finds a plug by name: one file in a folder. The only room that may meet a missing module."""


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
