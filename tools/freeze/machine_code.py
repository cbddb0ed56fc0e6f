"""Modules that hold machine code, as bytes of one frozen module, which imports them when it is imported itself.

Machine code cannot run from where constants lie (DROM is no executable memory), and would run through the flash's cache if it
could. So each such module stays a `.mpy` file, which MicroPython's own loader copies into executable memory (py/persistentcode.c,
MP_PLAT_COMMIT_EXEC); it is read from a file system of a few lines that serves these bytes. Executable memory gets scarce once
Wi-Fi runs: whoever freezes such modules imports MODULE first.
"""

from tools import Failure

MODULE = "_machine_code.py"

# How a module gets its name: `import lib.ook` looks for `ook` in the package's __path__ alone, which is ".frozen/lib". So each
# is imported by a name of its own from the top, and then stands in sys.modules under the right one (py/builtinimport.c).
_SOURCE = '''\
"""Import the modules that hold machine code, as long as there is executable memory for it. Written by tools/freeze."""

import sys
from errno import ENOENT
from io import BytesIO

import vfs

_FILES = {files!r}


class _Rom:
    """A read-only file system with the files of _FILES, for the moment of these imports."""

    def mount(self, readonly, mkfs):
        pass

    def umount(self):
        pass

    def _content(self, path):
        for name, content in _FILES:
            if path == "/" + _flat(name) + ".mpy":
                return content
        raise OSError(ENOENT)

    def stat(self, path):
        return (0x8000, 0, 0, 0, 0, 0, len(self._content(path)), 0, 0, 0)

    def open(self, path, mode):
        return BytesIO(self._content(path))


def _flat(name):
    return "_rom_" + name.replace(".", "_")


def _load():
    for name, _ in _FILES:
        flat = _flat(name)
        module = __import__(flat)
        del sys.modules[flat]
        sys.modules[name] = module
        package, _, leaf = name.rpartition(".")
        if package:
            setattr(__import__(package, None, None, (leaf,)), leaf, module)


vfs.mount(_Rom(), "/rom")
sys.path.insert(0, "/rom")
try:
    _load()
finally:
    sys.path.remove("/rom")
    vfs.umount("/rom")
'''


def module_source(files):
    """Return the source of MODULE for `files`: {"lib/ook.py": .mpy bytes}, one that another needs before it.

    Raise Failure when they need each other in a circle.
    """
    return _SOURCE.format(files=tuple((_dotted(path), files[path]) for path in _ordered(files)))


def _dotted(path):
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _ordered(files):
    """Return the paths so that each comes behind those whose names it knows (a `.mpy` holds every name that it uses, as text)."""
    needs = {
        path: {other for other in files if other != path and _dotted(other).rpartition(".")[2].encode() + b"\0" in data}
        for path, data in files.items()
    }
    order = []
    while len(order) < len(files):
        ready = sorted(path for path in files if path not in order and needs[path] <= set(order))
        if not ready:
            circle = ", ".join(sorted(set(files) - set(order)))
            raise Failure(f"modules with machine code import each other ({circle}): put the machine code into leaves")
        order += ready
    return order
