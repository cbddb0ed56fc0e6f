"""Whether a server that ended a handshake of TLS 1.2 speaks TLS 1.3, which this device does not. In memory only after a failure.

The question is a ClientHello that brings no key: whoever speaks TLS 1.3 asks for one (HelloRetryRequest). RFC 8446 §4.1, §4.2.8.
"""

import asyncio
import os

from micropython import const

from lib.hangup import close

_MS = const(5000)
_HANDSHAKE = const(22)
_SERVER_HELLO = const(2)
_SUITES = b"\x13\x01\x13\x02\x13\x03"
_VERSIONS = b"\x00\x2b\x00\x03\x02\x03\x04"  # 1.3 alone
_GROUPS = b"\x00\x0a\x00\x06\x00\x04\x00\x17\x00\x1d"  # P-256, X25519
_ALGORITHMS = b"\x00\x0d\x00\x0e\x00\x0c\x04\x03\x05\x03\x08\x04\x08\x05\x04\x01\x08\x07"
_KEYS = b"\x00\x33\x00\x02\x00\x00"  # none


def question(host):
    """Return the bytes of a ClientHello for `host`, in one record."""
    name = host.encode()
    size = len(name)
    named = b"\x00\x00" + _sized(_sized(b"\x00" + _sized(name))) if size and not name[-1:].isdigit() else b""
    more = _sized(named + _VERSIONS + _GROUPS + _ALGORITHMS + _KEYS)
    body = b"\x03\x03" + os.urandom(32) + b"\x20" + os.urandom(32) + _sized(_SUITES) + b"\x01\x00" + more
    return b"\x16\x03\x01" + _sized(b"\x01\x00" + _sized(body))


def _sized(data):
    return len(data).to_bytes(2, "big") + data


async def is_spoken(host, connect):
    """Return True when the server of `host` speaks TLS 1.3; at most 5 s, and what `connect` takes.

    `await connect(opening)` gives (reader, writer) of a connection without TLS, on which `opening` (bytes) has left.
    """
    reader, writer = await connect(question(host))
    try:
        head = await asyncio.wait_for_ms(reader.readexactly(6), _MS)
        return head[0] == _HANDSHAKE and head[5] == _SERVER_HELLO
    except (OSError, EOFError, asyncio.TimeoutError):
        return False
    finally:
        await close(writer)
