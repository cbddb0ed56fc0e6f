"""Plugins by name: one module in a package that lists them in NAMES. The only module that may meet a missing one."""


class NoSuchPlug(Exception):
    """No module of that name is in the package."""


def load(package, name):
    """Return the module `package.name`, imported on first use.

    Raise NoSuchPlug for a name that is no plain word, or has no module.
    """
    if not name or not all([letter == "_" or letter.isalpha() or letter.isdigit() for letter in name]):
        raise NoSuchPlug(name)
    try:
        return __import__(package + "." + name, None, None, (name,))
    except ImportError:
        raise NoSuchPlug(name)


def names(package):
    """Return the names of all plugins in `package`, sorted."""
    return sorted(__import__(package, None, None, ("NAMES",)).NAMES)
