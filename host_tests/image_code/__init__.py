"""An image's own machine code, executed function by function from its bytes: no emulator of a chip is needed for that.

xtensa.py does it by SLEIGH's description of the processor (PyPI `pypcode`), riscv.py by unicorn. What the code calls in the
chip's ROM is answered by rom.py. `lookup` runs `mp_find_frozen_module` (MicroPython, `py/frozenmod.c`).
"""

from collections import namedtuple

# kind: mp_import_stat_t · frozen_type, data: what the function stored through its pointers
Found = namedtuple("Found", ("kind", "frozen_type", "data"))

NOTHING, DIRECTORY, FILE = 0, 1, 2  # mp_import_stat_t
RAM = 0x3FF00000  # memory of our own, where no image of these chips loads anything
RAM_SIZE = 0x10000
DONE = 0x40000FF0  # the address to which the outermost function returns
_TEXT, _RESULTS = RAM, RAM + 0x1000


def lookup(processor, function, name):
    """Return what the function at `function` finds for `name` (bytes), as a Found."""
    processor.write(_TEXT, name + b"\0")
    processor.write(_RESULTS, bytes(8))
    kind = processor.call(function, (_TEXT, _RESULTS, _RESULTS + 4))
    frozen_type, data = (int.from_bytes(processor.read(_RESULTS + at, 4), "little") for at in (0, 4))
    return Found(kind, frozen_type, data)
