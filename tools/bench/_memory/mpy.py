"""Reads .mpy files (version 6 of MicroPython's format): how many bytes are bytecode, machine code, names and constants."""

from collections import namedtuple

# functions: how many · bytecode, native: bytes · names: those that are interned · constants: bytes of texts that are not
Contents = namedtuple("Contents", ("functions", "bytecode", "native", "names", "constants"))

_BYTECODE, _NATIVE_PY, _ASSEMBLER = 2, 3, 5  # kinds of code; 4 is viper
_NO_DATA = 5  # kinds of constants below this have no data: None, False …
_TEXT, _BYTES, _TUPLE = 5, 6, 10


class _File:
    def __init__(self, data):
        self._data = data
        self._at = 0
        self.functions = self.bytecode = self.native = self.constants = 0
        self.names = set()

    def take(self, count):
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self):
        value = 0
        while True:
            byte = self.take(1)[0]
            value = value << 7 | byte & 127
            if byte < 128:
                return value

    def head(self):
        """(how many names, how many constants)"""
        if self.take(2) != b"M\x06":
            raise ValueError("not a .mpy file of version 6")
        flags, _ = self.take(2)
        if flags & 0x40:
            self.number()  # what the machine code asks of the machine
        return self.number(), self.number()

    def name(self):
        size = self.number()
        if not size & 1:  # odd: the number of a name that every MicroPython has
            self.names.add(self.take(size >> 1).decode())
            self.take(1)

    def constant(self):
        kind = self.take(1)[0]
        if kind < _NO_DATA:
            return
        size = self.number()
        if kind == _TUPLE:
            for _ in range(size):
                self.constant()
            return
        self.take(size)
        if kind in (_TEXT, _BYTES):
            self.take(1)
            self.constants += size

    def code(self):
        """One function, and those inside it."""
        head = self.number()
        kind, size = (head & 3) + _BYTECODE, head >> 3
        self.take(size)
        self.functions += 1
        if kind == _BYTECODE:
            self.bytecode += size
        else:
            self.native += size
            self.number()
        if kind == _ASSEMBLER:
            self.number(), self.number()
        if head & 4:
            for _ in range(self.number()):
                self.code()


def contents(path):
    """The Contents of the file. ValueError for what is no .mpy."""
    file = _File(path.read_bytes())
    names, constants = file.head()
    for _ in range(names):
        file.name()
    for _ in range(constants):
        file.constant()
    file.code()
    return Contents(file.functions, file.bytecode, file.native, file.names, file.constants)
