"""Reads frozen modules back out of an image, as MicroPython would: by addresses and types, apart from how they were written."""

import struct

from tools.freeze import mpy_file


class FrozenReader:
    def __init__(self, image):
        self._image, self._memory = image, image.memory
        self._kinds = {address: name for name, address in image.types.addresses.items()}

    def module(self, name):
        """Return the mpy_file.Module of a frozen module; its code ends where the next piece of data begins."""
        at = self._memory.word(self._image.frozen.contents + 4 * self._image.frozen.names.index(name))
        qstrs, objects, function = (self._memory.word(at + i) for i in (0, 4, 8))
        return _Module(self, name, qstrs, objects, function)

    def text(self, number):
        return self._image.qstrs.texts[number]

    def word(self, at):
        return self._memory.word(at)

    def read(self, at, size):
        return self._memory.read(at, size)

    def object(self, word):
        if word & 1:
            return (word if word < 1 << 31 else word - (1 << 32)) >> 1
        if word & 7 == 2:
            return self.text(word >> 3).decode()
        if word in (6, 0xE, 0x1E):
            return {6: None, 0xE: False, 0x1E: True}[word]
        if word == self._image.types.ellipsis:
            return ...
        return getattr(self, "_" + self._kinds[self.word(word)])(word)

    def _str(self, at):
        return self._bytes(at).decode()

    def _bytes(self, at):
        data = self.read(self.word(at + 12), self.word(at + 8))
        value = 5381
        for byte in data:
            value = (value * 33 ^ byte) & 0xFFFFFFFF
        assert self.word(at + 4) == (value & 0xFFFF or 1)
        return data

    def _int(self, at):
        head, size, digits = (self.word(at + i) for i in (4, 8, 12))
        assert head >> 1 == size << 1 | 1
        value = int.from_bytes(self.read(digits, 2 * size), "little")
        return -value if head & 1 else value

    def _float(self, at):
        return struct.unpack("<f", self.read(at + 4, 4))[0]

    def _complex(self, at):
        return complex(*struct.unpack("<2f", self.read(at + 4, 8)))

    def _tuple(self, at):
        return tuple(self.object(self.word(at + 8 + 4 * i)) for i in range(self.word(at + 4)))


class _Module:
    """Equal to the mpy_file.Module that it was made from."""

    def __init__(self, reader, name, qstrs, objects, function):
        self._reader, self._name = reader, name
        self._qstrs, self._objects, self._function = qstrs, objects, function

    def __eq__(self, module):
        assert isinstance(module, mpy_file.Module) and module.name == self._name
        ids = struct.unpack(f"<{len(module.qstrs)}H", self._reader.read(self._qstrs, 2 * len(module.qstrs)))
        objects = [self._reader.object(self._reader.word(self._objects + 4 * i)) for i in range(len(module.objects))]
        assert [self._reader.text(number) for number in ids] == module.qstrs
        assert repr(objects) == repr(module.objects)  # which tells True from 1 and -0.0 from 0.0
        self._check(self._function, module.function)
        return True

    def _check(self, at, function):
        head = self._reader.read(at, 4)
        if function.children:
            assert head[:3] == b"\0\0\2" and head[3] == is_generator(function.code)
            code, children = self._reader.word(at + 4), self._reader.word(at + 8)
            for i, child in enumerate(function.children):
                self._check(self._reader.word(children + 4 * i), child)
            at = code
        assert self._reader.read(at, len(function.code)) == function.code and function.code[:2] != b"\0\0"


def is_generator(code):
    """Return the lowest scope flag, which is bit 6 of the second byte where the first has bit 7 set (py/bc.h)."""
    return code[1] >> 6 & 1 if code[0] & 0x80 else 0
