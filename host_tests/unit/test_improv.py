"""Improv's packets: what a client sends, what it is told, and what else may be on the line."""

from host_tests.unit.rooms import Dice, raised
from lib.improv import FAULT, SCAN, WIFI, Improv
from lib.improv_messages import (
    HOSTNAME,
    INFO,
    INVALID_RPC,
    PROVISIONED,
    READY,
    STATE,
    error,
    result,
    state,
    texts,
)

ASK_STATE = b"IMPROV\x01\x03\x02\x02\x00\xe5"
ASK_INFO = b"IMPROV\x01\x03\x02\x03\x00\xe6"
# "cabin" and "12345678", as ESP Web Tools sends them
SET_WIFI = b"IMPROV\x01\x03\x11\x01\x0f\x05cabin\x0812345678\xb0"


def fed(improv, data, now=0):
    """All that `data` brings, in a list."""
    events = []
    for byte in data:
        events += improv.feed(byte, now)
    return events


def packet(kind, data):
    head = b"IMPROV\x01" + bytes((kind, len(data))) + data
    return head + bytes((sum(head) & 0xFF,))


def test_a_client_asks_for_the_state():
    assert fed(Improv(), ASK_STATE) == [(STATE, b"")]
    assert fed(Improv(), ASK_INFO) == [(INFO, b"")]


def test_a_client_sends_a_network_and_its_key():
    assert fed(Improv(), SET_WIFI) == [(WIFI, b"\x05cabin\x0812345678")]
    assert texts(b"\x05cabin\x0812345678") == [b"cabin", b"12345678"]


def test_a_client_ends_its_packet_with_a_line_feed_that_is_handed_on():
    assert fed(Improv(), ASK_STATE + b"\n" + ASK_INFO + b"\n") == [(STATE, b""), 10, (INFO, b""), 10]


def test_what_is_no_packet_is_handed_on_byte_by_byte():
    line = b"help\r\n\x00\xff\x03 Ich II"
    improv = Improv()
    assert fed(improv, line[:-2]) == list(line[:-2])
    assert fed(improv, line[-2:]) == [73]
    assert improv.due(99) == () and improv.due(100) == (73,) and improv.due(101) == ()


def test_the_beginning_of_a_packet_that_goes_on_otherwise_was_typed():
    assert fed(Improv(), b"IMPROVED") == list(b"IMPROVED")
    assert fed(Improv(), b"IMPROV\x02") == list(b"IMPROV\x02")
    assert fed(Improv(), b"IMPIMPR\n") == list(b"IMPIMPR\n")
    assert fed(Improv(), b"IIMPROV\x01\x03\x02\x02\x00\xe5") == [73, (STATE, b"")]
    assert fed(Improv(), b"IMPROIMPROV\x01\x03\x02\x02\x00\xe5") == list(b"IMPRO") + [(STATE, b"")]


def test_half_a_packet_is_dropped_after_100_ms_of_silence():
    for have in range(7, len(SET_WIFI)):
        improv = Improv()
        assert fed(improv, SET_WIFI[:have], 50) == []
        assert improv.due(149) == ()
        assert improv.due(150) == ()
        assert fed(improv, ASK_STATE, 151) == [(STATE, b"")]


def test_a_packet_after_half_a_packet_needs_nobody_to_look_meanwhile():
    improv = Improv()
    assert fed(improv, SET_WIFI[:20], 0) == []
    assert fed(improv, ASK_STATE, 100) == [(STATE, b"")]


def test_letters_of_the_name_that_nobody_went_on_with_were_typed():
    improv = Improv()
    assert fed(improv, b"IMPROV", 0) == []
    assert fed(improv, b"x", 100) == list(b"IMPROVx")


def test_a_slow_packet_is_a_packet():
    improv = Improv()
    events = []
    for at, byte in enumerate(SET_WIFI):
        events += improv.feed(byte, at * 99)
        events += improv.due(at * 99 + 98)
    assert events == [(WIFI, b"\x05cabin\x0812345678")]


def test_a_wrong_sum_is_answered_with_an_error():
    for wrong in (0xE4, 0xE6, 0x00):
        assert fed(Improv(), ASK_STATE[:-1] + bytes((wrong,))) == [(FAULT, INVALID_RPC)]


def test_a_request_whose_lengths_do_not_fit_is_answered_with_an_error():
    for data in (b"", b"\x02", b"\x02\x01", b"\x02\x00\x00", b"\x01\x0e\x05cabin\x0812345678"):
        assert fed(Improv(), packet(3, data)) == [(FAULT, INVALID_RPC)], data


def test_what_a_device_says_is_no_request():
    for kind in (0, 1, 2, 4, 255):
        assert fed(Improv(), packet(kind, b"\x02\x00")) == []
    assert fed(Improv(), packet(1, b"\x02")[:-1] + b"\x00" + ASK_STATE) == [(STATE, b"")]


def test_a_large_request_fits_and_a_larger_one_is_an_error():
    for size in (98, 125, 126):
        data = bytes((9, size)) + b"x" * size
        assert fed(Improv(), packet(3, data) + b"x") == [(9, b"x" * size), 120]
    for size in (127, 200, 253):
        data = bytes((9, size)) + b"x" * size
        assert fed(Improv(), packet(3, data) + b"x" + ASK_STATE) == [(FAULT, INVALID_RPC), 120, (STATE, b"")]


def test_texts_whose_lengths_do_not_add_up_are_none():
    assert texts(b"") == []
    assert texts(b"\x00\x00") == [b"", b""]
    assert texts(b"\x01") is None
    assert texts(b"\x02a") is None
    assert texts(b"\x01a\xff") is None


def test_what_the_device_says():
    assert state(READY) == b"\nIMPROV\x01\x01\x01\x02\xe2\n"
    assert state(PROVISIONED) == b"\nIMPROV\x01\x01\x01\x04\xe4\n"
    assert error(0) == b"\nIMPROV\x01\x02\x01\x00\xe1\n"
    assert error(INVALID_RPC) == b"\nIMPROV\x01\x02\x01\x01\xe2\n"
    assert result(SCAN) == b"\nIMPROV\x01\x04\x02\x04\x00\xe8\n"
    assert result(WIFI, ("http://192.168.0.20/",)) == b"\nIMPROV\x01\x04\x17\x01\x15\x14http://192.168.0.20/\x01\n"
    assert (
        result(SCAN, ("Füchse", "-71", "YES")) == b"\nIMPROV\x01\x04\x12\x04\x10\x07F\xc3\xbcchse\x03-71\x03YES\x03\n"
    )


def test_a_length_of_ten_would_be_a_line_feed_to_the_client():
    # its reader looks for line feeds until it has nine bytes of a packet, and the ninth is the length
    assert result(HOSTNAME, ("kitchen",)) == b"\nIMPROV\x01\x04\x0b\x05\x09\x07kitchen\x00\xe8\n"
    for size in range(60):
        assert result(HOSTNAME, ("x" * size,))[9] != 10
        assert texts(result(HOSTNAME, ("x" * size,))[12:-2])[0] == b"x" * size


def test_an_answer_too_long_for_a_packet_is_refused():
    assert len(result(INFO, ("x" * 252,))) == 1 + 9 + 255 + 1 + 1
    for answers in (("x" * 253,), ("x" * 300,), ("x" * 1000,), ("x" * 126, "x" * 126), ("ü" * 127,)):
        raised(ValueError, result, INFO, answers)


def test_noise_breaks_nothing():
    dice = Dice(1)
    improv = Improv()
    now = 0
    for _ in range(20):
        noise = bytes([dice.below(256) for _ in range(200)])
        events = fed(improv, noise + b"IMPROV\x01" + noise[: dice.below(50)], now)
        assert all(type(event) is int or event[0] == FAULT for event in events)
        now += 100
        assert [event for event in fed(improv, ASK_STATE, now) if type(event) is tuple] == [(STATE, b"")]
        now += 100
