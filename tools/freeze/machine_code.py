"""Modules with machine code (viper, native): kept as `.mpy` files in one frozen module, whose own import imports them all.

Machine code cannot lie in constant data: MicroPython's loader copies it to executable RAM (`py/persistentcode.c`,
MP_PLAT_COMMIT_EXEC), which is scarce. So these modules are imported once, early, and stay. The loader reads files: a read-only file
system of a few lines serves them from constants during that import (`extmod/vfs.c`, `extmod/vfs_reader.c`, `py/builtinimport.c`).
"""

from tools import Failure
from tools.freeze import mpy_file

MODULE = "_machine_code.py"  # freeze the source under this name, and import it before what needs the modules

# A frozen package has one `__path__`, in ".frozen". It leads to the file system only until the file was found: what the module
# itself imports from its package may be frozen bytecode again.
_SOURCE = '''"""Imports modules with machine code from constants. Made by tools.freeze.machine_code."""

import io
import sys

import vfs

FILES = {files}


class Rom:
    """A read-only file system of FILES."""

    parent = path = None  # the package of the module that is being imported, and its own __path__

    def mount(self, readonly, mkfs):
        pass

    def umount(self):
        pass

    def stat(self, path):
        for name, data in FILES:
            if name == path or name.startswith(path + "/"):
                return (0x8000 if name == path else 0x4000, 0, 0, 0, 0, 0, len(data), 0, 0, 0)
        raise OSError(2)

    def open(self, path, mode):
        self.restore()
        for name, data in FILES:
            if name == path:
                return io.BytesIO(data)
        raise OSError(2)

    def restore(self):
        if self.parent:
            self.parent.__path__ = self.path

    def load(self, name):
        package = name.rpartition(".")[0]
        if package:
            __import__(package)
            self.parent = sys.modules[package]
            self.path = self.parent.__path__
            self.parent.__path__ = "/rom/" + package.replace(".", "/")
        try:
            __import__(name)
        finally:
            self.restore()
            self.parent = None


def load_all():
    rom = Rom()
    vfs.mount(rom, "/rom")
    sys.path.append("/rom")
    try:
        for path, _ in FILES:
            rom.load(path[1 : -len(".mpy")].replace("/", "."))
    finally:
        sys.path.remove("/rom")
        vfs.umount("/rom")


load_all()
'''


def module_source(files):
    """Return the source of the module MODULE for {"package/name.py": .mpy bytes with machine code}.

    The largest is imported first, while memory is whole, but none before those of them that it imports. Raise Failure for a file
    that cannot be imported so.
    """
    for name, data in files.items():
        if not mpy_file.is_native(data):
            raise Failure(f"{name} holds no machine code; freeze it as it is")
        if name.endswith("__init__.py"):
            raise Failure(f"{name} holds machine code, which a package itself cannot; move its functions into a module")
    lines = [f"    ({'/' + name[: -len('.py')] + '.mpy'!r}, {bytes(files[name])!r}),\n" for name in _ordered(files)]
    return _SOURCE.replace("{files}", "(\n" + "".join(lines) + ")")


def check(name, data, image_mpy):
    """Raise Failure unless an image runs the machine code in a .mpy. `image_mpy`: object_types.Types.mpy of the image."""
    wanted, held = mpy_file.architecture(b"M" + image_mpy), mpy_file.architecture(data)
    if wanted is None:
        raise Failure(f"{name} holds machine code, and this image runs none; take MicroPython 1.24 or newer")
    if held != wanted:
        raise Failure(f"{name} holds machine code for {held}, the image runs {wanted}; compile it with -march={wanted}")
    if bytes(data[1:3]) != image_mpy[:1] + bytes((image_mpy[1] & 0x3F | data[2] & 0x40,)):
        raise Failure(f"{name} was compiled for another version of MicroPython; compile it with a matching mpy-cross")


def _ordered(files):
    """Return the names in the order in which they are imported."""
    imports = {name: _imported(data, files) - {name} for name, data in files.items()}
    by_size = sorted(files, key=lambda name: (-len(files[name]), name))
    ordered = []
    while by_size:
        ready = [name for name in by_size if imports[name] <= set(ordered)]
        ordered.append((ready or by_size)[0])  # where they import each other, one has to be the first
        by_size.remove(ordered[-1])
    return ordered


def _imported(data, files):
    """Return the names of those of `files` that a .mpy may import: its qstrs name them."""
    texts = {text.decode(errors="replace") for text in mpy_file.texts(data)}
    found = set()
    for name in files:
        dotted = name[: -len(".py")].replace("/", ".")
        package, _, last = dotted.rpartition(".")
        if dotted in texts or (package in texts and last in texts):
            found.add(name)
    return found
