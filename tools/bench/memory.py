"""What the device keeps in its heap: rooms, at work over TLS, drift over 10 000 commands, smallest heap, largest piece.

All of it on MicroPython's unix port. Its words have 8 bytes and a chip's have 4, so what lives is halved ("scaled"); bytecode
is the same on both, and is not halved in the row that says "32 bits".
"""

import asyncio
import json
import os
import re
import tempfile

from tools import Failure, ending
from tools.bench._memory import mpy
from tools.environment import ROOT
from tools.hub import models
from tools.sim import compiled
from tools.sim.device import MAIN
from tools.sim.phone import Phone
from tools.sim.world import World

PROBE = ROOT / "tools" / "bench" / "_memory"
_DRIFT = ROOT / "host_tests" / "mp_programs" / "drift.py"
COMMANDS = 10_000
_OVER_THE_HUB = 1000
_ASK, _BREAK_UP = 62, 61  # _memory/probe.py
_RECEIVERS = 10
# backend: what a device says, and how often, once it is at work there
READY = {
    "openshock_user": ("shockers known", 1),
    "openshock_gateway": ("][link] connected", 1),
    "openshock_share": ("joined the share link", 1),
    "dsp_fleet": ("][link] connected", 2),  # to be paired, and then
    "valtronics": ("logged in", 1),
}
_SETTLED_S = 2.0  # what was needed for the connection has left the memory
_PACE_S = 0.03
_PATIENCE = 300  # looks at the device's log
_QUIET_S = 0.7  # without an edge: every stop frame was sent
_SLOW_S = 20.0
_HEAPS = range(48, 129, 4)  # word-scaled KiB
_PIECES = (256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192)
_KIB = 1024
_NAMES = re.compile(r"n_qstr=(\d+), n_str_data_bytes=(\d+), n_total_bytes=(\d+)")


def _tables(names):
    """Bytes of the tables for so many interned names: the first holds 10, each further one twice as many; 11 bytes a name."""
    room, step, size = 0, 10, 0
    while room < names:
        room += step
        size += 48 + 11 * step
        step *= 2
    return size


class Told:
    """What the probe said in the device's lines: `stubs`, `probe`, `asyncio`, `rooms` {name: bytes}."""

    def __init__(self, lines):
        self._lines = lines

    def number(self, what):
        """The last number that was told of `what`. Failure when nothing was."""
        found = [line for line in self._lines if line.startswith(f"PROBE {what} ")]
        if not found:
            raise Failure(f"the device did not tell of {what}: {self._lines[-3:]}")
        return int(found[-1].split()[2])

    @property
    def rooms(self):
        """Bytes by name, in the order of import."""
        rooms = {}
        for line in self._lines:
            match = re.fullmatch(r"PROBE room (\S+) (-?\d+)", line)
            if match:
                rooms[match[1]] = int(match[2])
        return rooms


class Bench:
    """One world whose device runs the probe before the firmware. Everything that is asked of it."""

    def __init__(self, heap="128wK", rooms=False, probe=True, blank=False, backend="openshock_user"):
        self.world = World(blank=blank, settings={"backend": backend, "remote.inputs": []})
        device = self.world.device
        if device.ground != "MicroPython":
            raise Failure("there is no MicroPython with viper for this machine")
        device.heap = heap
        device.path = [PROBE]
        if probe:
            device.program = f"import probe; probe.start({rooms}); {MAIN}"
        for number in range(_RECEIVERS - len(self.world.hub.shockers)):
            shocker = models.Shocker(f"extra {number}", "CaiXianlin", 100 + number, self.world.hub.device.guid)
            self.world.hub.config.shockers.append(shocker)
        self.told = Told(self.world.lines)
        self._asked = 1
        self.names = 0  # of the firmware, by the last look at what lives

    async def connected(self, since=0):
        """None once the device has connected and the map of shockers has arrived."""
        await self.world.hub.device_connected(since=since, timeout_s=_SLOW_S)
        await self.line("shockers known")

    async def line(self, text, since=0, times=1):
        """None once the device has said `text` so many times. asyncio.TimeoutError."""

        async def wait():
            while sum(text in line for line in self.world.lines[since:]) < times:
                if self.world.device.ended.is_set():
                    raise asyncio.TimeoutError
                await asyncio.sleep(0.02)

        await asyncio.wait_for(wait(), _SLOW_S)

    async def command(self, number):
        """None; one Log event that vibrates every receiver. The level changes now and then."""
        level = 1 + number // 20 % 5
        order = {"type": models.VIBRATE, "intensity": level, "duration": 300}
        await self.world.hub.control([{"id": each.guid, **order} for each in self.world.hub.shockers], name="bench")

    async def commands(self, count):
        """None once so many commands were sent and judged, a message at a time, and the air is quiet again."""
        for number in range(count // _RECEIVERS):
            since = len(self.world.lines)
            await self.command(number)
            await self._judged(since)
            await asyncio.sleep(_PACE_S)
        await self.quiet()

    async def _judged(self, since):
        """None once the device has obeyed or refused one message, or some seconds have passed: it may be out of memory."""
        for _ in range(_PATIENCE):
            lines = self.world.lines[since:]
            if sum("][act] " in line or "][refused] " in line for line in lines) >= _RECEIVERS:
                return
            await asyncio.sleep(0.01)

    async def quiet(self):
        """None once every stop frame was sent."""
        air = self.world.air
        await air.until(lambda: air.silent_for(_QUIET_S), _SLOW_S)

    async def live(self):
        """(bytes that live in the device's heap now, the largest free piece), probe and stubs left out.

        Names are interned in tables that double: what counts here is the tables that the firmware's own names would fill.
        """
        self._asked += 1
        self.world.device.set_input(_ASK, self._asked)
        await self.line(f"PROBE live {self._asked} ")
        said = next(line for line in self.world.lines if line.startswith(f"PROBE live {self._asked} "))
        alive, largest = map(int, said.split()[3:])
        names = [tuple(map(int, found)) for line in self.world.lines for found in _NAMES.findall(line)]
        (bare, _, bare_bytes), (early, _, early_bytes), (now, texts, now_bytes) = names[0], names[1], names[-1]
        of_probe = self.told.number("probe") - (early_bytes - bare_bytes)
        self.names = now - (early - bare)
        return alive - of_probe - now_bytes + texts * self.names // now + _tables(self.names), largest

    def acted(self):
        """How many commands the device has carried out, by its own log."""
        return sum("][act] " in line for line in self.world.lines)

    def starved(self):
        """The first line that tells of too little memory, or None."""
        return next((line for line in self.world.lines if "emory" in line), None)


async def setting_up():
    """Bytes that live in a blank device's heap while its page is open, after some loads of page and state."""
    bench = Bench("140wK", blank=True)  # 128, and 12 for stubs and probe
    async with bench.world, Phone(bench.world.portal_port) as phone:
        for _ in range(5):
            await phone.page()
            await phone.state()
        return (await bench.live())[0]


async def _tell_setting_up(report):
    report.row("live, set-up mode, page open, scaled", await setting_up() / 2 / _KIB, "KiB", "≤ 90 KiB")


async def _work(report):
    bench = Bench(rooms=True)
    async with bench.world:
        await bench.connected()
        await bench.quiet()
        connected, _ = await bench.live()
        await bench.commands(10 * _RECEIVERS)
        before, _ = await bench.live()
        acted = bench.acted()
        await bench.commands(_OVER_THE_HUB)
        after, largest = await bench.live()
        acted = bench.acted() - acted
        rooms = bench.told.rooms
        _tell_rooms(report, rooms)
        report.row("stubs that no board has (left out below)", bench.told.number("stubs"), "bytes")
        report.row("asyncio's tables", bench.told.number("asyncio"), "bytes")
        here = next(line for line in reversed(bench.world.lines) if line.startswith("PROBE here ")).split()[2:]
        code = _code([name for name in rooms if name in here])
        live = max(before, after)
        report.row("live, connected over TLS, nothing sent yet, scaled", connected / 2 / _KIB, "KiB", "≤ 60 KiB")
        report.row("live, at work (three models loaded, log full), scaled", live / 2 / _KIB, "KiB", "≤ 60 KiB")
        report.row(
            "the same, estimated for 32 bits",
            (code + (live - code) / 2) / _KIB,
            "KiB",
            note="bytecode whole, all else halved",
        )
        report.row(
            "interned names", bench.names, "", "≤ 1270", "the table for the next one takes 9 KB at once (32 bits)"
        )
        report.row("largest free piece after that, of 128 wKiB", largest, "bytes")
        note = f"{acted} of them carried out"
        report.row(
            f"drift over {_OVER_THE_HUB} commands through hub, TLS and radio", after - before, "bytes", note=note
        )


async def drift(commands=COMMANDS):
    """{"before", "after": bytes that live, "acted", "frames"}: so many commands from bytes to a player that only counts."""
    path, _ = compiled.interpreter()
    with tempfile.TemporaryDirectory() as place:
        process = await asyncio.create_subprocess_exec(
            *(path, "-X", "heapsize=256wK", _DRIFT, str(commands)),
            cwd=place,
            env={**os.environ, "MICROPYPATH": f"{ROOT / 'host_tests' / 'stubs'}:{ROOT}:.frozen"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await asyncio.wait_for(process.communicate(), 100)
    if process.returncode:
        raise Failure(f"the commands ended with {process.returncode}: {out.decode()[-500:]}")
    return json.loads(out.decode().splitlines()[-1])


async def _tell_drift(report):
    told = await drift()
    note = f"{told['acted']} carried out, from the socket's bytes to a player that only counts"
    report.row("drift over 10 000 commands", told["after"] - told["before"], "bytes", "≤ 256 bytes", note)


def _code(rooms):
    folder = compiled.firmware(compiled.interpreter()[1])
    return sum(mpy.contents(folder / (name.replace(".", "/") + ".mpy")).bytecode for name in rooms)


def _tell_rooms(report, rooms):
    folder = compiled.firmware(compiled.interpreter()[1])
    for name, size in sorted(rooms.items(), key=lambda item: -item[1]):
        inside = mpy.contents(folder / (name.replace(".", "/") + ".mpy"))
        note = f"{inside.functions} functions, {inside.bytecode} bytecode, {inside.native} native, {len(inside.names)} names"
        report.row(name, size, "bytes", note=note)
    report.row(
        "all rooms together",
        sum(rooms.values()),
        "bytes",
        note="tables of names grow in steps, and count where they do",
    )


async def story(heap="128wK", piece=None):
    """None when the device lived through it, else what went wrong: connect, commands, a new map, a cut, and all again."""
    bench = Bench(heap, probe=piece is not None)
    try:
        async with bench.world:
            await bench.connected()
            await bench.commands(2 * _RECEIVERS)  # each model is loaded
            if piece:
                bench.world.device.set_input(_BREAK_UP, piece // 64)
                await bench.line("PROBE holes ")
            await bench.commands(20 * _RECEIVERS)
            since = len(bench.world.lines)
            bench.world.hub.changed(bench.world.hub.device.guid)
            await bench.line("shockers known", since)
            lost, since = bench.world.hub.journal.mark(), len(bench.world.lines)
            bench.world.hub.faults.cut()
            await bench.world.hub.device_connected(since=lost, timeout_s=_SLOW_S)
            await bench.line("][link] connected", since)
            await bench.commands(5 * _RECEIVERS)
            if bench.acted() < 20 * _RECEIVERS:
                return f"only {bench.acted()} commands were carried out"
            return bench.starved()
    except asyncio.TimeoutError:
        return bench.starved() or "too slow"


async def _smallest_heap(report):
    low, high = 0, len(_HEAPS) - 1
    why = ""
    while low < high:
        middle = (low + high) // 2
        failed = await story(f"{_HEAPS[middle]}wK")
        if failed:
            why, low = failed, middle + 1
        else:
            high = middle
    report.row(
        "smallest heap that connects, obeys and reconnects (64-bit)",
        _HEAPS[low],
        "wKiB",
        note=f"stubs included; {_HEAPS[low] - 4}: {why}",
    )


async def _largest_piece(report):
    low, high, why = 0, len(_PIECES), ""
    while low < high:
        middle = (low + high) // 2
        failed = await story("256wK", _PIECES[middle])
        if failed:
            why, low = f"{_PIECES[middle]}: {failed}", middle + 1
        else:
            high = middle
    found = _PIECES[low] if low < len(_PIECES) else f"> {_PIECES[-1]}"
    report.row("free heap in pieces of so many bytes once connected suffices", found, "bytes", "≤ 4096 bytes", why)


async def at_work(backend):
    """(bytes that live once the device is at work at that backend, over TLS; how many names). Words of 8 bytes."""
    text, times = READY[backend]
    bench = Bench(backend=backend)
    async with bench.world:
        await bench.line(text, times=times)
        await asyncio.sleep(_SETTLED_S)
        live, _ = await bench.live()
        return live, bench.names


async def _backends(report):
    for backend in READY:
        live, names = await at_work(backend)
        report.row(f"live, {backend}, scaled", live / 2 / _KIB, "KiB", "≤ 60 KiB", f"{names} names")


async def _all(report):
    await _work(report)
    await _backends(report)
    await _tell_setting_up(report)
    await _tell_drift(report)
    await _smallest_heap(report)
    await _largest_piece(report)


def run(report):
    """None; some minutes, as the commands are played in real time."""
    ending.run(_all(report))
