"""The way to a server: one errand by HTTP, or the WebSocket that a backend asks for. In memory only on the way (seldom.py)."""

import asyncio

from micropython import const

from firmware.command import Leave
from lib import connect, cookies, http_client, http_response, tls, websocket_handshake

_CHUNK = const(1024)  # bytes a read
_ANSWER_MS = const(15000)
_REDIRECTS = const(3)
_REFUSED_MS = const(300000)  # 401 and 403: nobody gets in by knocking
_SECURE = ("https", "wss")


class Reach:
    """`network` has `resolve(host)`; `keeper` has `wait_known()`: no certificate can be checked before the time is known.

    `roots` are the DER certificates that TLS trusts.
    """

    def __init__(self, network, keeper, roots):
        self._network = network
        self._keeper = keeper
        self._roots = roots
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
            return 0, b"", 0, str(failed)
        except MemoryError:  # of Python's heap: in a while there may be more
            return 0, b"", 0, "no memory for the answer"
        returned = cookies.returned(answer.headers)
        if returned:
            self._cookies = _origin(url), returned
        body = taker if taker is not None and answer.status == 200 else answer.body
        return answer.status, body, (answer.retry_after_s or 0) * 1000, ""

    async def knock(self, url, headers, say):
        """(reader, writer, bytes behind the answer's head) of an open WebSocket. `say(text)` is told where it connects to.

        Leave when there is none: the server says no, or cannot be reached, or goes away meanwhile.
        """
        for _ in range(_REDIRECTS + 1):
            key = websocket_handshake.new_key()
            scheme, host, port, opening = _opening(url, self._with_cookies(url, headers), key)
            secure = scheme in _SECURE
            if secure:
                await self._keeper.wait_known()
            say("connecting to " + host)
            reader, writer = await self._dial(host, port, secure, opening)
            done = False
            try:
                rest = await _answered(reader, key)
                done = True
                return reader, writer, rest
            except websocket_handshake.Refused as refused:
                url = _elsewhere(url, refused)
            finally:
                if not done:
                    await connect.close(writer)
            if http_response.parse_url(url)[:3] != (scheme, host, port):
                headers = [pair for pair in headers if pair[0] == "User-Agent"]  # the token is for that server alone
        raise Leave("more than %d redirects" % _REDIRECTS)

    def _with_cookies(self, url, headers):
        """Return `headers` for `url`, with the cookies of its server."""
        whose, returned = self._cookies
        return list(headers) + [("Cookie", returned)] if returned and whose == _origin(url) else headers

    async def _dial(self, host, port, secure, opening):
        try:
            return await connect.dial(
                host, port, self._roots if secure else None, self._network.resolve, opening=opening
            )
        except connect.Failed as failed:
            raise Leave(failed.reason)


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


async def _answered(reader, key):
    """The bytes behind the head of an answer that opens a WebSocket. wsopen.Refused; Leave, in the words of lib/http_client.py."""
    answer = http_response.Answer()
    try:
        await asyncio.wait_for_ms(_head(reader, answer), _ANSWER_MS)
    except asyncio.TimeoutError:
        raise Leave("no answer within %d s" % (_ANSWER_MS // 1000))
    except http_response.Error as fault:
        raise Leave(str(fault))
    except (OSError, ValueError, EOFError) as fault:
        raise Leave(tls.explain(fault))
    websocket_handshake.check(answer.status, answer.headers, key)
    return answer.rest


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
