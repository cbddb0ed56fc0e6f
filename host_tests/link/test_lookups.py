"""lib/resolver.py and lib/ntp.py over real sockets: names and the time, with servers that lie, die or say nothing."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import INTERPRETERS, Loopback, dns_answer, probe

from lib import ntp, resolver

# Answer records; C0 0C points to the name of the question, which begins at byte 12 (RFC 1035 §4.1.4).
A_10_1_2_3 = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x01\x2c\x00\x04\x0a\x01\x02\x03"
A_6_6_6_6 = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x01\x2c\x00\x04\x06\x06\x06\x06"
A_BLOCKED = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x01\x2c\x00\x04\x00\x00\x00\x00"
AAAA = b"\xc0\x0c\x00\x1c\x00\x01\x00\x00\x01\x2c\x00\x10" + bytes(16)
ALIAS_EDGE = b"\xc0\x0c\x00\x05\x00\x01\x00\x00\x01\x2c\x00\x0b\x04edge\x04test\x00"
A_EDGE = b"\x04edge\x04test\x00\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x0a\x09\x08\x07"
ALIAS_SELF = b"\xc0\x0c\x00\x05\x00\x01\x00\x00\x01\x2c\x00\x02\xc0\x0c"
LOOP = b"\xc0\x1b"  # in good.test's answer the first record begins at byte 27: it points to itself


@pytest.fixture(scope="module")
def loopback():
    servers = Loopback()
    yield servers
    servers.close()


def _name_server(query, reply, from_elsewhere):
    """Answers by the first label of the name asked for."""
    label = query[13 : 13 + query[12]].decode().lower()
    other_id = bytes((query[0] ^ 1,)) + query[1:]
    other_name = query.replace(b"\x04test", b"\x04tset")
    stories = {
        "good": [dns_answer(query, A_10_1_2_3)],
        "alias": [dns_answer(query, AAAA, ALIAS_EDGE, A_EDGE)],
        "turned": [dns_answer(query, A_EDGE, ALIAS_EDGE)],
        "unknown": [dns_answer(query, flags=0x8183)],
        "broken": [dns_answer(query, flags=0x8182)],
        "six": [dns_answer(query, AAAA)],
        "blocked": [dns_answer(query, A_BLOCKED)],
        "cut": [dns_answer(query, flags=0x8380)],
        "loop": [dns_answer(query, LOOP)],
        "circle": [dns_answer(query, ALIAS_SELF)],
        "short": [dns_answer(query, A_10_1_2_3[:-1])],
        "several": [dns_answer(query, A_6_6_6_6, A_10_1_2_3)],
        "liar": [dns_answer(other_id, A_6_6_6_6), dns_answer(other_name, A_6_6_6_6), query, b"", bytes(500)],
    }
    for packet in stories.get(label, ()):
        reply(packet)
    if label in ("liar", "stranger"):
        from_elsewhere(dns_answer(query, A_6_6_6_6))
        reply(dns_answer(query, A_10_1_2_3))


@pytest.fixture(scope="module")
def name_server(loopback):
    return ["127.0.0.1", loopback.start_udp(_name_server)]


@pytest.fixture(scope="module")
def silent(loopback):
    return ["127.0.0.1", loopback.start_udp(lambda *_: None)]


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_names_and_what_becomes_of_them(interpreter, tmp_path, name_server):
    cases = [
        ("good.test", "10.1.2.3"),
        ("GOOD.test.", "10.1.2.3"),
        ("192.0.2.7", "192.0.2.7"),
        ("alias.test", "10.9.8.7"),
        ("turned.test", "10.9.8.7"),
        ("several.test", "6.6.6.6"),
        ("liar.test", "10.1.2.3"),
        ("stranger.test", "10.1.2.3"),
        ("unknown.test", "no address for unknown.test: there is no such name"),
        ("broken.test", "no address for broken.test: the name server failed"),
        ("six.test", "no address for six.test: the name has no IPv4 address"),
        ("blocked.test", "no address for blocked.test: the name server blocks it (0.0.0.0)"),
        ("cut.test", "no address for cut.test: the name server's answer is cut short"),
        ("loop.test", "no address for loop.test: the name server's answer is damaged"),
        ("circle.test", "no address for circle.test: the name has no IPv4 address"),
        ("short.test", "no address for short.test: the name server's answer is damaged"),
        ("bad name.test", "no address for bad name.test: not a host name"),
    ]
    jobs = [{"do": "resolve", "host": host, "name_servers": [name_server]} for host, _ in cases]
    results = probe(interpreter, tmp_path, *jobs)
    assert [result.get("gave") or result["failed"] for result in results] == [wanted for _, wanted in cases]
    assert {result["sockets"] for result in results[1:]} == {0}


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_a_silent_name_server_holds_nobody_and_the_next_one_answers(interpreter, tmp_path, silent, name_server):
    job = {"do": "resolve", "host": "good.test", "each_ms": 300}
    nobody, second, remembered, nowhere = probe(
        interpreter,
        tmp_path,
        dict(job, name_servers=[silent]),
        dict(job, name_servers=[silent, name_server]),
        dict(job, name_servers=[silent], remembered=[["good.test", "10.7.7.7"]], now=10**9),
        dict(job, name_servers=[]),
    )
    assert nobody["failed"] == "no address for good.test: no name server answers"
    assert nobody["beats"] > 20  # 600 ms of waiting, a beat every 5 ms when nothing is held
    assert second["gave"] == "10.1.2.3"
    assert remembered["gave"] == "10.7.7.7"
    assert nowhere["failed"] == "no address for good.test: no name server is known"


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_a_question_that_is_lost_is_asked_again(interpreter, tmp_path, loopback):
    heard = []

    def lose_the_first(query, reply, _):
        heard.append(query[:2])
        if len(heard) == 2:
            reply(dns_answer(query, A_10_1_2_3))

    server = ["127.0.0.1", loopback.start_udp(lose_the_first)]
    job = {"do": "resolve", "host": "good.test", "each_ms": 300, "name_servers": [server]}
    (result,) = probe(interpreter, tmp_path, job)
    assert result["gave"] == "10.1.2.3"
    assert len(heard) == 2


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_a_refusing_port_and_a_server_that_is_a_name(interpreter, tmp_path, name_server):
    job = {"do": "resolve", "host": "good.test", "each_ms": 300}
    both = [["127.0.0.1", 9], ["dns.test", 53], name_server]
    good, refused = probe(
        interpreter, tmp_path, dict(job, name_servers=both), dict(job, name_servers=[["dns.test", 53]])
    )
    assert good["gave"] == "10.1.2.3"
    assert "the name server cannot be asked (not an address: dns.test)" in refused["failed"]


def _neighbour(query, reply, from_elsewhere):
    """A device in the local network: hub.local. It need repeat neither number nor question (RFC 6762 §18.1, §6)."""
    owner = b"\x03hub\x05local\x00"
    record = owner + b"\x00\x01\x80\x01\x00\x00\x00\x78\x00\x04\x0a\x01\x02\x03"  # the cache-flush bit is set
    if query[12 : 12 + len(owner)].lower() != owner:
        return
    assert query[-2:] == b"\x80\x01", "answer to me alone"
    from_elsewhere(b"\0\0\x84\0\0\0\0\x01\0\0\0\0" + record.replace(b"\x03hub", b"\x03nas"))
    from_elsewhere(b"\0\0\x84\0\0\0\0\x01\0\0\0\0" + record[:-1])
    from_elsewhere(b"\0\0\x84\0\0\0\0\x01\0\0\0\0" + record)


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_names_in_local_are_asked_for_in_the_local_network(interpreter, tmp_path, loopback, name_server):
    mdns = ["127.0.0.1", loopback.start_udp(_neighbour)]
    job = {"do": "resolve", "each_ms": 300, "name_servers": [], "mdns": mdns}
    found, written_otherwise, nobody, by_a_server = probe(
        interpreter,
        tmp_path,
        dict(job, host="hub.local"),
        dict(job, host="Hub.LOCAL."),
        dict(job, host="nas.local"),
        dict(job, host="good.local", name_servers=[name_server]),
    )
    assert found["gave"] == written_otherwise["gave"] == "10.1.2.3"
    assert nobody["failed"] == "no address for nas.local: nobody in the local network has that name"
    assert by_a_server["gave"] == "10.1.2.3"


def test_ten_thousand_spoilt_answers_of_neighbours_raise_nothing():
    @settings(max_examples=500, deadline=None)
    @given(st.binary(max_size=120))
    def spoilt(tail):
        for head in (b"\0\0\x84\0\0\0\0\x02\0\0\0\0", b"\0\0\x84\0\0\x01\0\x01\0\0\0\0"):
            found = resolver.local_answers("hub.local", head + tail)
            assert found is None or isinstance(found[0], str)

    spoilt()


_UNIX_2026 = 1_780_000_000
_NTP_2026 = _UNIX_2026 + 2_208_988_800


def _time_packet(question, first=0x24, stratum=2, seconds=_NTP_2026, reference=b"\x7f\0\0\x01", stamp=None):
    return struct.pack(
        "!BBBbII4sQ8sQII", first, stratum, 6, -20, 0, 0, reference, 0, stamp or question[40:48], 0, seconds, 1 << 30
    )


_TIME_STORIES = {
    "good": {},
    "kiss": {"stratum": 0, "reference": b"RATE"},
    "unsynchronised": {"first": 0xE4},
    "old": {"seconds": _NTP_2026 - 10**8},
    "era": {"seconds": (_NTP_2026 + 10**9) & 0xFFFFFFFF},
    "soon": {"seconds": _NTP_2026 + 10**8},
    "replay": {"stamp": b"replayed"},
    "client": {"first": 0x23},
    "far": {"stratum": 16},
}


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_the_time_and_who_is_believed(interpreter, tmp_path, loopback):
    ports = {
        name: loopback.start_udp(lambda question, reply, _, how=how: reply(_time_packet(question, **how)))
        for name, how in _TIME_STORIES.items()
    }
    names = {name + ".test": "127.0.0.1" for name in ports}
    job = {"do": "time", "names": names, "oldest_s": _UNIX_2026 - 1000, "each_ms": 300}
    results = probe(
        interpreter, tmp_path, *[dict(job, server=name + ".test", port=ports[name]) for name in _TIME_STORIES]
    )
    said = {
        name: result.get("gave") or result["failed"].replace(f":{ports[name]}", "")
        for name, result in zip(_TIME_STORIES, results, strict=True)
    }
    assert said == {
        "good": _UNIX_2026 * 1_000_000 + 250_000,
        "kiss": "kiss.test: the time server sends us away (RATE)",
        "unsynchronised": "unsynchronised.test: the time server is not synchronised",
        "old": "old.test: the time server's time is before this firmware was made",
        "era": "era.test: the time server's time is too far in the future",
        "soon": (_UNIX_2026 + 10**8) * 1_000_000 + 250_000,
        "replay": "replay.test: no answer",
        "client": "client.test: no answer",
        "far": "far.test: the time server is not synchronised",
    }
    waiting = results[list(_TIME_STORIES).index("replay")]
    assert waiting["beats"] > 10
    assert waiting["sockets"] == 0


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_a_time_server_with_an_address_and_one_without(interpreter, tmp_path, loopback):
    port = loopback.start_udp(lambda question, reply, _: reply(_time_packet(question)))
    job = {"do": "time", "names": {"b.test": "127.0.0.1"}, "oldest_s": _UNIX_2026, "port": port}
    good, none = probe(interpreter, tmp_path, dict(job, server="b.test"), dict(job, server="a.test"))
    assert good["gave"] == _UNIX_2026 * 1_000_000 + 250_000
    assert none["failed"].startswith(f"a.test:{port}: no address for a.test")


_QUERY = resolver.query(0x1234, "good.test")
_ANSWERS = [dns_answer(_QUERY, *records) for records in ((A_10_1_2_3,), (ALIAS_EDGE, A_EDGE), (LOOP,), (AAAA,))]


@st.composite
def _mutated(draw, originals):
    packet = bytearray(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(0, 6))):
        packet[draw(st.integers(0, len(packet) - 1))] = draw(st.integers(0, 255))
    return bytes(packet[: draw(st.integers(0, len(packet)))]) if draw(st.booleans()) else bytes(packet)


@settings(max_examples=1000, deadline=None)
@given(
    st.one_of(
        _mutated(_ANSWERS), st.binary(max_size=512), st.binary(max_size=480).map(lambda tail: _ANSWERS[0][:27] + tail)
    )
)
def test_no_name_server_can_break_the_resolver(packet):
    try:
        result = resolver.answer(0x1234, "good.test", packet)
    except resolver.NotFound:
        return
    assert result is None or (resolver.udp.is_ipv4(result[0]) and 0 <= result[1] < 1 << 32)


@settings(max_examples=1000, deadline=None)
@given(st.one_of(_mutated([_time_packet(bytes(48))]), st.binary(max_size=100)))
def test_no_time_server_can_break_the_clock(packet):
    try:
        unix_us = ntp.answer(bytes(8), packet, _UNIX_2026 - 10)
    except ntp.Failed:
        return
    assert unix_us is None or 0 <= unix_us // 1_000_000 - (_UNIX_2026 - 10) < 1 << 30
