"""One frozen module, read as the interpreter reads it and compared with its `.mpy`: names, constants, functions.

Sources: `py/emitglue.h` (mp_frozen_module_t, mp_raw_code_t), `py/emitglue.c` (mp_make_function_from_proto_fun), `py/bc.h`.
"""

import struct
from collections import namedtuple

from tools import Failure
from tools.freeze.verify import bytecode
from tools.freeze.verify.constants import Constants
from tools.freeze.verify.qstr_pools import EMPTY

Counts = namedtuple("Counts", ("functions", "constants", "qstrs"))

_RAW_CODE = 12  # bytes: mp_raw_code_t as a frozen build has it: 0, 0, kind, is_generator; fun_data*; children*
_BYTECODE = 2  # MP_CODE_BYTECODE
_DEEPEST = 64


class Comparison:
    """Compares the modules of one linked image with their `.mpy`; counts what it confirmed."""

    def __init__(self, memory, qstrs, kinds):
        self._memory, self._qstrs = memory, qstrs
        self._constants = Constants(memory, qstrs, kinds)
        self._functions = self._references = 0

    def counts(self):
        """Return the Counts of all modules that were confirmed."""
        return Counts(self._functions, self._constants.count, self._references)

    def confirm(self, name, address, mpy):
        """Raise Failure unless the module at `address` is what loading `mpy` would make."""
        qstr_table, objects, function = self._memory.words(address, 3, f"{name}: the module")
        ids = self._memory.halves(qstr_table, len(mpy.qstrs), f"{name}: the table of qstrs")
        texts = [
            self._qstr(number, wanted, f"{name}: qstr {i}") for i, (number, wanted) in enumerate(zip(ids, mpy.qstrs))
        ]
        if texts[0] != name.encode():
            raise Failure(f"{name}: its .mpy calls itself '{texts[0].decode(errors='replace')}'")
        if mpy.objects:
            words = self._memory.words(objects, len(mpy.objects), f"{name}: the table of constants")
            for index, (word, value) in enumerate(zip(words, mpy.objects)):
                self._constants.confirm(word, value, f"{name}: constant {index}")
        elif objects:
            raise Failure(f"{name}: the table of constants is {objects:#x}; its .mpy has none")
        self._function(function, mpy.function, name, texts)

    def _qstr(self, number, wanted, what):
        """Return the text of qstr `number`. Raise Failure unless it is `wanted`, an id or a text."""
        self._references += 1
        if number >= len(self._qstrs.texts):
            raise Failure(f"{what} is {number}; there are {len(self._qstrs.texts)}")
        text = self._qstrs.texts[number]
        right = number == wanted if isinstance(wanted, int) else text == wanted and number >= EMPTY
        if not right:
            raise Failure(f"{what} is {number} ({text!r}), not {wanted!r}")
        return text

    def _function(self, address, mpy, name, texts):
        """Compare the function (raw code, or bytecode alone) at `address`, and those inside it."""
        self._functions += 1
        prelude = _prelude(mpy.code, name)
        what = f"{name}: the function '{_name(prelude, texts)}'"
        head = self._memory.take(address, 2, what)
        children = 0
        code = address
        if head == b"\0\0":
            _, _, kind, is_generator = self._memory.take(address, 4, what, 4)
            code, children = self._memory.words(address + 4, 2, what)
            if kind != _BYTECODE:
                raise Failure(f"{what} at {address:#x} is raw code of kind {kind}, not bytecode ({_BYTECODE})")
            if is_generator != prelude.flags & bytecode.GENERATOR:
                raise Failure(
                    f"{what} at {address:#x}: its flag for a generator is {is_generator}; its bytecode says otherwise"
                )
        elif mpy.children:
            raise Failure(f"{what} at {address:#x} has functions inside it, but no table of them")
        self._code(code, mpy.code, prelude, what)
        if children and not mpy.children:
            raise Failure(f"{what} has a table of functions at {children:#x}; its .mpy has none inside it")
        if mpy.children:
            table = self._memory.words(children, len(mpy.children), f"{what}: the table of functions inside it")
            for child, wanted in zip(table, mpy.children):
                self._function(child, wanted, name, texts)

    def _code(self, address, wanted, prelude, what):
        found = self._memory.take(address, len(wanted), f"{what}: its bytecode")
        if found == wanted:
            return
        at = next(index for index, (one, other) in enumerate(zip(found, wanted)) if one != other)
        parts = (
            (prelude.start, "instructions"),
            (prelude.cells, "list of cells"),
            (prelude.lines, "line numbers"),
            (0, "prelude"),
        )
        part = next(part for start, part in parts if at >= start)
        place = f"{part} at byte {at} ({address + at:#x}): {found[at]:#04x}, not {wanted[at]:#04x}"
        raise Failure(f"{what}: its bytecode differs in the {place}")


def size(memory, address):
    """Return the bytes of bytecode of the module at `address`, without its `.mpy`. Raise Failure where it cannot be read."""
    return _size(memory, memory.words(address, 3, "a module")[2], 0)


def _size(memory, address, depth):
    if depth > _DEEPEST:
        raise Failure(f"functions without end at {address:#x}")
    code, children = address, 0
    if memory.take(address, 2, "a function") == b"\0\0":
        head, code, children = struct.unpack("<III", memory.take(address, _RAW_CODE, "raw code", 4))
        if head >> 16 & 0xFF != _BYTECODE:
            raise Failure(f"the raw code at {address:#x} is no bytecode")
    at = code - memory.base
    try:
        instructions = bytecode.used(memory.drom, bytecode.prelude(memory.drom, at).start)
    except IndexError:
        raise Failure(f"the bytecode at {code:#x} has no end")
    inside = (
        memory.words(children, instructions.children + 1, "a table of functions") if instructions.children >= 0 else ()
    )
    return instructions.end - at + sum(_size(memory, child, depth + 1) for child in inside)


def _prelude(code, name):
    try:
        return bytecode.prelude(code)
    except IndexError:
        raise Failure(f"{name}: its .mpy is damaged (a prelude without end)")


def _name(prelude, texts):
    return texts[prelude.names[0]].decode(errors="replace") if prelude.names[0] < len(texts) else "?"
