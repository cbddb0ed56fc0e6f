"""One HTTP request over a verified connection: whole with a size limit, or as a stream for what is big. RFC 9110.

Connections come from lib/connect.py, the words from lib/http_response.py; redirects, limits and what may follow where live here.
"""

import asyncio
from collections import namedtuple

from micropython import const

from lib import connect, http_response, tls

_MAX_REDIRECTS = const(3)
_REDIRECTS = (301, 302, 303, 307, 308)
_READ = const(1024)  # bytes asked for at once, in one piece: a heap at work has few that are larger
_MOST_DIGITS = const(12)
_MOST_TAKEN = const(65536)  # bytes of an answer that is taken in pieces
_WHOLE = const(4)  # a whole answer may take this many time-outs
_ALWAYS = (("Connection", "close"), ("Accept-Encoding", "identity"))
_FOR_ANYONE = ("user-agent", "accept", "range", "if-range")  # all else might be a secret of the first host

Answer = namedtuple("Answer", ("status", "headers", "body", "retry_after_s"))


class Failed(Exception):
    """There is no answer that could be used; the text says why and never holds a header."""


async def get(url, headers, roots, resolve, max_body=16_384, timeout_ms=15_000, take=None):
    """The Answer to a GET: status, headers (lower-case names), body (bytes), retry_after_s (or None).

    `take(bytes)` gets the body of a 200 as it comes, up to 64 KiB of it; the Answer has none of it then.

    `headers` are pairs or a dict with User-Agent and what the server wants; `roots` prove https; `resolve` is as for
    `dial`. Each step has `timeout_ms`, the whole four times that. Raises Failed; a status of 400 and above is an answer.
    """
    return await _bounded(_whole(open(url, headers, roots, resolve, timeout_ms), max_body, take), timeout_ms)


async def post(url, body, headers, roots, resolve, max_body=16_384, timeout_ms=15_000):
    """The Answer to a POST of `body` (bytes), as `get`; a redirect is the answer, but one from http to https is followed."""
    return await _bounded(_posted(url, body, _pairs(headers), roots, resolve, max_body, timeout_ms), timeout_ms)


async def _posted(url, body, headers, roots, resolve, max_body, timeout_ms):
    answer = await _whole(_ask("POST", url, headers, body, roots, resolve, timeout_ms), max_body)
    location = answer.headers.get("location")
    if answer.status in _REDIRECTS and location and not url.lower().startswith("https"):
        try:
            target = http_response.follow(url, location)
        except ValueError:
            return answer
        if target.lower().startswith("https") and http_response.may_know(url, target):
            return await _whole(_ask("POST", target, headers, body, roots, resolve, timeout_ms), max_body)
    return answer


async def open(url, headers, roots, resolve, timeout_ms=15_000, start=0, hosts=None):
    """A Stream of the answer to a GET, for bodies of any size: the caller bounds it in bytes and time, and must `close` it.

    From byte `start` on, where the server can (RFC 9110 §14.2; see `Stream.start`). Up to three redirects are followed,
    never out of TLS, and only to `hosts` when they are given; another server learns no header but the harmless ones
    (url.may_know).
    """
    headers = _pairs(headers)
    if start:
        headers.append(("Range", "bytes=%d-" % start))
    for _ in range(_MAX_REDIRECTS + 1):
        stream = await _ask("GET", url, headers, None, roots, resolve, timeout_ms)
        if stream.status == 206 and stream.start != start:
            await stream.close()
            raise Failed("another part than the one that was asked for")
        location = stream.headers.get("location")
        if stream.status not in _REDIRECTS or location is None:
            return stream
        await stream.close()
        try:
            target = http_response.follow(url, location)
        except ValueError as fault:
            raise Failed(str(fault))
        if hosts is not None and http_response.parse_url(target)[1] not in hosts:
            raise Failed("a redirect to another host (%s)" % http_response.parse_url(target)[1])
        if not http_response.may_know(url, target):
            headers = [(name, value) for name, value in headers if name.lower() in _FOR_ANYONE]
        url = target
    raise Failed("more than %d redirects" % _MAX_REDIRECTS)


class Stream:
    """An answer whose head has arrived: `status`, `headers`, and the `url` it came from in the end."""

    def __init__(self, url, reader, writer, timeout_ms):
        self.url = url
        self._reader = reader
        self._writer = writer
        self._timeout_ms = timeout_ms
        self._answer = http_response.Answer()
        self._pieces = []

    @property
    def status(self):
        """The three digits, an int."""
        return self._answer.status

    @property
    def headers(self):
        """A dict with lower-case names."""
        return self._answer.headers

    @property
    def start(self):
        """The byte of the whole thing that the body begins with; -1 when the server does not say it (RFC 9110 §14.4)."""
        if self.status != 206:
            return 0
        unit, _, told = self.headers.get("content-range", "").partition(" ")
        first = told.partition("-")[0]
        good = unit.lower() == "bytes" and 0 < len(first) <= _MOST_DIGITS and http_response.only(first, "0123456789")
        return int(first) if good else -1

    @property
    def length(self):
        """Bytes of the body; None when the server does not say it."""
        told = self.headers.get("content-length", "").partition(",")[0].strip()
        return int(told) if 0 < len(told) <= _MOST_DIGITS and http_response.only(told, "0123456789") else None

    async def read(self):
        """The next piece of the body (bytes), b"" behind the last. Raises Failed; nothing may be read after that."""
        while not self._pieces and not self._answer.done:
            await self.more()
        return self._pieces.pop(0) if self._pieces else b""

    async def more(self):
        """None, when more of the answer has been taken in. Raises Failed when it is late, cut short or damaged.

        A body that only the end of the connection ends can fail although it is whole: MicroPython swallows the end of
        TLS when it arrives together with data (its read goes on until nothing is left). Late is safe; servers say lengths.
        """
        try:
            data = await asyncio.wait_for_ms(self._reader.read(_READ), self._timeout_ms)
            if data:
                self._pieces += self._answer.feed(data)
            else:
                self._answer.ended()
        except asyncio.TimeoutError:
            raise Failed("no answer within %d s" % (self._timeout_ms // 1000))
        except http_response.Error as fault:
            raise Failed(str(fault))
        except (OSError, ValueError, EOFError) as fault:
            raise Failed(tls.explain(fault))

    async def close(self):
        """None; the connection is closed, whatever of the answer was left."""
        await connect.close(self._writer)


def _pairs(headers):
    return list(headers.items() if isinstance(headers, dict) else headers)


async def _ask(method, url, headers, body, roots, resolve, timeout_ms):
    """A Stream with its head. Raises Failed."""
    try:
        scheme, host, port, path = http_response.parse_url(url)
        secure = scheme in ("https", "wss")
        opening = http_response.request(method, host, port, secure, path, headers + list(_ALWAYS), body)
    except ValueError as fault:
        raise Failed(str(fault))
    if secure and roots is None:
        raise Failed("https without root certificates")
    try:
        reader, writer = await connect.dial(host, port, roots if secure else None, resolve, opening, timeout_ms)
    except connect.Failed as fault:
        raise Failed(fault.reason)
    stream = Stream(url, reader, writer, timeout_ms)
    good = False
    try:
        while stream.status is None:
            await stream.more()
        if stream.headers.get("content-encoding", "identity").lower() != "identity":
            raise Failed("a content coding that nobody asked for")
        good = True
    finally:
        if not good:
            await stream.close()
    return stream


async def _whole(asked, max_body, take=None):
    """The Answer out of the coroutine `asked` of a Stream, as `get`. Raises Failed when its body is larger than it may be."""
    stream = await asked
    pieces = []
    size = 0
    taken = take and stream.status == 200
    max_body = _MOST_TAKEN if taken else max_body
    try:
        while piece := await stream.read():
            size += len(piece)
            if size > max_body:
                raise Failed("the answer is larger than %d bytes" % max_body)
            take(piece) if taken else pieces.append(piece)
    finally:
        await stream.close()
    return Answer(stream.status, stream.headers, b"".join(pieces), http_response.retry_after_s(stream.headers))


async def _bounded(whole, timeout_ms):
    try:
        return await asyncio.wait_for_ms(whole, _WHOLE * timeout_ms)
    except asyncio.TimeoutError:
        raise Failed("no whole answer within %d s" % (_WHOLE * timeout_ms // 1000))
