"""The e-stop button of a whole simulated device, end to end: pressed while it vibrates, held, over a power cut, cleared."""

import asyncio
import time

from sim_story import is_stop, kinds, lasted_ms, order, restarted, said, settled, sounding, trace

from tools.rf.encoders import encoded
from tools.sim.device import STOP_PIN
from tools.sim.world import World

RELEASED, PRESSED = 1, 0
FRAME_EDGES = len(encoded("caixianlin", 1, "vibrate", 50))
LATCHED = "the emergency stop is latched"


def now_us():
    return time.monotonic_ns() // 1000


async def _greeted(world):
    await world.hub.device_connected(timeout_s=30)


async def _refused(world):
    """None; an order was refused because of the latch, and nothing was sent."""
    lines, seen = len(world.lines), len(world.air.frames)
    await order(world, "red", 20, 500)
    await said(world, LATCHED, lines)
    assert await settled(world, seen, stopped=False) == []


async def _obeyed(world):
    """None; an order was carried out."""
    seen = len(world.air.frames)
    await order(world, "red", 20, 500)
    assert kinds(await settled(world, seen)) == [("vibrate", 20), ("vibrate", 0)]


async def _vibrating(world):
    """None; a long vibration is under way."""
    await order(world, "red", 50, 9000)
    await sounding(world, 50)


def test_the_button_ends_a_vibration_within_its_frame_and_latches_until_it_is_held_and_released():
    async def story():
        async with World() as world:
            await _greeted(world)
            await _vibrating(world)
            world.device.set_input(STOP_PIN, PRESSED)
            pressed_us = now_us()
            await said(world, "latched: button")
            await settled(world)  # and it is still pressed
            edges, frames = trace(world)
            first = next(frame for frame in frames if is_stop(frame) and frame.start_us > pressed_us)
            after = [at_us for at_us, _ in edges if pressed_us < at_us < first.start_us]
            begun = [frame for frame in frames if frame.start_us > pressed_us and not is_stop(frame)]
            assert begun == [], "an active frame began after the button"
            assert len(after) <= FRAME_EDGES, "more than the rest of the frame that was being sent"
            stops = [frame for frame in frames if is_stop(frame)]
            assert stops[-1].end_us - stops[0].start_us >= 300_000, "too few stop frames while it is held"
            assert not any(frame.start_us > first.start_us for frame in frames if not is_stop(frame))
            await _refused(world)

            await restarted(world)  # the button is still pressed
            await said(world, "latched since before this start")
            await _refused(world)
            world.device.set_input(STOP_PIN, RELEASED)
            await restarted(world)
            await _refused(world)

            seen = len(world.air.frames)
            await asyncio.sleep(0.2)
            world.device.set_input(STOP_PIN, PRESSED)
            await asyncio.sleep(5.5)  # the one thing that only time does: 5 s of holding
            await _refused(world)
            world.device.set_input(STOP_PIN, RELEASED)
            await said(world, "cleared: button held and released")
            assert await settled(world, seen, stopped=False) == [], "clearing starts nothing again"
            await _obeyed(world)

    asyncio.run(story())


def test_an_emergency_stop_from_afar_latches_and_outlives_a_power_cut():
    async def story():
        async with World() as world:
            await _greeted(world)
            await _vibrating(world)
            await world.hub.emergency_stop()
            await said(world, "latched: hub")
            frames = await settled(world)
            assert kinds(frames) == [("vibrate", 50), ("vibrate", 0)]
            assert lasted_ms([each for each in frames if is_stop(each)]) >= 300
            assert lasted_ms([each for each in frames if not is_stop(each)]) < 8000, "it ran to its end"
            await _refused(world)
            await restarted(world)
            await _refused(world)

    asyncio.run(story())


def test_a_wire_that_breaks_is_a_pressed_button_where_it_is_normally_closed():
    async def story():
        world = World(settings={"estop.normally_closed": True})
        world.device.levels[STOP_PIN] = 0  # closed to ground: all is well
        async with world:
            await _greeted(world)
            await _obeyed(world)
            await _vibrating(world)
            world.device.set_input(STOP_PIN, 1)  # the pull-up wins
            broken_us = now_us()
            await said(world, "latched: button")
            await settled(world)
            _, frames = trace(world)
            assert not [frame for frame in frames if frame.start_us > broken_us and not is_stop(frame)]
            await _refused(world)

    asyncio.run(story())


def test_a_latch_without_a_button_is_cleared_over_the_cable_on_a_device_that_nobody_has_set_up():
    async def story():
        async with World(settings={"estop.enabled": False, "wifi": []}) as world:
            await said(world, "to be set up")
            world.device.type("estop trip")
            await said(world, "latched: console")
            world.device.type("estop clear")
            await said(world, "cleared: ")

    asyncio.run(story())


def test_a_remote_stop_of_a_device_at_work_is_cleared_over_the_cable_and_it_obeys_again():
    async def story():
        async with World(settings={"estop.enabled": False}) as world:
            await _greeted(world)
            for _ in range(2):
                mark = len(world.lines)
                await world.hub.emergency_stop()
                await said(world, "latched: hub", mark)
                await _refused(world)
                world.device.type("sysinfo")
                assert "estop" in await said(world, "Refused", mark)
                world.device.type("estop clear")
                await said(world, "cleared: ", mark)
                await _obeyed(world)

    asyncio.run(story())
