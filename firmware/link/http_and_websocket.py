"""The way to a server: one errand by HTTP, or the WebSocket that a backend asks for. In memory only on the way (seldom.py)."""

import asyncio

from micropython import const

from firmware.command import Leave
from lib import connect, cookies, http_client, http_response, tls, websocket_handshake

NO_MEMORY = "no memory for the answer"  # of Python's heap
_CHUNK = const(1024)  # bytes a read
_ANSWER_MS = const(15000)
_REDIRECTS = const(3)
_REFUSED_MS = const(300000)  # 401 and 403: nobody gets in by knocking
_SECURE = ("https", "wss")
_NO_TLS = ("does not speak TLS", "the other side closed", "no root certificate")  # as lib/tls.py says it


class Reach:
    """`network` has `resolve(host)`; `keeper` is as time_sync.Timekeeper: no certificate can be checked before the time is known.

    `roots` are the DER certificates that TLS trusts. `wall()` is the time of day in µs, None while nobody knows it. `compare`,
    where there is one, hears of each server that answers by how many µs its clock is ahead of that, give or take a second.
    `reached_ms` is when a server last answered by HTTP; 0: never.
    """

    def __init__(self, network, keeper, roots, clock=int, wall=None, compare=None):
        self.reached_ms = 0
        self._plain = None  # an address at which TLS is not spoken
        self._clock = clock
        self._network = network
        self._keeper = keeper
        self._roots = roots
        self._wall = wall
        self._compare = compare
        self._cookies = (
            None,
            "",
        )  # whose they are, and what is sent back: a balancer finds the server that negotiated by them

    async def run(self, errand, taker=None):
        """(status, body, how long to wait in ms, what went wrong) of an errand (method, url, headers).

        `taker`: as Service.taker; it is the body of a good answer, which it has taken.

        A POST may have a fourth element, its body in bytes. What went wrong is a text, empty when there is an answer, and
        the same as in the Leave of `knock`; MemoryError when TLS has no room for one more connection.
        """
        method, url, headers = errand[:3]
        headers = self._with_cookies(url, headers)
        if url.startswith("https"):
            await self._keeper.wait_known()
        try:
            if method == "POST":
                answer = await http_client.post(
                    url, errand[3] if len(errand) > 3 else b"", headers, self._roots, self._network.resolve
                )
            else:
                answer = await http_client.get(
                    url, headers, self._roots, self._network.resolve, take=None if taker is None else taker.feed
                )
        except http_client.Failed as failed:
            if tls.NO_MEMORY in str(failed):
                raise MemoryError(str(failed))
            self._keeper.doubt(str(failed))
            return 0, b"", 0, await self._why(url, str(failed))
        except MemoryError:  # of Python's heap: in a while there may be more
            return 0, b"", 0, NO_MEMORY
        self.reached_ms = self._clock()
        self._date(answer.headers)
        returned = cookies.returned(answer.headers)
        if returned:
            self._cookies = _origin(url), returned
        body = taker if taker is not None and answer.status == 200 else answer.body
        return answer.status, body, (answer.retry_after_s or 0) * 1000, ""

    async def knock(self, url, headers, say, tls_first=False):
        """(reader, writer, bytes behind the answer's head) of an open WebSocket. `say(text)` is told where it connects to.

        `tls_first`: where `url` says ws://, it is tried by TLS, and without it only where TLS is not spoken.
        Leave when there is none: the server says no, or cannot be reached, or goes away meanwhile.
        """
        if tls_first and url[:5] == "ws://" and url != self._plain:
            try:
                # without waiting for the time: where TLS is not spoken nobody may ever tell it
                return await self._knock("wss" + url[2:], headers, say, False)
            except Leave as leave:
                if leave.status or not any([words in leave.reason for words in _NO_TLS]):
                    raise
            self._plain = url
        try:
            return await self._knock(url, headers, say)
        except Leave as leave:
            if leave.status in (0, 400):
                self._plain = None  # it may speak TLS by now
            raise

    async def _knock(self, url, headers, say, timed=True):
        """As `knock`, by the scheme of `url`; not before the time is known where it is to be `timed`.

        Leave when there is none: the server says no, or cannot be reached, or goes away meanwhile.
        """
        for _ in range(_REDIRECTS + 1):
            before = url
            key = websocket_handshake.new_key()
            scheme, host, port, opening = _opening(url, self._with_cookies(url, headers), key)
            secure = scheme in _SECURE
            if secure and timed:
                await self._keeper.wait_known()
            say("connecting to " + host)
            reader, writer = await self._dial(url, host, port, secure, opening)
            done = False
            try:
                answer = await _answered(reader)
                self.reached_ms = self._clock()
                self._date(answer.headers)
                websocket_handshake.check(answer.status, answer.headers, key)
                done = True
                return reader, writer, answer.rest
            except websocket_handshake.Refused as refused:
                url = _elsewhere(url, refused)
            finally:
                if not done:
                    await connect.close(writer)
            if not http_response.may_know(before, url):
                headers = [pair for pair in headers if pair[0] == "User-Agent"]  # the token is for that server alone
        raise Leave("more than %d redirects" % _REDIRECTS)

    def _date(self, headers):
        """Tell what the Date of an answer that has just come says (RFC 9110 §6.6.1); it leaves out the fraction of its second."""
        if not self._compare:
            return
        date_s, now_us = http_response.date_s(headers.get("date", "")), self._wall()
        if date_s is not None and now_us is not None:
            self._compare(date_s * 1000000 + 500000 - now_us)

    def _with_cookies(self, url, headers):
        """Return `headers` for `url`, with the cookies of its server."""
        whose, returned = self._cookies
        return list(headers) + [("Cookie", returned)] if returned and whose == _origin(url) else headers

    async def _dial(self, url, host, port, secure, opening):
        try:
            return await connect.dial(
                host, port, self._roots if secure else None, self._network.resolve, opening=opening
            )
        except connect.Failed as failed:
            self._keeper.doubt(failed.reason)
            raise Leave(await self._why(url, failed.reason))

    async def _why(self, url, reason):
        """Return `reason`, why there was no connection, behind what is in the way where that can be told."""
        whose = _origin(url)
        if not whose or not whose[0]:
            return reason
        from lib import login_page

        words = await login_page.words(whose[1], self._network.resolve)
        return "%s; %s" % (words, reason) if words else reason


def _origin(url):
    """Return (whether it is in TLS, host, port); None for what is no URL."""
    try:
        scheme, host, port, _ = http_response.parse_url(url)
    except ValueError:
        return None
    return scheme in _SECURE, host, port


def _opening(url, headers, key):
    """(scheme, host, port, the request for WebSocket). Leave when the address or a header cannot be sent."""
    try:
        scheme, host, port, path = http_response.parse_url(url)
        return scheme, host, port, websocket_handshake.upgrade(host, port, scheme in _SECURE, path, headers, key)
    except ValueError as fault:
        raise Leave(str(fault), _REFUSED_MS)


async def _answered(reader):
    """Return the http_response.Answer with its head. Raise Leave, in the words of lib/http_client.py."""
    answer = http_response.Answer()
    try:
        await asyncio.wait_for_ms(_head(reader, answer), _ANSWER_MS)
    except asyncio.TimeoutError:
        raise Leave("no answer within %d s" % (_ANSWER_MS // 1000))
    except http_response.Error as fault:
        raise Leave(str(fault))
    except (OSError, ValueError, EOFError) as fault:
        raise Leave(tls.explain(fault))
    return answer


async def _head(reader, answer):
    while answer.status is None:
        data = await reader.read(_CHUNK)
        if not data:
            answer.ended()
        answer.feed(data)


def _elsewhere(url, refused):
    """The URL that a refused request for WebSocket leads to. Leave when it leads nowhere."""
    if refused.location:
        try:
            return http_response.follow(url, refused.location)
        except ValueError:
            raise Leave("a redirect to where nobody may go")
    if refused.status in (401, 403):
        raise Leave("the server refused the token (%d)" % refused.status, _REFUSED_MS, status=refused.status)
    raise Leave(str(refused), (refused.retry_after_s or 0) * 1000, status=refused.status)


def last_words(frames, backend, code):
    """Return the last bytes for the other side, a close frame with `code` among them; b"" where nobody hears them."""
    if not frames:
        return b""
    last = frames.take()
    if not frames.closed:
        for message in backend.goodbye():
            last += frames.message(message, backend.OPCODE)
        last += frames.close(code)
    return last
