"""Five hundred lost connections for each backend: close, reset, silence, 401, 5xx, an unknown certificate. All must recover.

The whole simulated device on MicroPython, over TLS, against the local hub and its faults. The firmware's waits are a hundredth
of what they are (_reconnect/shorter_waits.py), so the times are no figures; that it reconnects, works and keeps its memory is.
"""

import asyncio
import collections
import re
import ssl
import sys
import time

import trustme

from tools import Failure
from tools.bench._reconnect import shorter_waits
from tools.common import cancellation
from tools.hub import Config, faults
from tools.sim import compiled
from tools.sim.world import HUB_NAME, RULES, World

TIMES = 500
BACKENDS = ("openshock_user", "openshock_gateway", "openshock_share", "dsp_fleet", "valtronics")
_WARM = 24  # turns before the heap is looked at: the log is full by then, and every kind was met
_LAST_LINES = 12
_PATIENCE_S = 30.0
_HEAP = re.compile(r"Free Heap\|(\d+)")
_NO_ROOM = "not enough memory"
_QUICK = {"ping_ms": 100, "timeout_ms": 5000, "gateway_first_ping_ms": 50, "gateway_ping_ms": 100}
DROPS = ("close", "reset", "silence", "401", "503", "tls")


class Campaign:
    """A device of one backend, and the hub that it loses again and again."""

    def __init__(self, backend):
        settings = {"backend": backend, "rules": RULES, "remote.inputs": []}
        self.world = World(settings=settings, config=Config.sample(faults=True, **_QUICK))
        self.world.device.changes = shorter_waits.changes()
        self.lost = collections.Counter()
        self.back = collections.Counter()
        self.missed = []  # (turn, kind, the device's last lines) of those that did not
        self.world.hub.valtronics.connects_a_minute = sys.maxsize  # it allows ten; minutes are short here
        self._proof = PROOFS[backend]
        self._stranger = _strange_certificate()

    async def run(self, times):
        """Run; `lost` and `back` count each kind. asyncio.TimeoutError becomes a connection that did not recover."""
        async with self.world as world:
            await self._up(0)
            await self._proof(world, 0)
            for turn in range(times):
                if turn == min(_WARM, times - 1):
                    self.before = await self._free()
                kind = DROPS[turn % len(DROPS)]
                self.lost[kind] += 1
                since = len(world.lines)
                try:
                    await self._lose(kind)
                    await self._up(since)
                    await self._proof(world, turn)
                except asyncio.TimeoutError:
                    self.missed.append((turn, kind, world.lines[since:][-_LAST_LINES:]))
                    continue
                self.back[kind] += 1
            self.after = await self._free()
            self.starts = world.device.starts

    async def _up(self, since):
        """Wait until the device has reported, behind its `since`-th line, that it is connected. Raise asyncio.TimeoutError."""
        await printed(self.world, "][link] connected", since)

    async def _lose(self, kind):
        hub = self.world.hub
        if kind == "close":
            await hub.faults.close(allow_reconnect=True)
        elif kind == "silence":
            hub.faults.silence()
        else:
            if kind == "tls":
                self._show_stranger()
            elif kind != "reset":
                hub.faults.refuse(int(kind), where=faults.HUB)
            hub.faults.cut()

    def _show_stranger(self):
        """Show the next TLS connection a certificate of an authority that the device does not know."""
        server_context = self.world.tls

        def once(socket, name, context):
            server_context.sni_callback = None
            socket.context = self._stranger

        server_context.sni_callback = once

    async def _free(self):
        """Return the most of three looks at the device's heap: at one of them it may be fetching something."""
        return max([await self._look() for _ in range(3)])

    async def _look(self):
        """Return the free bytes of the heap after a collection, asked at the console until the device has the memory to answer."""
        while not (found := _HEAP.search(await self._answer())):
            await asyncio.sleep(0.2)  # a connection is being made: there is no memory for both
        return int(found.group(1))

    async def _answer(self):
        """Return the line that answers `sysinfo`: how much is free, or that there is no memory for an answer. Raise Failure."""
        lines = self.world.lines
        since = len(lines)
        self.world.device.type("sysinfo")
        for _ in range(int(_PATIENCE_S / 0.02)):
            for line in lines[since:]:
                if _HEAP.search(line) or _NO_ROOM in line:
                    return line
            await asyncio.sleep(0.02)  # the line comes from another process
        raise Failure(f"the device does not say how much memory is free: {lines[-3:]}")


async def printed(world, text, since):
    """Wait until a line of the device, behind the `since`-th, holds `text`. Raise asyncio.TimeoutError."""
    until_s = time.monotonic() + _PATIENCE_S
    while not any(text in line for line in world.lines[since:]):
        if time.monotonic() > until_s:
            raise asyncio.TimeoutError
        await asyncio.sleep(0.02)  # the line comes from another process


# --- what a device does for its service that only one who is connected can do; asyncio.TimeoutError when it does not


async def _obeys(world, turn):
    """Send an order of a level of its own until it is received on the air: a PC that stalls may send it too late."""
    level = 1 + turn % 90
    seen = len(world.air.frames)
    entry = {"id": world.hub.shockers[turn % 3].guid, "type": 2, "intensity": level, "duration": 300}
    await world.hub.device_connected(timeout_s=_PATIENCE_S)
    until_s = time.monotonic() + _PATIENCE_S
    while True:
        await world.hub.control([entry], name="campaign")
        try:
            return await world.air.until(lambda: any(each.intensity == level for each in world.air.frames[seen:]), 3)
        except asyncio.TimeoutError:
            if time.monotonic() > until_s:
                raise


async def _controls(world, turn):
    """Type a command at the device until it is in the hub's log: it goes to the share link's shocker."""
    mark = world.hub.journal.mark()
    until_s = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until_s:
        world.device.type(f"remote red vibrate {1 + turn % 40} 300")
        try:
            await world.hub.journal.wait("log", since=mark, timeout_s=1)
            return
        except asyncio.TimeoutError:
            pass  # the link is not yet joined, or there is no memory for the console just now
    raise asyncio.TimeoutError


async def _acknowledges(world, turn):
    """Send a message and wait until the device has acknowledged it."""
    message = world.hub.fleet.message(f"message {turn}")
    until_s = time.monotonic() + _PATIENCE_S
    while not message.received:
        if time.monotonic() > until_s:
            raise asyncio.TimeoutError
        await asyncio.sleep(0.02)  # it is another process that answers


async def _hears(world, turn):
    """Raise alerts until one is in the device's log: it has to subscribe first."""
    title = f"alert {turn}"
    until_s = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until_s:
        since = len(world.lines)
        world.hub.valtronics.alert("info", title, "nothing")
        for _ in range(25):
            if any("valtronics alert" in line and title in line for line in world.lines[since:]):
                return
            await asyncio.sleep(0.02)  # the line comes from another process
    raise asyncio.TimeoutError


PROOFS = {
    "openshock_user": _obeys,
    "openshock_gateway": _obeys,
    "openshock_share": _controls,
    "dsp_fleet": _acknowledges,
    "valtronics": _hears,
}


def _strange_certificate():
    """Return a server's context of an authority that the device does not trust."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    authority.issue_cert(HUB_NAME, key_type=trustme.KeyType.ECDSA).configure_cert(context)
    return context


async def campaign(backend, times=TIMES):
    """Return the Campaign of one backend when it has ended."""
    one = Campaign(backend)
    await one.run(times)
    return one


def run(report):
    """Print a row a backend and kind. Raise Failure where there is no MicroPython."""
    if compiled.interpreter() is None:
        raise Failure("this bench needs MicroPython with viper")
    for backend in BACKENDS:
        one = cancellation.run(campaign(backend))
        lost, back = sum(one.lost.values()), sum(one.back.values())
        report.row(f"{backend}: recovered of {lost}", back, "", f"{lost}")
        for kind in DROPS:
            report.row(f"{backend}: {kind}, of {one.lost[kind]}", one.back[kind], "", f"{one.lost[kind]}")
        for turn, kind, lines in one.missed:
            report.row(f"{backend}: turn {turn}, {kind}", "missed", note=" / ".join(lines))
        report.row(f"{backend}: starts of the device", one.starts, "", "1")
        report.row(f"{backend}: heap lost on the way", one.before - one.after, "bytes", note="words of 8 bytes")
