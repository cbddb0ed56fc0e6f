"""A verifier for images into which modules were linked: reads one as chip and interpreter do, and compares it with its sources.

It shares no code with the linker, and finds by its own means what it needs: a mistake of one is not repeated by the other.
It takes nothing for granted that the linked image declares of itself, and confirms:

1. the file: header, segments, checksum, SHA-256, mapping (app_image.py);
2. the memory: that of the official image, but for a longer DROM, and for the words by which code knows the tables, the end
   of DROM and the initial heap. Which words those are is found by the flow of control in the official image (xtensa.py,
   riscv.py, uses.py): every use has to mean the new table, no other byte may differ (changes.py);
3. the qstrs: chain of pools, hashes, lengths, order, and the interpreter's own search for each (qstr_pools.py);
4. the tables of modules: the official ones first and as they were, then the new ones, each found by its name
   (frozen_tables.py);
5. every new module against its `.mpy`: names, constants, functions, line numbers, bytecode (frozen_module.py, constants.py);
6. that nothing else was added: what is never read is zero.

Not confirmed: that the code of the modules is right, that the chip's slot is large enough, and anything about the boot loader.
"""

import functools
from collections import namedtuple

from tools import Failure
from tools.freeze.verify import app_image, changes, frozen_module, frozen_tables, layout, mpy_file, references, uses
from tools.freeze.verify.memory import Memory

# chip: "esp32" … · version: MicroPython's · modules: names of the new ones · functions, constants, qstrs: how many of theirs
# equal the .mpy (qstrs: references to them) · new_qstrs: in the new pool · added: bytes of DROM · patched: [changes.Patch]
Report = namedtuple(
    "Report", ("chip", "version", "modules", "functions", "constants", "qstrs", "new_qstrs", "added", "patched")
)
_Reading = namedtuple("Reading", ("memory", "code"))
_Image = namedtuple("Image", ("head", "reading"))
_Official = namedtuple("Official", ("head", "reading", "tables", "layout"))


def verify(official, linked, modules, heap_kb=None):
    """Return a Report of what was confirmed. Raise tools.Failure, in one line, at the first thing that is not as it should be.

    official, linked: bytes of a `.bin` or an app image · modules: {"firmware/app.py": bytes of its .mpy}, all that was to be
    linked · heap_kb: the initial heap that was asked for in KB, None for the official one.
    """
    if not modules:
        raise Failure("there is nothing to verify: no module was to be linked")
    expected = _official(bytes(official))
    before, tables = expected.reading, expected.tables
    linked_image = app_image.read(linked, "linked")
    _same_header(expected.head, linked_image.head)
    memory = Memory(linked_image)
    moving = uses.find(before, tables, heap_kb is not None)
    padding = changes.confirm_memory(before, memory, moving)
    new_tables = frozen_tables.read(memory, *changes.moved_to(moving, before.memory, memory))
    meaning = changes.meanings(before.memory, memory, new_tables, heap_kb)
    patches = changes.confirm_uses(moving, before, memory, meaning, padding)
    _confirm_pools(tables, new_tables)
    frozen_tables.confirm_names(tables, new_tables, modules)
    counts = _confirm_modules(memory, new_tables, expected.layout, modules)
    _nothing_else(memory, before.memory.end)
    return Report(
        memory.chip.name,
        expected.layout.version,
        sorted(modules),
        *counts,
        len(new_tables.qstrs.pools[-1].texts),
        memory.end - before.memory.end,
        patches,
    )


def modules_in(image):
    """Return [(name, bytes of bytecode)] of the frozen modules in an image, official or linked, in the order of its table.

    Raise tools.Failure when it cannot be read.
    """
    memory, code = _read(bytes(image), "given").reading
    found = frozen_tables.find(memory, code)
    return [
        (frozen_tables.printable_name(name), frozen_module.size(memory, address)) for name, address in found.modules
    ]


@functools.lru_cache(maxsize=2)
def _read(data, what):
    """Return the _Image in a file: what it loads, and what its code refers to."""
    image = app_image.read(data, what)
    memory = Memory(image)
    return _Image(image.head, _Reading(memory, references.read(memory)))


@functools.lru_cache(maxsize=2)
def _official(data):
    """Return what is to be known of an official image before another is compared with it: an _Official."""
    image = _read(data, "official")
    memory, code = image.reading
    tables = frozen_tables.find(memory, code)
    tables.qstrs.confirm(len(tables.qstrs.pools))
    return _Official(image.head, image.reading, tables, layout.read(memory, tables.qstrs))


def _same_header(official, linked):
    """Raise Failure unless the headers are the same but for the number of segments."""
    for at, (one, other) in enumerate(zip(official, linked)):
        if one != other and at != 1:
            raise Failure(f"byte {at} of the linked image's header is {other:#04x}, the official image's {one:#04x}")


def _confirm_pools(official, linked):
    """Raise Failure unless there is one new qstr pool, sound, behind the official ones."""
    old, new = official.qstrs.pools, linked.qstrs.pools
    if [pool.address for pool in new[:-1]] != [pool.address for pool in old]:
        raise Failure(f"the new qstr pool's prev is {new[-1].prev:#x}, not the official last pool ({official.pool:#x})")
    linked.qstrs.confirm(len(old))


def _confirm_modules(memory, tables, kinds, wanted):
    """Return the frozen_module.Counts. Raise Failure for a module that is not as its `.mpy`."""
    comparison = frozen_module.Comparison(memory, tables.qstrs, kinds)
    places = {frozen_tables.printable_name(name): address for name, address in tables.modules}
    for name, data in wanted.items():
        comparison.confirm(name, places[name], mpy_file.read(data, name))
    return comparison.counts()


def _nothing_else(memory, begin):
    """Raise Failure when a byte of what was added is not zero, and was not read for any of the above."""
    at = begin
    for first, behind in [*sorted(set(memory.read_ranges)), (memory.end, memory.end)]:
        unread = memory.drom[at - memory.base : max(first - memory.base, 0)] if first > at else b""
        if stray := unread.lstrip(b"\0"):
            raise Failure(f"the byte at {at + len(unread) - len(stray):#x} was added, but nothing reads it")
        at = max(at, behind)
