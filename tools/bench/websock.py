"""The WebSocket client on MicroPython: messages a second, megabytes a second, and its echo through a real socket."""

import asyncio
import json
import os
import subprocess
import sys
import time

from tools import Failure
from tools.common import cancellation
from tools.common.environment import ROOT, program

_CHILD = ROOT / "tools" / "bench" / "_websock" / "mp_frames.py"
_TIMEOUT_S = 120
_MIB = 1 << 20


def run(report):
    """Measure. Raise Failure where there is no MicroPython, or no `websockets` to be the server."""
    micropython = program("micropython")
    if not micropython:
        raise Failure("this bench needs MicroPython, and there is no wheel of it for this machine")
    variables = dict(os.environ, MICROPYPATH=f"{ROOT}:.frozen")
    command = [micropython, "-X", "heapsize=16M", str(_CHILD)]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    if done.returncode:
        raise Failure(f"the bench on MicroPython failed: {done.stderr.strip()} {done.stdout.strip()[-300:]}")
    for line in done.stdout.splitlines():
        name, value, unit = json.loads(line)
        report.row(name, value, unit, "≥ 20,000" if unit == "msg/s" else None)
    cancellation.run(_echoes(report))


async def _echoes(report):
    """Run the command ws-echo against a server of the package `websockets`."""
    try:
        from websockets.asyncio.server import serve
    except ImportError:
        raise Failure("this bench needs the package websockets")
    figures = asyncio.get_running_loop().create_future()

    async def play(connection):
        try:
            figures.set_result([await _turns(connection, 2000, 44), await _turns(connection, 60, _MIB)])
        except Exception as fault:
            figures.set_exception(fault)

    async with serve(play, "127.0.0.1", 0, compression=None, max_size=None) as server:
        port = server.sockets[0].getsockname()[1]
        arguments = ["-m", "tools", "ws-echo", "--max-size", str(_MIB), f"ws://127.0.0.1:{port}/"]
        child = await asyncio.create_subprocess_exec(sys.executable, *arguments, cwd=ROOT, stderr=subprocess.DEVNULL)
        small_s, large_s = await asyncio.wait_for(figures, _TIMEOUT_S)
        await child.wait()
    report.row("echo through a socket: 44 bytes there and back", 1e6 * small_s, "µs", note="server: websockets")
    report.row("echo through a socket: 1 MiB there and back", _MIB / large_s / 1e6, "MB/s", note="each way")


async def _turns(connection, times, size):
    """Return the seconds for one message of `size` bytes there and back: the mean of `times`."""
    payload = os.urandom(size)
    start = time.perf_counter()
    for _ in range(times):
        await connection.send(payload)
        if await connection.recv() != payload:
            raise Failure("the echo is not what was sent")
    return (time.perf_counter() - start) / times
