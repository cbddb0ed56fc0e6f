"""What the device keeps in its heap, as a chip would: live, peak, drift and largest piece in each mode, against the budgets.

All of it on MicroPython's unix port, from dumps of the simulated device's heap: what each object would take where words have 4
bytes and the code lies in flash (_memory/chip.py). The peak of a mode is the smallest heap in which it still works.
"""

import asyncio
import json
import os
import tempfile
from collections import namedtuple

from tools import Failure
from tools.bench._memory.bench import RECEIVERS, Bench
from tools.common.environment import ROOT
from tools.sim import compiled, updates
from tools.sim.phone import Phone

_KIB = 1024
_DRIFT = ROOT / "host_tests" / "programs" / "drift.py"
COMMANDS = 10_000
_STEP = 1024  # bytes between two heaps that are tried
_LEAST = 44 * _KIB
_SETTLED_S = 1.0  # what was needed for the connection is garbage
_SLOW_S = 20.0
_PIECES = (256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192)

# backend: what a device prints, and how often, once it is at work there
READY = {
    "openshock_user": ("shockers known", 1),
    "openshock_gateway": ("][link] connected", 1),
    "openshock_share": ("joined the share link", 1),
    "dsp_fleet": ("][link] connected", 2),  # to be paired, and then
    "valtronics": ("logged in", 1),
}
Mode = namedtuple("Mode", ("name", "live_kib", "peak_kib", "story"))


# --- what a device does in each mode: a coroutine function of a heap (bytes of a chip; None: the simulator's) that gives an Account


async def operating(heap, backend="openshock_user", secure=True):
    """Return the Account of a device that is connected to its service and idle."""
    bench = Bench({"backend": backend}, heap, secure=secure)
    async with bench.world:
        text, times = READY[backend]
        await bench.line(text, times=times)
        await asyncio.sleep(_SETTLED_S)
        return await bench.account()


async def _plain(heap):
    return await operating(heap, secure=False)


async def _at_work(heap):
    bench = Bench(heap=heap)
    async with bench.world:
        await bench.line("shockers known")
        await bench.commands(10 * RECEIVERS)
        return await bench.account()


async def _setting_up(heap):
    bench = Bench(heap=heap, blank=True)
    async with bench.world, Phone(bench.world.portal_port) as phone:
        for _ in range(5):
            await phone.page()
            await phone.state()
        return await bench.account()


async def _updating(heap):
    bench = Bench(heap=heap, updates=True)
    async with bench.world:
        await bench.line("shockers known")
        await bench.world.hub.device_connected(timeout_s=_SLOW_S)
        await bench.world.hub.ota_install(updates.GOOD)
        await bench.line("[update] to version ")
        account = await bench.account()
        await bench.line(f"OpenShock/{updates.GOOD} ")  # it came to its end
        return account


MODES = (
    Mode("set-up, page open", 48, 56, _setting_up),
    Mode("connected, plain", 48, 56, _plain),
    Mode("connected, TLS", 48, 56, operating),
    Mode("at work, TLS, ten receivers of three models", 54, 60, _at_work),
    Mode("updating, TLS", 48, 56, _updating),
)


async def live(story, heap=None):
    """Return the Account of what lives in a mode. Raise Failure when the device does not get there."""
    try:
        return await story(heap)
    except (asyncio.TimeoutError, OSError) as fault:
        raise Failure(f"the device did not get there ({fault or 'too slow'})")


async def lives(story, heap):
    """Return whether a device gets there with a heap of so many bytes."""
    try:
        await story(heap)
        return True
    except Exception:  # whatever it is that a starved device does not do
        return False


async def peak(story, least):
    """Return the smallest heap in bytes, a multiple of 1 KB from `least` on, in which a device gets there."""
    low, high = least // _STEP, 2 * least // _STEP
    while low < high:
        middle = (low + high) // 2
        if await lives(story, middle * _STEP):
            high = middle
        else:
            low = middle + 1
    return low * _STEP


async def drift(commands=COMMANDS):
    """Return {"before", "after": bytes that live, "acted", "frames"}: so many commands from bytes to a player that only counts."""
    with tempfile.TemporaryDirectory() as place:
        process = await asyncio.create_subprocess_exec(
            *(compiled.required(), "-X", "heapsize=512wK", _DRIFT, str(commands)),
            cwd=place,
            env={**os.environ, "MICROPYPATH": f"{ROOT / 'host_tests' / 'stubs'}:{ROOT}:.frozen"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await asyncio.wait_for(process.communicate(), 100)
    if process.returncode:
        raise Failure(f"the commands ended with {process.returncode}: {out.decode()[-500:]}")
    return json.loads(out.decode().splitlines()[-1])


async def in_pieces(piece, heap=None):
    """Return None when a device whose free memory is in pieces of `piece` bytes lives through its day, else what went wrong.

    That is: commands, a new map, a connection that is cut, and all again.
    """
    bench = Bench(heap=heap)
    hub = bench.world.hub
    try:
        async with bench.world:
            await bench.line("shockers known")
            await bench.commands(2 * RECEIVERS)  # each model is loaded
            await bench.break_up(piece)
            await bench.commands(20 * RECEIVERS)
            since = len(bench.world.lines)
            hub.changed(hub.device.guid)
            await bench.line("shockers known", since)
            lost, since = hub.journal.mark(), len(bench.world.lines)
            hub.faults.cut()
            await hub.device_connected(since=lost, timeout_s=_SLOW_S)
            await bench.line("][link] connected", since)
            await bench.commands(5 * RECEIVERS)
            if bench.acted() < 20 * RECEIVERS:
                return f"only {bench.acted()} commands were carried out"
            return bench.starved()
    except asyncio.TimeoutError:
        return bench.starved() or "too slow"


# --- the report


def _report_owners(report, account):
    for owner, size in account.chip.most_common():
        if size >= 128:
            report.row(owner, size, "bytes")


async def _all(report):
    for mode in MODES:
        account = await live(mode.story, 2 * _LEAST)
        report.row(f"live, {mode.name}", account.live / _KIB, "KiB", f"≤ {mode.live_kib} KiB")
        report.row(f"largest piece, {mode.name}", account.largest, "bytes", "≤ 4096 bytes")
        report.row(f"peak, {mode.name}", await peak(mode.story, _LEAST) / _KIB, "KiB", f"≤ {mode.peak_kib} KiB")
        note = "stubs, names and the loader's work: what the simulator adds to a chip's heap"
        report.row(f"beside it, {mode.name}", account.beside / _KIB, "KiB", note=note)
    for backend in READY:
        account = await live(lambda heap, backend=backend: operating(heap, backend), 2 * _LEAST)
        report.row(f"live, {backend}", account.live / _KIB, "KiB", "≤ 48 KiB")
    measured = await drift()
    note = f"{measured['acted']} carried out, from the socket's bytes to a player that only counts"
    report.row(
        "drift over 10 000 commands", (measured["after"] - measured["before"]) // 2, "bytes", "≤ 256 bytes", note
    )
    for piece in _PIECES:
        if await in_pieces(piece, 4 * _LEAST) is None:
            report.row("free memory in pieces of so many bytes suffices", piece, "bytes", "≤ 4096 bytes")
            break
    report.title("connected over TLS: whose it is")
    _report_owners(report, await live(operating, 2 * _LEAST))


def run(report):
    """Measure; some minutes, as devices start again and again."""
    asyncio.run(_all(report))
