"""The power goes at every single erase and write of a whole update; and five times anywhere, as often as one likes."""

import random

from simflash import Faults

from host_tests.mp.update_world import OLD, RUNTIMES, World, app, release, steps

HOW = ("before", "middle", "torn", "after")
WITH_RUNTIME = release("0.2.0", app("0.2.0", 9000), RUNTIMES[1])
APP_ONLY = release("0.2.0", app("0.2.0", 9000))
PATCHED = b"0.2.0 good|" + OLD[:4085] + OLD[300:4000] + b"new" * 20
PATCH = release("0.2.0", PATCHED)
PATCH["0.2.0/board/app.lfs.from-0.1.0"] = steps(b"0.2.0 good|", (4085, 0), (3700, 300), b"new" * 20)
CRASHES = release("0.2.0", app("0.2.0", 5000, "crash"))
NO_HUB = release("0.2.0", app("0.2.0", 5000, "hub"))


def long_app():
    """A tree whose image has more blocks than are written without a note."""
    return release("0.2.0", app("0.2.0", 17 * 4096 + 9))


def cut(tree, cuts, seed=0):
    """The World at rest after these cuts [(operation since the start, how), …]; what must hold, holds."""
    world = World(tree)
    world.flash.faults = Faults(cuts=cuts, seed=seed)
    try:
        world.live()
        world.check()
    except AssertionError:
        print("cuts", cuts, "seed", seed, "left", world.flash.faults.cuts)
        print("\n".join(world.lines[-10:]))
        raise
    return world


def points(tree, how, good):
    """How many operations an update has: the power was cut once at each. A good version runs in the end, or was never ordered."""
    number = 0
    while True:
        number += 1
        world = cut(tree, [(number, how)])
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


def stormy(tree, runs, seed, most):
    """(runs that ended with the new version, starts of all) of `runs` updates, each with five cuts at any of `most` operations."""
    chance = random.Random(seed) if hasattr(random, "Random") else random
    random.seed(seed)
    new = starts = 0
    for run in range(runs):
        cuts = [(chance.randint(1, most), HOW[chance.randint(0, 3)]) for _ in range(5)]
        world = cut(tree, cuts, seed + run)
        new += world.version() == "0.2.0"
        starts += world.starts
    return new, starts
