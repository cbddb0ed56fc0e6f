"""Which uses of addresses in an official image's code have to change when its tables move, DROM grows, or the heap is set.

Found by the flow of control alone (references.py). An image in which one of them may be hidden is refused.
"""

from collections import namedtuple

from tools import Failure
from tools.freeze.verify import frozen_tables
from tools.freeze.verify.chips import within

# reference: of the official image · what: one of the names below · more: what is added to the meaning (END alone)
Use = namedtuple("Use", ("reference", "what", "more"))

END, HEAP = "end of DROM", "initial heap"

_HEAP_TEXT = b"mp_task_heap allocation failed!"  # ports/esp32/main.c: only mp_task has it
_ROUNDING = 0xFFFF  # ESP-IDF rounds the end of DROM up to a page; a compiler may have folded that into the number
_IDF_VERSION = 112, 32  # offset and size in esp_app_desc_t, with which DROM begins
_RESERVES = (5, 1)  # ESP-IDF from here on takes pages behind the end of DROM for free (esp_mm/esp_mmu_map.c)


def find(official, tables, with_heap):
    """Return all Uses of the Reading `official`; those of the initial heap only `with_heap`.

    Raise Failure where some cannot be found, or where a word or an instruction could be one that is not understood.
    """
    memory, code = official
    found = []
    for what, (first, behind) in frozen_tables.extents(tables).items():
        _no_way_inside(code, what, first, behind)
        found += [Use(reference, what, 0) for reference in _of_table(memory, code, what, first)]
    found += _of_end(memory, code)
    if with_heap:
        found += [Use(reference, HEAP, 0) for reference in _of_heap(memory, code)]
    return found


def _no_way_inside(code, what, first, behind):
    """Raise Failure when code knows a place inside of a table: it would go on to use the old one."""
    for value in code.values():
        if first < value < behind:
            use = code.of(value)[0].held_at
            raise Failure(
                f"the official image's code has {value:#x}, inside its {what}, at {use:#x}: this is not understood"
            )


def _of_table(memory, code, what, address):
    """Return the References to a table. Raise Failure when there may be others."""
    found = code.of(address)
    known = {reference.held_at for reference in found}
    for place in memory.words_of(address):
        if place not in known:
            raise Failure(
                f"the word at {place:#x} of the official image is the address of its {what}, but no code loads it"
            )
    for place in code.unclear(address):
        raise Failure(f"the instruction at {place:#x} of the official image may be a part of the address of its {what}")
    return found


def _of_end(memory, code):
    """Return the Uses of the end of DROM by the driver of the MMU and by the cache's set-up.

    Other symbols have the same value, but only those functions also have the start. The driver has that of IROM, too.
    """
    begin = {code.function(reference) for reference in code.of(memory.base)} - {None}
    found = [
        Use(reference, END, more)
        for more in (0, _ROUNDING)
        for reference in code.of(memory.end + more)
        if code.function(reference) in begin
    ]
    irom = next(start for start, _ in memory.regions if within(start, memory.chip.irom))
    driver = {code.function(reference) for reference in code.of(irom)}
    if _idf(memory) >= _RESERVES and not any(code.function(use.reference) in driver for use in found):
        raise Failure("the official image's code is not seen to tell the MMU's driver where DROM ends")
    return found


def _idf(memory):
    """Return the version of ESP-IDF, such as (5, 5). Raise Failure where there is none."""
    text = memory.take(memory.base + _IDF_VERSION[0], _IDF_VERSION[1], "the version of ESP-IDF").split(b"\0")[0]
    try:
        return tuple(int(part) for part in text.decode().lstrip("v").split("-")[0].split(".")[:2])
    except ValueError:
        raise Failure(f"the official image's version of ESP-IDF, {text!r}, cannot be read")


def _of_heap(memory, code):
    """Return the References by which mp_task makes the size of the initial heap. Raise Failure when there is none."""
    start = memory.drom.find(_HEAP_TEXT)
    functions = {code.function(reference) for reference in code.of(memory.base + start)} if start >= 0 else set()
    if len(functions) != 1:
        raise Failure("the initial heap: the function that makes it (mp_task) is not found in the official image")
    start, default = functions.pop(), memory.chip.default_heap
    made = [reference for reference in code.of(default) if code.function(reference) == start]
    made += [reference for reference in code.constants(start) if reference.value == default]
    if not made:
        raise Failure(f"the initial heap: mp_task at {start:#x} of the official image makes no number {default:#x}")
    return made
