"""What differs between the official image's memory and the linked one's, compared with what had to change (uses.py).

Nothing may differ but a longer DROM, and the bytes that hold a use; and each use has to have its new meaning.
"""

from collections import namedtuple

from tools import Failure
from tools.freeze.verify import frozen_tables
from tools.freeze.verify.chips import CODE, within
from tools.freeze.verify.frozen_tables import TABLES
from tools.freeze.verify.references import again
from tools.freeze.verify.uses import END, HEAP

# what is at address held `old` and holds `new` · address: of a literal, or of an instruction
Patch = namedtuple("Patch", ("address", "what", "old", "new"))

_LOAD = 3  # bytes of an l32r


def confirm_memory(official, linked, uses):
    """Return the words (addresses) of padding in code that became something else: only an initial heap may need one.

    Raise Failure when the Memory `linked` differs from the Reading `official` in more than that, a longer DROM, and its uses.
    """
    memory, code = official
    now = dict(linked.regions)
    for start, data in memory.regions:
        there = now.pop(start, b"")
        longer = within(start, memory.chip.drom)
        if len(there) < len(data) or len(there) > len(data) and not longer:
            raise Failure(f"the official image loads {len(data)} bytes at {start:#x}, the linked image {len(there)}")
    if now:
        raise Failure(f"the linked image loads something at {min(now):#x}; the official image does not")
    allowed = {at for use in uses for at in _holding(use)}
    there, padding = dict(linked.regions), set()
    for start, data in memory.regions:
        for at in _differing(start, data, there[start]):
            if at not in allowed and _is_padding(memory, code, at):
                padding.add(at & ~3)
            elif at not in allowed:
                kind = "DROM" if memory.holds(at) else "code or data"
                raise Failure(
                    f"the byte at {at:#x} ({kind}) differs from the official image, and nothing asked for that"
                )
    return padding


def _holding(use):
    """Return the addresses of the bytes that may differ for this use."""
    reference = use.reference
    places = list(range(reference.held_at, reference.held_at + reference.size))
    if use.what == HEAP and reference.by != reference.held_at and isinstance(reference.by, int):
        places += range(reference.by, reference.by + _LOAD)  # S2, S3: its l32r is aimed at another literal
    return places


def _is_padding(memory, code, at):
    """Return whether the aligned word around `at` is zero, lies in code, and belongs to no instruction and no literal."""
    word = at & ~3
    return within(at, CODE) and memory.word_anywhere(word) == 0 and not code.covers(word, 4)


def _differing(start, one, other):
    """Return the addresses at which `other` differs from `one`, which is not longer; both begin at `start`."""
    if other.startswith(one):
        return []
    both = int.from_bytes(one, "little") ^ int.from_bytes(other[: len(one)], "little")
    return [start + at for at, byte in enumerate(both.to_bytes(len(one), "little")) if byte]


def moved_to(uses, official, linked):
    """Return the new addresses of the tables, in the order of TABLES, as the Memory `linked` has them.

    Raise Failure when one still has the official address.
    """
    found = {}
    for use in uses:
        if use.what in TABLES:
            address, _ = _again(use, official, linked)
            if address == use.reference.value:
                raise Failure(f"the {use.what}: {_place(use)} still has the official image's address, {address:#x}")
            found.setdefault(use.what, address)  # `confirm_uses` compares the others with the first
    return [found[what] for what in TABLES]


def meanings(official, linked, tables, heap_kb):
    """Return {what: the number that it has to be} for the Memory `linked` with these frozen_tables.Tables.

    Raise Failure for a table that does not lie in what was added.
    """
    first, last = official.end, linked.end
    meaning = {END: last, HEAP: None if heap_kb is None else heap_kb * 1024}
    for what, (begin, behind) in frozen_tables.extents(tables).items():
        if not first <= begin < behind <= last:
            raise Failure(
                f"the new {what} ({begin:#x} to {behind:#x}) does not lie in what was added ({first:#x} to {last:#x})"
            )
        meaning[what] = begin
    return meaning


def confirm_uses(uses, official, linked, meaning, padding):
    """Return the Patches, sorted by address. Raise Failure when a use has not its new meaning, or another one changed, too.

    official: a Reading · linked: a Memory · meaning: of `meanings` · padding: what `confirm_memory` returned.
    """
    patches, unused = set(), set(padding)
    for use in uses:
        wanted = meaning[use.what] + use.more
        now, held_at = _again(use, official.memory, linked)
        if now != wanted:
            same = ", as in the official image" if now == use.reference.value else ""
            raise Failure(f"the {use.what}: {_place(use)} has {now:#x}{same}; it should be {wanted:#x}")
        unused.discard(held_at)
        patches.add(Patch(use.reference.held_at, use.what, use.reference.value, wanted))
    if unused:
        raise Failure(f"the padding at {min(unused):#x} was made something else, and nothing asked for that")
    _others_stay(uses, official, linked)
    return sorted(patches)


def _again(use, official, linked):
    now = again(use.reference, official, linked)
    if now is None:
        raise Failure(f"the {use.what}: {_place(use)} is used no more")
    return now


def _place(use):
    by = use.reference.by
    return f"the word at {use.reference.held_at:#x}, used at {by if isinstance(by, int) else by[-1]:#x},"


def _others_stay(uses, official, linked):
    """Raise Failure when a change for one use changes another, which shares the word."""
    expected, held = {use.reference.by for use in uses}, {use.reference.held_at for use in uses}
    for reference in official.code.all:
        if reference.held_at in held and reference.by not in expected:
            now = again(reference, official.memory, linked)
            if now is None or now[0] != reference.value:
                raise Failure(
                    f"the word at {reference.held_at:#x} changed; code that was to stay makes {reference.value:#x} of it"
                )
