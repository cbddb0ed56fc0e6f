"""MicroPython bytecode: as much of it as shows where a function ends and what it refers to.

Sources: MicroPython `py/bc.h` (MP_BC_PRELUDE_SIG_DECODE, MP_BC_PRELUDE_SIZE_DECODE), `py/bc0.h` (formats of opcodes), `py/bc.c`
(mp_opcode_decode).
"""

from collections import namedtuple

GENERATOR = 0x01  # MP_SCOPE_FLAG_GENERATOR

# flags: of the scope · names: indices into the module's qstrs: the function's, its arguments' · code: where the opcodes begin
Prelude = namedtuple("Prelude", ("flags", "names", "code"))
# qstrs, objects, children: how many the opcodes need at least · end: offset behind the last opcode
Uses = namedtuple("Uses", ("qstrs", "objects", "children", "end"))

_FORMATS = 0x000003A4  # MP_BC_FORMAT: two bits for each high nibble
_PLAIN, _QSTR, _NUMBER, _OFFSET = range(4)
_LOAD_CONST_OBJ = 0x23
_MAKES_FUNCTION = (0x20, 0x21, 0x32, 0x33)  # closures and functions, with default arguments and without
_LAST_SIGNED = 0x44  # up to MP_BC_POP_JUMP_IF_FALSE a jump may go back
_NEVER_GOES_ON = (0x40, 0x42, 0x63, 0x64, 0x65, 0x66)  # UNWIND_JUMP, JUMP, RETURN_VALUE, RAISE_*


def number(data, at):
    """Return (an unsigned number of variable length, the offset behind it)."""
    value = 0
    while True:
        byte = data[at]
        at += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at


def prelude(data, at):
    """Return the Prelude of the function that begins at an offset. Raise IndexError where the data ends within it."""
    byte = data[at]
    at += 1
    flags, arguments, keyword_only, n = 0, byte & 3, 0, 0
    while byte & 0x80:
        byte = data[at]
        at += 1
        flags |= (byte >> 6 & 1) << n
        arguments |= (byte & 4) << n
        keyword_only |= (byte >> 3 & 1) << n
        n += 1
    info, cells, at = _prelude_sizes(data, at)
    code = at + info + cells
    names = []
    for _ in range(1 + arguments + keyword_only):
        name, at = number(data, at)
        names.append(name)
    return Prelude(flags, names, code)


def _prelude_sizes(data, at):
    info = cells = n = 0
    while True:
        byte = data[at]
        at += 1
        info |= (byte >> 1 & 0x3F) << 6 * n
        cells |= (byte & 1) << n
        n += 1
        if byte < 0x80:
            return info, cells, at


def uses(data, head):
    """Return the Uses of the function with that Prelude. It ends behind an opcode that never goes on and that no jump passes.

    Raise IndexError where the data ends within it.
    """
    at = furthest = head.code
    needed = {"qstrs": max(head.names) + 1, "objects": 0, "children": 0}
    while True:
        op = data[at]
        at += 1
        form = _FORMATS >> 2 * (op >> 4) & 3
        if form in (_QSTR, _NUMBER):
            value, at = number(data, at)
            table = _table(op, form)
            if table:
                needed[table] = max(needed[table], value + 1)
        elif form == _OFFSET:
            distance, at = _distance(data, at, op)
        if op & 0x9E == 0:  # MP_BC_MASK_EXTRA_BYTE
            at += 1
        if form == _OFFSET:
            furthest = max(furthest, at + distance)
        if op in _NEVER_GOES_ON and at > furthest:
            return Uses(**needed, end=at)


def _table(op, form):
    if form == _QSTR:
        return "qstrs"
    if op == _LOAD_CONST_OBJ:
        return "objects"
    return "children" if op in _MAKES_FUNCTION else None


def _distance(data, at, op):
    signed = op <= _LAST_SIGNED
    if data[at] & 0x80:
        return (data[at] & 0x7F | data[at + 1] << 7) - (0x4000 if signed else 0), at + 2
    return data[at] - (0x40 if signed else 0), at + 1
