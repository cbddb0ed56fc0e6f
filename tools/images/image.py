"""The image of one board: MicroPython with the whole firmware in it, as it lies in a slot of the flash (DESIGN §3).

For a board it is the official MicroPython image with the modules linked in, and confirmed by the verifier; for the simulated
board an image of the same form, whose segments hold the modules as a ROMFS.
"""

from collections import namedtuple

from tools import Failure
from tools.freeze import linker, verify
from tools.images import layout, modules, romfs, simulated

# Python's initial heap (reference/esp32-memory.md): 64 KB would leave ESP-IDF's largest piece whole, but the firmware needs a few
# KB more than that leaves (docs/memory.md), and must never make the heap grow. The other chips keep their 64 KB, and grow.
HEAP_KB = {"esp32": 96}
SPARE_BYTES = 16 * 1024  # of the slot, so that the next version fits as well

# data: the app image (bytes) · sizes: {module: bytes of flash}, empty for the simulated board · micropython: its version, or ""
Made = namedtuple("Made", ("data", "sizes", "micropython"))


def image(target, official=None, trusted=(), changes=None):
    """Return the app image (bytes) of a Target: see `made`."""
    return made(target, official, trusted, changes).data


def made(target, official=None, trusted=(), changes=None):
    """Return a Made for a Target (tools/images/targets.py).

    `official`: an official .bin or .app-bin (bytes); None for the simulated board. `trusted`, `changes` as modules.compiled.
    Raise Failure when the image does not link, is not confirmed, or leaves less than SPARE_BYTES of the slot.
    """
    frozen = modules.compiled(target, trusted, changes)
    slot_bytes = layout.row(layout.table(target.layout), "ota_0").size
    try:
        if not target.chip:
            result = Made(simulated.slot_image(romfs.made(frozen)), {}, "")
        else:
            heap_kb = HEAP_KB.get(target.chip)
            linked = linker.link(official, frozen, heap_kb=heap_kb)
            verify.verify(official, linked.data, frozen, heap_kb)
            result = Made(linked.data, linked.sizes, linked.version)
    except Failure as failure:
        raise Failure(f"{target.title}: {failure}")
    spare = slot_bytes - len(result.data)
    if target.chip and spare < SPARE_BYTES:
        raise Failure(
            f"{target.title}: the image has {len(result.data)} bytes and leaves {spare} of its slot of {slot_bytes}; "
            f"{SPARE_BYTES} must stay free: take a smaller MicroPython (--image), such as an -OTA build"
        )
    return result
