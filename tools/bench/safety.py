"""Stops: from each cause to the last active edge, with 1, 4 and 16 shockers; air time and its shares; live control.

Twice, since each ground is honest about something else. "Virtual": the whole App in virtual time, where only what our code
does takes time, and a console that holds up whoever writes to it; the button is looked at every 4 µs. "Device": the real
MicroPython against a local hub over TLS, which holds the network and this PC too. The register player's own reaction, in
machine code, is in `bench radio`.
"""

import json
import os
import statistics
import subprocess

from tools import Failure
from tools.bench._safety import device, load, virtual
from tools.common import cancellation
from tools.common.environment import ROOT, program

SHOCKERS = (1, 4, 16)
_VIRTUAL_RUNS = 40
_RUNS = {1: 10, 4: 6, 16: 6}
_HUB_RUNS = {1: 40, 4: 20, 16: 10}
_FEW = ("link silent", "exception in the link", "exception in the radio")
_GAP_S = 10
_LIVE_S = 5
_LOAD_RUNS = 10
_PRESSES = 1000
_PRESSED_WITH = 11  # receivers under live control


def _rows(report, ground, name, n, reactions, target):
    """Add two rows: worst and median of the time to the last active edge; what else is known stands beside them."""
    last_ms = [each.last_ms for each in reactions]
    begun = max(each.frames for each in reactions)
    stop_ms = max(each.stop_ms for each in reactions)
    who = f"{ground}, {n} shocker{'s' * (n > 1)}: {name}"
    note = (
        f"{len(reactions)} runs; active frames begun after it: {begun}; first stop frame after {stop_ms:.1f} ms at most"
    )
    report.row(f"{who}, worst", round(max(last_ms), 3), "ms", target, note)
    report.row(f"{who}, median", round(statistics.median(last_ms), 3), "ms")


def _virtual(report):
    for name, (_, target) in virtual.SOURCES.items():
        for n in SHOCKERS:
            reactions = virtual.measure(name, n, _VIRTUAL_RUNS)
            if None in reactions:
                raise Failure(f"{name}, {n} shockers: no stop frame was received")
            _rows(report, "virtual", name, n, reactions, target)


def _load(report):
    """Rows of stops while receivers are under live control at 10 Hz, in front of each console, and of short presses."""
    most_ms = virtual.FRAME_MS + 10
    for console in load.consoles():
        for n in load.RECEIVERS:
            for kind, last_ms in load.stops(n, console, _LOAD_RUNS).items():
                name = f"live control of {n}, {console}: {kind}, worst"
                report.row(name, round(max(last_ms), 3), "ms", f"≤ {most_ms} ms", f"{len(last_ms)} runs")
        seen, press_ms = load.presses(_PRESSED_WITH, console, _PRESSES)
        name = f"live control of {_PRESSED_WITH}, {console}: presses of {press_ms} ms that were seen"
        report.row(name, seen, "", f"{_PRESSES} of {_PRESSES}")


async def _device(report, n):
    def add(name, reactions, ground="device"):
        _rows(report, ground, name, n, reactions, device.SOURCES[name][1])

    plain = {name: _RUNS[n] for name in device.SOURCES if name not in _FEW}
    plain["hub stop"] = _HUB_RUNS[n]
    plain["link silent"] = _RUNS[n] // 2
    await device.measure(n, plain, on_result=add)
    await device.measure(n, {name: _RUNS[n] // 2 for name in _FEW[1:]}, on_result=add)
    if n == 1:
        rmt = {"rf.player": "rmt"}
        await device.measure(n, {"button": _RUNS[n]}, rmt, lambda *what: add(*what, ground="device, esp32.RMT"))


def _air_time(report, n):
    """Add rows of what a gap between two frames costs the radio's loop in real time, and what each shocker gets."""
    micropython = program("micropython")
    if micropython is None:
        report.row("air time", "not measured", note="no MicroPython on this machine")
        return
    environment = dict(os.environ, MICROPYPATH=f"{ROOT / 'host_tests' / 'stubs'}:{ROOT}:.frozen")
    words = [micropython, "-X", "heapsize=1024wK", ROOT / "tools" / "bench" / "_safety" / "onboard" / "gap.py"]
    words += [str(n), str(_GAP_S)]
    done = subprocess.run(words, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failure("MicroPython failed: " + done.stderr.strip() + done.stdout.strip())
    result = json.loads(done.stdout)
    gaps_us, each = result["gaps_us"], result["each"]
    who = f"MicroPython in real time, {n} shocker{'s' * (n > 1)}"
    note = f"{len(gaps_us)} gaps; p99 {gaps_us[len(gaps_us) * 99 // 100]} µs, worst {gaps_us[-1]} µs"
    report.row(f"{who}: gap between frames, median", gaps_us[len(gaps_us) // 2] / 1000, "ms", "≤ 1.5 ms", note)
    report.row(f"{who}: air time that is frames", round(result["air"] * 100, 2), "%", "≥ 97 %")
    spread = f"{min(each) * 100:.2f}–{max(each) * 100:.2f} %; {result['late']} late frames were sent twice"
    report.row(f"{who}: of it for each", round(statistics.mean(each) * 100, 2), "%", None, spread)


def run(report):
    """Add the rows described above."""
    report.row("one frame (CaiXianlin)", virtual.FRAME_MS, "ms")
    if hasattr(os, "getloadavg"):
        load = f"on {os.cpu_count()} processors; what else this PC does is in every figure but those in virtual time"
        report.row("load of this PC (1 minute)", round(os.getloadavg()[0], 2), "", None, load)
    _virtual(report)
    _load(report)
    for n in SHOCKERS:
        _air_time(report, n)
    for n in SHOCKERS:
        cancellation.run(_device(report, n))
    for n in SHOCKERS[:2]:
        gap_ms, end_ms = cancellation.run(device.live(n, _LIVE_S))
        target = f"≤ {n - 1} frames + 1.5 ms of gap each" if n > 1 else "≤ one frame"
        report.row(f"device, live control of {n}: longest hole in one's frames", gap_ms, "ms", target)
        report.row(f"device, live control of {n}: last order to last edge", end_ms, "ms", "≤ 500 ms + one frame")
