"""lib/http_client.py against aiohttp over TLS: whole answers and streams, redirects, limits, and servers that misbehave."""

import asyncio

import pytest
import trustme
from aiohttp import web
from loopback import INTERPRETERS, Loopback, der, probe, server_context

from tools.common.ports import free_port

AUTHORITY = trustme.CA()
NAMES = {"hub.test": "127.0.0.1", "cdn.test": "127.0.0.1"}
HEADERS = {"User-Agent": "board/1", "Open-Shock-Token": "secret", "Accept": "application/json"}


async def _mirror(request):
    """The headers that arrived, in the order of the alphabet."""
    wanted = ("Accept", "Accept-Encoding", "Connection", "Host", "Open-Shock-Token", "User-Agent")
    return web.Response(text="|".join(request.headers.get(name, "-") for name in wanted))


async def _chunked(request):
    answer = web.StreamResponse()
    answer.enable_chunked_encoding()
    await answer.prepare(request)
    for piece in (b"one ", b"two ", b"three"):
        await answer.write(piece)
    return answer


async def _told_off(request):
    return web.Response(status=401, text="who are you")


async def _too_many(request):
    return web.Response(status=429, headers={"Retry-After": "17"}, text="slowly")


async def _large(request):
    return web.Response(body=bytes(int(request.match_info["size"])))


async def _hop(request):
    """`/hop/3` leads to `/hop/2`, and `/hop/0` is there."""
    left = int(request.match_info["left"])
    if not left:
        return web.Response(text="arrived")
    raise web.HTTPFound("/hop/%d" % (left - 1))


async def _to(request):
    raise web.HTTPTemporaryRedirect(request.query["url"])


async def _stalled(request):
    answer = web.StreamResponse(headers={"Content-Length": "100"})
    await answer.prepare(request)
    await answer.write(b"half of")
    await asyncio.Event().wait()


async def _cut(request):
    answer = web.StreamResponse(headers={"Content-Length": "100"})
    await answer.prepare(request)
    await answer.write(b"half of")
    request.transport.abort()
    return answer


async def _squeezed(request):
    return web.Response(body=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})


async def _posted(request):
    return web.Response(status=201, text=request.method + " " + await request.text())


def _app():
    app = web.Application()
    for path, handler in (
        ("/mirror", _mirror),
        ("/chunked", _chunked),
        ("/401", _told_off),
        ("/429", _too_many),
        ("/large/{size}", _large),
        ("/hop/{left}", _hop),
        ("/to", _to),
        ("/stalled", _stalled),
        ("/cut", _cut),
        ("/squeezed", _squeezed),
    ):
        app.router.add_get(path, handler)
    app.router.add_post("/to", _to)
    app.router.add_post("/post", _posted)
    return app


@pytest.fixture(scope="module")
def loopback():
    servers = Loopback()
    yield servers
    servers.close()


@pytest.fixture(scope="module")
def base(loopback):
    """The URL of the HTTPS server, which is hub.test and cdn.test."""
    context = server_context(AUTHORITY.issue_cert("hub.test", "cdn.test"))
    return "https://hub.test:%d" % loopback.start_http(_app(), context)


def _job(url, do="get", **more):
    return dict({"do": do, "url": url, "headers": HEADERS, "roots": [der(AUTHORITY)], "names": NAMES}, **more)


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_answers_come_whole(interpreter, tmp_path, base):
    port = base.rpartition(":")[2]
    results = probe(
        interpreter,
        tmp_path,
        _job(base + "/mirror"),
        _job(base + "/chunked"),
        _job(base + "/401"),
        _job(base + "/429"),
        _job(base + "/large/0"),
        _job(base + "/post", do="post", body='{"shocks": []}'),
    )
    assert [result.get("gave", result) for result in results] == [
        [200, "application/json|identity|close|hub.test:" + port + "|secret|board/1", None],
        [200, "one two three", None],
        [401, "who are you", None],
        [429, "slowly", 17],
        [200, "", None],
        [201, 'POST {"shocks": []}', None],
    ]
    assert {result["sockets"] for result in results[1:]} == {0}


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_redirects_are_followed_three_times_within_https(interpreter, tmp_path, base, loopback):
    plain = "http://hub.test:%d" % loopback.start_http(_app())
    elsewhere = base.replace("hub.test", "cdn.test")
    three, four, same, other, downgrade, upgrade, upgraded, posted, elsewhere_posted, rubbish = probe(
        interpreter,
        tmp_path,
        _job(base + "/hop/3"),
        _job(base + "/hop/4"),
        _job(base + "/to?url=/mirror"),
        _job(base + "/to?url=" + elsewhere + "/mirror"),
        _job(base + "/to?url=" + plain + "/mirror"),
        _job(plain + "/to?url=" + base + "/hop/0"),
        _job(plain + "/to?url=" + base + "/mirror"),
        _job(plain + "/to?url=" + base + "/post", do="post", body="{}"),
        _job(plain + "/to?url=" + elsewhere + "/post", do="post", body="{}"),
        _job(base + "/to?url=ftp://hub.test/"),
    )
    assert three["gave"][:2] == [200, "arrived"]
    assert four["failed"] == "more than 3 redirects"
    assert "|secret|" in same["gave"][1]
    assert "|-|board/1" in other["gave"][1]  # the token stays with the first host
    assert downgrade["failed"] == "a redirect that leaves TLS"
    assert upgrade["gave"][:2] == [200, "arrived"]
    assert "|secret|" in upgraded["gave"][1], "from http to https of one host the token may follow"
    assert posted["gave"][:2] == [201, "POST {}"]
    assert elsewhere_posted["gave"][0] == 307
    assert "failed" in rubbish
    assert {four["sockets"], downgrade["sockets"], other["sockets"]} == {0}


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_limits_and_servers_that_misbehave(interpreter, tmp_path, base):
    closed = free_port()
    cases = [
        (_job(base + "/large/16385"), "the answer is larger than 16384 bytes"),
        (_job(base + "/chunked", max_body=12), "the answer is larger than 12 bytes"),
        (_job(base + "/stalled", timeout_ms=1000), "no answer within 1 s"),
        (_job(base + "/cut"), "the connection ended before the answer did"),
        (_job(base + "/squeezed"), "a content coding that nobody asked for"),
        (_job("https://hub.test:%d/" % closed), "hub.test port %d: connection refused" % closed),
        (_job("https://unknown.test/"), "unknown.test: there is no such name"),
        (_job("https://user@hub.test/"), "a URL needs a plain host name or address"),
        (_job(base + "/mirror", headers={"X": "a\r\nY: b"}), "a control character in the header X"),
        (_job(base + "/mirror", roots=None), "https without root certificates"),
    ]
    results = probe(interpreter, tmp_path, *[job for job, _ in cases])
    for result, (_, wanted) in zip(results, cases, strict=True):
        assert result["failed"] == wanted
    assert {result["sockets"] for result in results[1:]} == {0}
    assert results[2]["beats"] > 20


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_a_body_larger_than_the_heap_goes_by_in_pieces(interpreter, tmp_path, base):
    size = 3_000_000  # the probe's heap on MicroPython has 2 MB
    (result,) = probe(interpreter, tmp_path, _job(base + "/large/%d" % size, do="stream"))
    assert result["gave"][:2] == [200, size]
    assert 0 < result["gave"][2] <= 2048


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_a_body_that_fits_to_the_byte_is_taken(interpreter, tmp_path, base):
    (result,) = probe(interpreter, tmp_path, _job(base + "/large/16384"))
    assert result["gave"][:2] == [200, "\0" * 16384]


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_a_server_that_drips_is_left_in_the_end(interpreter, tmp_path, loopback):
    async def drip(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.05)

    port = loopback.start_tcp(drip)
    (result,) = probe(interpreter, tmp_path, _job("http://hub.test:%d/" % port, timeout_ms=500))
    assert result["failed"] == "no whole answer within 2 s"


async def _ranged(request):
    """Ten letters, from where Range says; how is in the path."""
    body, how = b"abcdefghij", request.match_info["how"]
    first = int(request.headers.get("Range", "bytes=0-")[len("bytes=") : -1])
    if how == "deaf":
        return web.Response(body=body)
    if first >= len(body):
        return web.Response(status=416, headers={"Content-Range": "bytes */10"})
    told = {
        "good": "bytes %d-9/10" % first,
        "early": "bytes 0-9/10",
        "odd": "letters %d-9/10" % first,
        "none": None,
        "words": "bytes x-9/10",
    }
    headers = {} if told[how] is None else {"Content-Range": told[how]}
    return web.Response(status=206, headers=headers, body=body[first:])


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_a_body_goes_on_from_where_it_was_cut(interpreter, tmp_path, loopback):
    app = web.Application()
    app.router.add_get("/part/{how}", _ranged)
    url = "http://hub.test:%d/part/" % loopback.start_http(app)
    good, deaf, over, *wrong = probe(
        interpreter,
        tmp_path,
        _job(url + "good", do="stream", start=4),
        _job(url + "deaf", do="stream", start=4),
        _job(url + "good", do="stream", start=10),
        *[_job(url + how, do="stream", start=4) for how in ("early", "odd", "none", "words")],
        _job(url + "good", do="stream"),
    )
    assert good["gave"] == [206, 6, 6, 4]  # status, bytes, the largest piece, where it begins
    assert deaf["gave"] == [200, 10, 10, 0]
    assert over["gave"][:2] == [416, 0]
    assert [one.get("failed") for one in wrong[:4]] == ["another part than the one that was asked for"] * 4
    assert wrong[4]["gave"] == [206, 10, 10, 0]
    assert {one["sockets"] for one in (deaf, over, *wrong)} == {0}


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_c3_15_a_redirect_to_a_host_that_nobody_named_is_refused(interpreter, tmp_path, base):
    elsewhere = base.replace("hub.test", "cdn.test")
    results = probe(
        interpreter,
        tmp_path,
        _job(base + "/to?url=/mirror", do="stream", hosts=["hub.test"]),
        _job(base + "/to?url=" + elsewhere + "/mirror", do="stream", hosts=["hub.test"]),
        _job(base + "/to?url=https://192.168.0.1/", do="stream", hosts=["hub.test"]),
        _job(base + "/to?url=" + elsewhere + "/mirror", do="stream", hosts=["hub.test", "cdn.test"]),
    )
    assert results[0]["gave"][0] == 200 and results[3]["gave"][0] == 200
    assert results[1]["failed"] == "a redirect to another host (cdn.test)"
    assert results[2]["failed"] == "a redirect to another host (192.168.0.1)"
    assert {result["sockets"] for result in results[1:]} == {0}
