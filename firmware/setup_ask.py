"""What the set-up asks servers: a token for a pairing code, and whether a backend's token is good. In memory only meanwhile."""

import asyncio

from micropython import const

from firmware.setup import Wrong
from firmware.version import VERSION
from lib import fetch
from lib.jsontext import loads

_TIMEOUT_MS = const(8000)  # of each step; and
_WHOLE_MS = const(25000)  # so long the page waits for an answer
_MOST = const(4096)  # bytes of an answer that are kept: of a list of shockers, about 16
_TOKEN_MOST = const(256)

# How a backend's server is asked whether it knows us: (path, header of the token, whether it tells our shockers)
_QUESTIONS = {
    "openshock_user": ("/1/shockers/own", "Open-Shock-Token", True),
    "openshock_gateway": ("/1/device/self", "Device-Token", False),
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
    """(whether the backend `name` reaches its server with its token, in words). Wrong when there is no answer at all."""
    if name == "dsp_fleet":
        return (
            False,
            "it pairs after the restart: the log and the console's status show the pairing code, the lamp blinks",
        )
    if name not in _QUESTIONS:
        return False, "this backend cannot be asked from here: the lamp tells after the restart"
    path, header, tells = _QUESTIONS[name]
    own = rooms.settings.section(name)
    if not own["token"]:
        return False, "there is no token yet"
    if not rooms.wifi.online():
        return False, "not connected to the internet yet"
    status, body, whole = await _ask(rooms, own["url"].rstrip("/") + path, [(header, own["token"])])
    if status in (401, 403):
        return False, "the server refuses this token (%d)" % status
    if status != 200:
        return False, "the server answers %d" % status
    if not tells:
        return True, "reaches the hub"
    if not whole and body[:1] == b"{" and b'"data"' in body:
        return True, "reaches the hub: many shockers"
    from firmware.openshock_map import shockers_of  # not before: the connection, closed by now, needed the room

    shockers = shockers_of(body, own["device_id"].lower()) if whole else None
    if shockers is None:
        return False, "something answers there, but it is no OpenShock server"
    return True, "reaches the hub: %d shockers" % len(shockers)


async def _ask(rooms, url, headers):
    """(status, the body or its first bytes, whether that is all of it). Wrong when there is no answer."""
    if url.startswith("https"):
        try:
            await asyncio.wait_for_ms(rooms.keeper.wait_known(), _TIMEOUT_MS)
        except asyncio.TimeoutError:
            raise Wrong(504, "no time server answers, and without the time no certificate can be checked")
    agent = "OpenShock/%s (MicroPython; %s)" % (VERSION, rooms.settings.get("board"))
    try:
        return await asyncio.wait_for_ms(_fetched(rooms, url, headers + [("User-Agent", agent)]), _WHOLE_MS)
    except asyncio.TimeoutError:
        raise Wrong(504, "no whole answer within %d s" % (_WHOLE_MS // 1000))
    except fetch.Failed as failed:
        raise Wrong(502, str(failed))


async def _fetched(rooms, url, headers):
    stream = await fetch.open(url, headers, rooms.roots, rooms.wifi.resolve, _TIMEOUT_MS)
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
