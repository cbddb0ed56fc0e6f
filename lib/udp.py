"""Datagrams without blocking: one out and one back, or a server's many. The only place that opens datagram sockets."""

import asyncio
import errno
import socket
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

_LONGEST = const(512)  # bytes of one answer: a DNS message over UDP (RFC 1035 §2.3.4); an NTP packet has 48
_FIRST_PAUSE_MS = const(1)
_LAST_PAUSE_MS = const(20)
_AT_ONCE = const(8)  # datagrams that a server answers before it lets others run


class Silent(Exception):
    """No usable answer came in time."""


def is_ipv4(text):
    """True when `text` is an address as a.b.c.d, which no name look-up needs."""
    parts = text.split(".")
    return len(parts) == 4 and all(_is_byte(part) for part in parts)


def _is_byte(text):
    # not isdigit(), to which superscripts are digits on CPython
    return 0 < len(text) <= 3 and all("0" <= digit <= "9" for digit in text) and int(text) < 256


def ip_of(address):
    """The "a.b.c.d" of what `accept` and `recvfrom` give: (a.b.c.d, port), or a sockaddr in bytes where there are no such pairs."""
    return address[0] if isinstance(address, tuple) else "%d.%d.%d.%d" % tuple(address[4:8])


async def ask(server, question, read, timeout_ms, anyone=False):
    """What `read(datagram)` makes of the answer to `question`; an answer that it calls None is not ours: wait on.

    `server` is (a.b.c.d, port). The socket is connected, so the network stack drops what others send, and chooses a
    fresh source port each time; but what is asked of a group `anyone` may answer. It is polled with short pauses: a wait on
    the stream would need a platform question.
    Raises Silent after `timeout_ms`, OSError when the network refuses, ValueError when `server` is not an address.
    """
    host, port = server
    if not is_ipv4(host):
        raise ValueError("not an address: " + host)  # getaddrinfo would stop the whole interpreter
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        where = socket.getaddrinfo(host, port)[0][-1]
        if anyone:
            sock.sendto(question, where)
        else:
            sock.connect(where)
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


async def serve(address, port, answer):
    """Never returns: sends back what `answer(datagram)` makes of each datagram to `address` (a.b.c.d); None stays unanswered.

    OSError when the port is taken, or the network is gone.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.bind(socket.getaddrinfo(address, port)[0][-1])
        while True:
            for _ in range(_AT_ONCE):
                if not _serve_one(sock, answer):
                    break
            await asyncio.sleep_ms(_LAST_PAUSE_MS)
    finally:
        sock.close()


def _serve_one(sock, answer):
    """True when a datagram was there."""
    try:
        datagram, guest = sock.recvfrom(_LONGEST)
    except OSError as fault:
        if fault.errno == errno.EAGAIN:
            return False
        raise
    reply = answer(datagram)
    if reply is not None:
        try:
            sock.sendto(reply, guest)
        except OSError:
            pass  # the guest has gone, or there is no room just now: it asks again
    return True
