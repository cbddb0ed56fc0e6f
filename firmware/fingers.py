"""Somebody's fingers on the device: the e-stop and the BOOT button, looked at every 5 ms. What each press means is decided here.

The remote's buttons are looked at as often; what theirs mean says remote.py.
"""

import asyncio

from micropython import const

from firmware.boot_button import OPEN, RESET, BootButton
from firmware.estop import CLEAR, TRIP, Button

_SAMPLE_MS = const(5)


class Fingers:
    """The buttons of `hardware`. `latch`, `dispatcher` and `wishes` are the roof's own; `beat()` is called at each look."""

    def __init__(self, hardware, latch, dispatcher, wishes, clock, beat):
        self._wishes = wishes
        self._hardware = hardware
        self._latch = latch
        self._dispatcher = dispatcher
        self._clock = clock
        self._beat = beat
        self._button = None
        self.remote = None  # a remote.Remote where the settings name inputs

    def use(self, hardware):
        """None; its buttons count from now on."""
        self._hardware = hardware

    def pressed(self):
        """True while the e-stop is pressed; None where there is none."""
        pressed = self._hardware.stop_input()
        return pressed and pressed()

    def progress(self):
        """How far the e-stop is, as `estop.Button.progress` says it."""
        return self._button.progress() if self._button else ""

    async def run(self):
        """Never returns."""
        while True:
            await self._watch(self._hardware)

    async def _watch(self, hardware):
        """None when `hardware` is no longer ours. Without an e-stop the BOOT button may clear a latch, not set it."""
        stop, boot = hardware.stop_input(), hardware.boot_input() or bool
        latch = self._latch
        button = self._button = Button(trips=stop is not None, latched=latch.latched)
        pressed = stop or boot
        boot_button = BootButton()
        while hardware is self._hardware:
            self._beat()
            now = self._clock()
            what = button.sample(pressed(), latch.latched, now)
            if what == TRIP:
                self._dispatcher.emergency("button")
            elif what == CLEAR:
                self._dispatcher.clear_estop("button held and released")
                boot_button = BootButton()  # that press is spent
            elif stop or not latch.latched:
                self._heed(boot_button.sample(boot(), now))
            if self.remote:
                self.remote.look(now)
            await asyncio.sleep_ms(_SAMPLE_MS)

    def _heed(self, what):
        if what == OPEN:
            self._wishes("portal", True)
        elif what == RESET:
            self._wishes("factory reset", "BOOT was held")
