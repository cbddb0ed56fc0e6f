"""Plugins by name: one module in a package that lists them in NAMES. The only module that catches ImportError."""


class NoSuchPlugin(Exception):
    """The package lists nothing of that name, or its module is not in this image."""


def load(package, name):
    """Return the module `package.name`, imported on first use. Raise NoSuchPlugin for a name that the package does not list."""
    try:
        if name in _package(package).NAMES:
            return __import__(package + "." + name, None, None, (name,))
    except ImportError:
        pass  # plugins for other chips are not in the image
    raise NoSuchPlugin(name)


def names(package):
    """Return the names of all plugins in `package`, sorted."""
    return sorted(_package(package).NAMES)


def _package(path):
    return __import__(path, None, None, ("NAMES",))
