"""`tools ws-echo` against our strict server, case by case, and against servers that no one here wrote."""

import asyncio
import concurrent.futures
import socket
import ssl
import subprocess
import sys
import types

import pytest
import trustme
from conftest import PEERS, ROOT, micropython, peer_module

sys.path.insert(0, str(PEERS))
from ws_cases import CASES  # noqa: E402
from ws_strict import BINARY, MAX_SIZE, PING, PONG, TEXT, Peer, frame, head  # noqa: E402

from tools import ws_echo  # noqa: E402

_AT_ONCE = 2
_PATIENCE_S = 60


def _start(url, max_size, ca=None):
    """The echo client as a process, exactly as the command starts it, without the way through `python3 -m tools`."""
    command, variables = ws_echo.command(micropython(), types.SimpleNamespace(url=url, max_size=max_size, ca=ca))
    return subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _finished(client, code=0):
    """What a client that has ended wrote to stderr; it must have ended well, without a traceback."""
    out, said = client.communicate(timeout=_PATIENCE_S)
    assert client.returncode == code, said
    assert "Traceback" not in said, said
    assert out == ""
    return said


def _played(name):
    """None; raises what went wrong in that case."""
    play, options = CASES[name]
    peer = Peer()
    client = _start(f"ws://127.0.0.1:{peer.port}/echo?agent=mp", options.get("max_size", MAX_SIZE))
    try:
        peer.accept()
        if options.get("open", True):
            peer.open()
        play(peer)
        assert options.get("says", "") in _finished(client)
    finally:
        peer.stop()
        client.kill()
        client.communicate()


@pytest.fixture(scope="session")
def played(request):
    """name → future of that case; the cases that were selected run two at a time."""
    names = [item.callspec.params["name"] for item in request.session.items if "played" in item.fixturenames]
    pool = concurrent.futures.ThreadPoolExecutor(_AT_ONCE)
    yield {name: pool.submit(_played, name) for name in names}
    pool.shutdown(cancel_futures=True)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", CASES)
def test_case(played, name):
    played[name].result()


def test_the_suite_is_as_large_as_it_should_be():
    assert len(CASES) > 400
    for category in ("1 ", "2 ", "3 ", "4 ", "5 ", "6.", "7 ", "9 ", "10 ", "handshake", "vanish"):
        assert sum(name.startswith(category) for name in CASES) > 5, category


# the command as a person calls it


def _command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "tools", "ws-echo", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )


def _with_server(play, *arguments, scheme="ws", context=None):
    """What the command did, with `play(peer)` on the other side; a fault of the play comes out here."""
    peer = Peer()

    def serve():
        peer.accept()
        if context:
            peer.sock = context.wrap_socket(peer.sock, server_side=True)
        peer.open()
        play(peer)

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        served = pool.submit(serve)
        done = _command(*arguments, f"{scheme}://127.0.0.1:{peer.port}/")
        try:
            served.result()
        except ssl.SSLError:
            assert done.returncode == 1  # the client did not like our certificate
        peer.stop()
    return done


def _one_echo(peer):
    peer.echo(TEXT, b"hello")
    peer.goodbye()


def test_the_command_echoes():
    done = _with_server(_one_echo)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "ws-echo: the server closed: 1000\n")


def test_the_limit_of_the_command_is_32_kib():
    def play(peer):
        peer.echo(TEXT, b"x" * 32768)
        peer.send(head(TEXT, 32769))
        peer.expect_fail(1009)

    assert _with_server(play).returncode == 0


def test_the_limit_is_an_option():
    def play(peer):
        peer.echo(TEXT, b"x" * 70000)
        peer.send(head(TEXT, 70001))
        peer.expect_fail(1009)

    done = _with_server(play, "--max-size", 70000)
    assert (done.returncode, done.stderr) == (0, "ws-echo: we closed: 1009 a message above 70000 bytes\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("http://127.0.0.1/",), "ws:// or wss://"),
        (("127.0.0.1:9000",), "a URL begins with"),
        (("ws://127.0.0.1:99999/",), "a port is a number"),
        (("--ca", "no/such/file", "wss://127.0.0.1/"), "cannot read"),
        (("ws://host.invalid/",), "cannot connect to host.invalid port 80"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_1(arguments, words):
    done = _command(*arguments)
    assert done.returncode == 1
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_argument_that_makes_no_sense_is_the_callers_fault():
    done = _command("--max-size", "0", "ws://127.0.0.1/")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "argument --max-size: a whole number from 1 to 268435456 is needed, not '0'" in done.stderr


def test_nobody_listens():
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    listener.close()
    done = _command(f"ws://127.0.0.1:{port}/")
    assert done.returncode == 1
    assert done.stderr == f"ws-echo: cannot connect to 127.0.0.1 port {port}: ECONNREFUSED\n"


def test_help():
    done = _command("--help")
    assert done.returncode == 0
    assert "--max-size" in done.stdout


def test_where_there_is_no_micropython_it_runs_on_cpython():
    peer = Peer()
    options = types.SimpleNamespace(url=f"ws://127.0.0.1:{peer.port}/", max_size=1 << 20, ca=None)
    command, variables = ws_echo.command(None, options)
    assert command[0] == sys.executable
    with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as client:
        peer.accept()
        peer.open()
        peer.echo(TEXT, b"x" * 100_000)
        peer.send(frame(PING, b"p"))
        peer.expect(PONG, b"p")
        _one_echo(peer)
        assert "the server closed: 1000" in _finished(client)
    peer.stop()


# TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """(context of a server, its CA as PEM, its CA as DER, a CA that did not sign it)."""
    folder = tmp_path_factory.mktemp("tls")
    mine, other = trustme.CA(key_type=trustme.KeyType.ECDSA), trustme.CA(key_type=trustme.KeyType.ECDSA)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    mine.issue_cert("127.0.0.1", key_type=trustme.KeyType.ECDSA).configure_cert(context)
    pem, der, wrong = folder / "ca.pem", folder / "ca.der", folder / "other.pem"
    pem.write_bytes(mine.cert_pem.bytes())
    der.write_bytes(ssl.PEM_cert_to_DER_cert(mine.cert_pem.bytes().decode()))
    wrong.write_bytes(other.cert_pem.bytes() * 2)
    return context, pem, der, wrong


def _large_echo(peer):
    for size in (0, 1, 16384, 16385, 300_000):
        peer.echo(BINARY, bytes(size))
    peer.goodbye()


def test_tls_with_the_root_as_pem_and_as_der(authority):
    context, pem, der, _ = authority
    for root in (pem, der):
        done = _with_server(_large_echo, "--max-size", 1 << 20, "--ca", root, scheme="wss", context=context)
        assert (done.returncode, done.stderr) == (0, "ws-echo: the server closed: 1000\n")


def test_tls_without_a_root_says_that_nothing_is_verified(authority):
    done = _with_server(_one_echo, scheme="wss", context=authority[0])
    assert done.returncode == 0
    assert done.stderr.startswith("ws-echo: without --ca the server is not verified\n")


def test_tls_with_another_root_does_not_connect(authority):
    context, _, _, wrong = authority
    done = _with_server(_one_echo, "--ca", wrong, scheme="wss", context=context)
    assert done.returncode == 1
    assert "cannot connect" in done.stderr
    assert done.stderr.count("\n") == 1


def test_tls_with_the_name_of_another_does_not_connect(authority, tmp_path):
    ca = trustme.CA(key_type=trustme.KeyType.ECDSA)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("elsewhere.example", key_type=trustme.KeyType.ECDSA).configure_cert(context)
    root = tmp_path / "ca.pem"
    root.write_bytes(ca.cert_pem.bytes())
    done = _with_server(_one_echo, "--ca", root, scheme="wss", context=context)
    assert done.returncode == 1
    assert "cannot connect" in done.stderr


def test_tls_with_a_server_that_speaks_none():
    def serve(peer):
        peer.accept()
        peer.send(b"SSH-2.0-OpenSSH_9.2\r\n")
        peer.finish_rudely()

    peer = Peer()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        served = pool.submit(serve, peer)
        done = _command(f"wss://127.0.0.1:{peer.port}/")
        served.result()
    peer.stop()
    assert done.returncode == 1
    assert "cannot connect" in done.stderr


# servers that no one here wrote


_LENGTHS = (0, 1, 125, 126, 127, 65535, 65536, 1 << 20)


@pytest.mark.peer("websockets")
def test_echo_with_websockets():
    peer_module("websockets")
    from websockets.asyncio.server import serve

    async def talk(connection):
        for size in _LENGTHS:
            for message in ("ä" * (size // 2), bytes(size)):
                await connection.send(message)
                assert await connection.recv() == message
        await connection.send(["frag", "ment", "ed"])
        assert await connection.recv() == "fragmented"
        await (await connection.ping(b"are you there?"))
        await connection.close(4000, "thank you")
        return connection.close_code

    async def main():
        result = asyncio.get_running_loop().create_future()

        async def handler(connection):
            try:
                result.set_result(await talk(connection))
            except BaseException as fault:
                result.set_exception(fault)

        async with serve(handler, "127.0.0.1", 0, max_size=None, ping_interval=None) as server:
            port = server.sockets[0].getsockname()[1]
            client = _start(f"ws://127.0.0.1:{port}/", 1 << 20)
            code = await asyncio.wait_for(result, _PATIENCE_S)
            said = await asyncio.to_thread(_finished, client)
        assert code == 4000
        assert "the server closed: 4000 thank you" in said

    asyncio.run(main())


@pytest.mark.peer("aiohttp")
def test_echo_with_aiohttp():
    peer_module("aiohttp")
    from aiohttp import WSMsgType, web

    async def handler(request):
        socket_ = web.WebSocketResponse(autoping=False, max_msg_size=0)
        await socket_.prepare(request)
        try:
            for size in _LENGTHS:
                await socket_.send_str("ä" * (size // 2))
                assert await socket_.receive_str() == "ä" * (size // 2)
                await socket_.send_bytes(bytes(size))
                assert await socket_.receive_bytes() == bytes(size)
            await socket_.ping(b"p")
            message = await socket_.receive()
            assert (message.type, message.data) == (WSMsgType.PONG, b"p")
            await socket_.close(code=1001, message=b"bye")
            request.app["result"].set_result(socket_.close_code)
        except BaseException as fault:
            request.app["result"].set_exception(fault)
        return socket_

    async def main():
        app = web.Application()
        app["result"] = asyncio.get_running_loop().create_future()
        app.router.add_get("/", handler)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        client = _start(f"ws://127.0.0.1:{port}/", 1 << 20)
        code = await asyncio.wait_for(app["result"], _PATIENCE_S)
        said = await asyncio.to_thread(_finished, client)
        await runner.cleanup()
        assert code == 1001
        assert "the server closed: 1001 bye" in said

    asyncio.run(main())
