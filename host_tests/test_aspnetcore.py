"""Our SignalR client beside Microsoft's own, case by case, against ASP.NET Core (host_tests/interop/aspnetcore)."""

import asyncio
import ssl
from urllib.parse import quote

import pytest
import trustme
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


# the way in


async def refused(client, url, **more):
    """Return why there is no connection."""
    since = len(client.told)
    client.order("open", url=url, **more)
    told = await client.until(lambda line: line.keys() & {"failed", "closed", "reconnecting"}, since)
    assert not any(line.get("event") for line in client.told[since:])
    (words,) = told.values()
    client.order("stop")
    await client.until(lambda line: line.get("stopped"), since)
    return words


CAUSES = {
    "/answer/401": "the server refused the token (401)",
    "/answer/403": "the server refused the token (403)",
    "/answer/404": "the server answered 404: nothing is there",
    "/answer/429": "the server answered 429: too many requests",
    "/answer/500": "the server answered 500",
    "/answer/503?retry=7": "the server answered 503: it is busy, or down",
}


@both
async def test_each_refusal_has_its_words_with_and_without_a_negotiation(server, client):
    for path, words in CAUSES.items():
        for skip in (False, True):
            told = await refused(client, server.url, path=path, skip=skip)
            assert client.name == "official" or told == words


@both
async def test_nobody_listens_there(server, client):
    await server.stop()
    port = server.port
    for skip in (False, True):
        told = await refused(client, server.url, path="/1/hubs/user", skip=skip)
        assert client.name == "official" or told == f"127.0.0.1 port {port}: connection refused"


@both
async def test_an_ipv6_address_is_named_as_such(server, client):
    url = f"http://[::1]:{server.port}"  # where nobody listens
    for skip in (False, True):
        told = await refused(client, url, path="/1/hubs/user", skip=skip)
        assert client.name == "official" or told == "::1: an IPv6 address; this device speaks IPv4 alone"


@both
async def test_a_negotiation_that_makes_no_sense_or_offers_nothing_for_us(server, client):
    nonsense = await refused(client, server.url, path="/answer/200?body=nonsense")
    polling = await refused(client, server.url, path="/polling")
    error = await refused(client, server.url, path="/answer/200?body=" + quote('{"error":"full"}'))
    if client.name == "ours":
        assert nonsense.startswith("the negotiation answer is bad: not JSON")
        assert polling == "the hub offers no WebSockets with text"
        assert error == "the server refused the negotiation: full"


@both
async def test_a_redirect_leads_to_another_hub_with_its_token(server, client):
    to = quote(server.url + "/bearer")
    await client.open(server.url, path=f"/redirect?to={to}&token=good-one")
    requests = [(method, path, token) for method, path, token, _ in server.all("request") if path != "/1/shockers/own"]
    return requests, [name for _, name in server.all("connected")]


@both
async def test_redirects_without_an_end(server, client):
    to = quote(server.url + "/redirect?to=" + quote(server.url + "/redirect"))
    told = await refused(client, server.url, path=f"/redirect?to={to}")
    assert client.name == "official" or told.startswith("the server redirects to something that is no web address")


@both
async def test_a_token_that_ends_ends_the_connection_which_comes_back_with_the_next(server, client):
    to = quote(server.url + "/bearer")
    await client.open(server.url, reconnect=[0, 0], path=f"/redirect?to={to}&token=for-2")
    await server.do("token", "good-next")
    await server.seen("connected", 2)
    await client.until(lambda _: client.count("DeviceStatus") == 2)
    return [name for _, name in server.all("connected")]


@both
async def test_cookies_of_the_negotiation_go_with_the_upgrade(server, client):
    await client.open(server.url, path="/1/hubs/user?cookie=1")
    (cookies,) = {
        cookies for method, path, _, cookies in server.all("request") if (method, path) == ("GET", "/1/hubs/user")
    }
    return {"node=7", "zone=eu"} <= set(cookies.split("; "))


@both
async def test_answers_with_twelve_kilobytes_of_headers(server, client):
    for skip in (False, True):
        await client.open(server.url, path="/1/hubs/user?head=12", skip=skip, device_id=DEVICE)
        client.order("stop")
        await client.until(lambda line: line.get("stopped"))
    return len(server.all("connected"))


def secured(trusted):
    """Make a test of a server in TLS, whose certificate is trusted, or is not."""

    async def tell(tmp_path):
        authority, stranger = trustme.CA(), trustme.CA()
        pair = authority.issue_cert("127.0.0.1", "localhost")
        (tmp_path / "chain.pem").write_bytes(b"".join(blob.bytes() for blob in pair.cert_chain_pems))
        (tmp_path / "key.pem").write_bytes(pair.private_key_pem.bytes())
        root = (authority if trusted else stranger).cert_pem.bytes()
        (tmp_path / "root.pem").write_bytes(root)
        (tmp_path / "root.der").write_bytes(ssl.PEM_cert_to_DER_cert(root.decode()))
        trust = {"official": {"ca": tmp_path / "root.pem"}, "ours": {"ca": tmp_path / "root.der"}}
        for name in CLIENTS:
            async with (
                Server(certificate=[tmp_path / "chain.pem", tmp_path / "key.pem"]) as server,
                CLIENTS[name](**trust[name]) as client,
            ):
                url = server.secure_url.replace("127.0.0.1", "localhost")
                for skip in (False, True):
                    if trusted:
                        await client.open(url, skip=skip, **USER)
                        assert await client.invoke("Echo", 1) == {"result": 1}
                        client.order("stop")
                        await client.until(lambda line: line.get("stopped"))
                    else:
                        words = await refused(client, url, skip=skip, **USER)
                        assert name == "official" or words.endswith(": certificate not trusted"), words

    def test(tmp_path):
        asyncio.run(asyncio.wait_for(tell(tmp_path), WITHIN_S))

    return pytest.mark.peer("dotnet")(test)


test_a_server_in_tls = secured(trusted=True)
test_a_server_whose_certificate_is_not_trusted = secured(trusted=False)


# how connections end, and what becomes of calls under way


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
async def test_calls_end_when_the_server_is_shut_down_and_another_takes_its_place(server, client):
    await client.open(server.url, reconnect=[0] + [500] * 60, **USER)
    number = client.begin("Never")
    await server.seen("called")
    await server.stop()
    end = await client.end(number)
    async with Server(server.port):
        await client.until(lambda _: client.count("DeviceStatus") == 2)
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
