"""Linking compiled modules into an official image: `link`. The order of the steps is here; each structure has its own module.

New tables (qstr pool, contents, names) and the modules' constant data go behind the image's constant data, which its segment's
header makes the boot loader map. Only a few words of code hold where the tables are and where constant data ends: these are
changed, and nothing else is.
"""

import re
from collections import namedtuple

from tools import Failure
from tools.freeze import app_image, constants, heap, mpy_file, qstrs, tables
from tools.freeze import official as officials
from tools.freeze.blob import Blob

# data: the app image · chip: "esp32" … · version: of MicroPython · blob_bytes: constant data added · official_bytes: size of the
# app image before · sizes: {module name: bytes of constant data that it takes}
Linked = namedtuple("Linked", ("data", "chip", "version", "blob_bytes", "official_bytes", "sizes"))

_NAME = re.compile(r"(?:[\w-]+/)*[\w-]+\.py", re.ASCII)
_UNUSED = 16  # bytes at the old end of constant data, which other symbols of the image point to as well
_ENTRY_BYTES = 5  # bytes beside a module's own: its address in the contents, the NUL of its name


def link(official, modules, heap_kb=None, most_bytes=None, qstrs=()):
    """Return the Linked of an official image (bytes of a .bin or .app-bin) and modules ({"package/name.py": .mpy bytes}).

    `heap_kb`: Python's initial heap in KB, as it was where None · `most_bytes`: size of the partition · `qstrs`: further texts to
    intern. Raise Failure when the image is not one that can be linked, or a module not one that can be frozen, or it does not fit.
    """
    data = app_image.app_of(official)
    image = officials.read(data)
    officials.check_unlinked(image)
    patches = [] if heap_kb is None else heap.patches(image, heap_kb)
    blob, sizes = Blob(image.memory.end), {}
    if modules:
        sizes, moved = _frozen(image, blob, _read(image, modules), qstrs)
        patches += moved
    segments = tables.changed(image, bytes(blob.data), patches)
    made = app_image.write(image.image.header, image.image.chip, segments)
    if most_bytes is not None and len(made) > most_bytes:
        over = len(made) - most_bytes
        raise Failure(f"the image has {len(made)} bytes, {over} more than its partition holds; freeze fewer modules")
    return Linked(made, image.image.chip.name, image.types.version, len(blob.data), len(data), sizes)


def _read(image, modules):
    """Return the mpy_file.Modules in the order of their names. Raise Failure for one that cannot be frozen."""
    static = mpy_file.static_qstrs(image.qstrs.texts)
    for name in sorted(modules):
        if not _NAME.fullmatch(name):
            raise Failure(f"'{name}' is no name of a module; it should be like package/name.py")
        if name in image.frozen.names:
            raise Failure(f"{name} is frozen in the official image already; give yours another name")
    return [mpy_file.read(name, bytes(modules[name]), static) for name in sorted(modules)]


def _import_names(name):
    """Return the texts under which an import of "a/b.py" looks things up: "a.b", "a", "b". They shall need no memory."""
    parts = name[: -len(".py")].split("/")
    if parts[-1] == "__init__":
        parts.pop()
    return {".".join(parts[:i]).encode() for i in range(1, len(parts) + 1)} | {part.encode() for part in parts}


def _frozen(image, blob, modules, more_qstrs):
    """Put modules and the tables that lead to them into a Blob; return ({name: bytes}, patches)."""
    texts = {module.name: constants.texts_of(module) | _import_names(module.name) for module in modules}
    more = {text if isinstance(text, bytes) else text.encode() for text in more_qstrs}
    new, ids = qstrs.extended(image.qstrs, more.union(*texts.values()))
    blob.pad(_UNUSED)
    writer = constants.Writer(blob, image.types, ids, image.qstrs.hash_bytes)
    sizes, addresses, unclaimed = {}, [], set(new)
    for module in modules:
        before = blob.end
        addresses.append(writer.module(module))
        own = unclaimed & texts[module.name]
        unclaimed -= own
        size = blob.end - before + sum(qstrs.own_bytes(image.qstrs, text) for text in own)
        sizes[module.name] = size + len(module.name) + _ENTRY_BYTES
    return sizes, tables.moved(image, blob, new, [module.name for module in modules], addresses)
