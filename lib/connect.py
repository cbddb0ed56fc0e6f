"""Host name and port to an open stream: name, TCP, TLS that verifies. The only place that opens client streams."""

import asyncio
import gc

from micropython import const

from lib import dns_cache, tls, udp
from lib.hangup import close  # offered from here, too
from lib.idle import TIMES
from lib.resolver import NotFound

_NEWER_MS = const(5000)
_MOST = const(3)  # addresses of one name that are tried


class Failed(Exception):
    """There is no connection; `.reason` says why in words, and never holds a secret."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


async def dial(host, port, roots, resolve, opening, timeout_ms=20_000):
    """(reader, writer) of a connection to `host`, proved by one of `roots` (DER); plain TCP when `roots` is None.

    `resolve` is `async (host) -> "a.b.c.d"`; it has `timeout_ms`, and so has all that follows. It is asked again when that
    address fails; up to three are tried, each once. `opening` is what the
    client says first, and has left when this returns: MicroPython connects and shakes hands behind the first bytes
    written and tells in no other way whether it has, so a refused connection or certificate shows here because of it.
    Raises Failed, and ValueError without `opening`.
    """
    if not opening:
        raise ValueError("a connection is proved by its first bytes: there are none")
    tried, fault = [], None
    while True:
        try:
            address = await _address(host, resolve, timeout_ms)
        except Failed as failed:
            raise fault or failed
        if fault and (address in tried or len(tried) == _MOST):
            raise fault
        tried.append(address)
        try:
            return await _dial(host, address, port, roots, opening, timeout_ms)
        except Failed as failed:
            fault = failed
            dns_cache.failed(address)  # `resolve` gives another one now, where there are several


async def _dial(host, address, port, roots, opening, timeout_ms):
    """As `dial`, to one `address`."""
    wire = _Wire()
    if roots is not None:
        async with TIMES:
            pass  # to wait for that takes nothing of the time below
    try:
        await asyncio.wait_for_ms(wire.open(host, address, port, roots, opening), timeout_ms)
        wire.done = True
        return wire.reader, wire.writer
    except asyncio.TimeoutError:
        raise Failed("%s port %d: no answer within %d s" % (host, port, timeout_ms // 1000))
    except (OSError, ValueError, EOFError, MemoryError) as fault:
        words = tls.explain(fault)
    finally:
        if not wire.done:
            await wire.drop()
    if roots is not None and words in tls.MAYBE_VERSION and await _is_newer(host, address, port, timeout_ms):
        words = tls.ONLY_13
    raise Failed("%s port %d: %s" % (host, port, words))


async def _is_newer(host, address, port, timeout_ms):
    """Return whether the server that broke off a handshake speaks TLS 1.3."""
    from lib import tls13

    try:
        return await tls13.is_spoken(
            host, lambda opening: _dial(host, address, port, None, opening, min(timeout_ms, _NEWER_MS))
        )
    except Failed:
        return False


async def _address(host, resolve, timeout_ms):
    if ":" in host:
        raise Failed("%s: an IPv6 address; this device speaks IPv4 alone" % host)
    try:
        address = await asyncio.wait_for_ms(resolve(host), timeout_ms)
    except asyncio.TimeoutError:
        raise Failed(host + ": no name server answers")
    except NotFound as fault:
        raise Failed(host + ": " + fault.why)
    if not udp.is_ipv4(address):
        raise Failed(host + ": the name look-up gave no address")  # a name would stop the interpreter in getaddrinfo
    return address


class _Wire:
    """A connection on its way up, which is dropped whole when it does not get there."""

    def __init__(self):
        self.reader = self.writer = self._context = None
        self.done = False

    async def open(self, host, address, port, roots, opening):
        """None, when all of `opening` has left. Raises what the network and TLS raise."""
        if roots is None:
            self.reader, self.writer = await asyncio.open_connection(address, port)
        else:
            gc.collect()  # TLS wants one piece of 17 KB (reference/micropython-esp32.md §e)
            self._context = tls.context(roots)
            self.reader, self.writer = await asyncio.open_connection(
                address, port, ssl=self._context, server_hostname=host
            )
            await self._shake_hands(opening)
            return
        self.writer.write(opening)
        await self.writer.drain()

    async def _shake_hands(self, opening):
        """None; it takes 0.6 to 1.3 s, in slices that hold up everything (reference/micropython-esp32.md §e)."""
        async with TIMES:
            self.writer.write(opening)
            await self.writer.drain()

    async def drop(self):
        """None; closes what was opened."""
        if self._context:
            self._context.drop()
        if self.writer:
            await close(self.writer)
        self.reader = self.writer = self._context = None
        gc.collect()  # plain TCP, cancelled while it connects, leaves its socket to the collector
