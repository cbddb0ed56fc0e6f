"""The power goes at every single erase and write of a whole update; and five times anywhere, as often as one likes."""

import random

from simflash import Faults

from host_tests.unit.update_world import World, image, patched, release

SIZE = 17 * 4096 + 16  # of an image that has more blocks than are written without a note
LONG = release("0.2.0", image("0.2.0", SIZE))  # first: a heap of MicroPython has no room for large ones later
LONG_OLD = image("0.1.0", SIZE)
LONG_PATCHED = patched(SIZE, LONG_OLD)
HOW = ("before", "middle", "torn", "after")
WHOLE = release("0.2.0", image("0.2.0"))
PATCHED = patched()
CRASHES = release("0.2.0", image("0.2.0", 4992, "crash"))
NO_HUB = release("0.2.0", image("0.2.0", 4992, "hub"))


def cut(tree, cuts, seed=0, **more):
    """Return the World at rest after these cuts [(operation since the start, how), …]; what must hold, holds."""
    world = World(tree, **more)
    world.flash.faults = Faults(cuts=cuts, seed=seed)
    try:
        world.live()
        world.check()
    except AssertionError:
        print("cuts", cuts, "seed", seed, "left", world.flash.faults.cuts)
        print("\n".join(world.lines[-10:]))
        raise
    return world


def points(tree, how, good, **more):
    """Return how many operations an update has: the power was cut once at each.

    A good version runs in the end, or was never ordered.
    """
    number = 0
    while True:
        number += 1
        world = cut(tree, [(number, how)], **more)
        if world.flash.faults.cuts:
            assert (world.version() == "0.2.0") is good
            return number - 1
        ordered = bool(world.said)
        if good and ordered:
            assert world.version() == "0.2.0", (how, number, world.said)
            assert world.said[-1] == ["OtaInstallSucceeded", 7]
        else:
            assert world.version() == "0.1.0", (how, number)
            assert not ordered or world.said[-1] == ["OtaRollback", 7], (how, number, world.said)


def stormy(tree, runs, seed, most, **more):
    """Return (runs that ended with the new version, starts of all) of `runs` updates.

    Each has five cuts, at any of its first `most` operations.
    """
    chance = random.Random(seed) if hasattr(random, "Random") else random
    random.seed(seed)
    new = starts = 0
    for run in range(runs):
        cuts = [(chance.randint(1, most), HOW[chance.randint(0, 3)]) for _ in range(5)]
        world = cut(tree, cuts, seed + run, **more)
        new += world.version() == "0.2.0"
        starts += world.starts
    return new, starts
