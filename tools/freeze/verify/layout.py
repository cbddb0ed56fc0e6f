"""Where an image keeps its types, and whether objects are kept as this verifier reads them: confirmed by known values.

Tables of modules and their members are rows of (qstr object, object), the first of them (`__name__`, the module's name).
Sources: MicroPython `py/obj.h` (representation A), `py/objstr.h`, `py/objtuple.h`, `py/mpz.h`, `py/modbuiltins.c`, `py/modsys.c`.
"""

import struct
from collections import namedtuple

from tools import Failure

# types: {name: address} · ellipsis: the object `...` · version: MicroPython's, as text
Layout = namedtuple("Layout", ("types", "ellipsis", "version"))

NONE, FALSE, TRUE = 0x06, 0x0E, 0x1E  # immediate objects (number << 3 | 6)
BIG_INT, FIXED_DIGITS, NEGATIVE = 2, 2, 1  # mpz_t's first word: alloc << 2 | fixed_dig << 1 | neg
MPY_VERSION = 6
_TYPES = ("str", "bytes", "tuple", "int", "float", "complex", "type")


def qstr_object(number):
    """Return the object of a qstr (`MP_OBJ_NEW_QSTR`)."""
    return number << 3 | 2


def read(memory, qstrs):
    """Return the Layout of an image. Raise Failure when a known value is not found where it should be."""
    builtins = members(memory, qstrs, b"builtins")
    types = {name: _member(builtins, qstrs, name, "builtins") for name in _TYPES}
    for name, address in types.items():
        own_type, flags_and_name = memory.words(address, 2, f"the type '{name}'")
        if own_type != types["type"] or flags_and_name >> 16 != qstrs.ids[name.encode()]:
            raise Failure(f"the builtin '{name}' at {address:#x} is no type of that name")
    ellipsis = _member(builtins, qstrs, "Ellipsis", "builtins")
    version = _confirm_sys(memory, qstrs, types)
    pi = memory.words(_member(members(memory, qstrs, b"math"), qstrs, "pi", "math"), 2, "math.pi")
    if pi != (types["float"], int.from_bytes(struct.pack("<f", 3.141592653589793), "little")):
        raise Failure("math.pi is not kept as a float of 32 bits: this build keeps objects in another way")
    return Layout(types, ellipsis, version)


def members(memory, qstrs, module):
    """Return {qstr object: object} of a built-in module's table. Raise Failure where there is not exactly one."""
    wanted = struct.pack("<II", qstr_object(qstrs.ids[b"__name__"]), qstr_object(qstrs.ids.get(module, 0)))
    places, at = [], memory.drom.find(wanted)
    while at >= 0:
        if (memory.base + at) % 4 == 0:
            places.append(at)
        at = memory.drom.find(wanted, at + 1)
    if len(places) != 1:
        raise Failure(
            f"{len(places)} tables of the built-in module '{module.decode()}' were found; there should be one"
        )
    found = {}
    for key, value in struct.iter_unpack(
        "<II", memory.drom[places[0] : (len(memory.drom) - places[0]) // 8 * 8 + places[0]]
    ):
        if key & 7 != 2 or key >> 3 >= len(qstrs.texts):
            break
        found.setdefault(key, value)
    return found


def _member(table, qstrs, name, module):
    value = table.get(qstr_object(qstrs.ids.get(name.encode(), 0)))
    if value is None:
        raise Failure(f"the built-in module '{module}' has no '{name}'")
    return value


def _confirm_sys(memory, qstrs, types):
    """Return sys.version's MicroPython version. Raise Failure when ints, texts or the version of .mpy are others."""
    table = members(memory, qstrs, b"sys")
    of_type, size, length, digits = memory.words(_member(table, qstrs, "maxsize", "sys"), 4, "sys.maxsize")
    if (of_type, size, length) != (types["int"], length << 2 | FIXED_DIGITS, 2) or memory.halves(
        digits, 2, "the digits of sys.maxsize"
    ) != (0xFFFF, 0x7FFF):
        raise Failure("sys.maxsize is not kept as digits of 16 bits: this build keeps objects in another way")
    of_type, _, length, data = memory.words(_member(table, qstrs, "version", "sys"), 4, "sys.version")
    text = memory.take(data, length, "the text of sys.version").decode(errors="replace")
    if of_type != types["str"] or "; MicroPython v" not in text:
        raise Failure("sys.version is no text of MicroPython's: this build keeps objects in another way")
    _, count, *items = memory.words(_member(table, qstrs, "implementation", "sys"), 6, "sys.implementation")
    if count < 4 or items[3] & 1 != 1 or items[3] >> 1 & 0xFF != MPY_VERSION:
        raise Failure(f"this MicroPython does not run .mpy files of version {MPY_VERSION}")
    return text.split("; MicroPython v")[1].split(" ")[0]
