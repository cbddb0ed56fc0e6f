"""Improv Wi-Fi over serial, version 1: finds the packets of a client, such as ESP Web Tools, in what arrives. No I/O, no clock.

A packet is "IMPROV" 01 type length data sum; the sum is the low byte of the sum of all before. It shares its line with a log and
with a person at a terminal, so what is no packet is handed on byte by byte. What the device sends is in improv_messages.py.
Facts: reference/onboarding-ota-safety.md §B.
"""

from micropython import const

# requests: the two that take seconds, and one that no client makes: a broken packet, which is answered with an error
WIFI = const(1)
SCAN = const(4)
FAULT = const(-1)

_RPC = const(3)
_INVALID_RPC = const(1)
_HEADER = b"IMPROV\x01"
_NAME = const(6)  # bytes that a person could have typed
_FIRST = const(73)  # "I"
_FRONT = const(9)  # bytes in front of the data
_LARGEST = const(128)  # bytes of data that are kept: a name of 32 and a key of 64 with their lengths are 100
_SILENT_MS = const(100)


class Improv:
    """Finds packets in what arrives. One buffer, made once; `now` is any clock in ms."""

    def __init__(self):
        self._packet = bytearray(_FRONT + _LARGEST)
        self._have = 0
        self._sum = 0
        self._last = 0  # when the last byte of an unfinished packet came

    def feed(self, byte, now):
        """Return what `byte` (0–255) completes: a tuple of bytes of no packet (ints) and of requests (command, payload).

        Empty while it may be part of a packet. (FAULT, code) is a broken request, to be answered with that error.
        """
        have = self._have
        if have == 0 and byte != _FIRST:
            return (byte,)
        if have and now - self._last >= _SILENT_MS:
            return self.due(now) + self.feed(byte, now)
        packet = self._packet
        if have < len(_HEADER) and byte != _HEADER[have]:
            self._have = 0
            return tuple(packet[:have]) + self.feed(byte, now)
        self._last = now
        if have >= _FRONT and have == _FRONT + packet[_FRONT - 1]:
            self._have = 0
            return _request(packet, byte == self._sum & 0xFF)
        if have < len(packet):
            packet[have] = byte
        self._sum = byte if have == 0 else self._sum + byte
        self._have = have + 1
        return ()

    def due(self, now):
        """Return as `feed` when nothing came: after 100 ms letters of the name count as typed, a longer half packet is dropped."""
        if not self._have or now - self._last < _SILENT_MS:
            return ()
        have, self._have = self._have, 0
        return tuple(self._packet[:have]) if have <= _NAME else ()


def _request(packet, sound):
    """Return a tuple of the one request in `packet`; an empty one for a packet that asks for nothing."""
    if packet[7] != _RPC:
        return ()  # our own output, from a terminal that echoes
    size = packet[_FRONT - 1]
    if not sound or not 2 <= size <= _LARGEST or packet[_FRONT + 1] != size - 2:
        return ((FAULT, _INVALID_RPC),)
    return ((packet[_FRONT], bytes(packet[_FRONT + 2 : _FRONT + size])),)
