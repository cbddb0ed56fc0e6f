"""Stops of a whole simulated device: the real MicroPython in a process of its own, TLS, a local hub; times of CLOCK_MONOTONIC.

The chip's clock (host_tests/stubs/simclock.py) makes each frame exact, whatever this PC does meanwhile. Where the PC is
faster it waits at the end of the frame; where it is slower the frame is dated before it was computed, the gap behind it
grows, and the last edge seems to come too early. So the gap stands beside each figure, and the first stop frame: when it
begins, nothing active can follow. That time holds everything, the PC and the network too.
"""

import asyncio
import json
import random
import time

from tools import Failure
from tools.bench._safety.tape import Tape, frames_of, is_stop, reaction
from tools.common.environment import ROOT
from tools.hub import Config, models
from tools.sim.device import MAIN, STOP_PIN
from tools.sim.world import World

LEVEL, LONGEST_MS = 5, 30000
FAULT_PINS = {"link": 40, "radio": 41}  # _safety/faulty.py looks at them
_HEARD_S = 20.0
_QUIET_S = 0.45
_SETTINGS = {"cap.longest_ms": LONGEST_MS}


def config(n):
    """Return a hub with one device of `n` CaiXianlin shockers (the real service lets a device have eleven)."""
    device = models.Device("bench")
    shockers = [models.Shocker(f"s{number}", "CaiXianlin", 100 + number, device.guid) for number in range(n)]
    return Config([device], shockers, [models.Token("bench")], faults=True)


def now_us():
    """Return CLOCK_MONOTONIC in µs, as the trace has it."""
    return time.monotonic_ns() // 1000


class Rig:
    """`async with Rig(n)`: a world with `n` shockers, greeted by its device."""

    def __init__(self, n, settings=None, program=MAIN):
        self.n = n
        self.world = World(config=config(n), settings={**_SETTINGS, **(settings or {})})
        self.device, self.hub = self.world.device, self.world.hub
        self.device.program = program
        self.device.path = [str(ROOT / "tools" / "bench" / "_safety" / "onboard")]
        self.tape = None
        self.dice = random.Random(n)

    async def __aenter__(self):
        await self.world.__aenter__()
        self.tape = Tape(self.device.trace_path)
        self.air = self.world.air
        await self.hub.device_connected(timeout_s=_HEARD_S)
        return self

    async def __aexit__(self, *reason):
        await self.world.__aexit__(*reason)

    async def order(self, duration_ms=LONGEST_MS, level=LEVEL):
        """Order all shockers to vibrate."""
        orders = [
            {"id": each.guid, "type": models.VIBRATE, "intensity": level, "duration": duration_ms}
            for each in self.hub.shockers
        ]
        await self.hub.control(orders, name="bench")

    async def sounding(self):
        """Wait until each shocker was sent an active frame; then a moment more, no longer than two frames."""
        wanted = {each.rf_id for each in self.hub.shockers}
        seen = len(self.air.frames)
        await self.order()

        def all_on():
            return wanted <= {frame.rf_id for frame in self.air.frames[seen:] if frame.ok and not is_stop(frame)}

        await self.air.until(all_on, _HEARD_S)
        await asyncio.sleep(self.dice.uniform(0.02, 0.11))

    async def quiet(self):
        """Wait until nothing was sent for a while."""
        await self.air.until(lambda: self.air.silent_for(_QUIET_S), 2 * _HEARD_S)

    async def stopped_by(self, cause, timeout_s=_HEARD_S):
        """Return the Reaction to `await cause(self)` while all vibrate. Raise Failure when no stop frame came."""
        await self.sounding()
        mark = self.tape.mark()
        await asyncio.sleep(self.dice.uniform(0.05, 0.1))  # some frames before the cause are on the tape
        seen = len(self.air.frames)
        cause_us = now_us()
        await cause(self)
        await self.air.until(lambda: any(is_stop(frame) for frame in self.air.frames[seen:]), timeout_s)
        await self.quiet()
        result = reaction(self.tape.since(mark), cause_us)
        if result is None:
            raise Failure("no stop frame came after the stop")
        return result

    async def afresh(self):
        """Release the inputs, let the hub answer, and restart the device with a latch that was never set."""
        for pin in (STOP_PIN, *FAULT_PINS.values()):
            self.device.set_input(pin, 1)
        self.hub.faults.speak()
        latch = self.device.folder / "nvs-safety.json"
        if latch.exists():
            latch.write_text(json.dumps({"estop": 0}))
        starts = self.device.starts
        await self.device.power_cut()
        while self.device.starts == starts:
            await asyncio.sleep(0.005)
        since = self.hub.journal.mark()  # not before: the old process may just have been greeted once more
        await self.hub.device_connected(since=since, timeout_s=_HEARD_S)


async def hub_stop(rig):
    """Stop to each shocker, as one Log event."""
    await rig.hub.stop_all("bench")


async def remote_estop(rig):
    """Send EmergencyStop."""
    await rig.hub.emergency_stop()


async def button(rig):
    """Press the e-stop, from now on until the stop frames are over."""
    rig.device.set_input(STOP_PIN, 0)


async def closed(rig):
    """Close record, WebSocket close, end of the connection."""
    asyncio.get_running_loop().create_task(rig.hub.faults.close())


async def reset(rig):
    """Reset the TCP connection."""
    rig.hub.faults.cut()


async def silent(rig):
    """Make the hub send nothing any more."""
    rig.hub.faults.silence()


def fault_in(place):
    """Return a cause: an exception in that task (_safety/faulty.py)."""

    async def cause(rig):
        rig.device.set_input(FAULT_PINS[place], 0)
        await rig.hub.emit("Welcome", ["again"])  # the link looks when something comes

    return cause


SOURCES = {
    "hub stop": (hub_stop, "< one frame + 5 ms"),
    "remote e-stop": (remote_estop, "< one frame + 5 ms"),
    "button": (button, "no frame begins"),
    "link closed": (closed, "≤ 250 ms"),
    "link reset": (reset, "≤ 250 ms"),
    "link silent": (silent, "≤ 3000 ms"),
    "exception in the link": (fault_in("link"), "≤ 250 ms"),
    "exception in the radio": (fault_in("radio"), "≤ one frame"),
}


async def measure(n, runs, settings=None, on_result=lambda *_: None):
    """Return {source: list of Reactions}; `runs` is {source: how often}. `on_result(name, reactions)` is called after each."""
    found = {}
    faults = any(name.startswith("exception") for name in runs)
    program = (
        f"import sys; sys.path.append('/'); simstart.load_machine_code(); import faulty; {MAIN}" if faults else MAIN
    )
    async with Rig(n, settings, program) as rig:
        for name, n_runs in runs.items():
            found[name] = []
            for _ in range(n_runs):
                found[name].append(await rig.stopped_by(SOURCES[name][0]))
                if name != "hub stop":
                    await rig.afresh()
            on_result(name, found[name])
    return found


async def live(n, seconds):
    """Return (longest ms between two active frames to the same shocker, ms from the last repetition to the last active edge).

    Orders of 500 ms, five times a second, as live control sends them.
    """
    async with Rig(n) as rig:
        mark = rig.tape.mark()
        for _ in range(seconds * 5):
            last_us = now_us()
            await rig.order(500)
            await asyncio.sleep(0.2)
        await rig.air.until(lambda: rig.air.frames and is_stop(rig.air.frames[-1]), _HEARD_S)
        await rig.quiet()
        active = [frame for frame in frames_of(rig.tape.since(mark)) if not is_stop(frame)]
    gaps_us = []
    for rf_id in {frame.rf_id for frame in active}:
        own = [frame for frame in active if frame.rf_id == rf_id]
        gaps_us += [after.start_us - before.end_us for before, after in zip(own, own[1:])]
    return max(gaps_us) / 1000, (active[-1].end_us - last_us) / 1000
