"""Whether a network asks for a login before it lets anybody through ("captive portal"). In memory only after a failure.

Such a network answers in the place of every server, by plain HTTP with a way to its page; TLS then fails with whatever
certificate it has. RFC 8952 §2.3.
"""

import asyncio

from micropython import const

from lib import connect, http_response

PORT = 80
_MS = const(5000)
_CHUNK = const(512)
_REDIRECTS = (301, 302, 303, 307, 308)
_LOGIN = "a login page is in the way (captive portal): "


async def words(host, resolve):
    """Return what is in the way to `host`, which could not be reached by TLS: a login page; "" for nothing of that kind.

    One question by plain HTTP, which tells no more than the name of the host; at most 10 s.
    """
    opening = http_response.request("GET", host, PORT, False, "/", (("Connection", "close"),))
    try:
        reader, writer = await connect.dial(host, PORT, None, resolve, opening, _MS)
    except connect.Failed:
        return ""
    answer = http_response.Answer()
    try:
        await asyncio.wait_for_ms(_head(reader, answer), _MS)
    except (asyncio.TimeoutError, http_response.Error, OSError, ValueError, EOFError):
        return ""
    finally:
        await connect.close(writer)
    return judged(host, answer.status, answer.headers)


async def _head(reader, answer):
    while answer.status is None:
        data = await reader.read(_CHUNK)
        if not data:
            answer.ended()
        answer.feed(data)


def judged(host, status, headers):
    """Return the words for an answer by plain HTTP in the name of `host`; "" where the server itself may have said it."""
    if status == 511:  # RFC 6585 §6
        return _LOGIN + host
    try:
        other = http_response.parse_url(http_response.follow("http://" + host, headers.get("location", "")))[1]
    except ValueError:
        return ""
    return _LOGIN + other if status in _REDIRECTS and other != host else ""
