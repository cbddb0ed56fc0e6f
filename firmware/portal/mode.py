"""The set-up mode: our own network, the page and the names on it, until somebody is done or nobody comes. Loaded there alone."""

import asyncio

from micropython import const

from firmware.ca_bundle import CERTIFICATES
from firmware.net.access_point import AccessPoint, come_back, invitation, key_of
from firmware.net.station import station_of
from firmware.net.time_sync import Timekeeper
from firmware.portal.api import IDLE_MS, LOST, Setup
from firmware.portal.server import Place, Portal
from firmware.portal.session import Rooms
from lib import tasks
from lib.ca_certs import Roots
from lib.nvs import Nvs

_AFAR_MS = const(180000)
_LOOK_MS = const(500)


class SettingUp:
    """One set-up. `settings` are kept for its whole time; `device` is the Device.

    `lost`: no known network took us any more, and that alone has opened this set-up: it ends when one of them does again.
    `afar`: a service has opened it, which cannot close it again: it ends after three minutes in which nobody has joined us.
    """

    def __init__(self, settings, device, lost, afar):
        clock, log, buttons = device.clock, device.log, device.buttons
        self._settings = settings
        self._log = log
        self._lost = lost
        self._afar = afar
        self.station = station_of(settings, device.scheduler.busy, clock, log)
        if lost:
            self.station.failed_rounds = LOST
        self._keeper = Timekeeper(self.station, device.hardware.set_clock, log, settings.get("time.servers"))
        key = key_of(settings.get("portal.key"), settings.get("portal.open"), Nvs("portal"), log)
        self._point = AccessPoint(self.station, key, log)
        rooms = Rooms(
            settings,
            self.station,
            device.dispatcher,
            device.latch,
            buttons.pressed,
            buttons.progress,
            device.rewire,
            Roots(CERTIFICATES, log),
            self._keeper,
            clock,
            log,
        )
        self._setup = Setup(rooms, self._point.name, bool(key), _AFAR_MS if afar else IDLE_MS)
        self._portal = None
        self._clock = clock

    def access(self):
        """(name, key, code) of the open access point: all that somebody needs to come in."""
        return self._point.name, self._point.key, self._setup.token

    def greeting(self):
        """What the console says at once: how to come in."""
        return invitation(*self.access())

    def urls(self):
        """Where the page is found, a list."""
        return [self._portal.url] if self._portal else []

    def complete(self):
        """True when nothing is missing any more: a network is known, and an account."""
        return bool(self._settings.get("wifi")) and self._setup.account.complete()

    async def run(self):
        """None when the set-up is over: somebody was done, nobody came, or a lost network took us back. OSError: no radio."""
        settings, station, point = self._settings, self.station, self._point
        heard = self._heard()
        point.start(self._channel(heard))
        try:
            port, names = settings.get("portal.port"), (station.name().lower() + ".local",)
            place = Place(point.address(), port, settings.get("portal.dns_port"), names)
            self._portal = Portal(self._setup, place, self._clock, self._log)
            self._log.info("setup", "%s is open, its page is %s" % (point.name, self._portal.url))
            back = come_back(station, point) if self._lost else self._join()
            more = [self._welcome()] if self._afar else []
            await tasks.together(self._portal.run(), self._keeper.run(), back, *more)
        finally:
            point.stop()

    def _heard(self):
        """What a scan gives before anybody has joined us: later it would drop our guests (reference §A5.2)."""
        try:
            self._setup.wifi.scan()
        except OSError as fault:
            self._log.warning("setup", "the radio network could not be scanned (%s)" % fault)
        return self.station.heard

    def _channel(self, heard):
        """The channel of the strongest network that we know, 0 for none: the radio has one channel for both (reference §A5.3)."""
        known = [network["ssid"] for network in self._settings.get("wifi")]
        return next((channel for ssid, _, _, channel in heard if ssid in known), 0)

    async def _welcome(self):
        """Never return; whoever has joined us has as much time as in any other set-up."""
        while not self._point.clients():
            await asyncio.sleep_ms(_LOOK_MS)
        self._setup.touch(IDLE_MS)
        await asyncio.Event().wait()

    async def _join(self):
        """Never returns; tries the known networks once: whoever came to change something else has the internet for it."""
        if self._settings.get("wifi"):
            await self.station.join()
        await asyncio.Event().wait()
