"""A name server with one answer, for a network that has nothing but this device: a question in, an answer out (RFC 1035). No I/O.

Only what every resolver needs at once belongs here: an answer that never comes makes a phone wait and ask again.
"""

from micropython import const

_HEAD = const(12)  # bytes
_A = const(1)
_ANY = const(255)
_IN = const(1)
_MAX_LABEL = const(63)
_MAX_NAME = const(255)
_FORMERR = const(1)
_NOTIMP = const(4)
# The record: the name is that of the question, A, IN, 1 s to live (a phone must not use it in its next network), 4 bytes
_RECORD = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x01\x00\x04"


def answer(packet, address):
    """Return the bytes that answer `packet` with `address` ("a.b.c.d"); None for what must not be answered. Raise nothing.

    A and ANY get the address; every other type has no records, and the answer is so at once. What follows the question (EDNS,
    RFC 6891) is left out of the answer: a responder that does not mention it does not speak it.
    """
    if len(packet) < _HEAD or packet[2] & 0x80:
        return None  # too short for an id; or an answer itself: two name servers would answer each other for ever
    if packet[2] & 0x78:
        return _head(packet, _NOTIMP, 0, 0)
    end = _question_end(packet) if packet[4] == 0 and packet[5] == 1 else 0
    if not end:
        return _head(packet, _FORMERR, 0, 0)
    kind = packet[end - 4] << 8 | packet[end - 3]
    net = packet[end - 2] << 8 | packet[end - 1]
    ours = kind in (_A, _ANY) and net in (_IN, _ANY)
    reply = _head(packet, 0, 1, 1 if ours else 0) + packet[_HEAD:end]
    return reply + _RECORD + bytes([int(part) for part in address.split(".")]) if ours else reply


def _head(packet, code, questions, answers):
    """Return a header: id and recursion bit as in `packet`; authoritative, and able to recurse, or resolvers look for another."""
    flags = bytes((0x84 | packet[2] & 0x79, 0x80 | code))
    return bytes(packet[:2]) + flags + bytes((0, questions, 0, answers, 0, 0, 0, 0))


def _question_end(packet):
    """Return the index behind the one question; 0 when its name or type goes beyond the packet, or breaks RFC 1035 §2.3.4."""
    at = _HEAD
    size = len(packet)
    while at < size and packet[at]:
        if packet[at] > _MAX_LABEL:
            return 0  # too long, or a pointer: there is nothing before the first name to point to
        at += 1 + packet[at]
    end = at + 5
    return end if end <= size and at + 1 - _HEAD <= _MAX_NAME else 0
