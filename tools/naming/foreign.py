"""Names that are not ours: what MicroPython and its modules define (foreign.txt), and what costs nothing (free.txt).

A new module of MicroPython's: its names belong into foreign.txt. host_tests/test_names.py asks a real MicroPython, and
finds attributes that neither we nor that list know.
"""

from pathlib import Path


def _read(name):
    return (Path(__file__).parent / name).read_text(encoding="utf-8").split()


# A .mpy names these by a number, and every MicroPython has them in its ROM (py/qstr.h, the static ones): they cost nothing.
# Left out: what an object is asked for by MicroPython itself (streams, generators), and `self`.
FREE = tuple(_read("free.txt"))

# by what a class inherits from: the names that its ancestors already have, and that must not be given to anything of ours
OF_EXCEPTIONS = frozenset(("args", "value", "errno", "strerror", "with_traceback", "add_note"))
OF_TUPLES = frozenset(("count", "index"))


def known():
    """The set of MicroPython's own names."""
    return frozenset(_read("foreign.txt"))
