"""What both rooms that ask servers in the set-up begin with: the time, and who we are. In memory only while one of them asks."""

import asyncio

from micropython import const

from firmware.portal.session import Wrong
from firmware.version import VERSION

_TIMEOUT_MS = const(8000)
OFFLINE = "not connected to the internet yet"
NO_TOKEN = "there is no token yet"
REFUSED = "the server refuses this token (%s)"


def agent(rooms):
    """The header that says who we are."""
    return "User-Agent", "OpenShock/%s (MicroPython; %s)" % (VERSION, rooms.settings.get("board"))


async def timed(rooms, url):
    """None; the time is known, where certificates are to be checked. Wrong."""
    if url[:5].lower() in ("https", "wss:/"):
        try:
            await asyncio.wait_for_ms(rooms.keeper.wait_known(), _TIMEOUT_MS)
        except asyncio.TimeoutError:
            raise Wrong(504, "no time server answers, and without the time no certificate can be checked")
