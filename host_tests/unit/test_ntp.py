"""lib/ntp.py without I/O: one question, one answer, and whom not to believe (RFC 4330)."""

import random

from lib import ntp

STAMP = b"\x01\x23\x45\x67\x89\xab\xcd\xef"
# 2024-01-01 00:00:00.75 is 0xE93C7F00 seconds since 1900
GOOD = (
    b"\x24\x02\x06\xec" + bytes(8) + b"\x7f\x00\x00\x01" + bytes(8) + STAMP + bytes(8) + b"\xe9\x3c\x7f\x00\xc0\0\0\0"
)
NEW_YEAR_2024 = 1_704_067_200


def _fault(packet, oldest_s=NEW_YEAR_2024 - 1):
    try:
        result = ntp.answer(STAMP, packet, oldest_s)
    except ntp.Failed as fault:
        return str(fault)
    raise AssertionError("no fault but " + repr(result))


def _with(at, replacement):
    return GOOD[:at] + replacement + GOOD[at + len(replacement) :]


def test_a_question_has_48_bytes_and_tells_nothing_but_the_stamp():
    assert ntp.request(STAMP) == b"\x23" + bytes(39) + STAMP


def test_a_good_answer_has_the_fraction_of_its_second():
    assert ntp.answer(STAMP, GOOD, NEW_YEAR_2024) == NEW_YEAR_2024 * 1_000_000 + 750_000
    assert ntp.answer(STAMP, _with(44, b"\xff\xff\xff\xff"), NEW_YEAR_2024) == NEW_YEAR_2024 * 1_000_000 + 999_999
    assert ntp.answer(STAMP, _with(44, bytes(4)), NEW_YEAR_2024) == NEW_YEAR_2024 * 1_000_000
    assert ntp.answer(STAMP, GOOD + b"extension", NEW_YEAR_2024) == NEW_YEAR_2024 * 1_000_000 + 750_000


def test_after_february_2036_the_seconds_begin_anew():
    for packet, unix_s in ((b"\xff\xff\xff\xff\0\0\0\0", 2_085_978_495), (b"\0\0\0\0\0\0\0\1", 2_085_978_496)):
        assert ntp.answer(STAMP, _with(40, packet), NEW_YEAR_2024) == unix_s * 1_000_000


def test_strangers_are_not_heard():
    for packet in (b"", GOOD[:47], _with(24, b"\x02"), _with(0, b"\x23"), _with(0, b"\x25"), ntp.request(STAMP)):
        assert ntp.answer(STAMP, packet, 0) is None


def test_who_is_not_believed():
    assert _fault(_with(1, b"\0")[:12] + b"RATE" + GOOD[16:]) == "the time server sends us away (RATE)"
    assert _fault(_with(1, b"\0")[:12] + b"\0\r\n\xff" + GOOD[16:]) == "the time server sends us away ()"
    assert _fault(_with(1, b"\x10")) == "the time server is not synchronised"
    assert _fault(_with(0, b"\xe4")) == "the time server is not synchronised"
    assert _fault(_with(40, bytes(8))) == "the time server tells no time"
    assert _fault(GOOD, NEW_YEAR_2024 + 2) == "the time server's time is before this firmware was made"
    assert _fault(GOOD, NEW_YEAR_2024 - 631_152_000) == "the time server's time is too far in the future"


def test_ten_thousand_spoilt_answers_raise_nothing_else():
    random.seed(20)
    told = refused = 0
    for turn in range(10_000):
        packet = bytearray(GOOD if turn & 7 else bytes(48))
        for _ in range(random.getrandbits(2)):
            packet[random.randrange(len(packet))] = random.getrandbits(8)
        if turn & 15 == 15:
            packet = packet[: random.randrange(len(packet))]
        try:
            unix_us = ntp.answer(STAMP, packet, NEW_YEAR_2024)
            assert unix_us is None or 0 <= unix_us // 1_000_000 - NEW_YEAR_2024 < 631_152_000
            told += unix_us is not None
        except ntp.Failed:
            refused += 1
    assert told > 1000 and refused > 100
