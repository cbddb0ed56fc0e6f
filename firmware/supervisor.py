"""Keeps the tasks of a mode alive, stops everything when one of them fails, and feeds the watchdog while the vital ones live.

What runs in every mode is listed in `vital`; what a mode adds is its own business (app.py).
"""

import asyncio

from micropython import const

from lib import tasks

_PAUSE_MS = const(1000)
_SHORT_PAUSE_MS = const(50)  # for radio and e-stop: stop frames are due, and nobody watches the button meanwhile
_QUIET_MS = const(3000)  # the longest that the stop frames before a restart may take
_LAST_LOOKS = const(20)  # at what the console has still to say before a restart
_LAST_MS = const(10)
_LET_GO_MS = const(100)  # a contact bounces for less


class Supervisor:
    """The tasks of `device`. `on_fault(name)` is called for each fault, behind the stop."""

    def __init__(self, device, on_fault):
        self._device = device
        self._on_fault = on_fault
        self.waits_for = ""  # "release" while a finger must leave the BOOT button before the restart

    def vital(self):
        """Return what runs in every mode, for tasks.together: a list."""
        device = self._device
        running = [self.supervise("radio", device.radio.run), self.supervise("estop", device.buttons.run)]
        return running + ([self.supervise("lamp", device.lamp.run)] if device.lamp else [])

    def supervise(self, name, start):
        """Return a part for tasks.together: the coroutine function `start` again and again, a pause behind each end."""
        pause_ms = _short_pause_ms if name in ("radio", "estop") else _pause_ms
        return tasks.supervise(name, start, self._device.log, pause_ms, self._fault)

    def _fault(self, name, fault):
        self._device.dispatcher.halt("a fault")  # S13: whatever failed, nobody is left on
        self._on_fault(name)

    def feed(self, name):
        """Return a function that says that `name` is alive."""
        return lambda: self._device.watchdog.alive(name)

    async def feed_for(self, name):
        """Never return: feed the watchdog in a mode where `name` has nothing to do."""
        while True:
            self._device.watchdog.alive(name)
            await asyncio.sleep_ms(_PAUSE_MS)

    async def quiet(self):
        """Return when the last stop frame was sent, or took too long."""
        try:
            await asyncio.wait_for_ms(self._device.radio.quiet(), _QUIET_MS)
        except asyncio.TimeoutError:
            self._device.log.error("app", "the stop frames took too long")

    async def released(self):
        """Return when nobody presses the BOOT button: who holds it while the device starts means its safe mode (boot.py)."""
        pressed = self._device.hardware.boot_input() or bool
        while pressed():
            self.waits_for = "release"
            await asyncio.sleep_ms(_LET_GO_MS)

    async def drain(self):
        """Return when the console's output has left, or nobody takes it. Nothing is active any more."""
        output = self._device.context.output
        output.held = False
        for _ in range(_LAST_LOOKS):
            output.pump()
            if not output.waits():
                break
            await asyncio.sleep_ms(_LAST_MS)


def _pause_ms():
    return _PAUSE_MS


def _short_pause_ms():
    return _SHORT_PAUSE_MS
