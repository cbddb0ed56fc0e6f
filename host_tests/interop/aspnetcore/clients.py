"""The two clients that play each case: Microsoft's own on node, and the firmware's link on MicroPython; both by JSON lines."""

import asyncio
import contextlib
import functools
import itertools
import json
import os

import pytest
from conftest import PEERS, ROOT, peer_npm, peer_program

from tools.freeze import compiler
from tools.images import targets
from tools.sim import compiled

_PLAYER = ROOT / "host_tests" / "interop" / "aspnetcore" / "ours.py"
HEAP = 2 * 120 * 1024  # bytes, the image not counted
FREE = (
    2 * 16 * 1024
)  # of them are free where 48 KB of a chip's 64 live (DESIGN §3); words of 8 bytes are twice as large
_PATIENCE_S = 30
_ENDING_S = 5


class Client:
    """One process; `told` is everything it said, in order."""

    def __init__(self, name, process):
        self.name = name
        self.told = []
        self._process = process
        self._news = asyncio.Condition()
        self._numbers = itertools.count(1)
        self.ended = asyncio.Event()

    async def read(self):
        """Read what it says until it ends."""
        async for line in self._process.stdout:
            async with self._news:
                self.told.append(json.loads(line) if line[:1] == b"{" else {"said": line.decode(errors="replace")})
                self._news.notify_all()
        self.ended.set()
        async with self._news:
            self._news.notify_all()

    def order(self, do, **more):
        """Order something; what comes of it is told."""
        self._process.stdin.write(json.dumps({"do": do, **more}).encode() + b"\n")

    async def until(self, true, since=0):
        """Return the first thing told, from number `since` on, of which `true` holds. Raise asyncio.TimeoutError."""

        def found():
            return next((line for line in self.told[since:] if true(line)), None)

        async def wait():
            async with self._news:
                await self._news.wait_for(lambda: found() is not None or self.ended.is_set())

        try:
            await asyncio.wait_for(wait(), _PATIENCE_S)
        except asyncio.TimeoutError:
            raise AssertionError(f"{self.name} told no such thing, but {self.told[-8:]}") from None
        assert found() is not None, f"{self.name} ended: {self.told[-3:]}"
        return found()

    async def has(self, key, since=0):
        """Return what is told under `key` first, from number `since` on."""
        return (await self.until(lambda line: key in line, since))[key]

    async def event(self, name, since=0):
        """Return the arguments of the first event of that name."""
        return (await self.until(lambda line: line.get("event") == name, since))["arguments"]

    async def open(self, url, **more):
        """Connect; return as soon as the hub has welcomed it."""
        since = len(self.told)
        self.order("open", url=url, **more)
        await self.event("DeviceStatus", since)

    async def load(self):
        """Leave as much of the heap free as a device at work has, where the heap is ours."""
        if self.name == "ours":
            self.order("ballast", free=FREE)
            assert FREE - 4096 < await self.has("free") < FREE + 4096

    def begin(self, target, *arguments, **more):
        """Call a method; return the number under which its end will be told. `fill`: one text of so many characters."""
        number = next(self._numbers)
        self.order("invoke", number=number, target=target, arguments=arguments, **more)
        return number

    async def end(self, number):
        """Return {"result": …} or {"error": …} of the call with that number."""
        line = await self.until(lambda line: line.get("ended") == number)
        return {key: value for key, value in line.items() if key != "ended"}

    async def invoke(self, target, *arguments, **more):
        """Call a method, as `begin`; return its end."""
        return await self.end(self.begin(target, *arguments, **more))

    async def ticks(self, count):
        """Return how many of the numbered events came, and how many out of order, once there are `count`."""
        since = len(self.told)
        self.order("ticks", count=count)
        line = await self.until(lambda line: "ticks" in line, since)
        return line["ticks"], line["disorder"]

    def count(self, name):
        """Return how many events of that name came so far."""
        return sum(line.get("event") == name for line in self.told)


@contextlib.asynccontextmanager
async def _running(name, words, environment=None):
    pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
    process = await asyncio.create_subprocess_exec(*words, env=environment, limit=1 << 24, **pipes)
    client = Client(name, process)
    reading = asyncio.create_task(client.read())
    try:
        yield client
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _ENDING_S)
        except asyncio.TimeoutError:
            process.kill()
            await process.wait()
        await reading


def official(ca=None):
    """Return an asynchronous context of a Client: @microsoft/signalr on node. `ca`: path of a root it trusts (PEM)."""
    peer_npm("@microsoft/signalr")
    environment = {**os.environ, "NODE_EXTRA_CA_CERTS": str(ca)} if ca else None
    return _running("official", [peer_program("node"), str(PEERS / "remote.mjs")], environment)


@functools.cache
def _player():
    """Return the folder with ours.py compiled: its heap shall hold what lives, not what compiles."""
    folder = ROOT / "build" / "aspnetcore" / "player"
    folder.mkdir(parents=True, exist_ok=True)
    made = compiler.compiled(_PLAYER.name, _PLAYER.read_text(), targets.named(targets.SIMULATED).architecture)
    new = folder / f"{os.getpid()}.new"
    new.write_bytes(made)
    os.replace(new, folder / "ours.mpy")
    return folder


def ours(heap=HEAP, ca=None):
    """Return an asynchronous context of a Client: the firmware's link on MicroPython. `ca`: path of a root it trusts (DER)."""
    if compiled.interpreter() is None:
        pytest.skip("there is no MicroPython with viper for this machine")
    roots = f"[open({str(ca)!r}, 'rb').read()]" if ca else "[]"
    program = f"import asyncio, ours; asyncio.run(ours.main({roots}))"
    words, where = compiled.command(program, heap, compiled.image(), [_player()])
    return _running("ours", words, {**os.environ, **where})


CLIENTS = {"official": official, "ours": ours}
