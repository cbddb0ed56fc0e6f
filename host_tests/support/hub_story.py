"""What the hub's tests share: a hub with known names, a WebSocket client that sees single frames, a SignalR caller on top."""

import asyncio
import base64
import json
import struct
from datetime import datetime, timezone

import aiohttp
from telling import as_test

from tools.hub import Config, Device, Hub, Share, ShareLink, Shocker, Token

DEVICE = "01960000-bbbb-7000-8000-000000000001"
RED = "01960000-aaaa-7000-8000-000000000001"
BLUE = "01960000-aaaa-7000-8000-000000000002"
TOKEN_ID = "01960000-cccc-7000-8000-000000000001"
OWNER = "01960000-dddd-7000-8000-000000000001"
LINK = "01960000-eeee-7000-8000-000000000001"
NOBODY = "01960000-ffff-7000-8000-00000000000f"
SECRET = "s" * 64
HUB_TOKEN = "h" * 256
MADE = datetime(2025, 1, 2, 3, 4, 5, 678901, timezone.utc)
DEVICE_AGENT = "OpenShock/0.1.0 (MicroPython; esp32)"
HEADERS = {"Open-Shock-Token": SECRET, "User-Agent": "test/1"}


def known_config(**options):
    """One device, a red CaiXianlin and a blue PetTrainer, one token, one link; every id and date known."""
    shockers = [
        Shocker("red", "CaiXianlin", 1234, DEVICE, RED, False, MADE),
        Shocker("blue", "PetTrainer", 65535, DEVICE, BLUE, False, MADE),
    ]
    link = ShareLink("friends", {RED: Share(shock=False, max_intensity=30, max_duration_ms=2000)}, LINK, MADE)
    return Config(
        [Device("desk hub", DEVICE, MADE, HUB_TOKEN)],
        shockers,
        [Token("local", SECRET, TOKEN_ID, created_on=MADE)],
        [link],
        OWNER,
        "sample",
        **options,
    )


def hub_story(**options):
    """Makes a test of `async def story(hub, http)`: a hub that listens, and an aiohttp session with its token."""

    def dress(story):
        async def tell():
            hub = Hub(known_config(**options))
            await hub.start()
            try:
                async with aiohttp.ClientSession(hub.url, headers=HEADERS) as http:
                    await story(hub, http)
            finally:
                hub.faults.cut()  # clients of a few lines do not answer a goodbye
                await hub.stop()

        return as_test(story, tell, 60)

    return dress


class Frames:
    """A WebSocket client that hides nothing: every frame as (final, opcode, payload)."""

    def __init__(self, reader, writer):
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, hub, path="/1/hubs/user", headers=HEADERS, early=b""):
        """Send an upgrade request and, in the same segment, `early`; returns the client. AssertionError but for 101."""
        port = int(hub.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        key = base64.b64encode(b"0123456789abcdef").decode()
        lines = [f"GET {path} HTTP/1.1", "Host: hub", "Upgrade: websocket", "Connection: Upgrade"]
        lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode() + early)
        client = cls(reader, writer)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head
        return client

    async def frame(self):
        """The next (final, opcode, payload)."""
        first, second = await self._reader.readexactly(2)
        assert first & 0x70 == 0, "a reserved bit is set"
        assert second & 0x80 == 0, "a server never masks"
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack(">H", await self._reader.readexactly(2))
            assert size > 125
        elif size == 127:
            (size,) = struct.unpack(">Q", await self._reader.readexactly(8))
            assert size > 0xFFFF
        return bool(first & 0x80), first & 0x0F, await self._reader.readexactly(size)

    async def records(self):
        """The records of the next text message, as JSON."""
        final, opcode, payload = await self.frame()
        assert opcode == 1
        while not final:
            final, opcode, more = await self.frame()
            assert opcode == 0
            payload += more
        assert payload.endswith(b"\x1e")
        return [json.loads(part) for part in payload.split(b"\x1e")[:-1]]

    def send(self, payload, opcode=1):
        """Send one masked frame."""
        self._writer.write(masked(payload, opcode))

    async def rest(self):
        """What comes until the end of the connection. ConnectionResetError if it ends so."""
        return await self._reader.read(-1)

    def close(self):
        """Drop the connection."""
        self._writer.close()


def masked(payload, opcode=1):
    """The bytes of one client frame; the mask is fixed, as no proxy is here to be fooled."""
    size = len(payload)
    if size < 126:
        length = bytes((0x80 | size,))
    else:
        length = struct.pack(">BH", 0xFE, size) if size <= 0xFFFF else struct.pack(">BQ", 0xFF, size)
    mask = b"\x11\x22\x33\x44"
    return bytes((0x80 | opcode,)) + length + mask + bytes(byte ^ mask[at & 3] for at, byte in enumerate(payload))


HELLO = b'{"protocol":"json","version":1}\x1e'


class Caller:
    """A SignalR client of a few lines on aiohttp's WebSocket: text in, JSON records out."""

    def __init__(self, socket):
        self.socket = socket
        self._records = []

    @classmethod
    async def greet(cls, http, path="/1/hubs/user", headers=None):
        """Connected, with the handshake's answer read and found good."""
        caller = cls(await http.ws_connect(path, headers=headers))
        await caller.socket.send_str(HELLO.decode())
        assert await caller.record() == {}
        return caller

    @classmethod
    async def remote(cls, http, **more):
        """As `greet`, with Welcome and DeviceStatus read as well."""
        caller = await cls.greet(http, **more)
        assert (await caller.record())["target"] == "Welcome"
        assert (await caller.record())["target"] == "DeviceStatus"
        return caller

    @classmethod
    async def device(cls, http):
        """A connection that is the device."""
        return await cls.remote(http, headers={"User-Agent": DEVICE_AGENT})

    async def record(self):
        """The next record. AssertionError if something else comes."""
        while not self._records:
            message = await self.socket.receive(10)
            assert message.type == aiohttp.WSMsgType.TEXT, message
            assert message.data.endswith("\x1e")
            self._records = [json.loads(part) for part in message.data.split("\x1e")[:-1]]
        return self._records.pop(0)

    async def event(self, target):
        """The arguments of the next record, which must be a call without id of that target."""
        record = await self.record()
        assert (record.get("type"), record.get("target"), "invocationId" in record) == (1, target, False), record
        return record["arguments"]

    async def call(self, target, *arguments, call_id="1"):
        """Call a method with an id; the next record."""
        await self.send(target, *arguments, call_id=call_id)
        return await self.record()

    async def send(self, target, *arguments, call_id=None):
        """Call a method, without an id unless one is given."""
        record = {"target": target, "arguments": list(arguments), "type": 1}
        await self.raw(json.dumps(record if call_id is None else {**record, "invocationId": call_id}))

    async def raw(self, text):
        """Send a record as it is."""
        await self.socket.send_str(text + "\x1e")

    async def quiet(self):
        """True if nothing but the answer to one more call comes: nothing was on its way."""
        return await self.call("Nothing", call_id="quiet") == {
            "type": 3,
            "invocationId": "quiet",
            "error": "Failed to invoke 'Nothing' due to an error on the server. HubException: Method does not exist.",
        }
