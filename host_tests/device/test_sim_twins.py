"""A simulated device with two services at once: the user hub over TLS, and the gateway of the same hub in its own network."""

import asyncio

from sim_story import WAIT_S, kinds, order, said, settled, sounding

from tools.common.ports import free_port
from tools.sim.world import World

PLENTY = 2 * 2048 * 1024  # as a board with memory beside its chip


def two(story, heap=None, gateway="http://127.0.0.1:%d"):
    """Makes a test of `async def story(world)`: a device with both backends; `gateway` is the URL of the second."""

    async def tell():
        port = free_port()
        settings = {"backend.second": "openshock_gateway"}
        if gateway:
            settings["openshock_gateway.url"] = gateway % port
        world = World(settings=settings, port=port)
        world.device.heap = heap or world.device.heap
        async with world:
            await story(world)
            assert world.device.starts == 1 and not [line for line in world.lines if "Traceback" in line]

    asyncio.run(asyncio.wait_for(tell(), 100))


async def both(world):
    """None as soon as both services have the device."""
    await world.hub.device_connected(timeout_s=WAIT_S)
    while not (world.hub.gateway.link_of(world.hub.device) and sum("connected" in line for line in world.lines) > 1):
        await asyncio.sleep(0.02)  # the line comes from another process: there is nothing to await


async def one_action_on_the_air(world):
    """The story: what both tell of is sent once, in either order; a stop from either stops; the newest wins."""
    await both(world)
    await order(world, "red", 50, 900)
    await sounding(world, 50)
    await said(world, "both services told of it")
    frames = await settled(world)
    assert kinds(frames) == [("vibrate", 50), ("vibrate", 0)]
    lines = [line for line in world.lines if "vibrate 50 for 900 ms" in line and "refused" not in line]
    assert len(lines) == 1, "one of the two was carried out"
    since = len(world.air.frames)
    await order(world, "red", 30, 9000)
    await sounding(world, 30)
    await world.hub.stop_all()
    frames = await settled(world, since)
    assert kinds(frames) == [("vibrate", 30), ("vibrate", 0)]


def test_one_action_that_two_services_tell_of_is_sent_once():
    two(one_action_on_the_air)


def test_with_memory_to_spare_both_may_be_encrypted():
    two(one_action_on_the_air, heap=PLENTY, gateway="")


def test_without_memory_the_second_is_refused_in_words_and_the_first_works():
    async def story(world):
        await said(world, "no second backend: this board has memory for one encrypted connection")
        await world.hub.device_connected(timeout_s=WAIT_S)
        await order(world, "red", 40, 500)
        assert kinds(await settled(world)) == [("vibrate", 40), ("vibrate", 0)]
        assert world.hub.gateway.link_of(world.hub.device) is None

    two(story, gateway="")


def test_when_one_service_goes_the_other_goes_on():
    async def story(world):
        await both(world)
        since = world.hub.journal.mark()
        closed = world.hub.gateway.link_of(world.hub.device)
        await closed.close(1001, "going away")
        await order(world, "red", 45, 700)
        assert kinds(await settled(world)) == [("vibrate", 45), ("vibrate", 0)]
        gone = [event.connection for event in world.hub.journal.events("disconnected", since)]
        assert gone == [closed], "the user hub's connection stayed"

    two(story)
