"""What the tests of the link share: a server that a test plays by hand, frame by frame, and a dispatcher that writes down."""

import asyncio
import base64
import hashlib
import json
import struct

from telling import as_test

from firmware.backends import openshock_user
from firmware.link import connection as link_room
from firmware.link.connection import Link
from lib import tasks
from lib.log import Log
from lib.monotonic import Clock

TOKEN = "s3cr3t-t0ken"
AGENT = "OpenShock/0.1.0 (MicroPython; test)"
DEVICE = "01960000-bbbb-7000-8000-000000000001"
RED = "01960000-aaaa-7000-8000-000000000001"
MAP = json.dumps({"data": [{"id": DEVICE, "shockers": [{"id": RED, "rfId": 1234, "model": "CaiXianlin"}]}]})
HELLO = b'{"protocol":"json","version":1}\x1e'
# short times, so that a story need not wait: the real ones are constants of the room
TIMES = {
    "_TEND_MS": 10,
    "_PROBE_MS": 60,
    "_SILENT_MS": 200,
    "_FIRST_MS": 20,
    "_CAP_MS": 40,
    "_FAREWELL_MS": 300,
    "_WRITE_MS": 1500,
}
SECONDS = 20


def hurry(monkeypatch):
    """None; from now on the link waits no longer than TIMES."""
    for name, value in TIMES.items():
        monkeypatch.setattr(link_room, name, value)


def order(intensity, guid=RED, kind=2, duration=500):
    """The record of a Log with one entry."""
    entry = {"shocker": {"id": guid, "name": "x"}, "type": kind, "intensity": intensity, "duration": duration}
    return json.dumps({"type": 1, "target": "Log", "arguments": [{"name": "story"}, [entry]]}).encode() + b"\x1e"


def text(payload, final=True, opcode=1):
    """One frame as a server sends it."""
    size = len(payload)
    head = bytes((0x80 * final | opcode,))
    if size < 126:
        return head + bytes((size,)) + payload
    return head + (struct.pack(">BH", 126, size) if size < 65536 else struct.pack(">BQ", 127, size)) + payload


class Seen:
    """Things that have happened, and a way to wait for them."""

    def __init__(self):
        self._changed = asyncio.Condition()

    def happened(self):
        """None; whoever waits looks again."""
        asyncio.get_running_loop().call_soon(lambda: asyncio.ensure_future(self._wake()))

    async def _wake(self):
        async with self._changed:
            self._changed.notify_all()

    async def until(self, true):
        """What `true()` gives as soon as it is something. asyncio.TimeoutError."""

        async def wait():
            async with self._changed:
                return await self._changed.wait_for(true)

        return await asyncio.wait_for(wait(), SECONDS)


class Recorder(Seen):
    """A dispatcher that only writes down: `orders` (order, detail), `halts` (why)."""

    def __init__(self):
        super().__init__()
        self.orders = []
        self.halts = []
        self.active = False
        self.fault = None

    def attend(self):
        """Nothing waits here."""

    def compare(self, ahead_us):
        """Nobody judges ages here."""

    def receive(self, order, detail):
        if self.fault:
            raise self.fault
        self.orders.append((order, detail))
        self.happened()

    def halt(self, why):
        self.active = False
        self.halts.append(why)
        self.happened()

    def busy(self):
        return self.active

    async def acted(self, intensity):
        """None as soon as a command of that intensity came."""
        await self.until(lambda: any(getattr(detail, "intensity", None) == intensity for _, detail in self.orders))


class Network:
    """A network in which every name is this machine; `reach` False takes it away."""

    def __init__(self):
        self.reach = True
        self.asked = []

    def online(self):
        return self.reach

    def rssi(self):
        return -61

    async def wait_online(self):
        while not self.reach:
            await asyncio.sleep(0.005)

    async def resolve(self, host):
        self.asked.append(host)
        return "127.0.0.1"

    async def wait_known(self):
        """The time is known here."""

    def doubt(self, why=None):
        """Nobody sets this clock."""


class Peer:
    """The server's end of one connection whose request has been read."""

    def __init__(self, reader, writer, head):
        self.reader, self.writer = reader, writer
        first, *lines = head.decode().split("\r\n")
        self.method, self.path, _ = first.split(" ")
        self.headers = dict(line.split(": ", 1) for line in lines if line)

    def say(self, data):
        """None; sends bytes."""
        self.writer.write(data)

    def answer(self, status, body=b"", **headers):
        """None; a whole HTTP answer, and the end."""
        lines = [f"HTTP/1.1 {status} x", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.say("\r\n".join([*lines, "", ""]).encode() + body)

    def accept(self, behind=b"", key=None):
        """None; switches to WebSocket, with bytes in the same segment."""
        proof = hashlib.sha1(
            (key or self.headers["Sec-WebSocket-Key"]).encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        )
        lines = ["HTTP/1.1 101 x", "Upgrade: websocket", "Connection: Upgrade"]
        lines.append("Sec-WebSocket-Accept: " + base64.b64encode(proof.digest()).decode())
        self.say("\r\n".join([*lines, "", ""]).encode() + behind)

    async def greet(self, behind=b""):
        """None; accepted and through the handshake of SignalR."""
        self.accept()
        assert await self.frame() == (1, HELLO)
        self.say(text(b"{}\x1e" + behind))

    async def frame(self):
        """The next (opcode, payload) of the client, unmasked."""
        first, second = await self._exactly(2)
        assert first & 0x80 and second & 0x80, "whole and masked"
        size = second & 0x7F
        if size > 125:
            size = int.from_bytes(await self._exactly(2 if size == 126 else 8), "big")
        mask = await self._exactly(4)
        payload = await self._exactly(size)
        return first & 15, bytes(byte ^ mask[at & 3] for at, byte in enumerate(payload))

    async def closed(self):
        """(code, what came before the close frame); the client has then ended the connection."""
        before = []
        while True:
            opcode, payload = await self.frame()
            if opcode == 8:
                assert await asyncio.wait_for(self.reader.read(1), SECONDS) == b""
                return int.from_bytes(payload[:2], "big"), before
            before.append((opcode, payload))

    async def _exactly(self, size):
        return await asyncio.wait_for(self.reader.readexactly(size), SECONDS)

    def cut(self):
        """None; the connection is gone, without a word."""
        self.writer.transport.abort()

    def end(self):
        """None; the end of the stream, politely."""
        self.writer.close()


class Server:
    """Answers what is asked by plain HTTP with `map_answer`, and hands every request for WebSocket to the story."""

    def __init__(self):
        self.knocks = asyncio.Queue()
        self.asked = []  # Peers of plain requests
        self.map_answer = lambda peer: peer.answer(200, MAP.encode())
        self._open = []

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for writer in self._open:
            writer.transport.abort()

    async def _serve(self, reader, writer):
        self._open.append(writer)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (OSError, EOFError):
            return
        peer = Peer(reader, writer, head[:-4])
        if peer.headers.get("Upgrade") == "websocket":
            self.knocks.put_nowait(peer)
            return
        self.asked.append(peer)
        self.map_answer(peer)
        writer.close()

    async def knock(self):
        """The Peer of the next request for WebSocket."""
        return await asyncio.wait_for(self.knocks.get(), SECONDS)


class Story(Seen):
    """One link, and around it whatever it needs. `lines` is its log; `backend` is the user hub's where none is given."""

    def __init__(self, url, backend=None, news=None, **settings):
        super().__init__()
        self.lines = []
        self.beats = 0
        self.network = Network()
        self.dispatcher = Recorder()
        wanted = {"url": url, "token": TOKEN, "device_id": DEVICE, "negotiate": False, **settings}
        backend = backend or openshock_user.Backend(wanted, AGENT)
        clock = Clock().now
        log = Log(clock, self._line)
        self.link = Link(backend, self.dispatcher, self.network, self.network, [], clock, log, self._beat, news)
        self.task = None

    def _line(self, line):
        assert TOKEN not in line
        self.lines.append(line)
        self.happened()

    def _beat(self):
        self.beats += 1

    async def __aenter__(self):
        self.task = asyncio.create_task(
            tasks.together(tasks.supervise("link", self.link.run, self.link._log, lambda: 20, self._fault))
        )
        return self

    async def __aexit__(self, *_):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        assert self.dispatcher.halts, "whoever ends the link stops everything"

    def _fault(self, name, fault):
        self.dispatcher.halt("fault")

    async def said(self, words, since=0):
        """The first line with these words."""

        def found():
            return next((line for line in self.lines[since:] if words in line), None)

        return await self.until(found)

    async def next_try_ms(self, words, since=0):
        """How long it will wait after the end that these words describe."""
        line = await self.said(words, since)
        assert "; next try in " in line, line
        return int(line.rpartition("next try in ")[2].removesuffix(" ms"))


def told(story):
    """Makes a test of `async def story(server, story)`: a server played by hand, and a link that knocks there."""

    async def tell():
        async with Server() as server, Story(f"http://127.0.0.1:{server.port}") as one:
            await story(server, one)

    return as_test(story, tell, 2 * SECONDS, hurry)
