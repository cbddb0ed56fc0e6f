"""How much memory there is: Python's heap, and what ESP-IDF has left for Wi-Fi and TLS. For the log and the console."""

import gc

import esp32

_SPARE = 16384  # bytes; a long message, or a new list of shockers, needs 4 KB, each receiver that is remembered 500

# of a row of idf_heap_info (heap_caps_get_info): total, free, largest free block, the least that was ever free
_FREE, _LARGEST = 1, 2


def figures():
    """Return (used, free bytes of Python's heap; free bytes, largest free block of ESP-IDF's)."""
    regions = esp32.idf_heap_info(esp32.HEAP_DATA)
    return (
        gc.mem_alloc(),
        gc.mem_free(),
        sum([region[_FREE] for region in regions]),
        max([region[_LARGEST] for region in regions]),
    )


def is_short():
    """Return whether less than 16 KB of Python's heap are free, once it was cleaned up."""
    if gc.mem_free() < _SPARE:
        gc.collect()
    return gc.mem_free() < _SPARE


def words():
    """Return the same in words."""
    return "heap %d used, %d free; IDF %d free, largest %d" % figures()
