"""The local hub in the real server's manner, each trait switched on alone: what a client then sees."""

import asyncio
import email.utils
import time

import aiohttp
from hub_story import DEVICE_AGENT, HUB_TOKEN, RED, Caller, hub_story

from lib import flatbuffers
from tools.hub import faults

HUB = {"Device-Token": HUB_TOKEN, "Firmware-Version": "0.1.0", "User-Agent": DEVICE_AGENT, "Open-Shock-Token": ""}
ORDER = {"id": RED, "type": 2, "intensity": 7, "duration": 500}


@hub_story(batch_ms=20)
async def test_what_is_said_in_quick_succession_is_one_message(hub, http):
    remote = await Caller.remote(http)
    for _ in range(30):
        await hub.control([ORDER])
    for _ in range(30):
        assert (await remote.event("Log"))[1][0]["intensity"] == 7
    async with http.ws_connect("/1/hubs/user") as socket:
        await socket.send_bytes(b'{"protocol":"json","version":1}\x1e')
        sizes = []
        while sum(sizes) < 30:
            if len(sizes) == 1:
                for _ in range(30):
                    await hub.control([ORDER])
            message = await socket.receive(10)
            data = message.data if isinstance(message.data, bytes) else message.data.encode()
            sizes.append(data.count(b"\x1e"))
        assert max(sizes) == 30, "all of them, in one message"


@hub_story(resets=True, gateway_first_ping_ms=600_000)
async def test_the_older_of_two_connections_with_one_token_ends_without_a_word(hub, http):
    first = await http.ws_connect("/2/ws/hub", headers=HUB)
    await http.ws_connect("/2/ws/hub", headers=HUB)
    message = await first.receive(10)
    assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR, aiohttp.WSMsgType.CLOSE)
    assert first.close_code != 1000
    (event,) = hub.journal.events("disconnected") or [await hub.journal.wait("disconnected")]
    assert event["why"] == "Hub is connecting from a different location"


@hub_story(resets=False, gateway_first_ping_ms=600_000)
async def test_a_kind_gateway_says_why_the_older_connection_ends(hub, http):
    first = await http.ws_connect("/2/ws/hub", headers=HUB)
    await http.ws_connect("/2/ws/hub", headers=HUB)
    message = await first.receive(10)
    assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1000)


@hub_story(silent_links=True)
async def test_nobody_hears_that_a_link_was_changed_or_deleted(hub, http):
    link = hub.config.shares[0]
    hub.edit_share(link, hub.shockers[0], sound=False)
    hub.remove_share(link)
    assert (await http.get(f"/1/public/shares/links/{link.guid}")).status == 404


@hub_story(clock_offset_ms=-3_600_000, gateway_first_ping_ms=20)
async def test_a_clock_that_is_wrong_is_wrong_everywhere(hub, http):
    answer = await http.get("/1")
    assert 3_590 < time.time() - email.utils.parsedate_to_datetime(answer.headers["Date"]).timestamp() < 3_660
    (log,) = await hub.control([ORDER])
    assert log["executedAt"] < time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - 3_500))
    socket = await http.ws_connect("/2/ws/hub", headers=HUB)
    ping = flatbuffers.root((await socket.receive(10)).data).table(1)
    assert 3_590_000 < time.time() * 1000 - ping.number(0, "Q") < 3_660_000


@hub_story(gateway_first_ping_ms=600_000)
async def test_what_stands_still_goes_on_in_a_burst(hub, http):
    socket = await http.ws_connect("/2/ws/hub", headers=HUB)
    began_s = time.monotonic()
    faults.order(hub.faults, "freeze", {"seconds": 1})
    for _ in range(3):
        await hub.control([ORDER])
    assert [flatbuffers.root((await socket.receive(10)).data).number(0, "B") for _ in range(3)] == [3, 3, 3]
    assert time.monotonic() - began_s >= 0.99
    await asyncio.wait_for(socket.ping(), 10)


@hub_story(bare_edits=True)
async def test_edits_stop_nothing(hub, http):
    remote = await Caller.remote(http)
    red, mark = hub.shockers[0], hub.journal.mark()
    hub.edit_shocker(red, red.name, red.model, 4444, hub.device)
    assert await remote.event("DeviceUpdate") == [hub.device.guid, 2]
    hub.pause_shocker(red, True)
    hub.remove_shocker(red)
    assert not hub.journal.events("log", since=mark)
