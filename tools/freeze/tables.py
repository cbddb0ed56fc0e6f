"""The tables that lead to frozen modules, made longer, and the words of code that are to lead to them.

A patch is (address, the bytes there, the bytes to be). Nothing but code may know the tables, and code may know nothing inside of
them; both is checked.
"""

import struct
from collections import namedtuple

from tools.freeze import app_image, chips, qstrs, reserved_end
from tools.freeze.unsupported import unsupported

Patch = namedtuple("Patch", ("address", "old", "new"))

# What a new address has in common with the one that it replaces, modulo this: a `lui` sets all but the low 12 bits.
_MODULO = {chips.XTENSA: 4, chips.RISCV: 4096}
_END_MODULO = {chips.XTENSA: 16, chips.RISCV: 4096}


def moved(image, blob, new_texts, names, modules):
    """Put longer tables into a Blob, which then ends; return the Patches that lead there.

    `new_texts`: for the qstr pool · `names`, `modules`: names and addresses of modules that the contents get in addition.
    """
    isa, frozen = image.memory.chip.isa, image.frozen
    olds = _known(image)
    contents = [image.memory.word(frozen.contents + 4 * i) for i in range(len(frozen.names))] + modules
    names = "".join(name + "\0" for name in (*frozen.names, *names)) + "\0"
    pieces = [struct.pack(f"<{len(contents)}I", *contents), names.encode()]
    if new_texts:
        pieces.insert(0, qstrs.packed(image.qstrs, new_texts, blob))
    else:  # a pool without texts is none that qstr_find_strn could search
        del olds[0]
    remainders = [old % _MODULO[isa] for old in olds]
    places = blob.put_at_remainders(list(zip(pieces, remainders)), _MODULO[isa])
    blob.pad((image.memory.end - blob.end) % _END_MODULO[isa])
    patches = _end_moved(image, blob.end)
    for old, new in zip(olds, places):
        for site in image.code.sites(old):
            patches += patched(image, image.code.replaced(site, old, new))
    return patches


def _known(image):
    """Return the addresses of pool, contents and names. Raise Failure when something else than code knows them, or their inside."""
    frozen = image.frozen
    name_bytes = sum(len(name) + 1 for name in frozen.names)
    spans = {
        image.qstrs.address: qstrs.pool_size(image.qstrs),
        frozen.contents: 4 * len(frozen.names),
        frozen.names_at: name_bytes,
    }
    for address, size in spans.items():
        if image.memory.is_in_data(address):
            raise unsupported("its data refers to the tables of frozen modules")
        if image.code.values_within(address, address + size) != {address}:
            raise unsupported("its code refers to the inside of the tables of frozen modules")
    return list(spans)


def _end_moved(image, new_end):
    """Return the Patches that set another end of constant data. Raise Failure where it cannot be there."""
    if new_end > _limit(image.memory):
        raise unsupported("it has no addresses left for more constant data")
    patches, old_end = [], image.memory.end
    for site, addend in reserved_end.read(image.memory, image.code, image.idf):
        patches += patched(image, image.code.replaced(site, old_end + addend, new_end + addend))
    return patches


def _limit(memory):
    """Return the address that constant data must not pass: the end of what can be mapped, or where code takes the same pages."""
    chip = memory.chip
    ends = [chip.drom[1]]
    for address, _ in memory.code if chip.shared else ():
        if chips.within(address, chip.irom) and (taken := address - chip.irom[0] + chip.drom[0]) > memory.base:
            ends.append(taken // chips.MMU_PAGE * chips.MMU_PAGE)
    return min(ends)


def patched(image, changes):
    """Return the Patches of [(address, new bytes)]."""
    return [Patch(at, image.code.bytes_at(at, len(new)), new) for at, new in changes]


def changed(image, more_data, patches):
    """Return the segments of an image with constant data added and Patches applied. Raise Failure when a patch does not fit."""
    segments = []
    for address, data in image.image.segments:
        if address == image.memory.base:
            data += more_data
        out, touched = bytearray(data), False
        for patch in patches:
            at = patch.address - address
            if 0 <= at < len(data):
                if out[at : at + len(patch.old)] != patch.old:
                    raise unsupported("two changes of its code meet")
                out[at : at + len(patch.new)] = patch.new
                touched = True
        segments.append(app_image.Segment(address, bytes(out) if touched else data))
    return segments
