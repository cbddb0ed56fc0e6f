"""Types and other objects of an image that constants of new modules refer to, and the proof of how constants lay in memory.

Object representation A of MicroPython (`py/obj.h`): a small integer is v << 1 | 1, a qstr id << 3 | 2, None, False and True are
6, 0xE and 0x1E, anything else a pointer to `{type*, …}`: `py/objstr.h`, `py/objint.h` and `py/mpz.h`, `py/objfloat.c`,
`py/objtuple.h`. What an image has is compared with values that every image has: sys.maxsize, math.pi, sys.version.
"""

import re
import struct
from collections import namedtuple

from tools.freeze import mpy_file
from tools.freeze import qstrs as pools
from tools.freeze.unsupported import only, unsupported

NONE, FALSE, TRUE = 0x06, 0x0E, 0x1E
_TYPE_NAMES = ("str", "bytes", "tuple", "int", "float", "complex")
_NAME_AT = 6  # mp_obj_type_t: base, flags (u16), name (u16)
_OLDEST = (1, 23)
_BEFORE_VERSION = b"; MicroPython v"  # in sys.version

# addresses: {name: address} of the types str … complex · ellipsis: address · version: text such as "1.28.0" · mpy: the two
# bytes that follow the "M" of a .mpy file with machine code for it: version, architecture << 2 | sub-version
Types = namedtuple("Types", ("addresses", "ellipsis", "version", "mpy"))


def qstr_object(number):
    """Return the word of a qstr as an object."""
    return number << 3 | 2


def small_int(value):
    """Return the word of an integer, or None when it does not fit the 31 bits of a small one."""
    return (value << 1 | 1) & 0xFFFFFFFF if -0x40000000 <= value < 0x40000000 else None


def check_age(memory):
    """Raise Failure when an image holds no MicroPython, or one that is older than 1.23: its structures are others."""
    found = re.search(re.escape(_BEFORE_VERSION) + rb"(\d{1,3})\.(\d{1,3})[^ \0]{0,60}", memory.data)
    if not found:
        raise unsupported("it holds no MicroPython")
    if tuple(map(int, found.groups())) < _OLDEST:
        raise unsupported(f"it is MicroPython {found.group()[len(_BEFORE_VERSION) :].decode('ascii', 'replace')}")


def read(memory, qstrs):
    """Return the Types of an image. Raise Failure when it keeps constants in another way, or is too old."""
    finder = _Finder(memory, qstrs)
    type_type = only(finder.self_typed(b"type"), "mp_type_type")
    addresses = {name: only(finder.types(name.encode(), type_type), f"mp_type_{name}") for name in _TYPE_NAMES}
    version = finder.checked_text(addresses)
    finder.check_numbers(addresses)
    mpy = finder.checked_mpy()
    ellipsis = only(finder.members(b"Ellipsis"), "Ellipsis")
    return Types(addresses, ellipsis, version, mpy)


class _Finder:
    """Looks values up in the constant dictionaries of an image: pairs (qstr object, value)."""

    def __init__(self, memory, qstrs):
        self._memory, self._qstrs = memory, qstrs

    def _object(self, text):
        if text not in self._qstrs.ids:
            raise unsupported(f"it has no name '{text.decode()}'")
        return qstr_object(self._qstrs.ids[text])

    def members(self, text):
        """Yield the pointers that stand behind a name."""
        for at in self._memory.places(self._object(text)):
            if at + 4 in self._memory and (value := self._memory.word(at + 4)) in self._memory and value % 4 == 0:
                yield value

    def _is_named(self, address, text):
        return struct.unpack("<H", self._memory.read(address + _NAME_AT, 2))[0] == self._qstrs.ids[text]

    def self_typed(self, text):
        """Yield the addresses of types that are their own type."""
        self._object(text)
        base = self._memory.base
        for i, word in enumerate(self._memory.words):
            if word == base + 4 * i and self._is_named(word, text):
                yield word

    def types(self, text, type_type):
        """Yield the types that bear a name and stand behind it in a dictionary."""
        for value in self.members(text):
            if self._memory.word(value) == type_type and self._is_named(value, text):
                yield value

    def _typed(self, text, kind):
        return only((v for v in self.members(text) if self._memory.word(v) == kind), text.decode())

    def checked_text(self, addresses):
        """Return MicroPython's version out of sys.version. Raise Failure when texts are kept in another way."""
        word, read = self._memory.word, self._memory.read
        texts = {}  # of what is called so; in a linked image a table may have a row of that name, too
        for at in self.members(b"version"):
            if word(at) == addresses["str"] and word(at + 12) in self._memory:
                texts[at] = read(word(at + 12), word(at + 8))
        found = [at for at, text in texts.items() if _BEFORE_VERSION in text]
        if texts and not found:
            raise unsupported("it keeps texts in another way")
        at = only(found, "version")
        if word(at + 4) not in (0, pools.hash_of(texts[at], self._qstrs.hash_bytes)):
            raise unsupported("it keeps texts in another way")
        return texts[at].decode("ascii", "replace").split(_BEFORE_VERSION.decode(), 1)[1].split(" ")[0]

    def check_numbers(self, addresses):
        """Raise Failure when large integers and floats are not kept as expected."""
        word = self._memory.word
        at = self._typed(b"maxsize", addresses["int"])
        if (word(at + 4), word(at + 8), word(word(at + 12))) != (2 << 2 | 2, 2, 0x7FFFFFFF):
            raise unsupported("it keeps large integers in another way")
        at = self._typed(b"pi", addresses["float"])
        if struct.pack("<I", word(at + 4)) != struct.pack("<f", 3.141592653589793):
            raise unsupported("it keeps floats in another way")

    def checked_mpy(self):
        """Return what sys.implementation (name, version, _machine, _mpy, …) declares of .mpy files, as two bytes."""
        values = set()
        for at in self._memory.places(self._object(b"micropython")):
            if at + 12 in self._memory and (word := self._memory.word(at + 12)) & 1 and 0x200 < word < 0x20000:
                values.add(word >> 1)
        found = only(values, "sys.implementation._mpy")
        if found & 0xFF != mpy_file.VERSION:
            raise unsupported(f"it takes .mpy files of version {found & 0xFF}, not {mpy_file.VERSION}")
        return found.to_bytes(2, "little")
