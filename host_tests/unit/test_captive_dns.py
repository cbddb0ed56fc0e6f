"""lib/captive_dns.py: what each kind of question is answered with, and that no packet breaks it."""

import random

from lib import captive_dns

EXAMPLE = b"\x07example\x03com\x00"
HEAD = b"\xbe\xef\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"  # id, recursion desired, one question
OURS = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x01\x00\x04\x04\x03\x02\x01"  # A, IN, TTL 1 s, 4.3.2.1


def _ask(kind, net=b"\x00\x01", name=EXAMPLE, head=HEAD, behind=b""):
    question = name + kind + net
    return captive_dns.answer(head + question + behind, "4.3.2.1"), question


def test_an_address_is_ours_and_lives_a_second():
    for kind in (b"\x00\x01", b"\x00\xff"):
        reply, question = _ask(kind)
        assert reply == b"\xbe\xef\x85\x80\x00\x01\x00\x01\x00\x00\x00\x00" + question + OURS
    reply, question = _ask(b"\x00\x01", net=b"\x00\xff")
    assert reply.endswith(OURS)


def test_every_other_type_has_no_records_and_hears_so_at_once():
    for kind in (2, 5, 6, 12, 15, 16, 28, 33, 64, 65, 252, 0, 65535):
        reply, question = _ask(kind.to_bytes(2, "big"))
        assert reply == b"\xbe\xef\x85\x80\x00\x01\x00\x00\x00\x00\x00\x00" + question
    reply, question = _ask(b"\x00\x01", net=b"\x00\x03")  # the class of Chaos has no addresses
    assert reply == b"\xbe\xef\x85\x80\x00\x01\x00\x00\x00\x00\x00\x00" + question


def test_the_name_comes_back_letter_for_letter():
    for name in (b"\x00", b"\x0cCaPtIvE.aPpL\x03cOm\x00", b"\x3f" + b"a" * 63 + b"\x00", b"\x01\xff\x01\x00\x00"):
        reply, question = _ask(b"\x00\x01", name=name)
        assert reply[12:] == question + OURS


def test_edns_is_stripped():
    option = b"\x00\x00\x29\x10\x00\x00\x00\x00\x00\x00\x0c\x00\x0a\x00\x08cookies!"
    reply, question = _ask(b"\x00\x01", head=HEAD[:11] + b"\x01", behind=option)
    assert reply == b"\xbe\xef\x85\x80\x00\x01\x00\x01\x00\x00\x00\x00" + question + OURS


def test_the_recursion_bit_is_as_it_was_asked():
    reply, _ = _ask(b"\x00\x01", head=b"\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00")
    assert reply[:4] == b"\x00\x01\x84\x80"


def test_an_answer_is_ignored_and_so_is_half_a_head():
    assert _ask(b"\x00\x01", head=b"\xbe\xef\x81\x80\x00\x01\x00\x00\x00\x00\x00\x00")[0] is None
    assert _ask(b"\x00\x01", head=b"\xbe\xef\xa8\x00\x00\x01\x00\x00\x00\x00\x00\x00")[0] is None
    for size in range(12):
        assert captive_dns.answer(HEAD[:size], "4.3.2.1") is None


def test_another_opcode_is_not_implemented():
    for opcode in range(1, 16):
        head = b"\xbe\xef" + bytes((opcode << 3 | 1,)) + b"\x00\x00\x01\x00\x00\x00\x00\x00\x00"
        reply, _ = _ask(b"\x00\x01", head=head)
        assert reply == b"\xbe\xef" + bytes((0x85 | opcode << 3, 0x84)) + bytes(8)


def test_none_or_two_questions_are_a_format_error():
    for count in (b"\x00\x00", b"\x00\x02", b"\x01\x01", b"\xff\xff"):
        reply, _ = _ask(b"\x00\x01", head=HEAD[:4] + count + HEAD[6:])
        assert reply == b"\xbe\xef\x85\x81" + bytes(8)


def test_a_name_that_leads_astray_is_a_format_error():
    wrong = b"\xbe\xef\x85\x81" + bytes(8)
    tail = b"\x00\x01\x00\x01"
    # no name; no end; a label beyond the packet; a label of 64; pointers: to itself, ahead, cut in two
    bad = (
        b"",
        b"\x07example",
        b"\x07exam",
        b"\x40" + b"a" * 64 + b"\x00" + tail,
        b"\xc0\x0c" + tail,
        b"\xc0\xff" + tail,
    )
    for name in bad + (b"\x03www\xc0", b"\xc0", b"\x00", b"\x00\x00\x01", b"\x00\x00\x01\x00"):
        assert captive_dns.answer(HEAD + name, "4.3.2.1") == wrong
    longest = (b"\x3f" + b"a" * 63) * 3 + b"\x3d" + b"a" * 61 + b"\x00"
    assert len(longest) == 255
    assert captive_dns.answer(HEAD + longest + tail, "4.3.2.1").endswith(OURS)
    too_long = (b"\x3f" + b"a" * 63) * 3 + b"\x3e" + b"a" * 62 + b"\x00"
    assert captive_dns.answer(HEAD + too_long + tail, "4.3.2.1") == wrong


def test_a_view_of_a_buffer_serves_as_well():
    packet = HEAD + EXAMPLE + b"\x00\x01\x00\x01"
    assert captive_dns.answer(memoryview(packet), "4.3.2.1") == captive_dns.answer(packet, "4.3.2.1")


def test_ten_thousand_packets_are_answered_or_dropped():
    random.seed(433)
    good = HEAD + EXAMPLE + b"\x00\x01\x00\x01"
    answered = refused = dropped = 0
    for turn in range(10_000):
        if turn & 1:
            packet = bytearray(good + b"\x00\x00\x29\x10\x00\x00\x00\x00\x00\x00\x00")
            for _ in range(random.randint(1, 6)):
                packet[random.randrange(len(packet))] = random.getrandbits(8)
            packet = bytes(packet[: random.randint(0, len(packet))])
        else:
            packet = bytes([random.getrandbits(8) for _ in range(random.randint(0, 60))])
        reply = captive_dns.answer(packet, "4.3.2.1")
        if reply is None:
            dropped += 1
            assert len(packet) < 12 or packet[2] & 0x80
            continue
        assert reply[:2] == packet[:2] and reply[2] & 0x80 and reply[8:12] == bytes(4)
        assert len(reply) <= len(packet) + 16  # nobody is flooded through us
        if reply[3] & 15:
            refused += 1
            assert len(reply) == 12
        else:
            answered += 1
    assert min(answered, refused, dropped) > 100
