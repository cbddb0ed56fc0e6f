"""The way out of one upgraded socket: every byte behind the 101 leaves through here, whole, late, or not at all."""

import asyncio
import collections
import os
import socket
import struct
import time

from tools.hub import frames

_MAX_WAITING_BYTES = 4 << 20


class Outlet:
    """Writes frames to a transport. Until `uncork` it keeps them, so that they can share a segment with the 101."""

    def __init__(self, transport, head, fragment_bytes, delay_ms=0, batch_ms=0):
        """`batch_ms`: texts within so long become one message, as ASP.NET Core packs what it has to say in quick succession."""
        self.sent_at_s = time.monotonic()
        self.delay_ms = delay_ms
        self.audible = asyncio.Event()
        self.audible.set()
        self._transport = transport
        self._head = head  # aiohttp's writer, the answer's head still unsent in it
        self._fragment_bytes = fragment_bytes
        self._corked = []
        self._held = []
        self._late = collections.deque()
        self._pump = None
        self._batch_ms = batch_ms
        self._batch = bytearray()

    async def uncork(self):
        """Send the 101 and, in the same write, whatever is there by now."""
        if self._corked is None:
            return
        corked, self._corked = b"".join(self._corked), None
        if not self.audible.is_set():
            self._head.send_headers()
            self.write(corked)
        elif corked:
            await self._head.write(corked, drain=False)
        else:
            self._head.send_headers()

    def uncork_empty(self):
        """Send the 101 alone, unless something already waits to go with it."""
        if self._corked == [] and not self.gone():
            self._corked = None
            self._head.send_headers()

    def gone(self) -> bool:
        """Whether the socket takes nothing any more."""
        return self._transport.is_closing()

    def message(self, payload, opcode=frames.TEXT):
        """Send one WebSocket message, in fragments where it is longer than a pipe segment of the real server."""
        self.sent_at_s = time.monotonic()
        if not self._batch_ms or opcode != frames.TEXT:
            self.write(frames.message(payload, self._fragment_bytes, opcode))
            return
        if not self._batch:
            asyncio.get_running_loop().call_later(self._batch_ms / 1000, self._send_batch)
        self._batch += payload

    def _send_batch(self):
        batch, self._batch = bytes(self._batch), bytearray()
        if batch:
            self.write(frames.message(batch, self._fragment_bytes))

    def pong(self, payload=b""):
        """Send a Pong, asked for or not. Not a sign of life for SignalR: it moves no timer."""
        self.write(frames.frame(frames.PONG, payload))

    def write(self, data):
        """Send raw bytes, after what is already under way; a peer that takes nothing for long is cut off."""
        if self._corked is not None:
            self._corked.append(data)
        elif not self.audible.is_set():
            self._held.append(data)
        elif self.delay_ms or self._late:
            self._late.append((time.monotonic() + self.delay_ms / 1000, data))
            if self._pump is None:
                self._pump = asyncio.create_task(self._pumped())
        else:
            self._now(data)

    def _now(self, data):
        if self.gone():
            return
        if self._transport.get_write_buffer_size() > _MAX_WAITING_BYTES:
            self.cut()
            return
        self._transport.write(data)

    async def _pumped(self):
        while self._late:
            due_s, data = self._late[0]
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            await self.audible.wait()
            self._late.popleft()
            self._now(data)
        self._pump = None

    async def drained(self):
        """Return when nothing delayed is left to send."""
        if self._pump is not None:
            await asyncio.wait([self._pump])

    def silence(self):
        """From now on the peer hears nothing; what is sent waits, as in a network that is down."""
        self.audible.clear()

    def speak(self):
        """End the silence; what waited goes out, in order."""
        held, self._held = self._held, []
        self.audible.set()
        for data in held:
            self.write(data)

    def cut(self):
        """Tear the TCP connection down (RST), without a word, at once."""
        end = None if self.gone() else self._transport.get_extra_info("socket")  # what is gone over TLS cannot be asked
        if end is not None:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("hh" if os.name == "nt" else "ii", 1, 0))
        self._transport.abort()
        self.close()

    async def farewell(self, socket, code, reason):
        """Close the WebSocket `socket` (aiohttp's) behind everything that is still under way; cut it where nobody hears."""
        if not self.audible.is_set():
            self.cut()
            return
        await self.uncork()
        self._send_batch()
        await self.drained()
        await socket.close(code=code, message=reason.encode())

    def close(self):
        """The socket is done with: nothing is sent any more, nobody waits for it."""
        if self._pump is not None:
            self._pump.cancel()
            self._pump = None
        self._held.clear()
        self._late.clear()
        self.audible.set()
