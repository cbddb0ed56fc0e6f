"""Closes a connection: the one thing that whoever talks over one needs of the rooms that opened it."""

import asyncio

from micropython import const

_CLOSING_MS = const(2000)


async def close(writer):
    """None, when the connection is closed, or is left to close by itself after 2 s."""
    writer.close()
    try:
        await asyncio.wait_for_ms(writer.wait_closed(), _CLOSING_MS)
    except (asyncio.TimeoutError, OSError, ValueError):
        pass  # whatever the other side says to our leaving, we have left
