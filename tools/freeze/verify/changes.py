"""What differs between the official image's memory and the linked one's: every byte of it explained by what code refers to.

Nothing may differ but a longer DROM, and the words by which code knows the tables, the end of DROM and the initial heap.
"""

from collections import namedtuple

from tools import Failure
from tools.freeze.verify import frozen_tables
from tools.freeze.verify.chips import within

Patch = namedtuple("Patch", ("address", "what", "old", "new"))

_HEAP_TEXT = b"mp_task_heap allocation failed!"  # ports/esp32/main.c: only mp_task has it
_ROUNDING = 0xFFFF  # ESP-IDF rounds the end of DROM up to a page; a compiler may have folded that into the number


def confirm(official, linked, tables, new_tables, heap_kb):
    """Return the Patches, sorted by address. Raise Failure for a difference that none explains, and for one that is missing.

    official, linked: a Reading each · tables, new_tables: their frozen_tables.Tables.
    """
    memory, code = official
    _no_other_way_in(code, tables)
    expected = []  # (Reference of the official image, what it means, the number that it is to be)
    for what, old, new in _moved(memory, linked.memory, tables, new_tables):
        expected += [(reference, what, new) for reference in _references(memory, code, what, old)]
    for more in (0, _ROUNDING):
        expected += [(reference, "end of DROM", linked.memory.end + more) for reference in _ends(memory, code, more)]
    if heap_kb is not None:
        expected += [(reference, "initial heap", heap_kb * 1024) for reference in _heaps(memory, code)]
    differing = _differences(memory, linked.memory)
    allowed = set()
    for reference, what, number in expected:
        allowed |= _changed_bytes(reference, _patched(reference, what, number, linked.code), official)
    _explained(differing, allowed, memory)
    _others_stay(code, linked.code, {reference.by for reference, _, _ in expected})
    return sorted({Patch(reference.held_at, what, reference.value, number) for reference, what, number in expected})


def _moved(official, linked, tables, new_tables):
    """Return (what, old address, new address) of each table. Raise Failure for one that did not move behind the official end."""
    places = frozen_tables.extents(new_tables)
    moved = []
    for what, (old, _) in frozen_tables.extents(tables).items():
        new, behind = places[what]
        if not official.end <= new < behind <= linked.end:
            raise Failure(
                f"the new {what} at {new:#x} does not lie in what was added ({official.end:#x} to {linked.end:#x})"
            )
        moved.append((what, old, new))
    return moved


def _references(memory, code, what, address):
    """Return the References to a table. Raise Failure when a word knows it that no code is seen to use."""
    found = code.of(address)
    known = {reference.held_at for reference in found}
    for place in memory.words_of(address):
        if place not in known:
            raise Failure(
                f"the word at {place:#x} of the official image is the address of the {what}, but no code loads it"
            )
    return found


def _no_other_way_in(code, tables):
    """Raise Failure when code of the official image knows a place inside one of the tables."""
    for what, (first, behind) in frozen_tables.extents(tables).items():
        for value in code.values():
            if first < value < behind:
                use = code.of(value)[0].held_at
                raise Failure(
                    f"the official image knows {value:#x}, inside its {what}, at {use:#x}: it would keep the old one"
                )


def _ends(memory, code, more):
    """Return the References to the end of DROM (plus `more`) that tell the MMU's driver or the cache of it.

    Other symbols have the same value; those functions alone also know where DROM begins.
    """
    begin = {code.function(reference) for reference in code.of(memory.base)} - {None}
    return [reference for reference in code.of(memory.end + more) if code.function(reference) in begin]


def _heaps(memory, code):
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


def _patched(reference, what, number, new_code):
    """Return the linked image's Reference of the same use. Raise Failure unless its number is the one that is meant."""
    now = new_code.now(reference)
    if now is None or now.value != number:
        found = "nothing" if now is None else f"{now.value:#x}"
        if now is not None and now.value == reference.value:
            found += ", as in the official image"
        place = f"{reference.held_at:#x}, used at {_use(reference):#x}"
        raise Failure(f"{what}: the word at {place}, makes {found}; it should be {number:#x}")
    return now


def _others_stay(code, new_code, expected):
    """Raise Failure when a change for one use changes another, which shares the word."""
    for reference in code.all:
        if reference.by not in expected:
            now = new_code.by_use.get(reference.by)
            if now is None or now.value != reference.value:
                found = "nothing" if now is None else f"{now.value:#x}"
                raise Failure(
                    f"the code at {_use(reference):#x} makes {found} instead of {reference.value:#x}:"
                    f" it shares the word at {reference.held_at:#x}"
                )


def _use(reference):
    return reference.by if isinstance(reference.by, int) else reference.by[-1]


def _differences(official, linked):
    """Return the addresses of all bytes that differ. Raise Failure when memory is more, less or elsewhere than before."""
    now = dict(linked.regions)
    for start, data in official.regions:
        there = now.pop(start, None)
        longer = within(start, official.chip.drom)
        if there is None or len(there) < len(data) or len(there) > len(data) and not longer:
            size = "nothing" if there is None else f"{len(there)} bytes"
            raise Failure(f"the official image loads {len(data)} bytes at {start:#x}, the linked image {size}")
    if now:
        raise Failure(f"the linked image loads something at {min(now):#x}; the official image does not")
    there = dict(linked.regions)
    return [start + at for start, data in official.regions for at in _differing(data, there[start])]


def _differing(one, other):
    """Return the offsets at which `other` differs from `one`, which is not longer."""
    if other.startswith(one):
        return []
    both = int.from_bytes(one, "little") ^ int.from_bytes(other[: len(one)], "little")
    return [at for at, byte in enumerate(both.to_bytes(len(one), "little")) if byte]


def _changed_bytes(reference, now, official):
    """Return the addresses of the bytes that may differ for this one change."""
    places = [(reference.held_at, reference.size)]
    if now.held_at != reference.held_at:  # an l32r was aimed at another literal: its use is the instruction
        places = [(reference.by, 3)]
        if not official.code.covers(now.held_at, now.size) and not official.memory.word_anywhere(now.held_at):
            places.append((now.held_at, now.size))  # which was made of bytes that nothing used
    return {at for place, size in places for at in range(place, place + size)}


def _explained(differing, allowed, memory):
    """Raise Failure for a byte that differs without being allowed to."""
    for at in differing:
        if at not in allowed:
            region = "DROM" if memory.holds(at) else "code or data"
            raise Failure(f"the byte at {at:#x} ({region}) differs from the official image, and nothing asked for that")
