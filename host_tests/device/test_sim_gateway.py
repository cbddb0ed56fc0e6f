"""A simulated device on the real MicroPython as a hub at the local gateway, over TLS: what its receivers hear."""

import asyncio
import json

import aiohttp
from hub_story import DEVICE_AGENT
from sim_story import WAIT_S, kinds, lasted_ms, order, said, settled, sounding
from telling import as_test

from tools.hub import Config, flat
from tools.sim.world import World

VIBRATE = 2


def told(story):
    """Makes a test of `async def story(world)`: a device that has connected to the gateway, pinged ten times a second."""

    async def tell():
        config = Config.sample(faults=True, gateway_first_ping_ms=100, gateway_ping_ms=100)
        async with World(settings={"backend": "openshock_gateway"}, config=config) as world:
            await world.hub.device_connected(timeout_s=WAIT_S)
            await story(world)
            assert world.device.starts == 1 and not [line for line in world.lines if "Traceback" in line]

    return as_test(story, tell, 100)


def gateway(world):
    """The device's connection."""
    return world.hub.gateway.link_of(world.hub.device)


@told
async def test_orders_reach_the_air_the_newest_wins_and_stop_stops(world):
    await order(world, "red", 50, 5000)
    await sounding(world, 50)
    await order(world, "red", 20, 600)
    frames = await settled(world)
    assert kinds(frames) == [("vibrate", 50), ("vibrate", 20), ("vibrate", 0)]
    since = len(world.air.frames)
    await order(world, "blue", 30, 9000, 3)
    await sounding(world, 30)
    await world.hub.stop_all()
    frames = await settled(world, since)
    assert frames[0].action == "sound" and lasted_ms([each for each in frames if each.action == "sound"]) < 5000


@told
async def test_live_control_is_one_breath_that_ends_by_itself(world):
    red = world.hub.shockers[0]
    for _ in range(12):
        world.hub.gateway.live.frame(red, VIBRATE, 35)
        await asyncio.sleep(0.1)  # a client's pace
    frames = await settled(world)
    assert kinds(frames) == [("vibrate", 35), ("vibrate", 0)]
    active = [each for each in frames if each.intensity]
    gaps = [(after.start_us - before.end_us) / 1000 for before, after in zip(active, active[1:], strict=False)]
    assert max(gaps) < 200, "the list that follows takes over from the one before"
    assert not [line for line in world.lines if "refused" in line]


@told
async def test_live_control_by_a_client_of_the_api(world):
    guid = world.hub.device.guid
    await world.hub.journal.wait("device", timeout_s=WAIT_S)  # it has answered a ping
    headers = {"Open-Shock-Token": world.hub.token, "User-Agent": "test/1"}
    async with (
        aiohttp.ClientSession(world.hub.url, headers=headers) as http,
        http.ws_connect(f"/1/ws/live/{guid}?tps=10") as socket,
    ):
        assert (await socket.receive_json())["ResponseType"] == "TPS"
        frame = {"Shocker": world.hub.shockers[0].guid, "Type": "vibrate", "Intensity": 25}
        while sum(each.intensity == 25 for each in world.air.frames) < 3:
            await socket.send_str(json.dumps({"RequestType": "Frame", "Data": frame}))
            await asyncio.sleep(0.1)  # a client's pace
    frames = await settled(world)
    assert kinds(frames) == [("vibrate", 25), ("vibrate", 0)]


@told
async def test_a_cut_stops_everything_and_it_comes_back(world):
    await order(world, "red", 50, 9000)
    await sounding(world, 50)
    mark = world.hub.journal.mark()
    world.hub.faults.cut()
    frames = await settled(world)
    assert kinds(frames) == [("vibrate", 50), ("vibrate", 0)] and lasted_ms(frames) < 9000
    await world.hub.device_connected(since=mark, timeout_s=60)  # after the 20 s that the gateway wants
    since = len(world.air.frames)
    await order(world, "red", 21, 400)
    assert kinds(await settled(world, since)) == [("vibrate", 21), ("vibrate", 0)]
    boots = [event for event in world.hub.journal.events("heard") if event["name"] == "BootStatus"]
    assert len(boots) == 1


@told
async def test_pongs_go_on_while_something_is_on_the_air(world):
    await order(world, "red", 30, 3000)
    await sounding(world, 30)
    mark = world.hub.journal.mark()
    await world.hub.journal.wait("heard", lambda event: event["name"] == "Pong", 10, mark, WAIT_S)
    pong = world.hub.journal.events("heard")[-1]["fields"]
    assert pong["rssi"] == -55 and pong["uptime"] > 0
    await settled(world)
    assert not world.hub.journal.events("disconnected")


@told
async def test_an_emergency_stop_latches_and_nothing_passes_any_more(world):
    await order(world, "red", 50, 9000)
    await sounding(world, 50)
    assert await world.hub.emergency_stop() == 1
    frames = await settled(world)
    assert kinds(frames) == [("vibrate", 50), ("vibrate", 0)]
    await said(world, "latched: gateway")
    await order(world, "red", 20, 400)
    await said(world, "the emergency stop is latched")
    assert len(await settled(world)) == len(frames)


@told
async def test_what_is_malformed_or_unknown_makes_no_edge(world):
    link = gateway(world)
    whole = flat.commands([(0, 4321, VIBRATE, 99, 500)])
    for cut in range(1, 40, 3):
        link.message(whole[:-cut])
    link.message(bytes(5000))
    link.message(flat.commands([(9, 1, VIBRATE, 99, 500), (0, 1, 7, 99, 500)]))
    link.message(flat.trigger(77))
    await order(world, "red", 15, 400)
    assert kinds(await settled(world)) == [("vibrate", 15), ("vibrate", 0)]
    assert link is gateway(world)


@told
async def test_the_device_says_who_it_is(world):
    peer = gateway(world).peer
    assert peer.user_agent == DEVICE_AGENT.replace("esp32", "simulated")
    assert world.hub.device.firmware_version == "0.1.0"
    await world.hub.journal.wait("device", lambda event: event["online"], timeout_s=WAIT_S)
    assert world.hub.online(world.hub.device)


@told
async def test_what_waited_while_the_gateway_stood_still_is_too_old_and_what_follows_is_not(world):
    await order(world, "red", 12, 400)
    since = len(await settled(world))
    world.hub.faults.freeze(8)
    await order(world, "red", 50, 900)
    await said(world, "too old: vibrate for id 4321 of gateway")
    mark = world.hub.journal.mark()
    await world.hub.journal.wait("ws_ping", count=2, since=mark, timeout_s=WAIT_S)  # one of them left behind the burst
    await order(world, "red", 13, 400)
    assert kinds(await settled(world, since)) == [("vibrate", 13), ("vibrate", 0)]
    assert not world.hub.journal.events("disconnected")
