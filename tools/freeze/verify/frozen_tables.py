"""The tables of frozen modules, found by what the code refers to, and walked as `mp_find_frozen_module` does.

`mp_frozen_names` (names with a NUL each, an empty one last) and `mp_frozen_mpy_content` (a pointer to a module for each
name): `py/frozenmod.c`. A module (`mp_frozen_module_t`, `py/emitglue.h`): qstr_table*, obj_table*, proto_fun*.
"""

import re
from collections import namedtuple

from tools import Failure
from tools.freeze.verify.qstr_pools import SIZE, Qstrs, looks_like_pool

# pool, contents, names: addresses that the code has · modules: [(name, address)] · qstrs: Qstrs
Tables = namedtuple("Tables", ("pool", "contents", "names", "modules", "qstrs"))

POOL, CONTENTS, NAMES = "qstr pool", "table of frozen modules", "names of frozen modules"
TABLES = (POOL, CONTENTS, NAMES)
_FIRST_NAME = re.compile(rb"[\w./-]+\.py\0")


def find(memory, references):
    """Return the Tables that the code of `memory` uses. Raise Failure unless there is exactly one of each."""
    addresses = sorted(value for value in references.values() if memory.holds(value))
    pool = _one([value for value in addresses if looks_like_pool(memory, value)], "the last qstr pool")
    qstrs = Qstrs(memory, pool)
    found = []
    for names in addresses:
        if _FIRST_NAME.match(memory.drom, names - memory.base):
            listed = _names(memory, names)
            found += [(contents, names, listed) for contents in addresses if _fits(memory, qstrs, contents, listed)]
    found = [one for one in found if not any(_is_tail(one, other) for other in found)]
    contents, names, _ = _one(found, "the tables of frozen modules")
    return read(memory, pool, contents, names)


def read(memory, pool, contents, names):
    """Return the Tables at these addresses. Raise Failure when the interpreter could not read them."""
    listed = _names(memory, names)
    pointers = memory.words(contents, len(listed), f"the {CONTENTS}")
    return Tables(pool, contents, names, list(zip(listed, pointers)), Qstrs(memory, pool))


def extents(tables):
    """Return {what: (first, behind the last)} of the addresses that these tables take."""
    size = sum(len(name) + 1 for name, _ in tables.modules) + 1
    return {
        POOL: (tables.pool, tables.pool + SIZE + 4 * len(tables.qstrs.pools[-1].texts)),
        CONTENTS: (tables.contents, tables.contents + 4 * len(tables.modules)),
        NAMES: (tables.names, tables.names + size),
    }


def lookup(tables, wanted):
    """Return what the interpreter finds for the path `wanted` (bytes): a module's address, "directory" or None."""
    for name, address in tables.modules:
        if name == wanted:
            return address
        if name.startswith(wanted + b"/"):
            return "directory"
    return None


def confirm_names(official, linked, wanted):
    """Raise Failure unless `linked` has the official modules first and unchanged, and then `wanted` (names), each once."""
    before = len(official.modules)
    for (name, address), (now, there) in zip(official.modules, linked.modules):
        if name != now:
            raise Failure(
                f"the official module '{printable_name(name)}' is called '{printable_name(now)}' in the linked image"
            )
        if address != there:
            raise Failure(
                f"the official module '{printable_name(name)}' at {address:#x} is taken from {there:#x} instead"
            )
    names = [printable_name(name) for name, _ in linked.modules]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise Failure(f"the module '{name}' is in the table of names twice")
    added = set(names[before:])
    if missing := sorted(set(wanted) - added):
        raise Failure(f"the module '{missing[0]}' is not in the linked image")
    if extra := sorted(added - set(wanted)):
        raise Failure(f"the linked image has a module '{extra[0]}' that was not asked for")
    for name, address in linked.modules:
        if lookup(linked, name) != address:
            raise Failure(f"the interpreter would not find '{printable_name(name)}': an earlier name hides it")
        for slash in (index for index, byte in enumerate(name) if byte == ord("/")):
            if lookup(linked, name[:slash]) != "directory":
                raise Failure(f"the interpreter would not find the package '{printable_name(name[:slash])}'")


def printable_name(name):
    """Return the name of a module as text, whatever bytes it has."""
    return name.decode(errors="replace")


def _one(found, what):
    if len(found) != 1:
        raise Failure(f"{what}: {len(found)} candidates are referred to by the code; there should be one")
    return found[0]


def _is_tail(one, other):
    """Return whether the tables `one` are the last rows of `other`.

    Code may know such a place by chance: ESP-IDF's Wi-Fi has addresses behind the end of DROM, of texts that are not loaded
    (`.rodata_wlog_*`, section .flash.rodata_noload), and there the new tables lie.
    """
    return one[1] > other[1] and one[2] == other[2][-len(one[2]) :]


def _names(memory, address):
    """Return the names (bytes) in the table at `address`. Raise Failure where DROM ends first."""
    names = []
    while name := memory.text(address, "the names of frozen modules"):
        names.append(name)
        address += len(name) + 1
    return names


def _fits(memory, qstrs, contents, names):
    """Return whether the words at `contents` point to modules whose own first qstr is their name."""
    if contents % 4 or contents + 4 * len(names) > memory.end:
        return False
    for index, name in enumerate(names):
        module = memory.word_anywhere(contents + 4 * index)
        if not memory.holds(module, 4) or module + 12 > memory.end:
            return False
        table = memory.word_anywhere(module)
        if not memory.holds(table, 2) or not memory.holds(memory.word_anywhere(module + 8)):
            return False
        first = memory.halves(table, 1, "a table of qstrs")[0]
        if first >= len(qstrs.texts) or qstrs.texts[first] != name:
            return False
    return True
