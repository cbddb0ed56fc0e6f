"""Plugins by name: one module in a package that lists them in NAMES. The only module that may meet a missing one."""


class NoSuchPlug(Exception):
    """The package lists nothing of that name, or its module is not in this image."""


def load(package, name):
    """Return the module `package.name`, imported on first use. Raise NoSuchPlug for a name that the package does not list."""
    try:
        if name in _package(package).NAMES:
            return __import__(package + "." + name, None, None, (name,))
    except ImportError:
        pass  # boards of other chips are not in the image
    raise NoSuchPlug(name)


def names(package):
    """Return the names of all plugins in `package`, sorted."""
    return sorted(_package(package).NAMES)


def _package(path):
    return __import__(path, None, None, ("NAMES",))
