"""Messages a second and Echo latency of our SignalR client on MicroPython, beside four others, on one server.

Every client is a child process of its own and counts what one server sends; the server takes the time from the first record
to the client's Done. Rounds are interleaved, so that all meet the same load of the machine; rows are medians, with min–max.
"""

import asyncio
import importlib.util
import json
import os
import shutil
import statistics
import sys

from tools import Failure
from tools.bench._client.hub import Hub
from tools.common import cancellation
from tools.common.environment import ROOT, program

_ROUNDS = 5
_FLOODS = [[2000, 1], [20000, 1], [20000, 10]]  # [records, records a frame]; the first only warms up
_ECHOES = 2000
_HERE = ROOT / "tools" / "bench" / "_client"
_OURS = "ours (MicroPython)"
_PYTHON = ("pysignalr", "signalrcore", "aiosignalr")
_OFFICIAL = "@microsoft/signalr"
_RAW = "bare socket (the server's limit)"


def _commands(port, floods, echoes):
    """Return {client: the command that runs it, or None where it is not installed}."""
    url = f"http://127.0.0.1:{port}/hub/"
    floods, echoes = json.dumps(floods), str(echoes)
    found = {_OURS: None, **dict.fromkeys(_PYTHON), _OFFICIAL: None}
    if micropython := program("micropython"):
        where = ["127.0.0.1", str(port), "/hub/ours"]
        found[_OURS] = [micropython, "-X", "heapsize=128wK", _HERE / "mp_client.py", *where, floods, echoes]
    for name in _PYTHON:
        if importlib.util.find_spec(name):
            found[name] = [sys.executable, _HERE / "py_peers.py", name, url + name, floods, echoes]
    package = ROOT / "host_tests" / "interop" / "node_modules" / _OFFICIAL
    if (node := shutil.which("node")) and package.is_dir():
        found[_OFFICIAL] = [node, _HERE / "js_peer.mjs", package, url + "official", floods, echoes]
    found[_RAW] = [sys.executable, _HERE / "raw_reader.py", "127.0.0.1", str(port), "/hub/raw", floods]
    return found


async def _run_child(name, command):
    """Return what the child printed at last, from JSON. Raise Failure when it did not end well."""
    environment = dict(os.environ, MICROPYPATH=f"{ROOT / 'host_tests' / 'stubs'}:{ROOT}:.frozen")
    child = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        out, err = await asyncio.wait_for(child.communicate(), 120)
    except asyncio.TimeoutError:
        child.kill()
        await child.wait()
        raise Failure(f"{name} did not end within 120 s") from None
    if child.returncode:
        raise Failure(f"{name} ended with {child.returncode}: {err.decode().strip()[-300:]}")
    return json.loads(out.decode().splitlines()[-1])


async def measure(n_rounds=_ROUNDS, floods=_FLOODS, echoes=_ECHOES):
    """Return {client: {"one": […], "ten": […], "p50": […], "p99": […]}}, a value a round; None where it is not installed.

    Units: records a second, and µs. Raise Failure when a client does not come to its end.
    """
    hub = Hub()
    await hub.start()
    try:
        commands = _commands(hub.port, floods, echoes)
        figures = {name: {"one": [], "ten": [], "p50": [], "p99": []} if commands[name] else None for name in commands}
        for _ in range(n_rounds):
            for name, command in commands.items():
                if command:
                    hub.seconds.clear()
                    took_us = sorted(await _run_child(name, command))
                    (seconds,) = hub.seconds.values()
                    figures[name]["one"].append(floods[1][0] / seconds[1])
                    figures[name]["ten"].append(floods[2][0] / seconds[2])
                    if took_us:
                        figures[name]["p50"].append(took_us[len(took_us) // 2])
                        figures[name]["p99"].append(took_us[len(took_us) * 99 // 100])
        return figures
    finally:
        await hub.stop()


def _row(report, name, rounds, unit, target=None):
    value = statistics.median(rounds)
    report.row(name, round(value), unit, target, f"[{min(rounds):,.0f}–{max(rounds):,.0f}]")


def run(report):
    """Measure: rows of all clients, then how ours compares to pysignalr's in the same run."""
    show(report, cancellation.run(measure()))


def show(report, figures):
    """Add the rows of the result of `measure`."""
    for key, title, unit in (
        ("one", "received, one record a frame", "msg/s"),
        ("ten", "received, ten records a frame", "msg/s"),
        ("p50", "Echo, p50", "µs"),
        ("p99", "Echo, p99", "µs"),
    ):
        for name, rounds in figures.items():
            if rounds is None:
                report.row(f"{title}: {name}", "not installed")
            elif rounds[key]:
                _row(report, f"{title}: {name}", rounds[key], unit)
    ours, theirs = figures[_OURS], figures["pysignalr"]
    if ours and theirs:
        for key, title, target in (
            ("one", "messages a second, one record a frame", "≥ 0.5"),
            ("ten", "messages a second, ten records a frame", "≥ 0.5"),
            ("p50", "Echo latency, p50", "≤ 1.5"),
            ("p99", "Echo latency, p99", ""),
        ):
            ratio = statistics.median(ours[key]) / statistics.median(theirs[key])
            report.row(f"ours to pysignalr: {title}", ratio, "×", target or None)
