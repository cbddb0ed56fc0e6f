"""Python's initial heap: where an image's code holds its size, and how another size gets there.

`mp_task` (MicroPython `ports/esp32/main.c`) allocates MICROPY_GC_INITIAL_HEAP_SIZE bytes, and prints a text and restarts when it
gets none. The size stands beside the test whether it did, which is the branch that leads to that text: before it for the
allocation, and behind it in the sum of address and size for `gc_init`, for which it may be made once more. Both must change
alike. How the size is made is a matter of the instruction set: heap_xtensa, heap_riscv.
"""

from tools import Failure
from tools.freeze import chips, heap_riscv, heap_xtensa
from tools.freeze.tables import patched
from tools.freeze.unsupported import only, unsupported

LEAST_KB, MOST_KB = 16, 128  # below, nothing starts; above, no chip of the family has a piece as large
_TEXT = b"mp_task_heap allocation failed!\0"
_KB = 1024
_HEAPS = {chips.XTENSA: heap_xtensa, chips.RISCV: heap_riscv}


def patches(image, kilobytes):
    """Return the Patches that give Python an initial heap of so many KB. Raise Failure when the image does not allow that."""
    if not LEAST_KB <= kilobytes <= MOST_KB:
        raise Failure(f"an initial heap of {kilobytes} KB is not possible; take one of {LEAST_KB} to {MOST_KB} KB")
    chip, code = image.memory.chip, image.code
    if kilobytes * _KB == chip.heap:
        return []
    isa = _HEAPS[chip.isa]
    sizes = isa.found(code, _test(image), chip.heap)
    if not sizes:
        raise unsupported(f"the size of its initial heap ({chip.heap // _KB} KB) is not found")
    changes = isa.changed(code, sizes, kilobytes * _KB)
    if changes is None:
        possible = [str(kb) for kb in range(LEAST_KB, MOST_KB + 1) if isa.changed(code, sizes, kb * _KB) is not None]
        raise Failure(f"this image cannot have an initial heap of {kilobytes} KB; possible are {', '.join(possible)}")
    return patched(image, changes)


def _test(image):
    """Return the address of the branch to where it is reported that there is no heap."""
    memory = image.memory
    text = only((memory.base + at for at in _places(memory.data)), "text about the initial heap")
    user = only(
        (user for site in image.code.sites(text) for user in site.users), "use of the text about the initial heap"
    )
    return only(image.code.branches_to(user), "branch to the text about the initial heap")


def _places(data):
    at = data.find(_TEXT)
    while at >= 0:
        yield at
        at = data.find(_TEXT, at + 1)
