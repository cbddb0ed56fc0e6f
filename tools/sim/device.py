"""One simulated device: the firmware in a process of its own, in a folder that is its file system. It restarts as a board does.

After `install` it has a flash as well: then the boot loader chooses a slot before every start, the image in it runs (boot.py and
main.py too), and the watchdog bites. Without one the image is made of the source tree, and main.py alone runs.
"""

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path

from tools import Failure
from tools.common.environment import ROOT
from tools.images import simulated
from tools.images.image import HEAP_KB
from tools.sim import bootloader, compiled
from tools.sim.chip import model

RF_PIN = 4
STOP_PIN = 13
WIFI_BYTE = 63
_PINS = 64
AT_PROMPT = 43  # exit codes: boot.py stays at the prompt (host_tests/stubs/simstart.py) …
NO_IMAGE = 45  # … and the boot loader finds nothing to start
POWER_ON, RESET, WATCHDOG = 1, 2, 3  # what started it, as machine.reset_cause says
_RESET_EXIT = 42  # host_tests/stubs/machine.py
_BITTEN = 44  # host_tests/stubs/simstart.py
_LOOK_S = 0.05
# bytes: MicroPython's heap on a chip; 2.3 % of it are its own tables (py/gc.c: two bits a block of 16 bytes, and finalisers)
HEAP = HEAP_KB["esp32"] * 1000
_ENDING_S = 3.0
_WATCHDOG = "watchdog"
simflash = model("simflash")

MAIN = "simstart.start()"
_BOOT = "simstart.boot()"
_ON_CPYTHON = f"exec(open({str(ROOT / 'main.py')!r}).read())"
_IMAGE = "running.romfs"  # in the folder: what the slot holds that the boot loader chose


class Device:
    """`folder` is its file system. `on_line(text)` gets every line of its console."""

    def __init__(self, folder, on_line, on_cpython=False):
        self.folder = folder
        self.trace_path = folder / "rf.trace"
        self.exit_code = None  # of a process that ended by itself and was no restart
        self.starts = 0
        self.ended = asyncio.Event()
        self.heap = HEAP  # bytes as a chip has them; these may be changed before the start, by a bench or a test
        self.before = ""  # source that runs before the firmware; "import probe; "
        self.program = MAIN
        self.path = []  # further folders of modules for that program
        self.changes = None  # {path: source} of modules that are others than in the source tree
        self.networks = None  # what its Wi-Fi hears, as SIM_NETWORKS of stubs/simboard.py; None: the one of World
        self.levels = bytearray([1]) * _PINS  # of the input pins, as they are when it starts
        self._inputs_path = folder / "inputs"
        self._on_line = on_line
        self._process = None
        self._task = None
        self._cause = POWER_ON
        self._bitten = False
        self._found = None if on_cpython else compiled.interpreter()
        self.ground = "MicroPython" if self._found else "CPython"

    @property
    def has_flash(self):
        """True after `install`."""
        return (self.folder / simflash.FILE).exists()

    def install(self, data):
        """None; a flash with these bytes (tools/sim/flash.py makes them).

        Failure where the firmware would run on CPython, which cannot mount the image.
        """
        if self._found is None:
            raise Failure("a device with a flash needs MicroPython")
        (self.folder / simflash.FILE).write_bytes(data)

    def write_faults(self, **faults):
        """None; what goes wrong with the flash from the next start on: the arguments of simflash.Faults."""
        (self.folder / simflash.FAULTS).write_text(json.dumps(simflash.Faults(**faults).as_dict()))

    def write_settings(self, settings):
        """None; the settings file, as the set-up would leave it."""
        (self.folder / "settings.json").write_text(json.dumps(settings))

    def settings(self):
        """What the settings file holds now, without its seal: a dict."""
        stored = json.loads((self.folder / "settings.json").read_text())
        return {key: value for key, value in stored.items() if key not in ("schema", "crc32")}

    def write_certificate(self, der):
        """None; a root that the device trusts."""
        (self.folder / "certs").mkdir(exist_ok=True)
        (self.folder / "certs" / "root.der").write_bytes(der)

    def set_input(self, pin, level):
        """None; the level of an input pin, from now on. WIFI_BYTE: 0 takes the radio network out of reach.

        The device counts an input's changes as well: an interrupt sees those that nobody looks at in time.
        """
        with open(self._inputs_path, "r+b") as file:
            inputs = bytearray(file.read())
            if inputs[pin] != level:
                inputs[pin] = level
                inputs[_PINS + pin] = inputs[_PINS + pin] + 1 & 0xFF
            file.seek(0)
            file.write(inputs)

    def type(self, line):
        """None; somebody types `line` at the device's console."""
        self._process.stdin.write((line + "\r\n").encode())

    def waits(self):
        """Whether the process has nothing to do just now; False while this PC keeps it from running.

        True where nobody can tell: only Linux shows it (proc_pid_stat(5)).
        """
        try:
            told = Path(f"/proc/{self._process.pid}/stat").read_bytes()
        except OSError:
            return True
        return told.rpartition(b") ")[2][:1] == b"S"

    async def start(self, **environment):
        """None once the process runs; it is started anew whenever it resets."""
        self._inputs_path.write_bytes(self.levels + bytes(_PINS))
        self.trace_path.write_bytes(b"")
        self._environment = dict(
            os.environ,
            SIM_TRACE=str(self.trace_path),
            SIM_INPUTS=str(self._inputs_path),
            SIM_RF_PIN=str(RF_PIN),
            **environment,
        )
        if self.networks is not None:
            # no escapes: of an emoji they would be two halves, which MicroPython's json does not put together
            self._environment["SIM_NETWORKS"] = json.dumps(self.networks, ensure_ascii=False)
        self._cause = POWER_ON
        self.ended.clear()
        self.exit_code = None
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
        while self._process:
            watch = asyncio.create_task(self._watch())
            try:
                async for line in self._process.stdout:
                    self._on_line(line.decode(errors="replace").rstrip())
                code = await self._process.wait()
            finally:
                watch.cancel()  # its file goes with the device's folder
            self._cause = self._cause_of(code)
            if self._cause is None:
                self._end_with(code)
                return
            await self._spawn()

    def _end_with(self, code):
        self.exit_code = code
        self.ended.set()

    def _cause_of(self, code):
        """What starts it anew after this exit code; None when it ended for good."""
        cut = self.folder / simflash.CUT
        if cut.exists():
            cut.unlink()
            return POWER_ON
        if self._bitten or code == _BITTEN and self.has_flash:
            return WATCHDOG
        if code == -signal.SIGSEGV:
            return RESET  # a panic looks like a reset
        return RESET if code == _RESET_EXIT else POWER_ON if code < 0 else None

    async def _watch(self):
        """Never returns: the watchdog of a device with a flash. There is nothing to await; the process writes a file."""
        self._bitten = False
        while self.has_flash:
            await asyncio.sleep(_LOOK_S)
            due_us = int.from_bytes((self.folder / _WATCHDOG).read_bytes(), "little")
            if due_us and time.monotonic_ns() // 1000 > due_us:
                self._bitten = True
                self._process.kill()
                return

    def _load(self):
        """What the boot loader leaves to the firmware, as environment; None when it found no image."""
        chip = None
        while chip is None or chip.dead:
            if chip:
                chip.close()
                self._cause = POWER_ON
            chip = simflash.Chip(str(self.folder) + os.sep, lethal=False)
            try:
                bootloader.start(chip)
            except simflash.PowerCut:
                pass  # power comes back
        if chip.slot is not None:
            (self.folder / _IMAGE).write_bytes(simulated.content(_running(chip)))
        chip.close()
        (self.folder / _WATCHDOG).write_bytes(bytes(8))
        told = {"SLOT": chip.slot, "OPERATIONS": chip.operations, "CAUSE": self._cause}
        told["WATCHDOG"] = self.folder / _WATCHDOG
        return None if chip.slot is None else {f"SIM_{name}": str(value) for name, value in told.items()}

    def _command(self):
        """(command, environment) of the process; (None, None) when the boot loader found no image."""
        if self.has_flash:
            told = self._load()
            if told is None:
                return None, None
            words, where = compiled.command(self.before + _BOOT, self.heap, self.folder / _IMAGE, self.path)
            return words, {**where, **told}
        if self._found:
            return compiled.command(self.before + self.program, self.heap, compiled.image(self.changes), self.path)
        stubs = ROOT / "host_tests" / "stubs"
        dress = ROOT / "host_tests" / "cpython"
        program = _ON_CPYTHON if self.program == MAIN else self.program
        command = [sys.executable, "-u", "-c", "import dress, keyboard; keyboard.put_on(); " + program]
        return command, {"PYTHONPATH": os.pathsep.join(map(str, [dress, stubs, *self.path, ROOT]))}

    async def _spawn(self):
        """None once the process runs, or once it is clear that none can."""
        self.starts += 1
        if self._cause == POWER_ON:
            (self.folder / "rtc.memory").unlink(missing_ok=True)
        command, where = self._command()
        if command is None:
            self._process = None
            self._end_with(NO_IMAGE)
            return
        self._process = await asyncio.create_subprocess_exec(
            *command,
            cwd=self.folder,
            env={**self._environment, **where},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )


def _running(chip):
    """Return the bytes of the slot that the boot loader chose."""
    row = next(row for row in simflash.table(chip) if row[0] == f"ota_{chip.slot}")
    data = bytearray(row[4])
    chip.read_into(row[3], data)
    return data
