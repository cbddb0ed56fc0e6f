"""The roof: lives one mode at a time. A mode is a coroutine that returns the next. Imported by main.py alone."""

import asyncio
import gc

from micropython import const

from firmware import build_info
from firmware.console.listener import Cable
from firmware.device import SETTINGS, Core, settings_now
from firmware.hardware.board_io import Hardware
from firmware.net.time_sync import unix_us
from firmware.ota.reports import News, are_due, wants_check
from lib import tasks
from lib.idle import TIMES
from lib.log import WARNING
from lib.nvs import Nvs

_PAUSE_MS = const(1000)
_REPL_MS = const(600000)
_ASK_MS = const(30000)
_LAST_WORDS = const(40)
_WORD_MS = const(50)
_ROUNDS = const(3)  # so often in a row all networks failed: then the set-up opens

# the wish that outlives a restart, under "set-up": why the set-up opens
_NO_WISH = const(0)
_LOST = const(2)  # no known network takes us any more; 1: somebody asked for it


class App(Core):
    """One device. `live()` is its life, from start to restart. `hardware` makes its pins, `wall()` is its time of day."""

    def __init__(self, hardware=Hardware, wall=unix_us):
        self._wishes = Nvs("app")
        self._wish = self._wishes.get("set-up", _NO_WISH)
        if self._wish:
            self._wishes.put("set-up", _NO_WISH)  # once: a set-up that ends badly does not come back by itself
        self._wished = asyncio.Event()
        self._begun = None  # what an update has in hand: its Journal and the Slots
        self._mode = None  # the one that an update wants
        self._trial = None
        self._news = News(asks=bool(build_info.BOARD))
        super().__init__(hardware, wall)

    def _build(self, hardware, wall):
        if are_due():
            from firmware.ota import boot_state

            mode, kept, slots = boot_state.begin(self._log)
            self._news = News(kept.events(), not mode)
            if mode:
                self._begun, self._mode = (kept, slots), getattr(self, mode)
        super()._build(hardware, wall)

    async def live(self):
        """Never returns but by a restart of the chip."""
        self._tell_heap("started")
        if self._latch.latched:
            self._log.warning("estop", "latched since before this start")
        mode = self._mode or (self.setting_up if self._missing or self._wish else self.operating)
        while mode:
            mode = await mode()

    async def setting_up(self):
        """The mode of a device that is being set up: the radio is locked, our own network is open, and the page on it."""
        self._dispatcher.lock("set-up", tests=True)
        if self._missing:
            self._log.warning("app", "to be set up: " + self._missing)
        from firmware.config.settings import Settings
        from firmware.portal.mode import SettingUp

        settings = Settings(SETTINGS)
        setup = self._setup = SettingUp(
            settings,
            self._dispatcher,
            self._latch,
            self._hardware,
            self._fingers.pressed,
            self._fingers.progress,
            self._rewire,
            self._scheduler.busy,
            self._clock,
            self._log,
            self._wish == _LOST,
        )
        gc.collect()
        self._tell_heap("set-up")
        cable = self._cable(setup.station, lambda: settings, setup.access, setup.urls, setup.greeting())
        await tasks.together(
            *self._body(),
            self._kept("console", cable.run),
            self._beat_for("link"),
            self._until_wished(),
            self._set_up(setup),
        )
        return self.leaving

    async def _set_up(self, setup):
        """None when the set-up is over, and nothing is due on the air any more."""
        await tasks.guarded("set-up", setup.run(), self._log)
        await asyncio.sleep_ms(_PAUSE_MS)  # a set-up that cannot even begin must not begin all the time
        self._dispatcher.lock("restart")
        await self._quiet()

    async def operating(self):
        """The mode of a device at work: network, link and radio, each kept alive, until somebody wishes for another mode."""
        station, keeper, link = self._connection()
        self._station, self._link = station, link
        station.on_failed, station.reached_ms = self._on_failed, link.reached_ms
        station.on_cut_off = lambda: self._on_wish("restart", "no service can be reached")
        await tasks.together(
            *self._remote(),
            *self._body(),
            self._kept("wifi", station.run),
            self._kept("time", keeper.run),
            self._kept("link", lambda: self._linked(station, keeper, link)),
            self._kept("console", self._cable(station, settings_now, _nobody, tuple).run),
            self._until_wished(),
            *self._proof(station, link),
        )
        return self.leaving

    async def updating(self):
        """The mode of a device that takes in a new version: nothing is sent, and nobody is listened to but the buttons."""
        self._dispatcher.lock("update")
        self.is_updating = True
        from firmware.ota.mode import put_together

        station, keeper, update = put_together(
            settings_now(),
            self._begun,
            self._hardware,
            self._scheduler.busy,
            self._beats("link"),
            self._clock,
            self._log,
        )
        gc.collect()
        self._tell_heap("update")
        await tasks.together(
            *self._body(),
            self._kept("wifi", station.run),
            self._kept("time", keeper.run),
            self._until_wished(),
            update.run(),
        )
        return self.leaving

    async def proving(self):
        """The mode of a version on trial: as `operating`, until it is known whether it stays; then a restart."""
        if self._missing:
            self._log.error("update", "this version goes back: " + self._missing)
            return self.leaving
        from firmware.ota.validation import Trial

        self._trial = Trial(self._begun, self._clock, self._log)
        return self.operating

    async def _linked(self, station, keeper, link):
        """Never return: the link; before its first connection, while there is memory for another, is asked for a new version."""
        if self._news.asks:
            self._news.asks = False
            await tasks.together(self._ask(station, keeper), self._beat_for("link"))
        self._tell_heap("online")
        await link.run()

    async def _ask(self, station, keeper):
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
            self._on_wish("update", version)

    def _proof(self, station, link):
        """Return [the coroutine in which a version on trial proves itself], [] for any other."""
        return [self._prove(station, link)] if self._trial else []

    async def _prove(self, station, link):
        """Never return; a restart follows, whichever way it went."""
        stays = await self._trial.run(self._hardware, station, link)
        self._on_wish("restart", "the new version stays" if stays else "the new version goes back")
        await asyncio.Event().wait()

    def _on_fault(self, name, fault):
        super()._on_fault(name, fault)
        if self._trial:
            self._trial.fault(name)

    def _connection(self):
        """Return (station, timekeeper, link) as the settings want them."""
        from firmware.link import setup as connecting

        beat = self._beats("link")
        busy = self._scheduler.busy  # a search for networks holds everything up: never while something is on the air
        return connecting.connection(
            settings_now(), self._dispatcher, self._hardware, busy, self._clock, self._log, beat, self._news
        )

    def _on_failed(self, rounds):
        """Open the set-up when no known network takes us any more: somebody has to say which one shall."""
        if rounds == _ROUNDS:
            self._on_wish("portal", _LOST)

    def _cable(self, station, settings, access, urls, greeting=()):
        """The console on the REPL's line, for whoever holds the cable. The arguments as in console.Rooms."""
        rooms = (
            settings,
            self._dispatcher,
            self._latch,
            self._log,
            station,
            self._on_wish,
            self._lamp,
            access,
            urls,
            self._facts,
            self._to_the_repl,
            self._ask_service,
        )
        return Cable(rooms, self._output, self._clock, greeting)

    async def _to_the_repl(self):
        """None; the air is quiet, all is said, and the watchdog leaves a person ten minutes at the REPL."""
        await self._quiet()
        await self._said()
        self._hardware.start_watchdog(_REPL_MS)

    async def _until_wished(self):
        """None when another mode was wished for and the radio is quiet: until then everyone is still at work (S12)."""
        await self._wished.wait()
        await self._quiet()
        for _ in range(_LAST_WORDS):
            if self._link and self._link.connected() and self._news.events():
                await asyncio.sleep_ms(_WORD_MS)  # that an update begins is for the hub to know

    async def leaving(self):
        """The last mode: the chip starts anew."""
        await self._said()
        self._hardware.restart()

    def _on_wish(self, what, detail):
        """None; `what` is wished for: another mode comes after a restart, with nothing on the air."""
        if what == "emergency":
            self._tell_others()
            return
        if what == "keep":
            TIMES.later(lambda: self._store(*detail))
            return
        if what == "update":
            if not self._order(detail):
                return
            what = "restart"
        if what == "factory reset":
            self._forget_all()
            what = "restart"
        if what not in ("restart", "portal", "provisioned"):
            self._log.line(WARNING, "app", "%s %s: nobody knows that wish" % (what, detail))
            return
        if what == "portal" and bool(detail) == bool(self._setup):
            return  # it is as it shall be
        if what == "provisioned" and self._setup and not self._setup.complete():
            return  # there is a network now; an account is still missing
        self._log.info("app", "%s: %s" % (what, detail))
        self._dispatcher.lock(what)
        if what == "portal":
            self._wishes.put("set-up", int(detail))
        self._wished.set()

    def _order(self, version):
        """True when the next start is for an update to that version ("": what the channel offers). The hub hears of it."""
        online, connected = bool(self._station) and self._station.online(), bool(self._link) and self._link.connected()
        from firmware.ota import boot_state

        before = [] if connected else ["hub"] if online else ["network", "hub"]
        return boot_state.asked(version, settings_now().get("update.url"), before, self._news, self._log)


def _nobody():
    """None: there is no access point."""


def run():
    """Never returns: the life of this device."""
    app = App()
    try:
        asyncio.run(app.live())
    finally:
        app.flush()  # what made it end is in the last lines
