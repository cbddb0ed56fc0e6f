"""The frozen modules that an image already has: where their tables are, and the proof that they are read as they are written here.

`mp_frozen_mpy_content` is N pointers to `{qstr_table* (u16 ids), obj_table*, proto_fun*}`; `mp_frozen_names` is N names that end
with NUL, and an empty one. A function is `{0, 0, kind, is_generator; bytecode*; children*}`, or its bytecode alone when it has no
children. Sources: MicroPython `py/frozenmod.c`, `py/emitglue.h` (mp_raw_code_t), `py/bc.h` (mp_module_context_t),
`tools/mpy-tool.py` (what a build with FROZEN_MANIFEST writes).
"""

import re
import struct
from collections import namedtuple

from tools.freeze import bytecode, object_types
from tools.freeze.unsupported import only, unsupported

# contents, names_at: addresses of the two tables · names: of the modules, in their order (text)
Frozen = namedtuple("Frozen", ("contents", "names_at", "names"))

BYTECODE, _NATIVE = 2, (3, 4, 5)  # mp_raw_code_kind_t: MP_CODE_BYTECODE; MP_CODE_NATIVE_PY, _VIPER, _ASM
RAW_CODE_HEAD = 12
_NAME = rb"[\w./-]{1,200}\.py\0"
_FEWEST = 3  # modules; the port itself has more
_NAMES = re.compile(rb"(?:" + _NAME + rb"){%d,}\0" % _FEWEST)
_DEEPEST = 20  # functions within functions


def read(memory, qstrs, types, code):
    """Return the Frozen of an image. Raise Failure unless there are exactly one that its code refers to.

    A linked image still holds the official tables, which nothing refers to any more.
    """
    frozen = only(_candidates(memory, qstrs, code), "table of frozen modules")
    checker = _Checker(memory, types)
    for i, name in enumerate(frozen.names):
        module = _module_at(memory, frozen.contents, i)
        if _source_name(memory, qstrs, module) != name:
            raise unsupported(f"its frozen module {name} bears another name inside")
        checker.check(module)
    return frozen


def _candidates(memory, qstrs, code):
    """Yield each Frozen that may be: a table of names and a table of pointers, both of which the code refers to.

    Other texts may stand before the names. The first that fits is the beginning: code also holds addresses of texts that are not
    part of an image (.flash.rodata_noload), and in a linked image such an address may be that of a later name.
    """
    for match in _NAMES.finditer(memory.data):
        names = match.group()[:-2].split(b"\0")
        at, found = memory.base + match.start(), []
        while len(names) >= _FEWEST and not found:
            if code.sites(at):
                found = list(_of_names(memory, qstrs, code, at, names))
            at += len(names.pop(0)) + 1
        yield from found


def _of_names(memory, qstrs, code, names_at, names):
    number = qstrs.ids.get(names[0])
    heads = {memory.base + 4 * i for i, word in enumerate(memory.words) if _refers_to(memory, word, number)}
    for i, word in enumerate(memory.words):
        if word in heads and code.sites(at := memory.base + 4 * i):
            yield Frozen(at, names_at, tuple(name.decode() for name in names))


def _refers_to(memory, table, number):
    """Return whether a word points to a table of qstr ids that begins with a number."""
    at = table - memory.base
    return 0 <= at < len(memory.data) - 1 and memory.data[at] | memory.data[at + 1] << 8 == number


def _module_at(memory, contents, i):
    """Return (address of the qstr table, of the object table, of the function) of a frozen module."""
    return struct.unpack("<3I", memory.read(memory.word(contents + 4 * i), 12))


def _source_name(memory, qstrs, module):
    number = struct.unpack("<H", memory.read(module[0], 2))[0]
    return qstrs.texts[number].decode(errors="replace") if number < len(qstrs.texts) else None


class _Checker:
    """Walks the functions and constants of frozen modules; raises Failure when any is not as the linker writes them."""

    def __init__(self, memory, types):
        self._memory = memory
        self._types, self._ellipsis = set(types.addresses.values()), types.ellipsis

    def check(self, module):
        _, objects, function = module
        for i in range(self._function(function, 0)):
            self._object(self._memory.word(objects + 4 * i))

    def _function(self, address, depth):
        """Return how many objects a function and its children use."""
        if depth > _DEEPEST:
            raise unsupported("its frozen functions have no end")
        indicator, kind, is_generator = struct.unpack("<HBB", self._memory.read(address, 4))
        if indicator:  # bytecode alone, which never begins with two zeros
            return self._bytecode(address, False).objects
        if kind in _NATIVE:
            return 0
        if kind != BYTECODE or is_generator > 1:
            raise unsupported("its frozen functions are kept in another way")
        code, children = struct.unpack("<2I", self._memory.read(address + 4, RAW_CODE_HEAD - 4))
        uses = self._bytecode(code, True, is_generator)
        if not children or not uses.children:
            raise unsupported("its frozen functions are kept in another way")
        below = (self._function(self._memory.word(children + 4 * i), depth + 1) for i in range(uses.children))
        return max(uses.objects, *below)

    def _bytecode(self, address, has_children, is_generator=None):
        if address not in self._memory:
            raise unsupported("its frozen bytecode is not constant data")
        data = self._memory.data
        try:
            head = bytecode.prelude(data, address - self._memory.base)
            uses = bytecode.uses(data, head)
        except IndexError:
            raise unsupported("the bytecode of a frozen module has no end")
        wrong = is_generator is not None and bool(is_generator) != bool(head.flags & bytecode.GENERATOR)
        if wrong or bool(uses.children) != has_children:
            raise unsupported("its frozen bytecode cannot be read")
        return uses

    def _object(self, word):
        if word & 1 or word & 7 == 2 or word in (object_types.NONE, object_types.FALSE, object_types.TRUE):
            return
        if word != self._ellipsis and self._memory.word(word) not in self._types:
            raise unsupported("its frozen constants are kept in another way")
