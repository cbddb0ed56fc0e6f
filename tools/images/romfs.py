"""A read-only ROMFS image of compiled modules, which MicroPython's unix port runs in place as a chip runs frozen code. No I/O.

Format: MicroPython's docs/reference/romfs; mpremote writes it.
"""

from mpremote.romfs import VfsRomWriter


def made(modules):
    """Return the ROMFS (bytes) of {"lib/url.py": .mpy bytes}; the same modules give the same bytes."""
    writer = VfsRomWriter()
    _add(writer, "", {path.removesuffix(".py") + ".mpy": data for path, data in modules.items()})
    return bytes(writer.finalise())


def _add(writer, prefix, files):
    """Write the files below `prefix`, folder by folder."""
    names = sorted({path[len(prefix) :].split("/")[0] for path in files if path.startswith(prefix)})
    for name in names:
        if prefix + name in files:
            writer.mkfile(name, files[prefix + name])
        else:
            writer.opendir(name)
            _add(writer, prefix + name + "/", files)
            writer.closedir()
