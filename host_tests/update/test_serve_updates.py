"""The server of updates: a good static server, and, on demand, each kind of bad one, byte for byte."""

import asyncio
import gzip
import os
import signal
import ssl
import subprocess
import sys

import aiohttp
import pytest
from conftest import ROOT

from tools import Failure
from tools.serve_updates import faults, tls
from tools.serve_updates.server import Server

DATA = bytes(range(256)) * 40
PATH = "/0.2.0/generic-esp32/image.bin"


@pytest.fixture
def folder(tmp_path):
    """A small tree with one image of 10 240 bytes; a secret lies beside it."""
    board = tmp_path / "tree" / "0.2.0" / "generic-esp32"
    board.mkdir(parents=True)
    (board / "image.bin").write_bytes(DATA)
    (board / "manifest.json").write_bytes(b'{"schema":1}\n')
    (board / ".hidden").write_bytes(b"x")
    (tmp_path / "tree" / "version-stable.txt").write_bytes(b"0.2.0\n")
    (tmp_path / "secret.txt").write_bytes(b"secret")
    os.symlink(tmp_path / "secret.txt", board / "link.txt")
    return tmp_path / "tree"


def served(folder, story):
    """What `story(server)` returns, with a server that is up meanwhile."""

    async def live():
        async with Server(folder) as server:
            return await asyncio.wait_for(story(server), 20)

    return asyncio.run(live())


def got(folder, path=PATH, method="GET", **headers):
    """(status, headers, body) of one request by aiohttp."""

    async def story(server):
        ask = {name.replace("_", "-"): value for name, value in headers.items()}
        url = server.url.rstrip("/") + path
        async with aiohttp.ClientSession() as session, session.request(method, url, headers=ask) as answer:
            return answer.status, answer.headers, await answer.read()

    return served(folder, story)


async def raw(server, path=PATH, until=None, headers=""):
    """The bytes that a server sends on one connection: to its end, or until `until` are there."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode())
    data = b""
    try:
        while until is None or len(data.partition(b"\r\n\r\n")[2]) < until:
            piece = await reader.read(4096)
            if not piece:
                break
            data += piece
    finally:
        writer.close()
    return data


def parts(data):
    """(head as text, body) of raw bytes."""
    head, _, body = data.partition(b"\r\n\r\n")
    return head.decode(), body


# --- as it should be


def test_a_file_is_given_whole_with_its_tag(folder):
    status, headers, body = got(folder)
    assert (status, body) == (200, DATA)
    assert headers["Content-Length"] == "10240" and headers["Accept-Ranges"] == "bytes"
    assert len(headers["ETag"]) == 34 and "immutable" in headers["Cache-Control"]
    status, headers, body = got(folder, "/version-stable.txt")
    assert (status, body) == (200, b"0.2.0\n") and headers["Cache-Control"] == "no-cache"
    assert got(folder, "/0.2.0/generic-esp32/manifest.json")[1]["Content-Type"] == "application/json"


def test_head_tells_the_length_alone(folder):
    status, headers, body = got(folder, method="HEAD")
    assert (status, headers["Content-Length"], body) == (200, "10240", b"")


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=4096-", 4096, 10239),
        ("bytes=-10", 10230, 10239),
        ("bytes=10000-99999", 10000, 10239),
    ],
)
def test_a_range_is_given(folder, asked, first, last):
    status, headers, body = got(folder, Range=asked)
    assert status == 206 and body == DATA[first : last + 1]
    assert headers["Content-Range"] == f"bytes {first}-{last}/10240"


def test_a_range_behind_the_end_is_refused(folder):
    for asked in ("bytes=10240-", "bytes=99999-100000", "bytes=-0"):
        status, headers, body = got(folder, Range=asked)
        assert (status, body) == (416, b"") and headers["Content-Range"] == "bytes */10240"


def test_what_is_no_single_range_gives_everything(folder):
    for asked in ("bytes=5-2", "bytes=0-1,5-6", "lines=1-2", "bytes=-", "bytes=a-b", "bytes=1" + 5000 * "0" + "-"):
        assert got(folder, Range=asked)[::2] == (200, DATA)


def test_a_range_of_another_file_gives_everything(folder):
    tag = got(folder)[1]["ETag"]
    assert got(folder, Range="bytes=100-", If_Range=tag)[0] == 206
    assert got(folder, Range="bytes=100-", If_Range='"another"')[::2] == (200, DATA)
    assert got(folder, If_None_Match=tag)[0] == 304


def test_nothing_outside_the_tree_is_given(folder):
    async def story(server):
        for path in (
            "/../secret.txt",
            "/0.2.0/../../secret.txt",
            "/%2e%2e/secret.txt",
            "//secret.txt",
            "/..%5csecret.txt",
        ):
            head, body = parts(await raw(server, path, headers="Connection: close\r\n"))
            assert head.startswith("HTTP/1.1 404 ") and b"secret" not in body, path
        for path in (
            "/",
            "/0.2.0",
            "/0.2.0/generic-esp32/.hidden",
            "/0.2.0/generic-esp32/link.txt",
            "/%00",
            "/nothing",
        ):
            head, _ = parts(await raw(server, path, headers="Connection: close\r\n"))
            assert head.startswith(("HTTP/1.1 404 ", "HTTP/1.1 400 ")), path

    served(folder, story)
    assert got(folder, method="POST")[0] == 405


def test_a_path_that_no_file_can_have_is_not_found(folder):
    os.symlink(folder / "round", folder / "round")
    for path in (
        "/" + "n" * 5000,
        "/" + "n/" * 3000,
        "/a%00b",
        "/%ff",
        "/%ed%a0%80",
        "/round",
        "/%1b[31m",
        "/0.2.0/" + "%C3%A9" * 200,
    ):
        assert got(folder, path)[0] == 404, path[:20]


def test_requests_are_remembered(folder):
    async def story(server):
        await raw(server, headers="Range: bytes=4096-\r\nConnection: close\r\n")
        await raw(server, "/nothing", headers="Connection: close\r\n")
        return server.requests

    first, second = served(folder, story)
    assert first[:4] == ("GET", PATH, 4096, 206) and second[:4] == ("GET", "/nothing", 0, 404)


# --- as it should not be


def spoilt(folder, fault, until=None, headers=""):
    """(head, body) of a request that meets `fault`, and of the next one, which does not."""

    async def story(server):
        server.faults.add("*/image.bin", fault)
        bad = parts(await raw(server, until=until, headers=headers))
        good = parts(await raw(server, headers="Connection: close\r\n"))
        assert good[0].startswith("HTTP/1.1 200 OK") and good[1] == DATA, "a fault is for one request"
        return bad

    return served(folder, story)


def test_a_body_is_cut_and_its_length_was_promised(folder):
    head, body = spoilt(folder, faults.truncated(5000))
    assert "Content-Length: 10240" in head and body == DATA[:5000]


def test_a_connection_is_reset(folder):
    async def story(server):
        server.faults.add("*", faults.truncated(100, reset=True))
        with pytest.raises(ConnectionResetError):
            await raw(server)

    served(folder, story)


def test_a_length_is_wrong(folder):
    for wrong in (0, 10239, 10241, 1 << 40):
        head, body = spoilt(folder, faults.lying(wrong))
        assert f"Content-Length: {wrong}\r\n" in head and body == DATA
    head, body = spoilt(folder, faults.lying(-1))
    assert "Content-Length" not in head and body == DATA


def test_a_stall_says_nothing_more_until_the_client_goes(folder):
    async def story(server):
        for at, expected in ((faults.HEAD, b""), (0, b""), (5000, DATA[:5000])):
            server.faults.add("*", faults.stall(at))
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            if at != faults.HEAD:
                assert b"Content-Length: 10240" in await reader.readuntil(b"\r\n\r\n")
                assert await reader.readexactly(len(expected)) == expected
            more = asyncio.ensure_future(reader.read(1))
            done, _ = await asyncio.wait([more], timeout=0.05)
            assert not done, "the server is silent, and does not hang up"
            more.cancel()
            writer.close()

    served(folder, story)


def test_a_server_stops_though_somebody_waits_in_a_stall(folder):
    async def story(server):
        server.faults.add("*", faults.stall())
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        while not server.requests:
            await asyncio.sleep(0)
        await server.stop()
        assert await reader.read() == b""
        writer.close()

    served(folder, story)


def test_a_body_trickles(folder):
    head, body = spoilt(folder, faults.slow(2000), until=20)
    assert "Content-Length: 10240" in head and DATA.startswith(body) and 20 <= len(body) < 500


def test_a_redirect_leads_on_for_ever(folder):
    async def story(server):
        server.faults.add("*", faults.redirect("/again"), times=faults.FOREVER)
        heads = [parts(await raw(server))[0] for _ in range(5)]
        server.faults.clear()
        return heads, parts(await raw(server, headers="Connection: close\r\n"))[1]

    heads, body = served(folder, story)
    assert all(head.startswith("HTTP/1.1 302 Found\r\nLocation: /again\r\n") for head in heads) and body == DATA


def test_a_status_asks_to_come_back_later(folder):
    head, body = spoilt(folder, faults.refused(503, retry_after_s=7))
    assert head.startswith("HTTP/1.1 503 ") and "Retry-After: 7" in head and body == b"no\n"


def test_chunks_and_gzip_that_nobody_asked_for(folder):
    head, body = spoilt(folder, faults.chunked(6000))
    assert "Transfer-Encoding: chunked" in head and "Content-Length" not in head
    assert body == b"1770\r\n" + DATA[:6000] + b"\r\n1090\r\n" + DATA[6000:] + b"\r\n0\r\n\r\n"
    head, body = spoilt(folder, faults.gzipped())
    assert "Content-Encoding: gzip" in head and gzip.decompress(body) == DATA


@pytest.mark.parametrize("chunks", [None, 3000])
def test_a_body_never_ends(folder, chunks):
    head, body = spoilt(folder, faults.endless(chunks), until=300_000)
    assert "Content-Length" not in head and len(body) >= 300_000
    if chunks is None:
        assert body[:20480] == DATA + DATA


def test_one_bit_of_the_file_is_wrong_wherever_one_begins(folder):
    head, body = spoilt(folder, faults.flipped(5000))
    assert "Content-Length: 10240" in head
    assert [at for at in range(10240) if body[at] != DATA[at]] == [5000] and body[5000] == DATA[5000] ^ 1
    _, body = spoilt(folder, faults.flipped(5000), headers="Range: bytes=4096-\r\n")
    assert [at for at in range(6144) if body[at] != DATA[4096 + at]] == [904]
    _, body = spoilt(folder, faults.flipped(5000), headers="Range: bytes=8192-\r\n")
    assert body == DATA[8192:]


def test_a_range_is_not_heeded(folder):
    head, body = spoilt(folder, faults.deaf(), headers="Range: bytes=4096-\r\n")
    assert head.startswith("HTTP/1.1 200 ") and "Content-Range" not in head and body == DATA


def test_a_fault_waits_for_its_turn_and_its_path(folder):
    async def story(server):
        server.faults.add("*.json", faults.refused(500), times=faults.FOREVER)
        server.faults.add("*/image.bin", faults.refused(404), times=2, after=1)
        statuses = []
        for _ in range(4):
            statuses.append(parts(await raw(server, headers="Connection: close\r\n"))[0].split()[1])
        return statuses

    assert served(folder, story) == ["200", "404", "404", "200"]


# --- TLS, and the command


def test_the_authority_is_kept_so_that_a_device_can_go_on_trusting_it(folder, tmp_path):
    home = tmp_path / "authority"
    context, root = tls.own(home, ["127.0.0.1"])
    first = root.read_bytes()
    again, _ = tls.own(home, ["127.0.0.1"])
    assert root.read_bytes() == first and (home / "ca.key").stat().st_mode & 0o777 == 0o600

    async def story():
        trusting = ssl.create_default_context(cadata=first)
        for served_by in (context, again):
            async with Server(folder, tls=served_by) as server:
                server.faults.add("*", faults.truncated(10), after=1)
                async with aiohttp.ClientSession() as session:
                    async with session.get(server.url + PATH[1:], ssl=trusting) as answer:
                        assert server.url.startswith("https://") and await answer.read() == DATA
                    with pytest.raises(aiohttp.ClientPayloadError):
                        async with session.get(server.url + PATH[1:], ssl=trusting) as answer:
                            await answer.read()
                    with pytest.raises(aiohttp.ClientConnectorCertificateError):
                        await session.get(server.url, ssl=ssl.create_default_context())

    asyncio.run(story())


def test_certificates_that_cannot_be_used_are_refused_in_words(tmp_path):
    with pytest.raises(Failure, match="no usable certificate and key"):
        tls.given(tmp_path / "none.pem", None)
    with pytest.raises(Failure, match="--tls-key needs --tls-cert"):
        tls.given(None, "x")


def command(*arguments):
    """A started `serve-updates` in a process of its own."""
    call = "import sys; from tools import serve_updates; sys.exit(serve_updates.main(sys.argv[1:]))"
    return subprocess.Popen(
        [sys.executable, "-u", "-c", call, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent differently there")
def test_the_command_says_what_to_set_and_ends_with_ctrl_c(folder):
    process = command(str(folder), "--host", "127.0.0.1", "--port", "0")
    try:
        lines = []
        while not lines or not lines[-1].startswith("Ctrl-C"):
            lines.append(process.stdout.readline())
            assert lines[-1], "".join(lines)
        assert "  stable   0.2.0\n" in lines
        url = next(line.split()[1] for line in lines if line.startswith("  update.url"))
        assert url.startswith("http://127.0.0.1:") and url.endswith("/")

        async def ask():
            async with aiohttp.ClientSession() as session, session.get(url + PATH[1:]) as answer:
                data = await answer.read()
            async with aiohttp.ClientSession() as session, session.get(url + "%1b[2Ja%07%c2%9bb") as answer:
                assert answer.status == 404
            reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rsplit(":")[-1].strip("/")))
            writer.write(b"\x1b[31mGET / HTTP/1.1\r\n\r\n")
            writer.write_eof()
            await asyncio.wait_for(reader.read(), 10)
            writer.close()
            return data

        assert asyncio.run(ask()) == DATA
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=20)[0]
        assert f"127.0.0.1 GET {PATH}: 200" in rest and process.returncode == 0
        assert "127.0.0.1 GET /?[2Ja??b: 404\n" in rest, "no request moves the cursor"
        assert "Traceback" not in rest and all(line.isprintable() for line in rest.split("\n"))
    finally:
        process.kill()
        process.wait()
