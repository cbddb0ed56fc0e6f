"""All walks of host_tests/mp/update_walk.py; prints for each how many points, or runs: `update_walk.py points|storms NUMBER`."""

import sys

sys.path.insert(0, ".")

from host_tests.mp import update_walk as walk  # noqa: E402

TREES = (
    ("app and runtime", walk.WITH_RUNTIME, True),
    ("app alone", walk.APP_ONLY, True),
    ("long app", walk.long_app(), True),
    ("patch", walk.PATCH, True),
    ("crashes", walk.CRASHES, False),
    ("no hub", walk.NO_HUB, False),
)


def main(what, number):
    """None; prints a line of words and numbers, with tabs between them, for each walk."""
    if what == "points":
        for words, tree, good in TREES:
            for how in walk.HOW:
                print(words, how, walk.points(tree, how, good), sep="\t")
    else:
        new, starts = walk.stormy(walk.WITH_RUNTIME, 125, 1000 * number, 70)
        print("storms", new, starts, sep="\t")


main(sys.argv[1], int(sys.argv[2]))
