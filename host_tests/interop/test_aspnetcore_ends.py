"""How connections to ASP.NET Core end, and what becomes of calls under way, beside Microsoft's client."""

import asyncio

import pytest

from host_tests.interop.aspnetcore.beside import USER, WITHIN_S, both
from host_tests.interop.aspnetcore.clients import CLIENTS
from host_tests.interop.aspnetcore.server import Server


def ending(how, **more):
    """Make a test of a connection that ends while two calls are under way: how they end, and whether it comes back."""

    async def case(server, client):
        await client.open(server.url, reconnect=[0, 0], **USER)
        numbers = [client.begin("Never") for _ in range(2)]
        await server.seen("called")  # one at a time: the other waits at the server
        await server.do(how, **more)
        ends = [await client.end(number) for number in numbers]
        told = await client.until(lambda line: "closed" in line or "reconnecting" in line)
        if "reconnecting" in told:
            await server.seen("connected", 2)
            await client.until(lambda _: client.count("DeviceStatus") == 2)
        return [list(end) for end in ends], list(told)

    return both(case)


test_calls_end_when_the_server_aborts = ending("abort")
test_calls_end_when_the_server_sends_us_away = ending("close", error="enough", again=False)
test_calls_end_when_the_server_invites_back = ending("close", again=True)


@both
async def test_a_hub_that_fails_while_it_lets_us_in_does_not_want_us_back(server, client):
    await server.do("throw", True)
    client.order("open", url=server.url, reconnect=[0, 0], **USER)
    told = await client.until(lambda line: line.keys() & {"closed", "reconnecting", "failed"})
    return list(told), len(server.all("connected"))


@both
async def test_calls_end_when_the_server_is_shut_down_and_another_takes_its_place(server, client):
    await client.open(server.url, reconnect=[500] * 60, **USER)
    number = client.begin("Never")
    await server.seen("called")
    await server.stop()
    since = len(client.told)
    end = await client.end(number)
    async with Server(server.port):
        await client.event("DeviceStatus", since)
        if client.name == "official":
            await client.has("reconnected", since)  # before that it calls nothing
        return list(end), await client.invoke("Echo", 1)


@both
async def test_a_server_that_falls_silent_is_left(server, client):
    await client.open(server.url, reconnect=[0, 0], path="/silent", silence_ms=1000, ping_ms=300)
    number = client.begin("Never")
    end = await client.end(number)
    await client.until(lambda _: client.count("DeviceStatus") == 2)
    return list(end), len(server.all("connected"))


@both
async def test_pings_keep_it_alive_on_both_sides(server, client):
    await client.open(server.url, reconnect=[0, 0], path="/eager", silence_ms=1500, ping_ms=300)
    told = await client.invoke("Later", 4000)  # longer than either side waits for the other
    return told, len(server.all("connected"))


@pytest.mark.peer("dotnet")
def test_who_speaks_and_takes_nothing_is_left():
    """Microsoft's client keeps what it cannot send in memory; ours has none to spare."""

    async def tell():
        async with Server() as server, CLIENTS["ours"]() as client:
            client.order("open", url=server.url, path="/deaf?pings", skip=True)
            await client.until(lambda line: line.get("log") == "connected")
            client.order("flood", size=4000)
            assert "the other side takes nothing" in await client.has("reconnecting")

    asyncio.run(asyncio.wait_for(tell(), WITHIN_S))
