"""Somebody's fingers on the device: the e-stop and the BOOT button, looked at every 5 ms. What each press means is decided here."""

import asyncio

from micropython import const

from firmware.estop import CLEAR, TRIP, Button

_SAMPLE_MS = const(5)


class Fingers:
    """The buttons of `hardware`. `latch` and `dispatcher` are the roof's own; `beat()` is called at each look."""

    def __init__(self, hardware, latch, dispatcher, clock, beat):
        self._hardware = hardware
        self._latch = latch
        self._dispatcher = dispatcher
        self._clock = clock
        self._beat = beat
        self._button = None

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
        pressed = hardware.stop_input()
        button = self._button = Button(trips=pressed is not None, latched=self._latch.latched)
        pressed = pressed or hardware.boot_input() or bool
        while hardware is self._hardware:
            self._beat()
            what = button.sample(pressed(), self._latch.latched, self._clock())
            if what == TRIP:
                self._dispatcher.emergency("button")
            elif what == CLEAR:
                self._dispatcher.clear_estop("button held and released")
            await asyncio.sleep_ms(_SAMPLE_MS)
