"""An app image in which single things can be changed, and a linked one whose parts can be named.

Written for tests: it trusts the image that it begins with, and finds its way by the addresses that the verifier confirmed.
"""

import functools
import hashlib
import operator
import struct
from array import array

from host_tests.support import linked_images
from tools.freeze import verify as verifier
from tools.freeze.verify import mpy_file

CONSTANTS, FUNCTIONS = "sample/constants.py", "sample/functions.py"


class Edit:
    """A copy of an app image in which single things are changed; `sealed` gives it a right checksum and SHA-256 again.

    Written for tests: it trusts the image that it begins with.
    """

    def __init__(self, image):
        self.data = bytearray(image)
        self.segments, at = [], 24
        for _ in range(image[1]):
            address, length = struct.unpack_from("<II", image, at)
            self.segments.append((address, length, at + 8))
            at += 8 + length
        self._end = at

    def offset(self, address):
        """Return where in the file the byte of this address lies."""
        for start, length, offset in self.segments:
            if start and start <= address < start + length:
                return offset + address - start
        raise AssertionError(f"nothing is at {address:#x}")

    def word(self, address):
        """Return the word at an address."""
        return struct.unpack_from("<I", self.data, self.offset(address))[0]

    def half(self, address):
        """Return the 16-bit number at an address."""
        return struct.unpack_from("<H", self.data, self.offset(address))[0]

    def bytes(self, address, size):
        """Return bytes from an address on."""
        at = self.offset(address)
        return bytes(self.data[at : at + size])

    def put(self, address, data):
        """Put bytes at an address. AssertionError when that changes nothing."""
        at = self.offset(address)
        assert bytes(self.data[at : at + len(data)]) != data
        self.data[at : at + len(data)] = data

    def put_word(self, address, value):
        """Put a word at an address."""
        self.put(address, struct.pack("<I", value & 0xFFFFFFFF))

    def flip(self, address, bits=1):
        """Change some bits of one byte."""
        self.put(address, bytes((self.bytes(address, 1)[0] ^ bits,)))

    def add_segment(self, address, data):
        """Add a segment behind the others."""
        self.segments.append((address, len(data), self._end + 8))
        self.data[self._end :] = struct.pack("<II", address, len(data)) + data
        self.data[1] += 1
        self._end += 8 + len(data)

    def sealed(self):
        """Return the image, whole again: checksum and SHA-256 are right."""
        check = 0xEF
        for _, length, offset in self.segments:
            words = array("I", self.data[offset : offset + length])
            check ^= functools.reduce(operator.xor, functools.reduce(operator.xor, words, 0).to_bytes(4, "little"))
        end = self._end // 16 * 16 + 16
        image = bytes(self.data[: self._end]) + bytes(end - 1 - self._end) + bytes((check,))
        return image + hashlib.sha256(image).digest()


class Linked(Edit):
    """A linked image to put a fault into, and where in it things lie."""

    def __init__(self, name):
        super().__init__(_good(name))
        self.official, self.patched = Edit(app(name)), _report(name).patched
        self.pool, self.contents, self.names = (self._new(what) for what in ("qstr pool", "table of", "names of"))
        self.riscv = self.data[12] == 5
        self.drom = next(start for start, _, _ in self.segments if 0x3C000000 <= start < 0x40000000)
        _, self.alloc, self.count, self.hashes, self.lengths = (self.word(self.pool + at) for at in (4, 8, 12, 16, 20))
        self.listed = _listed(name)

    def _new(self, what):
        return next(patch.new for patch in self.patched if patch.what.startswith(what))

    def patch(self, what, nth=0):
        """Return the address of the nth word (or instruction) that holds the address of a table, or the end."""
        return [patch.address for patch in self.patched if patch.what.startswith(what)][nth]

    def restore(self, what, nth=0):
        """Put back what the official image has there."""
        address = self.patch(what, nth)
        self.put_word(address, self.official.word(address))

    def name(self, module):
        """Return the address of a module's name in the table."""
        return self.names + sum(len(name) + 1 for name in self.listed[: self.listed.index(module)])

    def pointer(self, module):
        """Return the address of the pointer to a module."""
        return self.contents + 4 * self.listed.index(module)

    def module(self, module, field):
        """Return what a module's field points to: 0 the qstrs, 1 the constants, 2 the outermost function."""
        return self.word(self.word(self.pointer(module)) + 4 * field)

    def constant(self, value, *path):
        """Return the address of the word that is the constant `value` of the sample, or an item in it."""
        objects = mpy_file.read(linked_images.samples()[CONSTANTS], CONSTANTS).objects
        at = self.module(CONSTANTS, 1) + 4 * next(i for i, one in enumerate(objects) if repr(one) == repr(value))
        for index in path:
            at = self.word(at) + 8 + 4 * index
        return at

    def object(self, value, *path):
        """Return the address of that constant's object."""
        return self.word(self.constant(value, *path))

    def function(self, *path, module=FUNCTIONS):
        """Return the address of a function: of the outermost, or of the nth inside it, and so on."""
        at = self.module(module, 2)
        for index in path:
            at = self.word(self.word(at + 8) + 4 * index)
        return at

    def bytecode(self, *path, module=FUNCTIONS):
        """Return the address of that function's bytecode."""
        at = self.function(*path, module=module)
        return self.word(at + 4) if self.half(at) == 0 else at

    def text(self, index):
        """Return the address of a text of the new pool."""
        return self.word(self.pool + 24 + 4 * index)


def app(name):
    """Return the app in an official image: by the first byte of its header, and of its description."""
    official = linked_images.official(name)
    return official[
        next(at for at in (0, 0xF000, 0x10000) if official[at : at + 1] == b"\xe9" and official[at + 32] == 0x32) :
    ]


@functools.lru_cache
def _good(name):
    return linked_images.linked(name)


@functools.lru_cache
def _report(name):
    return verifier.verify(linked_images.official(name), _good(name), linked_images.samples())


@functools.lru_cache
def _listed(name):
    return [module for module, _ in verifier.modules_in(_good(name))]
