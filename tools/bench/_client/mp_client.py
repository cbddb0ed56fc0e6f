"""The firmware's SignalR client under load, on MicroPython: the loop of firmware/link/connection.py, without a backend.

Arguments: host, port, path, a JSON list of floods [count, per_frame], how many echoes; prints the echo times as JSON.
With the one argument `memory`: records a second of the two protocol modules alone, out of memory, without a socket.
"""

import asyncio
import json
import sys
import time

sys.path.insert(0, ".")

from lib import connect, http_response, signalr, websocket, websocket_handshake  # noqa: E402
from lib.monotonic import Clock  # noqa: E402

CHUNK = 1024  # bytes a read, as in firmware/link/connection.py


async def _resolve(host):
    return host


class Client:
    """The client: its session, the floods still to be requested, and the echo times so far (µs)."""

    def __init__(self, floods, echoes):
        self.floods = floods
        self.echoes = echoes
        self.left = 0
        self.asked_us = 0
        self.took_us = []
        self.clock = Clock()
        self.frames = websocket.Pieces()
        self.session = signalr.Session(self.clock.now())

    async def run(self, host, port, path):
        """Connect, and receive until all floods and echoes are done."""
        key = websocket_handshake.new_key()
        request = websocket_handshake.upgrade(host, port, False, path, [("User-Agent", "bench")], key)
        self.reader, self.writer = await connect.dial(host, port, None, _resolve, opening=request)
        answer = http_response.Answer()
        while answer.status is None:
            answer.feed(await self.reader.read(CHUNK))
        websocket_handshake.check(answer.status, answer.headers, key)
        await self.write(self.session.hello())
        await self.take(answer.rest)
        while self.floods or self.left or len(self.took_us) < self.echoes:
            await self.take(await self.reader.read(CHUNK))

    async def write(self, record):
        """Send one SignalR record."""
        self.writer.write(self.frames.message(record))
        await self.writer.drain()

    async def take(self, data):
        """Process the received bytes, and send what is due."""
        now = self.clock.now()
        for opcode, payload in self.frames.feed(data):
            if opcode == websocket.TEXT or opcode == websocket.BINARY:
                for event in self.session.feed(payload, now):
                    if event[0] == signalr.INVOCATION:
                        self.left -= 1
                        if not self.left:
                            await self.write(self.session.send("Done", []))
                            await self.next()
                    elif event[0] == signalr.RESULT:
                        self.took_us.append(time.ticks_diff(time.ticks_us(), self.asked_us))
                        await self.next()
                    elif event[0] == signalr.READY:
                        await self.next()
        due = self.session.due(now)
        if due:
            await self.write(due)

    async def next(self):
        """Request the next flood, or else the next echo."""
        if self.floods:
            self.left, per_frame = self.floods.pop(0)
            await self.write(self.session.send("Flood", [self.left, per_frame]))
        elif len(self.took_us) < self.echoes:
            self.asked_us = time.ticks_us()
            _, record = self.session.invoke("Echo", [len(self.took_us)], self.clock.now())
            await self.write(record)


def _from_memory(per_frame, count=20000):
    record = b'{"type":1,"target":"Tick","arguments":[12345,"collar"]}\x1e'
    frame = bytes([0x81, len(record)]) + record
    if per_frame > 1:
        size = len(record) * per_frame
        frame = bytes([0x81, 126, size >> 8, size & 255]) + record * per_frame
    piece = frame * max(1, CHUNK // len(frame))
    records = per_frame * (len(piece) // len(frame))
    frames = websocket.Pieces()
    session = signalr.Session(0)
    list(session.feed(b"{}\x1e", 0))
    start = time.ticks_us()
    for _ in range(count // records):
        for _, payload in frames.feed(piece):
            for _ in session.feed(payload, 1):
                pass
    return int(count // records * records * 1_000_000 / time.ticks_diff(time.ticks_us(), start))


if sys.argv[1] == "memory":
    print(json.dumps([_from_memory(1), _from_memory(10)]))
else:
    client = Client(json.loads(sys.argv[4]), int(sys.argv[5]))
    asyncio.run(client.run(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
    print(json.dumps(client.took_us))
