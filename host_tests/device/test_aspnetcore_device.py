"""The whole device, on MicroPython in a simulated board, against ASP.NET Core (host_tests/interop/aspnetcore)."""

import asyncio

import pytest
from sim_story import is_stop, lasted_ms, said, settled, sounding
from telling import as_test

from host_tests.interop.aspnetcore.beside import DEVICE, OWN, log
from host_tests.interop.aspnetcore.server import Server
from tools.sim.world import HUB_NAME, World

WITHIN_S = 110
LONG_MS = 30_000


def device(story):
    """Make a test of `async def story(server, world)`: a device at work at that server, and somebody who hears its radio."""

    async def tell():
        async with Server() as server:
            await server.do("map", OWN)
            settings = {"openshock_user.url": server.url.replace("127.0.0.1", HUB_NAME), "remote.inputs": []}
            settings.update({"openshock_user.device_id": DEVICE, "cap.longest_ms": LONG_MS})
            async with World(secure=False, settings=settings) as world:
                await server.seen("connected")
                await said(world, "1 shockers known")
                await story(server, world)

    return pytest.mark.peer("dotnet")(as_test(story, tell, WITHIN_S))


async def vibrating(server, world, level):
    """Order a vibration of half a minute; return once it is on the air."""
    arguments = log(2)
    arguments[1][0].update(intensity=level, duration=LONG_MS)
    await asyncio.gather(sounding(world, level), server.do("say", target="Log", arguments=arguments))


@device
async def test_a_stop_in_the_middle_of_ten_thousand_events_ends_the_frame_at_work(server, world):
    await vibrating(server, world, 20)
    await server.do("burst", count=10_000, size=20, at=5000, target="Log", arguments=log(0))
    assert "][act] " in await said(world, " stop ")
    frames = await settled(world)
    assert lasted_ms([frame for frame in frames if not is_stop(frame)]) < LONG_MS - 1000, "it did not end by itself"
    assert len(server.all("connected")) == 1
