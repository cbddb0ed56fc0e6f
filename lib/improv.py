"""Improv Wi-Fi over serial, version 1, as a client of ESP Web Tools speaks it: packets in and out. No I/O, no clock.

A packet is "IMPROV" 01 type length data sum; the sum is the low byte of all that went before. It shares its line with a log and
with a person at a terminal, so what is no packet is handed on byte by byte.
Facts: reference/onboarding-ota-safety.md §B; what a client reads and drops: improv-wifi/sdk-serial-js.
"""

from micropython import const

# what a client asks for
WIFI = const(1)
STATE = const(2)
INFO = const(3)
SCAN = const(4)
HOSTNAME = const(5)
DEVICE_NAME = const(6)
FAULT = const(-1)  # not asked for: a packet came that is none, and the client is owed an error

# states
READY = const(2)
PROVISIONING = const(3)
PROVISIONED = const(4)

# errors
NO_ERROR = const(0)
INVALID_RPC = const(1)
UNKNOWN_RPC = const(2)
UNABLE_TO_CONNECT = const(3)
BAD_HOSTNAME = const(5)
UNKNOWN_ERROR = const(255)

_STATE_PACKET = const(1)
_ERROR_PACKET = const(2)
_RPC = const(3)
_RESULT_PACKET = const(4)

_HEADER = b"IMPROV\x01"
_NAME = const(6)  # bytes that a person could have typed
_FIRST = const(73)  # "I"
_FRONT = const(9)  # bytes in front of the data
_LONGEST = const(265)  # a packet with 255 bytes of data
_SILENT_MS = const(100)
_NEWLINE = const(10)
_MOST_TEXT = const(253)  # 255 bytes of data, less the command and their length


class Improv:
    """Finds packets in what arrives. One buffer, made once; `now` is any clock in ms."""

    def __init__(self):
        self._packet = bytearray(_LONGEST)
        self._have = 0
        self._last = 0  # when the last byte of an unfinished packet came

    def feed(self, byte, now):
        """What `byte` (0–255) brings: a tuple of bytes that belong to no packet (ints) and of requests (command, payload).

        Empty while it may be part of a packet. (FAULT, code) is a broken request, to be answered with `error(code)`.
        """
        if self._have and now - self._last >= _SILENT_MS:
            return self.due(now) + self.feed(byte, now)
        have = self._have
        if have == 0 and byte != _FIRST:
            return (byte,)
        if have < len(_HEADER) and byte != _HEADER[have]:
            typed = tuple(self._packet[:have])
            self._have = 0
            return typed + self.feed(byte, now)
        self._packet[have] = byte
        self._have = have + 1
        self._last = now
        if have < _FRONT or have < _FRONT + self._packet[_FRONT - 1]:
            return ()
        self._have = 0
        return _request(self._packet, have)

    def due(self, now):
        """As `feed`, when nothing came: after 100 ms of silence half a packet is dropped, letters of its name were typed."""
        if not self._have or now - self._last < _SILENT_MS:
            return ()
        have, self._have = self._have, 0
        return tuple(self._packet[:have]) if have <= _NAME else ()


def _request(packet, end):
    """The request in `packet`, whose sum is at `end`, as a tuple of one; an empty one for a packet that asks for nothing."""
    if packet[7] != _RPC:
        return ()  # our own words, come back from a terminal that echoes
    size = packet[_FRONT - 1]
    if sum(packet[:end]) & 0xFF != packet[end] or size < 2 or packet[_FRONT + 1] != size - 2:
        return ((FAULT, INVALID_RPC),)
    return ((packet[_FRONT], bytes(packet[_FRONT + 2 : end])),)


def texts(payload):
    """The texts (bytes) in `payload`, each behind its length; None when the lengths do not add up."""
    found = []
    at = 0
    while at < len(payload):
        end = at + 1 + payload[at]
        if end > len(payload):
            return None
        found.append(payload[at + 1 : end])
        at = end
    return found


def _packet(kind, data):
    """The bytes of one packet between two line feeds: a client drops everything up to a line feed that is no packet."""
    packet = _HEADER + bytes((kind, len(data))) + data
    return b"\n" + packet + bytes((sum(packet) & 0xFF, _NEWLINE))


def state(code):
    """The packet that tells the state."""
    return _packet(_STATE_PACKET, bytes((code,)))


def error(code):
    """The packet that tells an error, or NO_ERROR."""
    return _packet(_ERROR_PACKET, bytes((code,)))


def result(command, answers=()):
    """The packet that answers `command` with texts. ValueError for more than 253 bytes of them, their lengths counted."""
    body = b""
    for answer in answers:
        answer = answer.encode()
        if len(body) + len(answer) >= _MOST_TEXT:
            raise ValueError("too long for one packet")
        body += bytes((len(answer),)) + answer
    if len(body) + 2 == _NEWLINE:
        body += (
            b"\0"  # a length of 10 is a line feed to the client, who then never sees this packet: one empty text more
        )
    return _packet(_RESULT_PACKET, bytes((command, len(body))) + body)
