"""UTF-8, strict and in pieces: what MicroPython's own decoder lets through is refused here."""

from lib import strict_utf8

_GOOD = (
    b"",
    b"\x00",
    b"plain",
    b"\x7f",
    b"\xc2\x80",
    b"\xdf\xbf",
    b"\xe0\xa0\x80",
    b"\xec\xbf\xbf",
    b"\xed\x9f\xbf",
    b"\xee\x80\x80",
    b"\xef\xbf\xbf",
    b"\xf0\x90\x80\x80",
    b"\xf3\xbf\xbf\xbf",
    b"\xf4\x8f\xbf\xbf",
    "κόσμε äöü € 😀".encode(),
)
_BAD = (
    b"\x80",
    b"\xbf",
    b"\xc0\x80",  # NUL in two bytes
    b"\xc1\xbf",
    b"\xe0\x80\xaf",  # "/" in three bytes
    b"\xe0\x9f\xbf",
    b"\xed\xa0\x80",  # the first surrogate
    b"\xed\xbf\xbf",
    b"\xf0\x80\x80\xaf",
    b"\xf0\x8f\xbf\xbf",
    b"\xf4\x90\x80\x80",  # one above the last character
    b"\xf5\x80\x80\x80",
    b"\xf8\x88\x80\x80\x80",
    b"\xfe",
    b"\xff",
    b"\xc2",
    b"\xc2A",
    b"\xe2\x82",
    b"\xe2\x82A",
    b"\xf0\x9f\x98",
    b"\xf0\x9f\x98A",
    b"\xf0\x9f\x98\x80\x80",
)


def test_the_borders_of_every_length_are_accepted():
    for text in _GOOD:
        assert strict_utf8.is_utf8(text), text


def test_overlong_surrogate_too_high_stray_and_cut_are_refused():
    for text in _BAD:
        assert not strict_utf8.is_utf8(text), text


def test_the_place_in_the_text_does_not_matter():
    for offset in range(9):  # the fast way takes four bytes at a time
        for behind in range(9):
            for text in _GOOD:
                assert strict_utf8.is_utf8(b"a" * offset + text + b"z" * behind), (offset, text, behind)
            for text in _BAD:
                assert not strict_utf8.is_utf8(b"a" * offset + text + b"z" * behind), (offset, text, behind)


def test_a_character_may_be_split_anywhere():
    text = "aé€😀z".encode()
    for cut in range(len(text) + 1):
        state = strict_utf8.check(text, 0, cut, 0)
        assert state >= 0
        assert strict_utf8.check(text, cut, len(text), state) == 0


def test_an_offence_is_seen_at_its_first_byte():
    assert strict_utf8.check(b"\xed\xa0", 0, 1, 0) > 0
    assert strict_utf8.check(b"\xed\xa0", 0, 2, 0) == -1
    assert strict_utf8.check(b"\xf4\x90", 0, 2, 0) == -1


def test_nothing_behind_the_end_is_looked_at():
    data = b"ab\xffcdef\xff\xff\xff\xff"
    assert strict_utf8.check(data, 3, 7, 0) == 0
    assert strict_utf8.check(data, 0, 2, 0) == 0
    assert strict_utf8.check(data, 7, 7, 0) == 0


def test_any_buffer_will_do():
    assert strict_utf8.is_utf8(bytearray("ä".encode()))
    assert strict_utf8.is_utf8(memoryview(b"xx\xc3\xa4")[1:])
