"""Bytecode as the interpreter reads it: the prelude (`py/bc.h`), and where the instructions end (`py/bc0.h`).

Everything here works on bytes, whether they come from a .mpy or from an image.
"""

from collections import namedtuple

# state: n_state · exceptions: n_exc_stack · flags: MP_SCOPE_FLAG_… · positional, keyword, defaults: numbers of arguments
# · names: qstr indices, of the function and of its arguments · lines: offset of the line numbers · cells: of the list of cells
# · start: offset of the first instruction
Prelude = namedtuple(
    "Prelude",
    ("state", "exceptions", "flags", "positional", "keyword", "defaults", "names", "lines", "cells", "start"),
)

GENERATOR = 1  # MP_SCOPE_FLAG_GENERATOR
_BYTE, _QSTR, _NUMBER, _OFFSET = range(4)
_CONSTANT = 0x23  # MP_BC_LOAD_CONST_OBJ
_CHILD = (0x20, 0x21, 0x32, 0x33)  # make_closure, make_closure_defargs, make_function, make_function_defargs
_SIGNED = 0x44  # the last instruction whose offset may be negative: pop_jump_if_false
_LEAVING = (
    0x63,
    0x64,
    0x65,
    0x66,
)  # return_value, raise_last, raise_obj, raise_from; behind a jump there is always one

# end: offset behind the last instruction · qstrs, constants, children: the highest index used, -1 for none
Used = namedtuple("Used", ("end", "qstrs", "constants", "children"))


def number(data, at):
    """Return (value, offset behind it) of a number in groups of 7 bits, the highest first."""
    value = 0
    while True:
        byte = data[at]
        at += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at


def prelude(data, at=0):
    """Return the Prelude at offset `at`. Raise IndexError when `data` ends inside it."""
    byte = data[at]
    at += 1
    state, exceptions, flags, positional, keyword, defaults = byte >> 3 & 15, byte >> 2 & 1, 0, byte & 3, 0, 0
    group = 0
    while byte & 0x80:  # xFSSKAED
        byte = data[at]
        at += 1
        state |= (byte & 0x30) << 2 * group
        exceptions |= (byte & 2) << group
        flags |= (byte >> 6 & 1) << group
        positional |= (byte & 4) << group
        keyword |= (byte >> 3 & 1) << group
        defaults |= (byte & 1) << group
        group += 1
    information = cells = group = 0
    while True:  # xIIIIIIC
        byte = data[at]
        at += 1
        information |= (byte >> 1 & 0x3F) << 6 * group
        cells |= (byte & 1) << group
        group += 1
        if byte < 0x80:
            break
    where, names = at, []
    for _ in range(1 + positional + keyword):
        name, where = number(data, where)
        names.append(name)
    behind = at + information
    return Prelude(state + 1, exceptions, flags, positional, keyword, defaults, names, where, behind, behind + cells)


def used(data, at):
    """Return the Used of the instructions from offset `at` on: up to one that leaves the function, with no jump beyond it.

    Raise IndexError when `data` ends before that.
    """
    qstrs = constants = children = -1
    furthest = at
    while True:
        code = data[at]
        at += 1
        form = 0x3A4 >> 2 * (code >> 4) & 3
        if form in (_QSTR, _NUMBER):
            value, at = number(data, at)
            if form == _QSTR:
                qstrs = max(qstrs, value)
            elif code == _CONSTANT:
                constants = max(constants, value)
            elif code in _CHILD:
                children = max(children, value)
        elif form == _OFFSET:
            far, distance = data[at] >> 7, data[at] & 0x7F
            if far:
                distance |= data[at + 1] << 7
            at += 1 + far
            if code <= _SIGNED:
                distance -= 0x4000 if far else 0x40
            furthest = max(furthest, at + distance)
        if code & 0x9E == 0:
            at += 1  # one more byte: the number of closed-over names, or of handlers to unwind
        if code in _LEAVING and at > furthest:
            return Used(at, qstrs, constants, children)
