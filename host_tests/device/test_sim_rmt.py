"""The second player, `esp32.RMT`, in a whole simulated device: an order becomes frames that a receiver understands."""

import asyncio

from sim_story import is_stop, kinds, lasted_ms, order, said, settled, sounding

from tools.sim.device import STOP_PIN
from tools.sim.world import World

RMT = {"rf.player": "rmt"}


def test_a_vibration_by_the_pulse_generator():
    async def story():
        async with World(settings=RMT) as world:
            await world.hub.device_connected(timeout_s=30)
            await order(world, "red", 40, 1000)
            frames = await settled(world)
            assert kinds(frames) == [("vibrate", 40), ("vibrate", 0)]
            assert {(each.model, each.rf_id) for each in frames} == {("caixianlin", 4321)}
            assert lasted_ms([each for each in frames if not is_stop(each)]) <= 1100
            assert lasted_ms([each for each in frames if is_stop(each)]) >= 300

    asyncio.run(story())


def test_the_button_cuts_a_frame_of_the_pulse_generator():
    async def story():
        async with World(settings=RMT) as world:
            await world.hub.device_connected(timeout_s=30)
            await order(world, "red", 40, 9000)
            await sounding(world, 40)
            seen = len(world.air.frames)
            world.device.set_input(STOP_PIN, 0)
            await said(world, "latched: button")
            frames = await settled(world, seen)
            first = next(at for at, each in enumerate(frames) if is_stop(each))
            assert kinds(frames[first:]) == [("vibrate", 0)], "nothing but stop frames while it is held"
            assert sum(not each.ok for each in frames) <= 1, "only the frame that was cut"
            assert lasted_ms(frames[first:]) >= 300

    asyncio.run(story())
