"""All walks of host_tests/unit/update_walk.py; prints for each how many points, or runs: `update_walk.py points|storms NUMBER`."""

import sys

sys.path.insert(0, ".")

from host_tests.unit import update_walk as walk  # noqa: E402

TREES = (
    ("whole", walk.WHOLE, True, {}),
    ("long", walk.LONG, True, {}),
    ("patch", walk.PATCHED, True, {}),
    ("long patch", walk.LONG_PATCHED, True, {"old": walk.LONG_OLD}),
    ("crashes", walk.CRASHES, False, {}),
    ("no hub", walk.NO_HUB, False, {}),
)


def main(what, number):
    """Print a line of words and numbers, with tabs between them, for each walk."""
    if what == "points":
        for words, tree, good, more in TREES:
            for how in walk.HOW:
                print(words, how, walk.points(tree, how, good, **more), sep="\t")
    else:
        tree, more = ((walk.WHOLE, {}), (walk.LONG_PATCHED, {"old": walk.LONG_OLD}))[number % 2]
        new, starts = walk.stormy(tree, 125, 1000 * number, 70, **more)
        print("storms", new, starts, sep="\t")


main(sys.argv[1], int(sys.argv[2]))
