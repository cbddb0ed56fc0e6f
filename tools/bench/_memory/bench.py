"""One world whose device runs the probe beside the firmware, and everything that a bench or a test asks of it."""

import asyncio

from tools import Failure
from tools.bench._memory import dump
from tools.bench._memory.chip import Account
from tools.common.environment import ROOT
from tools.hub import models
from tools.images import modules, targets
from tools.sim.world import World

PROBE = ROOT / "tools" / "bench" / "_memory"
RECEIVERS = 10
_SHOW, _BREAK_UP = 62, 61  # probe.py
_FROM, _DUMP = "heap.from", "heap.dump"
_PROBE_BYTES = 2048  # of a chip's heap: what the probe and its work take here
_PACE_S = 0.03
_PATIENCE = 300  # looks at the device's log
_QUIET_S = 0.7  # without an edge: every stop frame was sent
_SLOW_S = 20.0


class Bench:
    """`settings`: over what the device needs. `heap`: bytes, None: the simulator's own. `world`: further arguments of World."""

    def __init__(self, settings=None, heap=None, **world):
        settings = {"remote.inputs": [], **(settings or {})}
        self.world = World(settings=settings, **world)
        self.device = self.world.device
        if self.device.ground != "MicroPython":
            raise Failure("there is no MicroPython with viper for this machine")
        self.device.heap = (heap or self.device.heap) + _PROBE_BYTES
        self.device.path = [PROBE]
        self.device.before = "import probe; "
        for number in range(RECEIVERS - len(self.world.hub.shockers)):
            shocker = models.Shocker(f"extra {number}", "CaiXianlin", 100 + number, self.world.hub.device.guid)
            self.world.hub.config.shockers.append(shocker)
        self._asked = 1

    async def line(self, text, since=0, times=1):
        """Wait until the device has printed `text` that many times. Raise asyncio.TimeoutError."""

        async def wait():
            while sum(text in line for line in self.world.lines[since:]) < times:
                if self.device.ended.is_set():
                    raise asyncio.TimeoutError
                await asyncio.sleep(0.02)

        await asyncio.wait_for(wait(), _SLOW_S)

    async def account(self):
        """Return the Account of what lives in the device's heap now."""
        self._asked += 1
        since = len(self.world.lines)
        self.device.set_input(_SHOW, self._asked)
        await self.line(f"PROBE mapped {self._asked}", since)
        new = self.device.folder / f"{_FROM}.new"
        new.write_text(str(dump.start_of(self.world.lines)))
        new.rename(self.device.folder / _FROM)
        await self.line(f"PROBE dumped {self._asked}", since)
        return Account(dump.Dump(self.world.lines[since:], (self.device.folder / _DUMP).read_bytes()), native())

    async def break_up(self, most):
        """Wait until the free memory is in pieces of `most` bytes (a multiple of 64)."""
        self.device.set_input(_BREAK_UP, most // 64)
        await self.line("PROBE broken ")

    async def command(self, number):
        """Send one Log event that vibrates every receiver. The level changes each time."""
        level = 1 + number % 5  # repeats are not written to the log
        order = {"type": models.VIBRATE, "intensity": level, "duration": 300}
        await self.world.hub.control([{"id": each.guid, **order} for each in self.world.hub.shockers], name="bench")

    async def commands(self, count):
        """Wait until so many commands were sent and judged, a message at a time, and the radio is quiet again."""
        for number in range(count // RECEIVERS):
            since = len(self.world.lines)
            await self.command(number)
            await self._judged(since)
            await asyncio.sleep(_PACE_S)
        await self.quiet()

    async def _judged(self, since):
        """Wait until the device has obeyed or refused one message, or for some seconds: it may be out of memory."""
        for _ in range(_PATIENCE):
            lines = self.world.lines[since:]
            if sum("][act] " in line or "][refused] " in line for line in lines) >= RECEIVERS:
                return
            await asyncio.sleep(0.01)

    async def quiet(self):
        """Wait until every stop frame was sent."""
        air = self.world.air
        await air.until(lambda: air.silent_for(_QUIET_S), _SLOW_S)

    def acted(self):
        """Return how many commands the device has carried out, by its own log."""
        return sum("][act] " in line for line in self.world.lines)

    def starved(self):
        """Return the first line that reports too little memory, or None."""
        return next((line for line in self.world.lines if "emory" in line), None)


def native():
    """Return the names of the modules that hold machine code: a set."""
    made = modules.native(targets.named(targets.SIMULATED))
    return {path.removesuffix(".py").replace("/", ".") for path in made}
