"""A `.mpy` file of version 6 with bytecode only, read as `py/persistentcode.c` loads it, by the image it is for.

The image matters for qstrs that the file names by number: those are the first of every image.
"""

from collections import namedtuple

from tools import Failure
from tools.freeze.verify.bytecode import number

# qstrs: a number (id of the image) or bytes each · objects: Python values · function: the outermost
Mpy = namedtuple("Mpy", ("qstrs", "objects", "function"))
Function = namedtuple("Function", ("code", "children"))

_HEADER = 4
_MOST_SMALL_INT_BITS = 31
_NONE, _FALSE, _TRUE, _ELLIPSIS, _STR, _BYTES, _INT, _FLOAT, _COMPLEX, _TUPLE = range(1, 11)  # MP_PERSISTENT_OBJ_…
_SIMPLE = {_NONE: None, _FALSE: False, _TRUE: True, _ELLIPSIS: ...}
_PARSED = {_INT: int, _FLOAT: float, _COMPLEX: complex}


def read(data, name):
    """Return the Mpy in the bytes `data`; `name` stands in messages. Raise Failure for what cannot be frozen, or is damaged."""
    if data[:2] != b"M\x06" or len(data) < _HEADER:
        raise Failure(f"{name}: no .mpy file of version 6")
    if data[2]:
        raise Failure(f"{name}: its .mpy holds machine code; only bytecode can lie in DROM")
    if data[3] > _MOST_SMALL_INT_BITS:
        raise Failure(f"{name}: its .mpy has small ints of {data[3]} bits; the chip has {_MOST_SMALL_INT_BITS}")
    reader = _Reader(data, name)
    try:
        n_qstrs, n_objects = reader.number(), reader.number()
        mpy = Mpy(
            [reader.qstr() for _ in range(n_qstrs)],
            [reader.object() for _ in range(n_objects)],
            reader.function(),
        )
    except (IndexError, ValueError, KeyError) as fault:
        raise Failure(f"{name}: its .mpy is damaged ({fault})")
    if reader.at != len(data):
        raise Failure(f"{name}: its .mpy is damaged (something follows the code)")
    return mpy


class _Reader:
    def __init__(self, data, name):
        self.data, self.at, self.name = data, _HEADER, name

    def number(self):
        value, self.at = number(self.data, self.at)
        return value

    def take(self, size):
        if self.at + size > len(self.data):
            raise IndexError("it ends too early")
        self.at += size
        return self.data[self.at - size : self.at]

    def qstr(self):
        size = self.number()
        if size & 1:
            return size >> 1
        return self.take((size >> 1) + 1)[:-1]

    def object(self):
        kind = self.take(1)[0]
        if kind in _SIMPLE:
            return _SIMPLE[kind]
        size = self.number()
        if kind == _TUPLE:
            return tuple(self.object() for _ in range(size))
        data = self.take(size)
        if kind in (_STR, _BYTES):
            self.take(1)  # the NUL
            return data if kind == _BYTES else data.decode()
        return _PARSED[kind](data.decode())

    def function(self):
        head = self.number()
        if head & 3:
            raise Failure(f"{self.name}: its .mpy holds machine code; only bytecode can lie in DROM")
        code = self.take(head >> 3)
        return Function(code, [self.function() for _ in range(self.number())] if head & 4 else [])
