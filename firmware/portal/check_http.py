"""What the set-up asks servers by HTTP: a token for a pairing code, and whether they know us. In memory only meanwhile.

Where only a WebSocket tells, check_connection.py asks.
"""

import asyncio

from micropython import const

from firmware.backends import _openshock_link, _openshock_shared, _openshock_shockers
from firmware.portal.check_way import NO_TOKEN, OFFLINE, REFUSED, agent, timed
from firmware.portal.session import Wrong
from lib import http_client
from lib.strict_json import loads

_TIMEOUT_MS = const(8000)  # of each step; and
_WHOLE_MS = const(25000)  # so long the page waits for an answer
_MOST = const(4096)  # bytes of an answer that are kept: of a list of shockers, about 16
_TOKEN_MOST = const(256)

_SHARE = "openshock_share"
_LINKS = "/1/public/shares/links/"  # anybody may look at one

# How a backend's server is asked whether it knows us: (path, header of the token, what of _openshock_shockers takes ours)
_QUESTIONS = {
    "openshock_user": ("/1/shockers/own", "Open-Shock-Token", "Own"),
    "openshock_gateway": ("/1/device/self", "Device-Token", ""),
}


async def token_of(rooms, url, code):
    """The token that the server at `url` gives for a pairing `code` (reference/openshock-api.md §d.1). Wrong says why none."""
    status, body, _ = await _ask(rooms, url.rstrip("/") + "/1/device/pair/" + code, [])
    if status == 404:
        raise Wrong(400, "nobody knows this code: it is used up, older than 15 minutes, or mistyped", "code")
    if status == 429:
        raise Wrong(429, "the server wants a pause: try again in a minute", "code")
    if status != 200:
        raise Wrong(502, "the server answers %d" % status)
    token = _data(body)
    if not isinstance(token, str) or not 0 < len(token) <= _TOKEN_MOST:
        raise Wrong(502, "the server's answer makes no sense")
    return token


async def reached(rooms, name):
    """(whether the server of the backend `name` knows us, in words). Wrong: no answer at all."""
    own = rooms.settings.section(name)
    if name == _SHARE:
        missing, guid, _, _ = _openshock_link.read(own)
        path, header, tells = _LINKS + guid, "", "Shared"
    else:
        missing = "" if own["token"] else NO_TOKEN
        path, header, tells = _QUESTIONS[name]
    if missing:
        return False, missing
    if not rooms.wifi.online():
        return False, OFFLINE
    return await _listed(rooms, own, path, [(header, own["token"])] if header else [], tells)


async def _listed(rooms, own, path, headers, tells):
    """(whether the server gives what is at `path`, in words): `tells` makes a list of shockers of it, or is empty."""
    status, body, whole = await _ask(rooms, own["url"].rstrip("/") + path, headers)
    if status in (401, 403):
        return False, REFUSED % status
    if status == 404 and not headers:
        return False, "there is no such share link, or its time is over"
    if status != 200:
        return False, "the server answers %d" % status
    if not whole and body[:1] == b"{" and b'"data"' in body:
        return True, "reaches the hub: many shockers" if tells else "reaches the hub"

    if not whole:
        found = None
    elif tells:
        listed = _openshock_shockers.Own(own["device_id"].lower()) if tells == "Own" else _openshock_shared.Shared()
        _openshock_shockers.whole_list(listed, body)
        found = None if listed.fault else range(listed.count if tells == "Own" else len(listed))
    else:
        found = _data(body)
    if found is None:
        return False, "something answers there, but it is no OpenShock server"
    return True, "reaches the hub: %d shockers" % len(found) if tells else "reaches the hub"


async def _ask(rooms, url, headers):
    """(status, the body or its first bytes, whether that is all of it). Wrong when there is no answer."""
    await timed(rooms, url)
    try:
        return await asyncio.wait_for_ms(_fetched(rooms, url, headers + [agent(rooms)]), _WHOLE_MS)
    except asyncio.TimeoutError:
        raise Wrong(504, "no whole answer within %d s" % (_WHOLE_MS // 1000))
    except http_client.Failed as failed:
        rooms.keeper.doubt(str(failed))
        raise Wrong(502, str(failed))


async def _fetched(rooms, url, headers):
    stream = await http_client.open(url, headers, rooms.roots, rooms.wifi.resolve, _TIMEOUT_MS)
    try:
        body = bytearray()
        while len(body) <= _MOST and (piece := await stream.read()):
            body += piece
        return stream.status, bytes(body[:_MOST]), len(body) <= _MOST
    finally:
        await stream.close()


def _data(body):
    try:
        return loads(body)["data"]
    except (ValueError, TypeError, KeyError):
        return None
