"""What the verifier must know of each chip: its number, its address ranges, its instruction set; a chip is a row here.

Addresses: ESP-IDF `components/soc/<chip>/include/soc/soc.h` (SOC_DROM_LOW and so on). Numbers: `esp_chip_id_t` in
`bootloader_support/include/esp_app_format.h`.
"""

from collections import namedtuple

from tools import Failure

# number: chip id in the image's header · drom, irom: (first, behind the last) address of flash mapped as data, as code
# · shared_mmu: both windows go through one table of pages · default_heap: MICROPY_GC_INITIAL_HEAP_SIZE (bytes)
Chip = namedtuple("Chip", ("name", "number", "xtensa", "drom", "irom", "shared_mmu", "default_heap"))

CHIPS = (
    Chip("esp32", 0, True, (0x3F400000, 0x3F800000), (0x400D0000, 0x40400000), False, 56 * 1024),
    Chip("esp32s2", 2, True, (0x3F000000, 0x3FF80000), (0x40080000, 0x40800000), False, 64 * 1024),
    Chip("esp32c3", 5, False, (0x3C000000, 0x3C800000), (0x42000000, 0x42800000), True, 64 * 1024),
    Chip("esp32s3", 9, True, (0x3C000000, 0x3E000000), (0x42000000, 0x44000000), True, 64 * 1024),
)
PAGE = 0x10000  # bytes of one page of the flash MMU
CODE = (0x40000000, 0x50000000)  # what a processor can execute lies here on every one of them


def by_number(number):
    """Return the Chip with this id. Raise Failure for any other."""
    for chip in CHIPS:
        if chip.number == number:
            return chip
    raise Failure(f"the image is for chip number {number}, which this verifier does not know")


def within(address, window):
    """Return whether `address` lies in `window`, a pair (first, behind the last)."""
    return window[0] <= address < window[1]
