"""Constant objects as they lie in DROM, compared with the values that a `.mpy` has for them.

Representation A (`py/obj.h`): small int v << 1 | 1; qstr id << 3 | 2; None, False, True immediate; all else a pointer to
a word that points to the type. str and bytes (`py/objstr.h`): type*, hash, len, data*; int (`py/mpz.h`): type*, flags, len,
digits*; float: type*, 32 bits; complex: type*, twice that; tuple: type*, len, items.
"""

import struct

from tools import Failure
from tools.freeze.verify import layout
from tools.freeze.verify.qstr_pools import EMPTY, qstr_hash

_INTERNED_BELOW = 25  # bytes: `py/persistentcode.c` makes shorter texts qstrs (load_obj)
_SMALL = 1 << 30


class Constants:
    """Compares objects of one image. `count`: of those confirmed, the items of tuples too."""

    def __init__(self, memory, qstrs, kinds):
        self._memory, self._qstrs, self._layout = memory, qstrs, kinds
        self.count = 0
        self._checks = (
            ((type(None), bool, type(...)), self._simple),  # before int: a bool is one, too
            (str, self._str),
            (bytes, self._bytes),
            (int, self._int),
            (float, self._float),
            (complex, self._complex),
            (tuple, self._tuple),
        )

    def confirm(self, word, value, what):
        """Raise Failure, naming `what`, unless the object `word` is `value`."""
        self.count += 1
        check = next(check for kinds, check in self._checks if isinstance(value, kinds))
        check(word, value, what)

    def _simple(self, word, value, what):
        wanted = {None: layout.NONE, False: layout.FALSE, True: layout.TRUE, ...: self._layout.ellipsis}[value]
        if word != wanted:
            raise Failure(f"{what} is the object {word:#x}, not {value} ({wanted:#x})")

    def _fields(self, word, kind, count, what):
        """Return the `count` words behind the type of the object `word`. Raise Failure for another type."""
        if word & 3:
            raise Failure(f"{what} is the object {word:#x}, no pointer to a {kind}")
        of_type, *fields = self._memory.words(word, 1 + count, what)
        if of_type != self._layout.types[kind]:
            raise Failure(f"{what} at {word:#x} has the type at {of_type:#x}, not '{kind}'")
        return fields

    def _str(self, word, value, what):
        text = value.encode()
        if word & 7 == 2:
            number = word >> 3
            found = self._qstrs.texts[number] if EMPTY <= number < len(self._qstrs.texts) else None
            if found != text:
                raise Failure(f"{what} is the qstr {number} ({found!r}), not {text!r}")
        elif len(text) < _INTERNED_BELOW:
            raise Failure(f"{what} ({text!r}) is no qstr, though shorter than {_INTERNED_BELOW} bytes")
        else:
            self._data(word, text, "str", what)

    def _bytes(self, word, value, what):
        self._data(word, value, "bytes", what)

    def _data(self, word, wanted, kind, what):
        code, length, data = self._fields(word, kind, 3, what)
        if length != len(wanted):
            raise Failure(f"{what} at {word:#x} is {length} bytes long, not {len(wanted)}")
        found = self._memory.take(data, length + 1, f"{what}: its data")
        if found[:-1] != wanted:
            raise Failure(f"{what} at {word:#x} holds other bytes than its .mpy")
        if found[-1]:
            raise Failure(f"{what} at {word:#x} has no NUL behind its data")
        if code not in (0, qstr_hash(wanted)):
            raise Failure(f"{what} at {word:#x} has the hash {code:#x}, not {qstr_hash(wanted):#x}")

    def _int(self, word, value, what):
        if -_SMALL <= value < _SMALL:
            if word != (value << 1 | 1) & 0xFFFFFFFF:
                raise Failure(f"{what} is the object {word:#x}, not the small int {value}")
            return
        flags, length, digits = self._fields(word, "int", 3, what)
        sizes = self._memory.halves(digits, length, f"{what}: its digits")
        found = sum(digit << 16 * index for index, digit in enumerate(sizes))
        found = -found if flags & layout.NEGATIVE else found
        if found != value or not sizes[-1]:
            raise Failure(f"{what} at {word:#x} is the int {found}, not {value}")
        if flags & ~layout.NEGATIVE != length << 2 | layout.FIXED_DIGITS:
            raise Failure(f"{what} at {word:#x} is no constant int: its flags are {flags:#x}")

    def _float(self, word, value, what):
        fields = self._fields(word, "float", 1, what)
        if fields != [_float_bits(value)]:
            raise Failure(f"{what} at {word:#x} is not the float {value}: {fields[0]:#x}, not {_float_bits(value):#x}")

    def _complex(self, word, value, what):
        fields = self._fields(word, "complex", 2, what)
        if fields != [_float_bits(value.real), _float_bits(value.imag)]:
            raise Failure(f"{what} at {word:#x} is not the complex {value}")

    def _tuple(self, word, value, what):
        length = self._fields(word, "tuple", 1, what)[0]
        if length != len(value):
            raise Failure(f"{what} at {word:#x} has {length} items, not {len(value)}")
        items = self._memory.words(word + 8, length, what)
        for index, item in enumerate(value):
            self.confirm(items[index], item, f"{what}[{index}]")


def _float_bits(value):
    """Return a float's 32 bits; what is too large for them is infinite, as for a C compiler."""
    try:
        return int.from_bytes(struct.pack("<f", value), "little")
    except OverflowError:
        return 0x7F800000 | (value < 0) << 31
