"""What the linker has to know of one image, read from it by structure and checked."""

from collections import namedtuple

from tools import Failure
from tools.freeze import app_image, chips, frozen_modules, memory, object_types, qstrs, riscv, xtensa

# image: app_image.AppImage · memory: memory.Memory · code: xtensa.Code or riscv.Code · idf: (major, minor) · then the modules' own
Official = namedtuple("Official", ("image", "memory", "code", "idf", "qstrs", "types", "frozen"))

_CODE = {chips.XTENSA: xtensa.Code, chips.RISCV: riscv.Code}


def read(data):
    """Return the Official of an app image (bytes), linked or not. Raise Failure when it cannot be read."""
    image = app_image.read(data)
    view = memory.Memory(image)
    object_types.check_age(view)
    idf = app_image.idf_version(image)
    names = qstrs.read(view)
    types = object_types.read(view, names)
    code = _CODE[image.chip.isa](view)
    return Official(image, view, code, idf, names, types, frozen_modules.read(view, names, types, code))


def check_unlinked(official):
    """Raise Failure when modules were linked into the image before: its last qstr pool is then not the one it was built with."""
    if len(official.qstrs.sizes) != qstrs.OFFICIAL_POOLS:
        raise Failure("modules were linked into this image already; begin with the official image again")
