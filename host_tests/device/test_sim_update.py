"""An update on the whole simulated device, over flash, boot loader, TLS and hub: what is on the air, and the latch, in between.

The tour (`tools sim --demo`) has the rest: a version that stays after its trial, and one that the device leaves by itself.
"""

import asyncio

import pytest
from sim_story import WAIT_S, is_stop, order, said, settled, sounding

from tools.sim import updates
from tools.sim.compiled import interpreter
from tools.sim.device import STOP_PIN
from tools.sim.world import World

pytestmark = pytest.mark.skipif(interpreter() is None, reason="there is no MicroPython with viper for this machine")


def test_c3_25_whoever_is_on_the_air_is_stopped_first_and_the_latch_outlives_the_switch():
    async def story():
        async with World(updates=True) as world:
            await world.hub.device_connected(timeout_s=WAIT_S)
            await order(world, "red", 50, 20_000)
            await sounding(world, 50)
            assert await world.hub.ota_install(updates.GOOD) == 1
            frames = await settled(world)
            assert is_stop(frames[-1]) and sum(map(is_stop, frames)) >= 2
            since = len(world.air.frames)
            await said(world, "[update] ")
            world.device.set_input(STOP_PIN, 0)
            await said(world, "latched: button")
            world.device.set_input(STOP_PIN, 1)
            await said(world, f"OpenShock/{updates.GOOD} ")
            await said(world, "latched since before this start")
            assert not [frame for frame in world.air.frames[since:] if not is_stop(frame)]
            asked = [(path.rpartition("/")[2], status) for _, path, _, status, _ in world.updates.server.requests]
            assert (f"image.bin.from-{updates.FIRST}", 200) in asked and "image.bin" not in dict(asked)

    asyncio.run(story())


def test_an_order_that_cannot_be_is_answered_and_changes_nothing():
    async def story():
        async with World() as world:  # without a flash: there are no slots
            await world.hub.device_connected(timeout_s=WAIT_S)
            assert await world.hub.ota_install("9.9.9") == 1
            assert "room for one firmware only" in await said(world, "9.9.9: ")
            await order(world, "red", 30, 300)
            assert 30 in {frame.intensity for frame in await settled(world)}
            assert world.device.starts == 1

    asyncio.run(story())
