"""lib/resolver.py without I/O: DNS questions and answers as bytes (RFC 1035), and the small memory."""

import random

from lib import dns_cache, resolver, udp

QUESTION = b"\x04good\x04test\x00\x00\x01\x00\x01"
ASKED = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + QUESTION
A_5_MINUTES = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x01\x2c\x00\x04\x0a\x01\x02\x03"


def _answer(records, count=1, flags=b"\x81\x80"):
    return b"\x12\x34" + flags + b"\x00\x01\x00" + bytes((count,)) + b"\x00\x00\x00\x00" + QUESTION + records


def _alias(owner, target):
    return owner + b"\x00\x05\x00\x01\x00\x00\x00\x1e\x00" + bytes((len(target),)) + target


def _fault(act, *arguments):
    try:
        result = act(*arguments)
    except resolver.NotFound as fault:
        return fault
    raise AssertionError("no fault but " + repr(result))


def test_a_question_is_29_bytes_of_which_17_name_the_host():
    assert resolver.query(0x1234, "good.test") == ASKED
    assert resolver.query(0x1234, "good.test.") == ASKED


def test_what_is_no_host_name_is_not_asked_for():
    good = "a" * 63 + "." + "b" * 63 + "." + "c" * 63 + "." + "d" * 61
    assert len(good) == 253 and len(resolver.query(1, good)) == 12 + 255 + 4
    for bad in (
        "",
        ".",
        "a..b",
        ".a",
        "a b",
        "a\r\nb",
        "ä.test",
        "a" * 64,
        good + "d",
        "1.2.3.256",
        "[::1]",
        "a/b",
        "a@b",
    ):
        fault = _fault(resolver.query, 1, bad)
        assert fault.why == "not a host name" and fault.final and fault.host == bad


def test_an_address_needs_no_name_server():
    for good in ("1.2.3.4", "255.255.255.255", "0.0.0.0"):
        assert udp.is_ipv4(good)
    for bad in (
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        "a.b.c.d",
        "",
        "1..2.3",
        "1.2.3.-4",
        "0001.2.3.4",
        " 1.2.3.4",
        "1.2.3.\u00b2",
    ):
        assert not udp.is_ipv4(bad)


def test_an_answer_gives_address_and_seconds():
    assert resolver.answer(0x1234, "good.test", _answer(A_5_MINUTES)) == ("10.1.2.3", 300)
    assert resolver.answer(0x1234, "Good.TEST", _answer(A_5_MINUTES)) == ("10.1.2.3", 300)


def test_aliases_are_followed_and_the_shortest_life_counts():
    edge = b"\x04edge\x03cdn\xc0\x11"  # edge.cdn, then the pointer to "test" in the question
    alias = _alias(b"\xc0\x0c", edge)
    address = b"\xc0\x27\x00\x01\x00\x01\x00\x00\x01\x2c\x00\x04\x0a\x09\x08\x07"  # C0 27: where `edge` stands
    assert resolver.answer(0x1234, "good.test", _answer(alias + address, 2)) == ("10.9.8.7", 30)


def test_what_answers_another_question_is_no_answer():
    good = _answer(A_5_MINUTES)
    strangers = (
        b"",
        good[:12],
        b"\x12\x35" + good[2:],  # another id
        good[:2] + b"\x01" + good[3:],  # a question
        good.replace(b"\x04good", b"\x04food"),  # another name
        good[:27] + b"\x00\x1c" + good[29:],  # another type
        good[:5] + b"\x02" + good[6:],  # two questions
    )
    for packet in strangers[:5] + strangers[6:]:
        assert resolver.answer(0x1234, "good.test", packet) is None


def test_what_a_server_may_say_instead():
    cases = (
        (_answer(b"", 0, b"\x81\x83"), "there is no such name", True),
        (_answer(b"", 0, b"\x81\x82"), "the name server failed", False),
        (_answer(b"", 0, b"\x81\x85"), "the name server refuses to answer", False),
        (_answer(b"", 0, b"\x81\x89"), "the name server says error 9", False),
        (_answer(b"", 0), "the name has no IPv4 address", True),
        (_answer(b"", 0, b"\x83\x80"), "the name server's answer is cut short", False),
        (_answer(A_5_MINUTES[:-4] + bytes(4)), "the name server blocks it (0.0.0.0)", True),
    )
    for packet, why, final in cases:
        fault = _fault(resolver.answer, 0x1234, "good.test", packet)
        assert (fault.why, fault.final) == (why, final)
        assert str(fault) == "no address for good.test: " + why


def test_an_answer_cut_short_serves_when_the_address_is_in_it():
    assert resolver.answer(0x1234, "good.test", _answer(A_5_MINUTES, 1, b"\x83\x80")) == ("10.1.2.3", 300)


def test_lengths_and_pointers_that_lead_astray():
    for records in (
        b"\xc0\x1b",  # to itself
        b"\xc0\x1d\xc0\x1b",  # to each other
        b"\xc0\xff",  # beyond the end
        b"\xc0",
        b"\x40a\x00",  # a kind of label that does not exist
        b"\x3fabc",
        b"\x03abc",
        A_5_MINUTES[:-1],
        A_5_MINUTES[:9],
        A_5_MINUTES[:10] + b"\x00\x05\x0a\x01\x02\x03\x04",  # an address of five bytes
        _alias(b"\xc0\x0c", b"\xc0\x27"),  # an alias that points to itself
        b"",
    ):
        assert (
            _fault(resolver.answer, 0x1234, "good.test", _answer(records)).why == "the name server's answer is damaged"
        )
    circle = _alias(b"\xc0\x0c", b"\xc0\x0c")
    assert _fault(resolver.answer, 0x1234, "good.test", _answer(circle)).why == "the name has no IPv4 address"


def test_ten_thousand_spoilt_answers_raise_nothing_else():
    random.seed(20)
    seeds = (
        _answer(A_5_MINUTES),
        _answer(_alias(b"\xc0\x0c", b"\x04edge\xc0\x11") + A_5_MINUTES, 2),
        _answer(A_5_MINUTES * 20, 20),
    )
    given = refused = 0
    for turn in range(10_000):
        packet = bytearray(seeds[turn % 3])
        for _ in range(random.getrandbits(3)):
            # most of them behind the question, where the parser works
            at = random.randrange(len(packet)) if turn & 1 else random.randrange(29, len(packet))
            packet[at] = random.getrandbits(8)
        if turn & 6 == 6:
            packet = packet[: random.randrange(len(packet))]
        try:
            result = resolver.answer(0x1234, "good.test", packet)
            given += result is not None
            assert result is None or udp.is_ipv4(result[0])
        except resolver.NotFound:
            refused += 1
    assert given > 1000 and refused > 1000


def test_memory_keeps_a_minute_to_an_hour_and_remembers_for_bad_days():
    memory = resolver.Memory()
    memory.put("a.test", "10.0.0.1", 5, 1000)
    memory.put("b.test", "10.0.0.2", 999_999, 1000)
    assert memory.fresh("a.test", 60_999) == "10.0.0.1"
    assert memory.fresh("a.test", 61_000) is None
    assert memory.stale("a.test") == "10.0.0.1"
    assert memory.fresh("b.test", 3_600_999) == "10.0.0.2"
    assert memory.fresh("b.test", 3_601_000) is None
    assert memory.fresh("c.test", 0) is None and memory.stale("c.test") is None


def test_memory_of_a_few_forgets_what_ends_first():
    memory = resolver.Memory(most=2)
    memory.put("a.test", "10.0.0.1", 100, 0)
    memory.put("b.test", "10.0.0.2", 300, 0)
    memory.put("a.test", "10.0.0.9", 200, 0)
    memory.put("c.test", "10.0.0.3", 400, 0)
    assert memory.stale("a.test") is None
    assert memory.stale("b.test") == "10.0.0.2" and memory.stale("c.test") == "10.0.0.3"


def test_an_address_that_failed_gives_way_to_the_next_until_all_have():
    memory = resolver.Memory()
    memory.put("a.test", "10.0.0.1 10.0.0.2", 60, 0)
    assert memory.fresh("a.test", 1) == "10.0.0.1"
    dns_cache.failed("10.0.0.1")
    assert memory.fresh("a.test", 1) == memory.fresh("a.test", 2) == "10.0.0.2"
    dns_cache.failed("10.0.0.2")
    assert memory.fresh("a.test", 3) is None, "a name server may know better by now"
    assert memory.stale("a.test") == "10.0.0.1"
    assert memory.fresh("a.test", 4) == "10.0.0.1", "all had failed: they are tried anew"
    for number in range(20):
        dns_cache.failed("10.1.0.%d" % number)
    assert len(dns_cache._failed) == 8
    del dns_cache._failed[:]


def test_all_addresses_of_an_answer_are_kept_but_those_that_block():
    other = A_5_MINUTES[:-1] + b"\x04"
    blocked = A_5_MINUTES[:-4] + b"\0\0\0\0"
    packet = _answer(A_5_MINUTES + other + blocked + A_5_MINUTES * 3, 6)
    assert resolver.answer(0x1234, "good.test", packet, True) == ("10.1.2.3 10.1.2.4 10.1.2.3 10.1.2.3", 300)
