"""What a receiver was given, over a reset and over a power cut, on the real MicroPython (S19)."""

import asyncio

from sim_story import WAIT_S, kinds, order, restarted, said, settled

from tools.sim.world import World

SHOCK = 1
SETTINGS = {"cap.longest_ms": 1000, "cap.rest_ms": 10_000}
RESTS = "rests after shocks of the longest length"


async def _refused(world):
    """None; a shock was refused, as its receiver rests."""
    lines, seen = len(world.lines), len(world.air.frames)
    await order(world, "red", 20, 500, SHOCK)
    await said(world, RESTS, lines)
    assert await settled(world, seen, stopped=False) == []


def test_the_rest_outlives_a_reset_and_who_comes_from_a_power_cut_rests_first():
    async def story():
        async with World(settings=SETTINGS) as world:
            await world.hub.device_connected(timeout_s=WAIT_S)
            await _refused(world)  # it was switched on a moment ago: nobody knows what was before
            await order(world, "red", 20, 500)
            assert kinds(await settled(world)) == [("vibrate", 20), ("vibrate", 0)]
            await _shocked(world)
            await _reset(world)
            await _refused(world)
            seen = len(world.air.frames)
            await order(world, "blue", 20, 300, SHOCK)  # which was given nothing
            assert kinds(await settled(world, seen)) == [("shock", 20), ("vibrate", 0)]
            await restarted(world)
            await _refused(world)

    asyncio.run(story())


async def _shocked(world):
    """None; its receiver has rested, and a shock of the longest length went out."""
    seen = len(world.air.frames)
    while not any(frame.action == "shock" for frame in world.air.frames[seen:]):
        await order(world, "red", 20, 1000, SHOCK)
        await asyncio.sleep(0.5)  # the rest is a matter of time alone
    assert kinds(await settled(world, seen)) == [("shock", 20), ("vibrate", 0)]


async def _reset(world):
    """None; the device restarted by its console, with power all the time, and is greeted again."""
    since, lines = world.hub.journal.mark(), len(world.lines)
    world.device.type("restart")
    await said(world, "restart: console", lines)
    await world.hub.device_connected(since=since, timeout_s=WAIT_S)
