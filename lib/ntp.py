"""The time of day from a time server: SNTP version 4 (RFC 4330, RFC 5905) with sanity bounds. The caller sets the clock.

`request` and `answer` are without I/O.
"""

from os import urandom
from struct import unpack_from

from micropython import const

from lib import udp
from lib.resolver import NotFound

_SIZE = const(48)
_SERVER = const(4)
_UNSYNCHRONISED = const(3)
_PORT = const(123)
_YEARS_S = 631152000  # twenty years: a time beyond that is none
_UNIX_EPOCH_S = 2208988800  # 1970 in seconds since 1900, where NTP begins
_ERA_S = 1 << 32  # in 2036 the 32 bits begin anew


class Failed(Exception):
    """No server gave a time that can be believed; the text says why."""


def request(stamp):
    """The 48 bytes of a client's question; `stamp` is 8 random bytes which the answer must bring back.

    It stands where a client may put its own time: so nothing is told of our clock, and a stranger cannot guess it.
    """
    return b"\x23" + bytes(39) + stamp  # no leap warning, version 4, mode 3


def answer(stamp, packet, oldest_s):
    """Microseconds since 1970 (int) out of `packet`; None when it does not answer our question.

    Raises Failed when the server refuses (kiss of death), is not synchronised, or tells a time before `oldest_s` or more
    than twenty years after it.
    """
    if len(packet) < _SIZE or packet[0] & 7 != _SERVER or packet[24:32] != stamp:
        return None
    stratum = packet[1]
    if stratum == 0:
        code = "".join(chr(byte) for byte in packet[12:16] if 32 < byte < 127)
        raise Failed("the time server sends us away (" + code + ")")
    if stratum > 15 or packet[0] >> 6 == _UNSYNCHRONISED:
        raise Failed("the time server is not synchronised")
    seconds, fraction = unpack_from("!II", packet, 40)
    if not seconds and not fraction:
        raise Failed("the time server tells no time")
    if seconds < 0x80000000:  # RFC 4330 §3: the top bit is set from 1968 to 2036
        seconds += _ERA_S
    unix_s = seconds - _UNIX_EPOCH_S
    if unix_s < oldest_s:
        raise Failed("the time server's time is before this firmware was made")
    if unix_s >= oldest_s + _YEARS_S:
        raise Failed("the time server's time is too far in the future")
    return unix_s * 1000000 + (fraction * 15625 >> 26)  # 10^6 / 2^32


async def ask(server, resolve, oldest_s, now_us, timeout_ms=2000):
    """Return by how many microseconds (int) `now_us()` is behind the time of `server`, a host name or address, perhaps ":port".

    The answer is taken to have been made in the middle between question and answer (RFC 4330 §5). `resolve` is
    `async (host) -> address`; `oldest_s` is when this firmware was made. `timeout_ms` is for the answer, the name look-up
    not counted. Raises Failed with the reason.
    """
    host, _, port = server.partition(":")
    stamp = urandom(8)
    try:
        address = await resolve(host)
        asked_us = now_us()
        told_us = await udp.ask(
            (address, int(port or _PORT)), request(stamp), lambda packet: answer(stamp, packet, oldest_s), timeout_ms
        )
    except udp.Silent:
        raise Failed(server + ": no answer")
    except (Failed, NotFound, OSError, ValueError) as fault:
        raise Failed("%s: %s" % (server, fault))
    return told_us - (asked_us + now_us()) // 2
