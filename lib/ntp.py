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
    """Seconds since 1970 (int, rounded) out of `packet`; None when it does not answer our question.

    Raises Failed when the server refuses (kiss of death), is not synchronised, or tells a time before `oldest_s`.
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
    unix_s = seconds - _UNIX_EPOCH_S + (fraction >> 31)
    if unix_s < oldest_s:
        raise Failed("the time server's time is before this firmware was made")
    return unix_s


async def fetch_time(servers, resolve, oldest_s, port=123, timeout_ms=2000):
    """Seconds since 1970 (int) from the first of `servers` (host names or addresses) that tells a credible time.

    `resolve` is `async (host) -> address`; `oldest_s` is when this firmware was made. `timeout_ms` is for each
    server, its name look-up not counted. Raises Failed with the last reason.
    """
    why = "no time server is known"
    for server in servers:
        stamp = urandom(8)
        try:
            address = await resolve(server)
            return await _asked(address, port, stamp, oldest_s, timeout_ms)
        except udp.Silent:
            why = server + ": no answer"
        except (Failed, NotFound, OSError, ValueError) as fault:
            why = server + ": " + str(fault)
    raise Failed(why)


async def _asked(address, port, stamp, oldest_s, timeout_ms):
    return await udp.ask((address, port), request(stamp), lambda packet: answer(stamp, packet, oldest_s), timeout_ms)
