"""Somebody's fingers on the device: the e-stop and the BOOT button, looked at every 5 ms. What each press means is decided here.

The remote's buttons are looked at as often; what theirs mean says control/remote_control.py.
"""

import asyncio

from micropython import const

from firmware import requests
from firmware.control.estop import CLEAR, TRIP, Button
from firmware.hardware.boot_button import OPEN, RESET, BootButton

_SAMPLE_MS = const(5)
_BUTTON = "button"
_EDGE = "an edge alone at the button's input (a short press, or noise on its wire)"


class Fingers:
    """The buttons of `hardware`. `context`: `clock()` in ms, and `request`; `feed()` is called at each look."""

    def __init__(self, hardware, latch, dispatcher, context, feed):
        self._request = context.request
        self._hardware = hardware
        self._latch = latch
        self._dispatcher = dispatcher
        self._clock = context.clock
        self._feed = feed
        self._button = None
        self._edges = None  # what an interrupt sees of the e-stop between two samples; None where there is no e-stop
        self._edges_of = None  # the hardware that they are of
        self._pressed = bool
        self.remote = None  # a remote_control.Remote where the settings name inputs

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

    def look(self):
        """True when the e-stop was pressed since the last sample, and everything was stopped for it. For the frame loop."""
        edges = self._edges
        return bool(edges and edges.seen) and self._button.ready() and self._sample(self._clock()) == TRIP

    async def run(self):
        """Never returns."""
        while True:
            await self._watch(self._hardware)

    def _note_edges_of(self, hardware):
        """None; an interrupt looks at the e-stop of `hardware`, and goes on when this task is started anew after a fault."""
        if self._edges_of is not hardware:
            if self._edges:
                self._edges.close()
            self._edges = hardware.stop_edges()
            self._edges_of = hardware

    def _sample(self, now):
        """TRIP, when everything was stopped and latched; else what the e-stop button says."""
        pressed, edge = self._pressed(), bool(self._edges) and self._edges.take()
        what = self._button.sample(pressed, self._latch.latched, now, edge)
        if what == TRIP:
            self._dispatcher.emergency(_BUTTON if pressed else _EDGE)
        return what

    async def _watch(self, hardware):
        """None when `hardware` is no longer ours. Without an e-stop the BOOT button may clear a latch, not set it."""
        stop, boot = hardware.stop_input(), hardware.boot_input() or bool
        latch = self._latch
        self._pressed = stop or boot
        self._button = Button(trips=stop is not None, latched=latch.latched)
        self._note_edges_of(hardware)
        boot_button = BootButton()
        while hardware is self._hardware:
            self._feed()
            now = self._clock()
            what = self._sample(now)
            if what == CLEAR:
                self._dispatcher.clear_estop("button held and released")
                boot_button = BootButton()  # that press is spent
            elif what != TRIP and (stop or not latch.latched):
                self._heed(boot_button.sample(boot(), now))
            if self.remote:
                self.remote.look(now)
            await asyncio.sleep_ms(_SAMPLE_MS)

    def _heed(self, what):
        if what == OPEN:
            self._request(requests.OPEN_PORTAL, requests.ASKED)
        elif what == RESET:
            self._request(requests.FACTORY_RESET, "BOOT was held")
