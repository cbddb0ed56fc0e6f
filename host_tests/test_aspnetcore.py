"""Our SignalR client beside Microsoft's own, case by case, against ASP.NET Core (host_tests/interop/aspnetcore)."""

import asyncio

import pytest
from telling import as_test

from host_tests.interop.aspnetcore.clients import CLIENTS
from host_tests.interop.aspnetcore.server import Server

RED = "01960000-aaaa-7000-8000-000000000001"
DEVICE = "01960000-bbbb-7000-8000-000000000001"
OWN = {"data": [{"id": DEVICE, "shockers": [{"id": RED, "rfId": 1234, "model": "CaiXianlin", "name": "red"}]}]}
WITHIN_S = 100


def both(case):
    """Make a test of `async def case(server, client)`: played by both clients, each with a server; what it returns is compared."""

    async def play(name):
        async with Server() as server:
            await server.do("map", OWN)
            async with CLIENTS[name]() as client:
                return await case(server, client)

    async def tell():
        official, ours = await asyncio.gather(play("official"), play("ours"))
        assert ours == official

    return pytest.mark.peer("dotnet")(as_test(case, tell, WITHIN_S))


@both
async def test_both_call_methods_and_hear_events(server, client):
    await client.open(server.url, path="/1/hubs/user", device_id=DEVICE)
    order = {"id": RED, "type": 2, "intensity": 40, "duration": 500}
    told = [await client.invoke("ControlV2", [order], "desk")]
    sender, entries = await client.event("Log")
    told += [sender["customName"], [(entry["type"], entry["intensity"]) for entry in entries]]
    told += [await client.invoke(target, *given) for target, *given in (
        ["Echo", [1, None, "é😀", {"a": []}]],
        ["eCHO", 1514805840000],
        ["Reboot", DEVICE],
        ["Reboot"],
        ["Reboot", "no guid"],
        ["Nothing"],
        ["Refuse", "no entry"],
        ["Fail"],
        ["Counter", 3],
    )]  # fmt: skip
    return told


@both
async def test_ten_thousand_events_of_20_bytes(server, client):
    await client.open(server.url, path="/1/hubs/user", device_id=DEVICE)
    await server.do("burst", count=10_000, size=20)
    told = await client.ticks(10_000)
    return told, await client.invoke("Echo", "still here"), len(server.all("connected"))


@both
async def test_a_stop_in_the_middle_of_a_burst_arrives(server, client):
    await client.open(server.url, path="/1/hubs/user", device_id=DEVICE)
    log = [{"name": "somebody"}, [{"shocker": {"id": RED, "name": "red"}, "type": 0, "intensity": 0, "duration": 300}]]
    await server.do("burst", count=1000, size=200, at=500, target="Log", arguments=log)
    told = await client.ticks(1000)
    return told, client.count("Log"), len(server.all("connected"))
