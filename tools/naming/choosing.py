"""Which short name each name gets: one that costs nothing where there is one, and the same one from build to build.

Where a name begins to look is told by the name itself, so that a name more or less changes few others, and an update's
patch stays small.
"""

import itertools
import keyword
import string
import zlib

from tools.naming.foreign import FREE


def chosen(survey):
    """{key: short name} for every name of a Survey that is ours to rename: no namespace has two of the same."""
    homes = {}
    for space, keys in survey.spaces.items():
        for key in keys:
            homes.setdefault(key, []).append(space)
    everywhere = survey.everywhere()
    used = {space: set(words) for space, words in survey.taken.items()}
    table = {}
    for key in sorted(homes, key=lambda key: (key not in everywhere, _number(key), str(key))):
        spaces = homes[key]
        if key in everywhere:
            spaces = [space for space in used if isinstance(space, tuple) or space in homes[key]] + homes[key]
        taken = set().union(*(used.get(space, ()) for space in spaces))
        short = table[key] = next(name for name in _candidates(_number(key)) if name not in taken)
        for space in [*used, *homes[key]] if key in everywhere else spaces:
            used.setdefault(space, set()).add(short)
    return table


def _number(key):
    return zlib.crc32(str(key).encode())


def _candidates(number):
    """Names, the cheapest first: those in every MicroPython, beginning at the number; then letters."""
    start = number % len(FREE)
    yield from FREE[start:]
    yield from FREE[:start]
    yield from letters()


def letters():
    """a, b … z, A …, then two of them; no word of Python's."""
    for size in itertools.count(1):
        for each in itertools.product(string.ascii_letters, repeat=size):
            name = "".join(each)
            if not keyword.iskeyword(name):
                yield name
