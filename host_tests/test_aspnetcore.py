"""Our SignalR client beside Microsoft's own, case by case, against ASP.NET Core (host_tests/interop/aspnetcore)."""

import asyncio

import pytest
from telling import as_test

from host_tests.interop.aspnetcore.clients import CLIENTS
from host_tests.interop.aspnetcore.server import Server

RED = "01960000-aaaa-7000-8000-000000000001"
DEVICE = "01960000-bbbb-7000-8000-000000000001"
OWN = {"data": [{"id": DEVICE, "shockers": [{"id": RED, "rfId": 1234, "model": "CaiXianlin", "name": "red"}]}]}
USER = {"path": "/1/hubs/user", "device_id": DEVICE}
WITHIN_S = 100


def log(kind, guid=RED, **sender):
    """Return the arguments of a Log with one entry of that type."""
    entry = {"shocker": {"id": guid, "name": "red"}, "type": kind, "intensity": 20, "duration": 300}
    return [{"name": "somebody", **sender}, [entry]]


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
    await client.open(server.url, **USER)
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


# bursts, with a heap as on the chip


def burst(count, size):
    """Make a test: so many events of that size in quick succession, none lost, none out of order, on one connection."""

    async def case(server, client):
        await client.open(server.url, **USER)
        await client.load()
        await server.do("burst", count=count, size=size)
        told = await client.ticks(count)
        return told, await client.invoke("Echo", "still here"), len(server.all("connected"))

    return both(case)


test_ten_thousand_events_of_20_bytes = burst(10_000, 20)
test_a_thousand_events_of_200_bytes = burst(1000, 200)
test_three_hundred_events_of_60_bytes = burst(300, 60)


@both
async def test_45_events_at_the_greeting(server, client):
    await client.open(server.url, reconnect=[0, 0], **USER)
    await client.load()
    await server.do("greet", times=45, target="Log", arguments=log(2, customName="x" * 200))
    await server.do("close", again=True)
    await client.until(lambda _: client.count("Log") == 45)
    await server.do("say", target="Reboot", arguments=[DEVICE])
    await client.event("Reboot")
    return client.count("Log"), len(server.all("connected"))


@both
async def test_a_stop_in_the_middle_of_a_burst_arrives(server, client):
    await client.open(server.url, **USER)
    await client.load()
    await server.do("burst", count=1000, size=200, at=500, target="Log", arguments=log(0))
    told = await client.ticks(1000)
    return told, client.count("Log"), len(server.all("connected"))
