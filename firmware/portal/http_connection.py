"""One connection of the set-up page's server, bounded in time and memory: a request is heard, an answer said.

What is kept of the head is what lib/http_request.py keeps, so that nobody's long line becomes our memory.
"""

import asyncio

from micropython import const

from lib.http_request import Head

_READ = const(512)  # bytes
_PIECE = const(1436)  # bytes: what one segment carries, so that no half-empty one waits for an acknowledgement
_LINGER_BYTES = const(65536)
_LINGER_MS = const(1000)
_CLOSING_MS = const(2000)
_ANSWERING = const(2)  # time-outs that a guest may take to hear all of an answer
_REASONS = {200: "OK", 204: "No Content", 302: "Found", 400: "Bad Request", 403: "Forbidden", 404: "Not Found"}
_BUSY = b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Guest:
    """`clock()` gives ms. Whoever is silent for `timeout_ms`, or takes that long to ask, is cut."""

    def __init__(self, reader, writer, clock, timeout_ms):
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._timeout_ms = timeout_ms
        self._left_ms = timeout_ms  # for asking; then for hearing
        self._head = None
        self._body = b""
        self._out = bytearray()

    async def read_head(self, wanted):
        """A `Head` with the headers in `wanted`. http_request.Bad, EOFError, OSError, asyncio.TimeoutError."""
        head = self._head = Head(wanted)
        data, used = b"", 0
        while not head.done:
            data = await self._timed(self._reader.read(_READ))
            if not data:
                raise EOFError
            used = head.feed(data)
        self._body = data[used:]
        return head

    async def read_body(self):
        """The body, as many bytes as the head says; the caller has bounded that. Raises as `read_head`."""
        size = self._head.length
        self._body = self._body[:size]
        missing = size - len(self._body)
        if missing:
            self._body += await self._timed(self._reader.readexactly(missing))
        self._left_ms = _ANSWERING * self._timeout_ms
        return self._body

    async def answer(self, status, kind, body, more=""):
        """Say an answer, if anybody still listens. `body`: its pieces (bytes), gone through twice; `more`: further header lines."""
        self._begin(status, kind, sum(map(len, body)), more)
        try:
            if self._head.method != "HEAD":
                for piece in body:
                    await self._add(piece)
            await self._say()
        except (OSError, asyncio.TimeoutError):
            pass

    def _begin(self, status, kind, size, more):
        self._left_ms = max(self._left_ms, self._timeout_ms)
        lines = "HTTP/1.1 %d %s\r\n%sConnection: close\r\n" % (status, _REASONS.get(status, "No"), more)
        if kind:
            lines += "Content-Type: %s\r\n" % kind
        if status != 204:
            lines += "Content-Length: %d\r\n" % size
        self._out += (lines + "\r\n").encode()

    async def _add(self, data):
        """None; `data` will be said, in whole pieces; the last one waits for `_say`."""
        view = memoryview(data)
        while len(view):
            room = _PIECE - len(self._out)
            self._out += view[:room]
            view = view[room:]
            if len(self._out) == _PIECE:
                await self._say()

    async def _say(self):
        out, self._out = self._out, bytearray()
        self._writer.write(out)
        await self._timed(self._writer.drain())

    async def linger(self):
        """None; what the guest is still saying is let pass, for a second at most: cut short it would not hear our answer."""
        try:
            await asyncio.wait_for_ms(self._hear_out(), min(_LINGER_MS, self._timeout_ms))
        except (OSError, asyncio.TimeoutError):
            pass

    async def dismiss(self):
        """None; there is no room: said so where that takes no waiting, and closed."""
        try:
            self._writer.write(_BUSY)
        except OSError:
            pass
        await self.leave()

    async def leave(self):
        """None; everything is closed."""
        self._writer.close()
        try:
            await asyncio.wait_for_ms(self._writer.wait_closed(), _CLOSING_MS)
        except (OSError, asyncio.TimeoutError):
            pass

    async def _hear_out(self):
        heard = 0
        while heard < _LINGER_BYTES:
            data = await self._reader.read(_READ)
            if not data:
                return
            heard += len(data)

    async def _timed(self, waiting):
        """What `waiting` gives. asyncio.TimeoutError when the guest's time is up."""
        before_ms = self._clock()
        try:
            return await asyncio.wait_for_ms(waiting, max(1, min(self._left_ms, self._timeout_ms)))
        finally:
            self._left_ms -= self._clock() - before_ms
