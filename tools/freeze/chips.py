"""The chips that can be linked for, as data: where flash and code are mapped. A new chip is a row of CHIPS.

Sources: ESP-IDF `components/soc/<chip>/include/soc/soc.h` (address ranges), `esp_chip_info.h` and `esp_app_format.h` (chip ids),
MicroPython `ports/esp32/mpconfigport.h` (MICROPY_GC_INITIAL_HEAP_SIZE).
"""

from collections import namedtuple

XTENSA, RISCV = "xtensa", "riscv"
MMU_PAGE = 0x10000  # bytes; CONFIG_MMU_PAGE_SIZE of every official build

# id: chip id in the header of an image · drom: flash mapped as data, irom: as instructions, iram: instructions in RAM: (first,
# end) each · isa: XTENSA or RISCV · architecture: mpy-cross -march · heap: bytes of the initial heap · shared: whether drom and
# irom are the same pages of one MMU table (SOC_MMU_DI_VADDR_SHARED)
Chip = namedtuple("Chip", ("name", "id", "isa", "architecture", "drom", "irom", "iram", "heap", "shared"))

CHIPS = (
    Chip(
        "esp32",
        0,
        XTENSA,
        "xtensawin",
        drom=(0x3F400000, 0x3F800000),
        irom=(0x400D0000, 0x40400000),
        iram=(0x40070000, 0x400A0000),
        heap=56 * 1024,
        shared=False,
    ),
    Chip(
        "esp32s2",
        2,
        XTENSA,
        "xtensawin",
        drom=(0x3F000000, 0x3F3F0000),
        irom=(0x40080000, 0x40800000),
        iram=(0x40020000, 0x40070000),
        heap=64 * 1024,
        shared=False,
    ),
    Chip(
        "esp32c3",
        5,
        RISCV,
        "rv32imc",
        drom=(0x3C000000, 0x3C800000),
        irom=(0x42000000, 0x42800000),
        iram=(0x4037C000, 0x403E0000),
        heap=64 * 1024,
        shared=True,
    ),
    Chip(
        "esp32s3",
        9,
        XTENSA,
        "xtensawin",
        drom=(0x3C000000, 0x3E000000),
        irom=(0x42000000, 0x44000000),
        iram=(0x40370000, 0x403E0000),
        heap=64 * 1024,
        shared=True,
    ),
)


def by_id(number):
    """Return the Chip of an image header's chip id, or None."""
    return next((chip for chip in CHIPS if chip.id == number), None)


def within(address, bounds):
    """Return whether an address lies in (first, end)."""
    return bounds[0] <= address < bounds[1]


def is_flash(chip, address):
    """Return whether the cache maps flash at that address, so that a segment is not copied to RAM."""
    return within(address, chip.drom) or within(address, chip.irom)
