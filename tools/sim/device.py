"""One simulated device: the firmware in a process of its own, in a folder that is its flash. It restarts as a board does."""

import asyncio
import json
import os
import sys

from tools.environment import ROOT
from tools.sim import compiled

RF_PIN = 4
STOP_PIN = 13
WIFI_BYTE = 63
_RESET_EXIT = 42  # host_tests/stubs/machine.py
_HEAP = "128wK"  # what an ESP32 has for Python; w scales it for 64-bit words
_ENDING_S = 3.0


class Device:
    """`folder` is its file system. `on_line(text)` gets every line of its console."""

    def __init__(self, folder, on_line, on_cpython=False):
        self.folder = folder
        self.trace_path = folder / "rf.trace"
        self.exit_code = None  # of a process that ended by itself and was no restart
        self.starts = 0
        self.ended = asyncio.Event()
        self.heap = _HEAP  # these four may be changed before the start, by a bench or a test
        self.program = "import main"
        self.path = []  # further folders of modules for that program
        self.levels = bytearray([1]) * 64  # of the input pins, as they are when it starts
        self._inputs_path = folder / "inputs"
        self._on_line = on_line
        self._process = None
        self._task = None
        found = None if on_cpython else compiled.interpreter()
        self.ground = "MicroPython" if found else "CPython"
        self._found = found

    def write_settings(self, settings):
        """None; the settings file, as the set-up would leave it."""
        (self.folder / "settings.json").write_text(json.dumps(settings))

    def write_certificate(self, der):
        """None; a root that the device trusts."""
        (self.folder / "certs").mkdir(exist_ok=True)
        (self.folder / "certs" / "root.der").write_bytes(der)

    def set_input(self, pin, level):
        """None; the level of an input pin, from now on. WIFI_BYTE: 0 takes the radio network out of reach."""
        with open(self._inputs_path, "r+b") as file:
            file.seek(pin)
            file.write(bytes([level]))

    def type(self, line):
        """None; somebody types `line` at the device's console."""
        self._process.stdin.write((line + "\r\n").encode())

    async def start(self, **environment):
        """None once the process runs; it is started anew whenever it resets."""
        self._inputs_path.write_bytes(self.levels)
        self.trace_path.write_bytes(b"")
        self._environment = dict(
            os.environ,
            SIM_TRACE=str(self.trace_path),
            SIM_INPUTS=str(self._inputs_path),
            SIM_RF_PIN=str(RF_PIN),
            **environment,
        )
        await self._spawn()
        self._task = asyncio.create_task(self._live())

    async def stop(self):
        """None; the process is gone."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._end()

    async def power_cut(self):
        """None; the process was killed between two instructions, and starts anew."""
        self._process.kill()

    async def _end(self):
        if self._process and self._process.returncode is None:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), _ENDING_S)
            except asyncio.TimeoutError:
                self._process.kill()
                await self._process.wait()

    async def _live(self):
        while True:
            async for line in self._process.stdout:
                self._on_line(line.decode(errors="replace").rstrip())
            code = await self._process.wait()
            if code != _RESET_EXIT and code >= 0:
                self.exit_code = code
                self.ended.set()
                return
            await self._spawn()

    async def _spawn(self):
        stubs = ROOT / "host_tests" / "stubs"
        if self._found:
            path, architecture = self._found
            built = compiled.firmware(architecture)
            command = [path, "-X", f"heapsize={self.heap}", "-c", self.program]
            where = {"MICROPYPATH": ":".join(map(str, [stubs, built, *self.path, ".frozen"]))}
        else:
            dress = ROOT / "host_tests" / "cpython"
            command = [sys.executable, "-u", "-c", "import dress; " + self.program]
            where = {"PYTHONPATH": os.pathsep.join(map(str, [dress, stubs, *self.path, ROOT]))}
        self.starts += 1
        self._process = await asyncio.create_subprocess_exec(
            *command,
            cwd=self.folder,
            env={**self._environment, **where},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
