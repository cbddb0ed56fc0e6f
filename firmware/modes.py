"""The modes of the device: each a coroutine that runs its tasks side by side, and returns the mode that follows.

A new mode is a coroutine here. It ends when `ends` is set; what it loads is loaded in it alone.
"""

import asyncio
import gc

from micropython import const

from firmware import requests
from firmware.config import build
from firmware.console.listener import Cable
from firmware.device import SETTINGS, settings_now
from firmware.hardware.status_led import state_of
from firmware.net.time_sync import unix_us
from firmware.ota.reports import wants_check
from lib import tasks

_PAUSE_MS = const(1000)
_REPL_MS = const(600000)
_ASK_MS = const(30000)
_LAST_LOOKS = const(40)
_LOOK_MS = const(50)
_ROUNDS = const(3)  # so often in a row all networks failed: then the set-up opens


class Modes:
    """What `device` does in each mode. `news`: what the hub is to hear of updates. `opens`: why the set-up opens, 0: it does not.

    `update`: what an update has in hand, its Journal and the Slots; None where there is none.
    """

    def __init__(self, device, supervisor, news, update, opens):
        self.device = device
        self.supervisor = supervisor
        self.setup = None  # the SettingUp, while that is what we do
        self.ends = asyncio.Event()  # set: another mode was asked for
        self._log = device.log
        self._request = device.context.request
        self._news = news
        self._update = update
        self._opens = opens
        self._trial = None
        self._station = self._link = None
        self._updates = False

    async def setting_up(self):
        """The mode of a device that is being set up: the radio is locked, our own network is open, and the page on it."""
        device = self.device
        device.dispatcher.lock("set-up", tests=True)
        if device.missing:
            self._log.warning("app", "to be set up: " + device.missing)
        from firmware.config.settings import Settings
        from firmware.portal.mode import SettingUp

        settings = Settings(SETTINGS)
        setup = self.setup = SettingUp(settings, device, self._opens == requests.LOST, self._opens == requests.AFAR)
        gc.collect()
        self.device.log_heap("set-up")
        cable = self._cable(setup.station, lambda: settings, setup.access, setup.urls, setup.greeting())
        await tasks.together(
            *self.supervisor.vital(),
            self.supervisor.supervise("console", cable.run),
            self.supervisor.feed_for("link"),
            self._until_end(),
            self._set_up(setup),
        )
        return self.leaving

    async def _set_up(self, setup):
        """Return when the set-up is over, and nothing is due on the air any more."""
        await tasks.guarded("set-up", setup.run(), self._log)
        await asyncio.sleep_ms(_PAUSE_MS)  # a set-up that cannot even begin must not begin all the time
        self.device.dispatcher.lock("restart")
        await self.supervisor.quiet()

    async def operating(self):
        """The mode of a device at work: network, link and radio, each kept alive, until another mode is asked for."""
        from firmware.link import setup as linking

        supervise = self.supervisor.supervise
        station, keeper, link = linking.connection(
            settings_now(), self.device, self.supervisor.feed("link"), self._news
        )
        self._station, self._link = station, link
        station.on_failed, station.reached_ms = self._on_failed, link.reached_ms
        station.on_cut_off = lambda: self._request(requests.RESTART, "no service can be reached")
        await tasks.together(
            *self._remote(),
            *self.supervisor.vital(),
            supervise("wifi", station.run),
            supervise("time", keeper.run),
            supervise("link", lambda: self._linked(station, keeper, link)),
            supervise("console", self._cable(station, settings_now, _nobody, tuple).run),
            self._until_end(),
            *self._proof(station, link),
        )
        return self.leaving

    async def updating(self):
        """The mode of a device that takes in a new version: nothing is sent, and nobody is listened to but the buttons."""
        device = self.device
        device.dispatcher.lock("update")
        self._updates = True
        from firmware.ota.mode import put_together

        station, keeper, update = put_together(settings_now(), self._update, device, self.supervisor.feed("link"))
        gc.collect()
        self.device.log_heap("update")
        await tasks.together(
            *self.supervisor.vital(),
            self.supervisor.supervise("wifi", station.run),
            self.supervisor.supervise("time", keeper.run),
            self._until_end(),
            update.run(),
        )
        return self.leaving

    async def proving(self):
        """The mode of a version on trial: as `operating`, until it is known whether it stays; then a restart."""
        if self.device.missing:
            self._log.error("update", "this version goes back: " + self.device.missing)
            return self.leaving
        from firmware.ota.validation import Trial

        self._trial = Trial(self._update, self.device.clock, self._log)
        return self.operating

    async def leaving(self):
        """The last mode: the chip starts anew."""
        await self.supervisor.drain()
        self.device.hardware.restart()

    # --- what runs in them

    async def _linked(self, station, keeper, link):
        """Never return: the link; before its first connection, while there is memory for another, is asked for a new version."""
        if self._news.asks:
            self._news.asks = False
            await tasks.together(self._ask(station, keeper), self.supervisor.feed_for("link"))
        self.device.log_heap("online")
        await link.run()

    async def _ask(self, station, keeper):
        """Ask the update server, where one is set and it is time, and request the update that it offers."""
        await station.wait_online()
        try:
            await asyncio.wait_for_ms(keeper.wait_known(), _ASK_MS)
        except asyncio.TimeoutError:
            return
        now_s = unix_us() // 1000000
        if not wants_check(settings_now(), now_s):
            return
        from firmware.ota import boot_state

        version = await boot_state.offered(settings_now(), station, keeper, now_s, self._log)
        if version:
            self._request(requests.UPDATE, version)

    def _proof(self, station, link):
        """Return [the coroutine in which a version on trial proves itself], [] for any other."""
        return [self._prove(station, link)] if self._trial else []

    async def _prove(self, station, link):
        """Never return; a restart follows, whichever way it went."""
        stays = await self._trial.run(self.device.hardware, station, link)
        self._request(requests.RESTART, "the new version stays" if stays else "the new version goes back")
        await asyncio.Event().wait()

    def _remote(self):
        """Return [a task] that asks the service for what this device's own inputs want; [] where the settings name none."""
        settings = settings_now()
        if not settings.get("remote.inputs") and not settings.get("remote.dial"):
            return []
        from firmware.control import remote_inputs

        device = self.device
        rooms = device.hardware, self.ask_service, self._why_blocked, device.clock, self._log
        remote = device.buttons.remote = remote_inputs.remote(settings, build.board(settings), *rooms)
        return [self.supervisor.supervise("remote", remote.run)] if remote else []

    def _why_blocked(self):
        """Return why this device may command nobody, in words; "" when it may."""
        return "the emergency stop is latched" if self.device.latch.latched else self.device.dispatcher.locked

    def _cable(self, station, settings, access, urls, greeting=()):
        """Return the console on the REPL's line, for whoever holds the cable. The arguments as in console/session.py's Rooms."""
        device = self.device
        rooms = (
            settings,
            device.dispatcher,
            device.latch,
            self._log,
            station,
            self._request,
            device.lamp,
            access,
            urls,
            self._facts,
            self._to_the_repl,
            self.ask_service,
        )
        return Cable(rooms, device.context.output, device.clock, greeting)

    async def _to_the_repl(self):
        """Return when the air is quiet and all is said; the watchdog leaves a person ten minutes at the REPL."""
        await self.supervisor.quiet()
        await self.supervisor.drain()
        self.device.hardware.start_watchdog(_REPL_MS)

    async def _until_end(self):
        """Return when another mode was asked for and the radio is quiet: until then everyone is still at work (S12)."""
        await self.ends.wait()
        await self.supervisor.quiet()
        await self.supervisor.released()
        for _ in range(_LAST_LOOKS):
            if self._link and self._link.connected() and self._news.events():
                await asyncio.sleep_ms(_LOOK_MS)  # that an update begins is for the hub to know

    # --- what they say of themselves

    def lamp_state(self):
        """Return what the lamp is to show (hardware/status_led.py)."""
        station, link, device = self._station, self._link, self.device
        return state_of(
            self.supervisor.waits_for or device.buttons.progress() or ("latched" if device.latch.latched else ""),
            bool(link) and link.connected(),
            bool(station) and station.online(),
            setting_up=bool(self.setup),
            updating=self._updates,
            sending=device.dispatcher.busy(),
            pairing=bool(link) and link.pairs(),
        )

    def _facts(self):
        return self.device.facts() + (self._link.facts() if self._link else [])

    def ask_service(self, what, detail):
        """As Link.ask of link/connection.py."""
        return self._link.ask(what, detail) if self._link else "there is no connection to a service now"

    def on_fault(self, name):
        if self._trial:
            self._trial.fault(name)

    def _on_failed(self, rounds):
        """Open the set-up when no known network takes us any more: somebody has to say which one shall."""
        if rounds == _ROUNDS:
            self._request(requests.OPEN_PORTAL, requests.LOST)

    def not_reached(self):
        """Return what is not reached now, a list: of "network" and "hub"."""
        if self._link and self._link.connected():
            return []
        return ["hub"] if self._station and self._station.online() else ["network", "hub"]


def _nobody():
    """Return None: there is no access point."""
