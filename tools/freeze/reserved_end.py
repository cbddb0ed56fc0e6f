"""The end of the constant data as ESP-IDF knows it: behind it, it maps flash and PSRAM as it likes, and would unmap new pages.

The linker script's `_rodata_reserved_end` is used by `esp_mmu_map_init` (`components/esp_mm/esp_mmu_map.c`, from ESP-IDF 5.1 on)
and, on the S2 and S3, by the set-up of the cache (`components/esp_system/port/cpu_start.c`). Other symbols have the same value:
the end of the start functions' table, the start of thread-local data. The one that is meant is loaded within a few instructions
of the *start* of the constant data. A compiler may have added the 0xFFFF of rounding up to pages.
"""

from collections import namedtuple

from tools.freeze import chips
from tools.freeze.unsupported import unsupported

# site: of the value · addend: what the code's value is above the end
End = namedtuple("End", ("site", "addend"))

_NEAR = 16  # bytes between two instructions
_ADDENDS = (0, chips.MMU_PAGE - 1)
_SINCE_IDF = (5, 1)  # before, the driver reads the MMU's table instead
_PLACES = {"esp32s3": (2, 3)}  # fewest and most where they are needed; the S3 passes it to its cache, too


def read(memory, code, idf):
    """Return the Ends that new constant data has to move. `idf`: (major, minor) of ESP-IDF. Raise Failure where it is unclear."""
    starts = [user for site in code.sites(memory.base) for user in site.users]
    ends = []
    for addend in _ADDENDS:
        for site in code.sites(memory.end + addend):
            near = [user for user in site.users if any(abs(user - start) <= _NEAR for start in starts)]
            if near and len(near) != len(site.users):
                raise unsupported("the end of its constant data is used for something else, too")
            if near:
                ends.append(End(site, addend))
    fewest, most = _PLACES.get(memory.chip.name, (1, 1))
    if len(ends) > most:
        raise unsupported(f"the end of its constant data is told in {len(ends)} places")
    if len(ends) < fewest and idf >= _SINCE_IDF:
        raise unsupported("the end of its constant data is not found")
    return ends
