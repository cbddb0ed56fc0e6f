"""lib/connect.py and lib/tls.py over real sockets: who is let in, who is refused and why; on both interpreters."""

import asyncio
import datetime
import socket
import ssl
import sys

import pytest
import trustme
from loopback import INTERPRETERS, Loopback, der, dns_answer, echo, probe, server_context

from lib import connect, tls, tls13
from tools.common.ports import free_port

NAMES = {"hub.test": "127.0.0.1", "other.test": "127.0.0.1", "127.0.0.1": "127.0.0.1"}
AUTHORITY = trustme.CA()
STRANGER = trustme.CA()
NOW = datetime.datetime.now(datetime.timezone.utc)
DAY = datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def loopback():
    servers = Loopback()
    yield servers
    servers.close()


@pytest.fixture(scope="module")
def port_of(loopback):
    """Ports of TLS echo servers, one for each kind of certificate."""
    self_signed = trustme.CA()  # its own certificate is what the server shows
    certificates = {
        "good": AUTHORITY.issue_cert("hub.test"),
        "address": AUTHORITY.issue_cert("127.0.0.1"),
        "expired": AUTHORITY.issue_cert("hub.test", not_before=NOW - 9 * DAY, not_after=NOW - DAY),
        "future": AUTHORITY.issue_cert("hub.test", not_before=NOW + DAY, not_after=NOW + 9 * DAY),
        "stranger": STRANGER.issue_cert("hub.test"),
        "below": AUTHORITY.create_child_ca().issue_cert("hub.test"),
    }
    ports = {name: loopback.start_tcp(echo, server_context(cert)) for name, cert in certificates.items()}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with self_signed.private_key_pem.tempfile() as key, self_signed.cert_pem.tempfile() as cert:
        context.load_cert_chain(cert, key)
    ports["self-signed"] = loopback.start_tcp(echo, context)
    return ports


def _job(port, host="hub.test", roots=(AUTHORITY,), **more):
    roots = None if roots is None else [der(root) for root in roots]
    return dict({"do": "dial", "host": host, "port": port, "roots": roots, "names": NAMES, "opening": "hello"}, **more)


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_good_certificates_are_let_in(interpreter, tmp_path, port_of):
    results = probe(
        interpreter,
        tmp_path,
        _job(port_of["good"]),
        _job(port_of["good"], roots=(STRANGER, AUTHORITY)),
        _job(port_of["stranger"], roots=(STRANGER, AUTHORITY)),
        _job(port_of["below"]),
        _job(port_of["address"], host="127.0.0.1"),
    )
    assert [result.get("gave", result) for result in results] == ["hello"] * 5
    assert [result["sockets"] for result in results][1:] == [0] * 4


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_bad_certificates_are_refused_with_their_reason(interpreter, tmp_path, port_of):
    cases = [
        (_job(port_of["stranger"]), "certificate not trusted"),
        (_job(port_of["self-signed"]), "certificate not trusted"),
        (_job(port_of["good"], host="other.test"), "certificate is for another host"),
        (_job(port_of["good"], host="127.0.0.1"), "certificate is for another host"),
        (_job(port_of["expired"]), "certificate has expired"),
        (_job(port_of["future"]), "certificate not valid yet (is the clock set?)"),
        (_job(port_of["good"], roots=()), "no root certificate: TLS could not verify anyone"),
    ]
    results = probe(interpreter, tmp_path, *[job for job, _ in cases])
    wanted = ["%s port %d: %s" % (job["host"], job["port"], reason) for job, reason in cases]
    assert [result.get("failed", result) for result in results] == wanted
    assert [result["sockets"] for result in results][1:] == [0] * 6


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_a_root_that_is_none_is_named(interpreter, tmp_path, port_of):
    job = _job(port_of["good"])
    job["roots"].append("00" * 20)
    (result,) = probe(interpreter, tmp_path, job)
    assert result["failed"].endswith(": root certificate 2 cannot be read")


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_servers_that_fail_in_the_handshake(interpreter, tmp_path, loopback):
    async def leave(reader, _):
        await reader.read(100)

    async def speak_http(reader, writer):
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async def share_no_cipher(reader, writer):
        await reader.read(1000)
        writer.write(b"\x15\x03\x03\x00\x02\x02\x28")  # a fatal alert: handshake_failure
        await writer.drain()
        await reader.read()

    cases = [
        (loopback.start_tcp(leave), "the other side closed"),
        (loopback.start_tcp(speak_http), "the other side does not speak TLS"),
        (loopback.start_tcp(share_no_cipher), "no common cipher"),
    ]
    results = probe(interpreter, tmp_path, *[_job(port) for port, _ in cases])
    for result, (_, reason) in zip(results, cases, strict=True):
        assert reason in result["failed"]
    assert [result["sockets"] for result in results][1:] == [0] * 2


def _of_13(certificate):
    context = server_context(certificate)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def test_a_server_that_only_speaks_tls_1_3_is_told(tmp_path, loopback):
    """On MicroPython, which speaks 1.2 alone; CPython speaks both."""

    async def old_protocol(reader, writer):
        await reader.read(1000)
        writer.write(b"\x15\x03\x03\x00\x02\x02\x46")  # a fatal alert: protocol_version
        await writer.drain()

    port = loopback.start_tcp(echo, _of_13(AUTHORITY.issue_cert("hub.test")))
    other = loopback.start_tcp(old_protocol)
    told, refused, again = probe("micropython", tmp_path, _job(port), _job(other), _job(port))
    assert told["failed"] == again["failed"] == f"hub.test port {port}: {tls.ONLY_13}"
    assert "TLS 1.3" in tls.ONLY_13 and "1.3" not in refused["failed"]
    assert refused["sockets"] == again["sockets"] == 0


@pytest.mark.parametrize("host", ["hub.test", "127.0.0.1"])
def test_the_question_for_tls_1_3_is_one_that_servers_understand(host, loopback):
    async def asked(port):
        return await tls13.is_spoken(host, lambda opening: connect.dial("127.0.0.1", port, None, here, opening))

    async def here(host):
        return host

    certificate = AUTHORITY.issue_cert("hub.test", "127.0.0.1")
    old = server_context(certificate)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    assert asyncio.run(asked(loopback.start_tcp(echo, _of_13(certificate)))) is True
    assert asyncio.run(asked(loopback.start_tcp(echo, old))) is False
    assert asyncio.run(asked(loopback.start_tcp(echo))) is False


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_plain_tcp_and_a_refused_port(interpreter, tmp_path, loopback):
    port, closed = loopback.start_tcp(echo), free_port()
    plain, refused, over_tls, nowhere = probe(
        interpreter,
        tmp_path,
        _job(port, roots=None),
        _job(closed, roots=None),
        _job(closed),
        _job(port, host="nowhere.test", roots=None),
    )
    assert plain["gave"] == "hello"
    assert refused["failed"] == "hub.test port %d: connection refused" % closed
    assert over_tls["failed"] == "hub.test port %d: connection refused" % closed
    assert nowhere["failed"] == "nowhere.test: there is no such name"
    assert [refused["sockets"], over_tls["sockets"]] == [0, 0]


def _several(query, reply, _):
    """Three addresses of each name, of which only the last one answers."""
    records = [b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x01\x2c\x00\x04" + bytes((127, 0, 0, last)) for last in (9, 8, 1)]
    reply(dns_answer(query, *records))


@pytest.mark.parametrize("interpreter", INTERPRETERS)
@pytest.mark.parametrize("secure", [False, True])
def test_each_address_of_a_name_is_tried(interpreter, secure, tmp_path, loopback, port_of):
    if sys.platform != "linux":
        pytest.skip("only Linux has all of 127.0.0.0/8")
    port = port_of["good"] if secure else loopback.start_tcp(echo)
    job = _job(port, name_servers=[["127.0.0.1", loopback.start_udp(_several)]], **({} if secure else {"roots": None}))
    closed = dict(job, port=free_port())
    first, second, refused = probe(interpreter, tmp_path, job, job, closed)
    assert first.get("gave") == second.get("gave") == "hello", first
    assert "connection refused" in refused["failed"] and refused["sockets"] == 0


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_a_black_hole_ends_in_a_time_out_and_holds_nobody(interpreter, tmp_path, loopback):
    async def accept_and_say_nothing(reader, _):
        await reader.read()

    port = loopback.start_tcp(accept_and_say_nothing)
    warm, result = probe(interpreter, tmp_path, *[_job(port, timeout_ms=1000)] * 2)
    assert result["failed"] == "hub.test port %d: no answer within 1 s" % port == warm["failed"]
    assert result["beats"] > 20
    assert result["sockets"] == 0


@pytest.fixture
def full_port():
    """A port whose queue is full: Linux drops what knocks there, as a router does that has lost its line."""
    if sys.platform != "linux":
        pytest.skip("how a full queue drops connections differs by system")
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        yield full.getsockname()[1]


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_a_host_that_does_not_even_connect(interpreter, tmp_path, full_port):
    warm, result = probe(interpreter, tmp_path, *[_job(full_port, timeout_ms=1000)] * 2)
    assert result["failed"] == "hub.test port %d: no answer within 1 s" % full_port == warm["failed"]
    assert result["sockets"] == 0


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_a_cancelled_dial_leaves_no_socket(interpreter, tmp_path, loopback, full_port):
    async def say_nothing(reader, _):
        await reader.read()

    deaf = loopback.start_tcp(say_nothing)
    jobs = [_job(port, do="cancel", after_ms=300) for port in (deaf, deaf, full_port)]
    results = probe(interpreter, tmp_path, *jobs)
    assert [result["gave"] for result in results] == ["cancelled"] * 3
    assert [result["sockets"] for result in results[1:]] == [0, 0]


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_closing_does_not_wait_for_the_other_side(interpreter, tmp_path, loopback):
    async def echo_once_and_freeze(reader, writer):
        writer.write(await reader.read(100))
        await writer.drain()
        writer.transport.pause_reading()
        await asyncio.Event().wait()

    port = loopback.start_tcp(echo_once_and_freeze, server_context(AUTHORITY.issue_cert("hub.test")))
    (result,) = probe(interpreter, tmp_path, _job(port))
    assert result["gave"] == "hello"


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_a_look_up_that_gives_a_name_never_reaches_the_network(interpreter, tmp_path):
    (result,) = probe(interpreter, tmp_path, _job(1, names={"hub.test": "another.test"}))
    assert result["failed"] == "hub.test: the name look-up gave no address"
