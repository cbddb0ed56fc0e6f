"""Reading a `.mpy` file, version 6: its qstrs, constants and functions. Source: MicroPython `py/persistentcode.c`.

A file is a header of four bytes ("M", version, architecture << 2 | sub-version, bits of a small integer), the numbers of qstrs
and objects, these, and the tree of functions. Sub-version and architecture are zero in a file without machine code.
"""

import hashlib
from collections import namedtuple

from tools import Failure
from tools.freeze import bytecode
from tools.freeze.unsupported import unsupported

VERSION = 6
# The qstrs that files of this version refer to by number (static_qstr_list of `py/makeqstrdata.py`): how many there are with number
# 0, which is none, and the SHA-256 of their texts.
_STATIC_COUNT = 166
_STATIC_DIGEST = "8ae563a902d1c2fc8ff75562cf03fa77dfeddfe02cbb64e19123a215eb39dd09"
_MOST_SMALL_INT_BITS = 31  # of a 32-bit chip, object representation A
_HAS_ARCHITECTURE_FLAGS = 0x40  # in the third byte of the header: one more number follows it (MPY_FEATURE_ARCH_FLAGS)
_ARM = ("armv6", "armv6m", "armv7m", "armv7em", "armv7emsp", "armv7emdp")
_ARCHITECTURES = ("x86", "x64", *_ARM, "xtensa", "xtensawin", "rv32imc", "rv64imc")  # MP_NATIVE_ARCH_*, from 1 on
_NO_STATIC = (b"",) * _STATIC_COUNT
_BYTECODE = 0  # mp_raw_code_kind_t less MP_CODE_BYTECODE
_HEADER = 4
_SINGLETONS = {1: None, 2: False, 3: True, 4: Ellipsis}  # MP_PERSISTENT_OBJ_*
_STR, _BYTES, _INT, _FLOAT, _COMPLEX, _TUPLE = range(5, 11)

# name: as given · qstrs: texts (bytes) by index, the first is the source's name · objects: Python values · function: the module's
Module = namedtuple("Module", ("name", "qstrs", "objects", "function"))
# code: prelude and opcodes · children: Functions
Function = namedtuple("Function", ("code", "children"))


def static_qstrs(texts):
    """Return those of an image's qstrs (texts by number) that .mpy files refer to by number. Raise Failure when they are others."""
    static = texts[:_STATIC_COUNT]
    if hashlib.sha256(b"\0".join(static)).hexdigest() != _STATIC_DIGEST:
        raise unsupported("its qstrs are not those of .mpy files")
    return static


def is_native(data):
    """Return whether a .mpy (bytes) holds machine code; its header then names the architecture."""
    return len(data) >= _HEADER and bool(data[2] >> 2 & 0x0F)


def architecture(data):
    """Return mpy-cross's name for the architecture in a header (bytes); None for bytecode alone."""
    number = data[2] >> 2 & 0x0F
    if number > len(_ARCHITECTURES):
        return f"an unknown architecture ({number})"
    return _ARCHITECTURES[number - 1] if number else None


def texts(data):
    """Return the texts (bytes) that a .mpy brings for its qstrs, whether it holds machine code or not.

    Those that it refers to by number, because every image has them, are empty. Raise Failure when it is damaged.
    """
    start = _HEADER
    try:
        if data[2] & _HAS_ARCHITECTURE_FLAGS:
            start = bytecode.number(data, start)[1]
        return _Reader(data, _NO_STATIC, start).qstrs()
    except (IndexError, ValueError) as fault:
        raise Failure(f"a .mpy file with machine code is damaged ({fault}); compile it again")


def read(name, data, static):
    """Return the Module in the bytes of a .mpy. `static`: what static_qstrs returned for the image.

    Raise Failure when it is damaged, holds machine code, or was compiled for another version.
    """
    if len(data) < _HEADER or data[:1] != b"M":
        raise Failure(f"{name} is no .mpy file; compile it with mpy-cross")
    if data[1] != VERSION:
        raise Failure(
            f"{name} is a .mpy file of version {data[1]}, the image takes {VERSION}; compile it with mpy-cross 1.23 or newer"
        )
    if is_native(data):
        raise Failure(f"{name} holds machine code, which cannot lie in flash; give it to tools.freeze.machine_code")
    if data[2] or data[3] > _MOST_SMALL_INT_BITS:
        raise Failure(f"{name} was compiled for another kind of chip; compile it with mpy-cross -march of this chip")
    try:
        return _Reader(data, static).module(name)
    except (IndexError, ValueError, RecursionError) as fault:
        raise Failure(f"{name} is damaged ({fault}); compile it again")


class _Reader:
    def __init__(self, data, static, at=_HEADER):
        self._data, self._at, self._static = data, at, static
        self._counts = self._number(), self._number()  # of qstrs, of objects

    def qstrs(self):
        return [self._qstr() for _ in range(self._counts[0])]

    def module(self, name):
        qstrs, n_objects = self.qstrs(), self._counts[1]
        objects = [self._object() for _ in range(n_objects)]
        function = self._function()
        if self._at != len(self._data):
            raise ValueError("something follows its code")
        if not qstrs or qstrs[0] != name.encode():
            own_name = qstrs[0].decode(errors="replace") if qstrs else ""
            raise Failure(f"{name} was compiled under the name '{own_name}'; compile it with mpy-cross -s {name}")
        return Module(name, qstrs, objects, function)

    def _take(self, size):
        if self._at + size > len(self._data):
            raise IndexError("it is cut short")
        self._at += size
        return self._data[self._at - size : self._at]

    def _number(self):
        value, self._at = bytecode.number(self._data, self._at)
        return value

    def _qstr(self):
        size = self._number()
        if size & 1:
            return self._static[size >> 1]
        text = self._take(size >> 1)
        self._ended()
        return text

    def _ended(self):
        if self._take(1) != b"\0":
            raise ValueError("a text has no end")

    def _object(self):
        kind = self._take(1)[0]
        if kind in _SINGLETONS:
            return _SINGLETONS[kind]
        if not _STR <= kind <= _TUPLE:
            raise ValueError(f"a constant is of the unknown kind {kind}")
        size = self._number()
        if kind == _TUPLE:
            return tuple(self._object() for _ in range(size))
        data = self._take(size)
        if kind in (_STR, _BYTES):
            self._ended()
            return data.decode() if kind == _STR else data
        return {_INT: int, _FLOAT: float, _COMPLEX: complex}[kind](data.decode())

    def _function(self):
        head = self._number()
        if head & 3 != _BYTECODE:
            raise ValueError("a function is no bytecode")
        code = self._take(head >> 3)
        bytecode.prelude(code, 0)
        return Function(code, [self._function() for _ in range(self._number() if head & 4 else 0)])
