"""Stops in virtual time: the whole App with its link, in this process, where only what our code does takes time.

The world is that of the invariants' tests (host_tests/safety). What runs there is imported late, when CPython is prepared for it.
"""

import contextlib
import io
import os
import random
import sys
import tempfile

from tools.bench._safety.tape import reaction
from tools.rf.encoders import encoded

FRAME_MS = 45.15  # every CaiXianlin frame (reference/openshock-firmware.md §a)
_SETTLED_MS = 1000  # from the start to a greeted connection
_AFTER_MS = {"link silent": 4500}
_LOOKED_MS = 1500
_PRESSED_MS = 200


class _Run:
    """One device with `n` shockers that all vibrate, and the moment when the stop will come."""

    def __init__(self, n, dice):
        from host_tests.safety import hub, world

        self._words = hub
        self.n = n
        self.hub = hub.Hub([("CaiXianlin", 100 + number) for number in range(n)])
        self.world = world.World({**world.WIFI, "cap.longest_ms": 30000}, self.hub)
        self.world.boot(whole=True)
        self.world.pass_ms(_SETTLED_MS)
        self._log(2, 5, 30000)
        self.world.pass_ms(dice.uniform(n * FRAME_MS + 50, n * FRAME_MS + 500))
        self.now_us = self.world.time.now_us  # a frame has just ended
        self.cause_us = self.now_us + round(dice.uniform(1, 1000 * FRAME_MS))

    def _log(self, action, level, ms):
        numbers = range(1, self.n + 1)
        self.hub.log(*[self._words.entry(number, action, level, ms) for number in numbers])

    def _then(self, function, *arguments):
        """Call it when the cause comes, or as soon as the loop looks."""
        self.world.loop.call_at(self.cause_us / 1_000_000, function, *arguments)

    def hub_stop(self):
        self._then(self._log, 0, 0, 300)

    def remote_estop(self):
        self._then(self.hub.invoke, "EmergencyStop", self._words.DEVICE)

    def button_in_frame(self):
        self.cause_us += 2000  # the gap before the frame takes less
        self._press()

    def button_in_gap(self):
        self.cause_us = self.now_us
        self._press()

    def _press(self):
        from_ms = (self.cause_us - self.now_us) / 1000
        self.world.press(from_ms, from_ms + _PRESSED_MS)

    def closed(self):
        def ends():
            self.hub.silent = True
            self.hub.wire.end()

        self._then(ends)

    def reset(self):
        self._then(self.hub.wire.reset, OSError(104, "reset"))

    def silent(self):
        self._then(setattr, self.hub, "silent", True)

    def fault_in_link(self):
        from firmware.link.connection import Link

        real = Link._take

        def broken(link, data):
            Link._take = real
            raise RuntimeError("a fault for the bench")

        def breaks():
            Link._take = broken
            self.hub.invoke("Welcome", "again")

        self._then(breaks)

    def fault_in_estop(self):
        from firmware.control.estop import Button

        real = Button.sample

        def broken(*_):
            Button.sample = real
            raise RuntimeError("a fault for the bench")

        self._then(setattr, Button, "sample", broken)

    def fault_in_radio(self):
        scheduler = self.world.device.scheduler

        def broken(*_):
            del scheduler.next
            raise MemoryError("a fault for the bench")

        self._then(setattr, scheduler, "next", broken)


SOURCES = {
    "hub stop": (_Run.hub_stop, "< one frame + 5 ms"),
    "remote e-stop": (_Run.remote_estop, "< one frame + 5 ms"),
    "button in a frame": (_Run.button_in_frame, "< 1 ms"),
    "button between frames": (_Run.button_in_gap, "no frame begins"),
    "link closed": (_Run.closed, "≤ 250 ms"),
    "link reset": (_Run.reset, "≤ 250 ms"),
    "link silent": (_Run.silent, "≤ 3000 ms"),
    "exception in the link": (_Run.fault_in_link, "≤ 250 ms"),
    "exception in the e-stop task": (_Run.fault_in_estop, "≤ 250 ms"),
    "exception in the radio": (_Run.fault_in_radio, "≤ one frame"),
}


def _one(name, n, dice):
    from host_tests.safety import chip, world

    try:
        run = _Run(n, dice)
        SOURCES[name][0](run)
        run.world.pass_ms(_AFTER_MS.get(name, _LOOKED_MS))
        return reaction(chip.edges(), run.cause_us)
    finally:
        world.World.end()


@contextlib.contextmanager
def alone():
    """A folder of its own, and a console at which nobody sits: the device writes text and bytes to it, and waits for keys."""
    before, stdin = os.getcwd(), sys.stdin
    silence, silent_end = os.pipe()
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())),
        open(silence) as sys.stdin,
    ):
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)
            os.close(silent_end)
            sys.stdin = stdin


def measure(name, n, n_runs):
    """Return the Reactions (tape.py) to `n_runs` stops at random moments while `n` shockers vibrate; `name` is of SOURCES."""
    encoded("caixianlin", 1, "vibrate", 1)  # prepares CPython to run MicroPython code
    dice = random.Random(f"{name} {n}")
    with alone():
        return [_one(name, n, dice) for _ in range(n_runs)]
