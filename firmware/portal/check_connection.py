"""How the set-up knocks at services that speak WebSocket, as the device will at work. In memory only while it does.

A new one is a row of DOORS, and a function: address, headers, what is said first, and what the answers mean. What they are made
of is in backends/; a test holds the two together.
"""

import asyncio
from collections import namedtuple

from micropython import const

from firmware.backends import _openshock_link
from firmware.command import Leave
from firmware.link.http_and_websocket import Reach
from firmware.portal.check_way import NO_TOKEN, OFFLINE, REFUSED, agent, timed
from firmware.version import VERSION
from lib import tls
from lib.hangup import close
from lib.strict_json import dumps, loads
from lib.url import quoted
from lib.websocket import TEXT, Frames

_CHUNK = const(1024)  # bytes a read
_MOST = const(8192)  # bytes of a message
_WHOLE_MS = const(25000)
_FAREWELL_MS = const(1000)
SEPARATOR = "\x1e"  # behind each record of SignalR
HELLO = '{"protocol":"json","version":1}' + SEPARATOR

# url · headers · messages: texts to send first · judge: function(text of a message) → (whether we are in, words), or None for
# what says nothing of that · closed: what it means when the server closes before
Door = namedtuple("Door", ("url", "headers", "messages", "judge", "closed"))


def share(own, headers, guid, query, session):
    """A Door; the last three are what _openshock_link.read gives."""
    url = "%s/1/hubs/share/link/%s%s" % (own["url"].rstrip("/"), guid, query)

    def judge(text):
        for record in _records(text):
            if str(record.get("target")).lower() == "welcome":
                guest = record.get("arguments") == [1]
                return True, "reaches the hub: as a guest" if guest else "reaches the hub: as yourself"
        return None

    return Door(url, headers + session, (HELLO,), judge, "the share link refuses this name or session")


def fleet(own, headers):
    """A Door, for a device that has an account; one without gets it by pairing.py."""
    base, token = own["url"].rstrip("/"), own["token"]
    url = own["endpoint"] or base + "/hubs/fleet"
    url += ("&" if "?" in url else "?") + "access_token=" + quoted(token)
    # a server may let everybody in, for new tokens; this is answered to a device alone, and every connection begins with it

    def judge(text):
        for record in _records(text):
            if record.get("type") == 3 and record.get("invocationId") == "1":
                if record.get("error"):
                    return False, REFUSED % _hushed(record["error"], token)
                return True, "reaches the hub: paired"
            if refused(record):
                return False, refused(record)
        return None

    return Door(url, headers, (HELLO, call("ReportDeviceInfo", [None, VERSION, "en"])), judge, REFUSED % "closed")


def valtronics(own, headers):
    """A Door, for both dialects: one wants no token, and says so."""
    scheme, _, rest = own["url"].rstrip("/").partition("://")
    url = "%s://%s" % ("wss" if scheme.lower() in ("https", "wss") else "ws", rest if "/" in rest else rest + "/ws")
    token = own["token"]

    def judge(text):
        said = table(text)
        error = said.get("error")
        if said.get("success") is True and said.get("type") == "auth_response":
            return True, "reaches the hub: logged in"
        if str(error).lower() == "unknown message type: auth":
            return True, "reaches the hub: no token is wanted"
        if error is None and said.get("type") != "auth_response":
            return None
        return False, REFUSED % _hushed(error, token) if token else NO_TOKEN

    return Door(url, headers, (dumps({"type": "auth", "token": token}).decode(),), judge, "the server closes at once")


DOORS = {"openshock_share": share, "dsp_fleet": fleet, "valtronics": valtronics}


def table(text):
    """The JSON object in `text`, an empty dict for anything else."""
    try:
        found = loads(text)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}


def _records(text):
    return [table(record) for record in text.split(SEPARATOR.encode())]


def call(target, arguments):
    """The record that asks the hub for something; its answer has the id "1"."""
    return dumps({"type": 1, "invocationId": "1", "target": target, "arguments": arguments}).decode() + SEPARATOR


def refused(record):
    """Why SignalR does not shake hands, in words; "" for any other record, a table."""
    no = "error" in record and "type" not in record
    return "the server does not let us in: " + str(record["error"])[:80] if no else ""


def _hushed(words, token):
    """A server's words without the token that may stand in them."""
    return str(words).replace(token, "***")[:80] if token else str(words)[:80]


async def reached(rooms, name):
    """(whether the backend `name`, one of DOORS, is let in, in words). Wrong: nobody knows the time."""
    own, link = rooms.settings.section(name), ()
    if name == "openshock_share":
        missing, *link = _openshock_link.read(own)
        if missing:
            return False, missing
    if not rooms.wifi.online():
        return False, OFFLINE
    door = DOORS[name](own, [agent(rooms)], *link)
    await timed(rooms, door.url)
    return await knocked(rooms, door)


async def knocked(rooms, door):
    """(whether the Door lets us in, in words)."""
    try:
        return await asyncio.wait_for_ms(_knocked(rooms, door), _WHOLE_MS)
    except asyncio.TimeoutError:
        return False, "no whole answer within %d s" % (_WHOLE_MS // 1000)
    except (Leave, OSError, EOFError) as fault:
        closed = isinstance(fault, Leave) and fault.status in (401, 403)
        return False, REFUSED % fault.status if closed else why(fault)


async def _knocked(rooms, door):
    return await heard(door, *await opened(rooms, door))


def why(fault):
    """In words: a Leave, an OSError or an EOFError on the way to a Door, or behind it."""
    if isinstance(fault, Leave):
        return "the server answers %d" % fault.status if fault.status else fault.reason

    return tls.explain(fault)


async def opened(rooms, door):
    """(reader, writer, bytes that came already) of the WebSocket behind a Door. Leave, OSError, EOFError."""
    return await Reach(rooms.wifi, rooms.keeper, rooms.roots).knock(door.url, door.headers, _nobody)


async def heard(door, reader, writer, data):
    """(whether the Door lets us in, in words), and the connection is closed. OSError, EOFError."""
    frames = Frames(_MOST)
    try:
        for message in door.messages:
            writer.write(frames.message(message))
        while True:
            for opcode, payload in frames.feed(data):
                verdict = door.judge(payload) if opcode == TEXT else None
                if verdict:
                    return verdict
            answer = frames.take()
            if answer:
                writer.write(answer)
            await writer.drain()
            data = b"" if frames.closed else await reader.read(_CHUNK)
            if not data:
                return False, door.closed or "the other side closed"
    finally:
        await _leave(writer, frames)


async def _leave(writer, frames):
    try:
        writer.write(frames.close())
        await asyncio.wait_for_ms(writer.drain(), _FAREWELL_MS)
    except (OSError, EOFError, asyncio.TimeoutError):
        pass  # it is gone already
    await close(writer)


def _nobody(_):
    """None: nobody wants to hear where it connects to."""
