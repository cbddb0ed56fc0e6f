"""What the cases share that Microsoft's client and ours play side by side: names, and how a case becomes a test."""

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
        assert ours == official, f"ours: {ours}; official: {official}"

    return pytest.mark.peer("dotnet")(as_test(case, tell, WITHIN_S))
