"""The way to a hub on ASP.NET Core, and each way to be refused, beside Microsoft's client (host_tests/interop/aspnetcore)."""

import asyncio
import ssl
from urllib.parse import quote

import pytest
import trustme

from host_tests.interop.aspnetcore.beside import DEVICE, USER, WITHIN_S, both
from host_tests.interop.aspnetcore.clients import CLIENTS
from host_tests.interop.aspnetcore.server import Server


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
