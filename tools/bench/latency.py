"""From the hub's send to the first radio edge, beside pysignalr receiving the same message from the same hub, in one run.

The clock is CLOCK_MONOTONIC, the same in all processes: read before the hub writes, by pysignalr's handler as it is called,
and by the simulated pin at its edge. In the device's figure are: kernel, TLS, WebSocket, SignalR, safety, a log line, the
encoding of the frame (a new level each time: nothing is cached), the radio task's turn, and 80 µs in which the player measures
its clock. The unix port cannot wait for a TLS stream and looks at it when a task wakes: every 5 ms, for the e-stop. While
another receiver is being driven, its frame on the air must end first, and the round gives it its turn.
"""

import asyncio
import importlib.util
import json
import random
import statistics
import sys
import time

from tools import Failure
from tools.common import cancellation
from tools.common.environment import ROOT
from tools.hub import models
from tools.sim.world import World

COMMANDS = 60
_BUSY_COMMANDS = 50
_QUIET_S = 0.25  # a frame is seen as a whole, when it has ended
_SLOW_S = 20.0
_DEAF_S = 3.0
_RECEIVER = ROOT / "tools" / "bench" / "_latency" / "receiver.py"


class Peer:
    """The pysignalr process. `times_ns` grows by one with each Log that it received."""

    def __init__(self):
        self.times_ns = []
        self._process = None
        self._task = None

    async def start(self, world):
        """Start it and wait until it is connected. Raise Failure when it does not get there."""
        url = json.loads((world.device.folder / "settings.json").read_text())["openshock_user.url"]
        url = url.replace("hub.test", "127.0.0.1") + "/1/hubs/user"
        root = world.device.folder / "certs" / "root.der"
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            _RECEIVER,
            url,
            world.hub.token,
            str(root) if root.exists() else "",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        line = await asyncio.wait_for(self._process.stdout.readline(), _SLOW_S)
        if line.strip() != b"ready":
            raise Failure(f"pysignalr did not connect: {(await self._process.stderr.read()).decode()[-300:]}")
        self._task = asyncio.create_task(self._read())

    async def _read(self):
        async for line in self._process.stdout:
            self.times_ns.append(int(line))

    async def stop(self):
        """End the process."""
        if self._task:
            self._task.cancel()
        if self._process and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


async def _send(world, shocker, level, duration_ms=300):
    """Send it, and return when the hub was about to write it, ns."""
    order = {"id": shocker.guid, "type": models.VIBRATE, "intensity": level, "duration": duration_ms}
    sent_ns = time.monotonic_ns()
    await world.hub.control([order], name="bench")
    return sent_ns


async def _edge(world, rf_id, level, since_us):
    """Return when the first edge was made of the first frame of that receiver with that level, µs; None when none was received."""
    air, found = world.air, []

    def received():
        for frame in reversed(air.frames):
            if frame.start_us < since_us:
                break
            if frame.rf_id == rf_id and frame.intensity == level:
                found[:] = [frame.start_us]
        return bool(found)

    try:
        await air.until(received, _DEAF_S)
    except asyncio.TimeoutError:
        return None
    return found[0]


def _took_ms(sent_ns, edge_us):
    return None if edge_us is None else edge_us / 1000 - sent_ns / 1e6


async def _idle(world, peer):
    """Return (device, pysignalr): ms from send to edge, and to the handler, each time on a quiet air."""
    shocker = world.hub.shockers[0]
    device, other = [], []
    for number in range(COMMANDS):
        await world.air.until(lambda: world.air.silent_for(_QUIET_S), _SLOW_S)
        await asyncio.sleep(random.random() * 0.05)
        level, seen = 10 + number % 50, len(peer.times_ns)
        sent_ns = await _send(world, shocker, level)
        device.append(_took_ms(sent_ns, await _edge(world, shocker.rf_id, level, sent_ns // 1000)))
        if len(peer.times_ns) > seen:
            other.append((peer.times_ns[seen] - sent_ns) / 1e6)
    return device, other


async def _busy(world):
    """Return ms from send to edge while another receiver, of the longest frames in the sample, is being driven."""
    driven, shocker = world.hub.shockers[0], world.hub.shockers[1]
    took = []
    for number in range(_BUSY_COMMANDS):
        if number % 20 == 0:
            await world.air.until(lambda: world.air.silent_for(_QUIET_S), _SLOW_S)
        level = 1 + number % 3
        await _send(world, driven, level, 3000)
        await _edge(world, driven.rf_id, level, time.monotonic_ns() // 1000)
        await asyncio.sleep(0.6 + random.random() * 0.1)  # the last one's stop frames are over
        level = 10 + number % 50
        sent_ns = await _send(world, shocker, level)
        took.append(_took_ms(sent_ns, await _edge(world, shocker.rf_id, level, sent_ns // 1000)))
    return took


def _median(took_ms):
    return statistics.median([took for took in took_ms if took is not None])


def _report_times(report, name, took_ms, target=None, note=""):
    deaf = sum(took is None for took in took_ms)
    if deaf:
        report.row(
            f"{name}, not received",
            deaf,
            "commands",
            "0",
            "refused, or their frames were damaged: this machine is too busy",
        )
    took_ms = sorted(took for took in took_ms if took is not None)
    if not took_ms:
        return
    for label, value in (
        ("p50", statistics.median(took_ms)),
        ("p99", took_ms[min(len(took_ms) - 1, len(took_ms) * 99 // 100)]),
        ("worst", took_ms[-1]),
    ):
        report.row(f"{name}, {label}", value, "ms", target if label == "p50" else None, note if label == "p50" else "")


async def _measure(report, secure):
    world = World(secure=secure)
    if world.device.ground != "MicroPython":
        raise Failure("there is no MicroPython with viper for this machine")
    way = "TLS" if secure else "plain"
    peer = Peer()
    async with world:
        try:
            await world.hub.device_connected(timeout_s=_SLOW_S)
            if importlib.util.find_spec("pysignalr"):
                await peer.start(world)
            device, other = await _idle(world, peer)
            busy = await _busy(world)
        finally:
            await peer.stop()
    note = f"{len(device)} commands; the hub writes to the device first, then to pysignalr"
    _report_times(report, f"send → first edge, {way}, quiet air", device, note=note)
    if other:
        _report_times(report, f"send → pysignalr's handler, {way}", other, note=f"{len(other)} of the same messages")
        report.row(f"median edge ÷ median pysignalr, {way}", _median(device) / _median(other), "×")
    note = f"{len(busy)} commands; a frame of the other receiver takes 44 ms and ends first"
    _report_times(report, f"send → first edge, {way}, another receiver on the air", busy, note=note)


def run(report):
    """Measure; takes about three minutes."""
    for secure in (True, False):
        cancellation.run(_measure(report, secure))
