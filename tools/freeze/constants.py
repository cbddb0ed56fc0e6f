"""Compiled modules as constant data: qstr tables, objects, functions, as a build with FROZEN_MANIFEST would have written them.

Source: MicroPython `tools/mpy-tool.py` (RawCode.freeze, CompiledModule.freeze_constants, freeze_mpy). How each object lies in
memory is known, and verified for an image, in object_types.
"""

import struct

from tools.freeze import bytecode, frozen_modules, object_types
from tools.freeze.qstrs import hash_of

_INTERNED = 25  # characters: shorter texts among constants are qstrs (PERSISTENT_STR_INTERN_THRESHOLD)
_DIGIT_BITS = 16  # MPZ_DIG_SIZE on a 32-bit chip
_FIXED_DIGITS = 2  # mpz_t.fixed_dig: its digits are not to be freed
_SINGLETONS = {None: object_types.NONE, False: object_types.FALSE, True: object_types.TRUE}


def texts_of(module):
    """Return all texts (bytes) of an mpy_file.Module that have to be qstrs."""
    return {*module.qstrs, *(text for value in module.objects for text in _short_texts(value))}


def _short_texts(value):
    if isinstance(value, str) and len(value) < _INTERNED:
        yield value.encode()
    elif isinstance(value, tuple):
        for item in value:
            yield from _short_texts(item)


class Writer:
    """Writes into a Blob for an image with those Types; `ids`: {text: number} of all qstrs, `hash_bytes`: size of a hash."""

    def __init__(self, blob, types, ids, hash_bytes):
        self._blob, self._types, self._ids, self._hash_bytes = blob, types.addresses, ids, hash_bytes
        self._ellipsis = types.ellipsis

    def module(self, module):
        """Return the address of `{qstr_table*, obj_table*, proto_fun*}` of an mpy_file.Module."""
        ids = [self._ids[text] for text in module.qstrs]
        qstrs = self._blob.put(struct.pack(f"<{len(ids)}H", *ids), 2)
        objects = self._blob.put_words(*map(self.object, module.objects)) if module.objects else 0
        return self._blob.put_words(qstrs, objects, self._function(module.function))

    def _function(self, function):
        """Return the address of a proto_fun: the bytecode alone where there are no children."""
        code = self._blob.put(function.code)
        if not function.children:
            return code
        children = self._blob.put_words(*map(self._function, function.children))
        is_generator = bytecode.prelude(function.code, 0).flags & bytecode.GENERATOR
        return self._blob.put_words(frozen_modules.BYTECODE << 16 | is_generator << 24, code, children)

    def object(self, value):
        """Return the word of a constant: None, a bool, Ellipsis, int, float, complex, str, bytes or tuple."""
        if value is Ellipsis:
            return self._ellipsis
        if value is None or isinstance(value, bool):
            return _SINGLETONS[value]
        return getattr(self, "_" + type(value).__name__)(value)

    def _int(self, value):
        word = object_types.small_int(value)
        if word is not None:
            return word
        size = -(-abs(value).bit_length() // _DIGIT_BITS)
        digits = self._blob.put(abs(value).to_bytes(_DIGIT_BITS // 8 * size, "little"), 2)
        return self._blob.put_words(self._types["int"], size << 2 | _FIXED_DIGITS | (value < 0), size, digits)

    def _float(self, value):
        return self._blob.put(struct.pack("<I", self._types["float"]) + _single(value), 4)

    def _complex(self, value):
        return self._blob.put(struct.pack("<I", self._types["complex"]) + _single(value.real) + _single(value.imag), 4)

    def _tuple(self, value):
        return self._blob.put_words(self._types["tuple"], len(value), *map(self.object, value))

    def _str(self, value):
        data = value.encode()
        number = self._ids.get(data)
        return self._text("str", data) if number is None else object_types.qstr_object(number)

    def _bytes(self, value):
        return self._text("bytes", value)

    def _text(self, kind, data):
        start = self._blob.put(data + b"\0")
        return self._blob.put_words(self._types[kind], hash_of(data, self._hash_bytes), len(data), start)


def _single(value):
    """Return a float in four bytes; what is too large is infinite, as it is for a C compiler's cast."""
    try:
        return struct.pack("<f", value)
    except OverflowError:
        return struct.pack("<f", float("inf") if value > 0 else float("-inf"))
