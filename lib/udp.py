"""One datagram out, one back, without blocking. The only place that opens datagram sockets for questions."""

import asyncio
import errno
import socket
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

_LONGEST = const(512)  # bytes of one answer: a DNS message over UDP (RFC 1035 §2.3.4); an NTP packet has 48
_FIRST_PAUSE_MS = const(1)
_LAST_PAUSE_MS = const(20)


class Silent(Exception):
    """No usable answer came in time."""


def is_ipv4(text):
    """True when `text` is an address as a.b.c.d, which no name look-up needs."""
    parts = text.split(".")
    return len(parts) == 4 and all(_is_byte(part) for part in parts)


def _is_byte(text):
    # not isdigit(), to which superscripts are digits on CPython
    return 0 < len(text) <= 3 and all("0" <= digit <= "9" for digit in text) and int(text) < 256


async def ask(server, question, read, timeout_ms):
    """What `read(datagram)` makes of the answer to `question`; an answer that it calls None is not ours: wait on.

    `server` is (a.b.c.d, port). The socket is connected, so the network stack drops what others send, and chooses a
    fresh source port each time. It is polled with short pauses: a wait on the stream would need a platform question.
    Raises Silent after `timeout_ms`, OSError when the network refuses, ValueError when `server` is not an address.
    """
    host, port = server
    if not is_ipv4(host):
        raise ValueError("not an address: " + host)  # getaddrinfo would stop the whole interpreter
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.connect(socket.getaddrinfo(host, port)[0][-1])
        sock.send(question)
        return await _answer(sock, read, ticks_add(ticks_ms(), timeout_ms))
    finally:
        sock.close()


async def _answer(sock, read, ends):
    pause_ms = _FIRST_PAUSE_MS
    while True:
        last = ticks_diff(ends, ticks_ms()) <= 0
        datagram = _received(sock)
        result = None if datagram is None else read(datagram)
        if result is not None:
            return result
        if last:
            raise Silent
        await asyncio.sleep_ms(pause_ms)  # after a stranger's datagram too: a flood of them must not hold the loop
        pause_ms = min(2 * pause_ms, _LAST_PAUSE_MS)


def _received(sock):
    """The datagram that has arrived, or None."""
    try:
        return sock.recv(_LONGEST)
    except OSError as fault:
        if fault.errno == errno.EAGAIN:
            return None
        raise
