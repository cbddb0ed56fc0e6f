"""The local hub's gateway as a device or a test client meets it: who gets in, what ends a connection, what the owner hears."""

import asyncio
import time

import aiohttp
from hub_story import BLUE, DEVICE, DEVICE_AGENT, HUB_TOKEN, RED, Caller, hub_story

from host_tests.unit import flatsharp
from lib import flatbuffers
from tools.hub import Shocker, Token

HUB = {"Device-Token": HUB_TOKEN, "Firmware-Version": "0.1.0", "User-Agent": DEVICE_AGENT}
NEVER = {"gateway_first_ping_ms": 600_000}
OFTEN = {"gateway_first_ping_ms": 20, "gateway_ping_ms": 20}


def said(kind, *fields):
    """A message of a hub."""
    return flatbuffers.message((("B", kind), ("t", fields)))


def pong(uptime=1000):
    """A Pong."""
    return said(1, ("Q", uptime), ("i", -50))


async def knock(http, **more):
    """A WebSocket of a hub; headers that are None are left out."""
    headers = {name: value for name, value in {**HUB, "Open-Shock-Token": "", **more}.items() if value is not None}
    return await http.ws_connect("/2/ws/hub", headers=headers)


async def refused(http, **more):
    """(status, problem type) of a request that does not get in."""
    try:
        await knock(http, **more)
    except aiohttp.WSServerHandshakeError as error:
        return error.status
    raise AssertionError("it got in")


async def closed(socket):
    """The code of the close frame; None when there was none."""
    while True:
        message = await socket.receive(10)
        if message.type != aiohttp.WSMsgType.BINARY:
            return message.data if message.type == aiohttp.WSMsgType.CLOSE else None


async def next_one(socket):
    """(number of the payload, its table) of the next message."""
    table = flatbuffers.root((await socket.receive(10)).data)
    return table.number(0, "B"), table.table(1)


# who gets in


@hub_story()
async def test_a_pairing_code_is_good_once_and_the_newest_counts(hub, http):
    async def code():
        return (await (await http.get(f"/1/devices/{DEVICE}/pair")).json())["data"]

    old, new = await code(), await code()
    assert new.isdigit() and 100_000 <= int(new) <= 999_999
    remote = await Caller.remote(http)
    anybody = {"Open-Shock-Token": ""}
    statuses = [(await http.get(f"/1/device/pair/{each}", headers=anybody)).status for each in (old, "000000", "x")]
    assert statuses == [404] * 3
    answer = await http.get(f"/1/pair/{new}", headers=anybody)
    assert await answer.json() == {"message": "", "data": HUB_TOKEN}
    assert await remote.event("DeviceUpdate") == [DEVICE, 4]
    assert (await http.get(f"/1/device/pair/{new}", headers=anybody)).status == 404
    for _ in range(5):
        await http.get("/1/device/pair/000000", headers=anybody)
    answer = await http.get("/1/device/pair/000000", headers=anybody)
    assert answer.status == 429 and 0 < int(answer.headers["Retry-After"]) <= 61


@hub_story()
async def test_codes_and_tokens_are_for_those_who_may(hub, http):
    hub.config.tokens.append(Token("listener", "l" * 64, permissions=()))
    weak = {"Open-Shock-Token": "l" * 64}
    assert (await http.get(f"/1/devices/{DEVICE}/pair", headers=weak)).status == 403
    assert (await http.put(f"/1/devices/{DEVICE}", headers=weak)).status == 403
    assert (await (await http.get(f"/1/devices/{DEVICE}", headers=weak)).json())["data"]["token"] is None
    assert (await http.get(f"/1/devices/{RED}/pair")).status == 404
    answer = await http.put(f"/1/devices/{DEVICE}")
    token = (await answer.json())["data"]
    assert token == hub.device.token != HUB_TOKEN and len(token) == 256
    assert await refused(http) == 401
    assert (await http.get("/1/device/self", headers={"DeviceToken": token})).status == 200


@hub_story()
async def test_a_hub_learns_who_it_is_and_where_to_go(hub, http):
    answer = await (await http.get("/1/device/self", headers=HUB)).json()
    shockers = [
        {"id": RED, "rfId": 1234, "model": "CaiXianlin"},
        {"id": BLUE, "rfId": 65535, "model": "PetTrainer"},
    ]
    assert answer["data"] == {"id": DEVICE, "name": "desk hub", "shockers": shockers}
    port = int(hub.url.rpartition(":")[2])
    answer = await (await http.get("/2/device/assignLCG?version=2", headers=HUB)).json()
    assert answer == {"host": "127.0.0.1", "port": port, "path": "/2/ws/hub", "country": "NL"}
    answer = await (await http.get("/1/device/assignLCG", headers=HUB)).json()
    assert answer["data"] == {"fqdn": "127.0.0.1", "country": "NL"}
    for path in ("/2/device/assignLCG", "/2/device/assignLCG?version=3"):
        answer = await http.get(path, headers=HUB)
        assert (answer.status, (await answer.json())["type"]) == (400, "AssignLcg.BadSchemaVersion")
    for path in ("/1/device/self", "/1/device/assignLCG", "/2/device/assignLCG?version=2"):
        answer = await http.get(path)
        assert (answer.status, (await answer.json())["type"]) == (401, "Authentication.HeaderMissingOrInvalid")
        answer = await http.get(path, headers={"Device-Token": "x"})
        assert (answer.status, (await answer.json())["type"]) == (401, "Authentication.TokenInvalid")


@hub_story(**NEVER)
async def test_the_door_wants_a_token_and_a_version(hub, http):
    for changed, status in (
        ({"Device-Token": None}, 401),
        ({"Device-Token": "x"}, 401),
        ({"Firmware-Version": None}, 400),
        ({"Firmware-Version": "one"}, 400),
        ({"User-Agent": ""}, 403),
    ):
        assert await refused(http, **changed) == status
    assert (await http.get("/2/ws/hub", headers=HUB)).status == 400
    hub.faults.refuse(412)
    assert await refused(http) == 412
    socket = await knock(http)
    assert (hub.device.firmware_version, hub.device.board) == ("0.1.0", "esp32")
    await socket.close()


# what ends a connection


@hub_story(**NEVER)
async def test_a_pong_too_many_ends_it(hub, http):
    socket = await knock(http)
    await socket.send_bytes(pong())  # one early one is tolerated
    await hub.journal.wait("heard")
    assert hub.online(hub.device)
    await socket.send_bytes(pong())
    assert await closed(socket) == 1000


@hub_story(**OFTEN)
async def test_one_pong_for_each_ping_keeps_it(hub, http):
    socket = await knock(http)
    for _ in range(20):
        kind, ping = await next_one(socket)
        assert kind == 1 and abs(ping.number(0, "Q") - time.time() * 1000) < 60_000
        await socket.send_bytes(pong())
    await hub.journal.wait("heard", count=20)
    assert not hub.journal.events("disconnected")


@hub_story(**NEVER, gateway_first_pong_ms=100)
async def test_without_a_pong_it_ends(hub, http):
    assert await closed(await knock(http)) == 1002


@hub_story(**OFTEN, gateway_pong_ms=150)
async def test_without_further_pongs_it_ends(hub, http):
    socket = await knock(http)
    await next_one(socket)
    await socket.send_bytes(pong())
    assert await closed(socket) == 1002


@hub_story(**NEVER)
async def test_an_uptime_from_before_2024_ends_it(hub, http):
    socket = await knock(http)
    await socket.send_bytes(pong(1000 * int(time.time() - 1_704_067_200 + 86_400)))
    assert await closed(socket) == 1000


@hub_story(**NEVER)
async def test_what_is_no_message_ends_it(hub, http):
    table = (
        (b"", 1007),
        (b"hello", 1007),
        (b"\xff" * 64, 1007),
        (said(9), 1000),
        (flatbuffers.message(()), 1000),
        (flatbuffers.message((("B", 1),)), 1000),
        (said(5, ("i", 1), ("s", "x" * 129)), None),  # the server's database refuses: no close frame
        (said(3, ("i", 1), ("t", (("H", 1), None, None, ("s", "p" * 70)))), None),
    )
    for data, code in table:
        socket = await knock(http)
        await socket.send_bytes(data)
        assert await closed(socket) == code, data


@hub_story(**NEVER)
async def test_a_second_connection_of_the_same_hub_ends_the_first(hub, http):
    first, second = await knock(http), await knock(http)
    assert await closed(first) is None, "a reset, without a word"
    (event,) = hub.journal.events("disconnected") or [await hub.journal.wait("disconnected")]
    assert event["why"] == "Hub is connecting from a different location"
    await hub.control([{"id": RED, "type": 2, "intensity": 7, "duration": 500}])
    assert (await next_one(second))[0] == 3


# what goes to a device, and what the owner hears


@hub_story(**NEVER)
async def test_orders_become_lists_with_what_the_wire_knows(hub, http):
    hub.config.shockers.append(Shocker("old", "D80", 5, DEVICE))  # a model that has no number at the gateway
    socket = await knock(http)
    await hub.control(
        [
            {"id": each.guid, "type": kind, "intensity": 40, "duration": 900}
            for each, kind in zip(hub.shockers, (1, 3, 2), strict=True)
        ]
    )
    kind, commands = await next_one(socket)
    assert kind == 3
    numbers = [tuple(entry.number(slot, kind) for slot, kind in enumerate("BHBBH")) for entry in commands.tables(0, 9)]
    assert numbers == [(0, 1234, 1, 40, 900), (1, 65535, 3, 40, 900)]


@hub_story(**NEVER)
async def test_the_owners_calls_become_triggers_and_requests(hub, http):
    socket = await knock(http)
    remote = await Caller.remote(http)
    for target, rest, number in (
        ("Reboot", [], 0),
        ("EmergencyStop", [], 1),
        ("CaptivePortal", [True], 2),
        ("CaptivePortal", [False], 3),
    ):
        await remote.call(target, DEVICE, *rest)
        kind, trigger = await next_one(socket)
        assert (kind, trigger.number(0, "B")) == (2, number)
    await remote.call("OtaInstall", DEVICE, "1.5.1-rc.1+b")
    kind, request = await next_one(socket)
    version = request.table(0)
    assert (kind, [version.number(slot, "H") for slot in range(3)]) == (4, [1, 5, 1])
    assert (version.text(3), version.text(4)) == ("rc.1", "b")


@hub_story(**NEVER)
async def test_the_owner_hears_when_it_comes_and_goes_and_how_its_update_fares(hub, http):
    remote = await Caller.remote(http)
    socket = await knock(http)
    await socket.send_bytes(said(2, ("B", 0), ("t", (("H", 1),))))
    await hub.journal.wait("heard")
    assert not hub.online(hub.device)
    await socket.send_bytes(pong())
    online = {"device": DEVICE, "online": True, "firmwareVersion": "0.1.0"}
    assert await remote.event("DeviceStatus") == [[online]]
    assert hub.services(hub.device) == ["gateway"]
    version = (("H", 1), ("H", 5), ("H", 1), ("s", "rc.1"))
    await socket.send_bytes(said(3, ("i", -7), ("t", version)))
    assert await remote.event("OtaInstallStarted") == [DEVICE, -7, "1.5.1-rc.1"]
    await socket.send_bytes(said(4, ("i", -7), ("B", 4), ("f", 0.25)))
    assert await remote.event("OtaInstallProgress") == [DEVICE, -7, 4, 0.25]
    await socket.send_bytes(said(5, ("i", -7), ("s", "no space"), ("B", 1)))
    assert await remote.event("OtaInstallFailed") == [DEVICE, -7, True, "no space"]
    await socket.send_bytes(said(2, ("B", 1), ("t", version), ("i", -8)))
    assert await remote.event("OtaInstallSucceeded") == [DEVICE, -8]
    await socket.send_bytes(said(2, ("B", 2), ("t", version), ("i", -9)))
    assert await remote.event("OtaRollback") == [DEVICE, -9]
    await socket.close()
    assert await remote.event("DeviceStatus") == [[{**online, "online": False}]]


@hub_story(**NEVER)
async def test_live_control_is_for_those_who_may_while_the_hub_is_there(hub, http):
    async def status(headers):
        try:
            await http.ws_connect(f"/1/ws/live/{DEVICE}", headers=headers)
        except aiohttp.WSServerHandshakeError as error:
            return error.status
        return 101

    hub.config.tokens.append(Token("listener", "l" * 64, permissions=()))
    assert await status({"Open-Shock-Token": "x"}) == 401
    assert await status({"Open-Shock-Token": "l" * 64}) == 403
    assert await status({}) == 404
    assert (await http.get(f"/1/devices/{DEVICE}/lcg")).status == 404
    device = await knock(http)
    await device.send_bytes(pong())
    await hub.journal.wait("heard")
    assert (await http.get(f"/1/devices/{DEVICE}/lcg")).status == 200
    async with http.ws_connect(f"/1/ws/live/{DEVICE}?tps=1") as live:
        assert (await live.receive_json()) == {"ResponseType": "TPS", "Data": {"Client": 1}}
        await live.send_json({"RequestType": "Frame", "Data": {"Shocker": RED, "Type": "vibrate", "Intensity": 30}})
        await live.send_json({"RequestType": "Frame", "Data": {"Shocker": DEVICE, "Type": 2, "Intensity": 99}})
        lists = [await next_one(device) for _ in range(10)]  # one frame of such a slow client is good for 2.5 s
        answers = []
        while "InvalidData" not in answers:
            answers.append((await live.receive_json(timeout=5))["ResponseType"])
    for kind, commands in lists:
        (entry,) = commands.tables(0, 9)
        assert (kind, entry.number(1, "H"), entry.number(3, "B"), entry.number(4, "H")) == (3, 1234, 30, 500)


def test_the_writer_of_the_real_gateway_and_the_hubs_say_the_same():
    from tools.hub import flat

    entries = [(0, 1, 2, 3, 400), (3, 65535, 0, 0, 0)]
    for data in (flat.commands(entries), flatsharp.commands(entries)):
        tables = flatbuffers.root(data).table(1).tables(0, 9)
        assert [tuple(each.number(slot, kind) for slot, kind in enumerate("BHBBH")) for each in tables] == entries


@hub_story(**NEVER)
async def test_a_hub_that_ends_says_goodbye(hub, http):
    socket = await knock(http)
    ending = asyncio.ensure_future(closed(socket))
    await hub.stop()
    assert await ending == 1000
