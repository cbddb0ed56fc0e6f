"""Applies patches on MicroPython: `apply_patches.py FOLDER COUNT`, with N.old, N.new and N.patch for each N below COUNT there.

Prints for each what it makes: "same" as N.new, "other", "short" when it ends too early, or "damaged".
"""

import gc
import sys

sys.path.insert(0, ".")

from lib.binary_patch import BLOCK, Damaged, Patch  # noqa: E402


def content(path):
    with open(path, "rb") as file:
        return file.read()


def applied(old, new, file):
    """Return a word for what a patch makes."""
    equal = [True]
    where = [0]

    def read(at, buffer):
        if at < 0 or at + len(buffer) > len(old):
            raise ValueError("outside")
        buffer[:] = old[at : at + len(buffer)]

    def write(block):
        if not 0 < len(block) <= BLOCK:
            raise ValueError("no block")
        equal[0] = equal[0] and block == new[where[0] : where[0] + len(block)]
        where[0] += len(block)

    patch = Patch(read, len(old), write, len(new))
    try:
        for at in range(0, len(file), 777):
            for _ in patch.feed(file[at : at + 777]):
                pass
    except Damaged:
        return "damaged"
    if not patch.done:
        return "short"
    return "same" if equal[0] else "other"


def main(folder, count):
    """Print a word for each patch."""
    for number in range(count):
        path = "%s/%d" % (folder, number)
        old, new = memoryview(content(path + ".old")), memoryview(content(path + ".new"))
        print(applied(old, new, content(path + ".patch")))
        gc.collect()


main(sys.argv[1], int(sys.argv[2]))
