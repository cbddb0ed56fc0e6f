"""The roof: builds the rooms, lives one mode at a time. A mode is a coroutine that returns the next. Imported by main.py alone."""

import asyncio
import gc

from micropython import const

from firmware.cable import Cable
from firmware.dispatcher import Dispatcher
from firmware.estop import Latch
from firmware.fingers import Fingers
from firmware.hardware import Hardware, NoPin
from firmware.radio import Mute, Radio
from firmware.scheduler import Scheduler
from firmware.seldom import SELDOM
from firmware.timekeeper import unix_us
from lib import plugs, tasks
from lib.clock import Clock
from lib.heartbeat import Heartbeats
from lib.log import Log
from lib.nvs import Nvs

_SETTINGS = "settings.json"
_PAUSE_MS = const(1000)
_SHORT_PAUSE_MS = const(50)  # for radio and e-stop: stop frames are due, and nobody watches the button meanwhile
_QUIET_MS = const(3000)  # the longest that the stop frames before a restart may take
_WATCHDOG_MS = const(8000)
_REPL_MS = const(600000)
_GARBAGE_BYTES = const(4096)  # collected that often, the heap stays in one piece: what lives long lies among its like
_ROUNDS = const(3)  # so often in a row all networks failed: then the set-up opens
_VITAL = ("radio", "estop", "link")  # who must be alive, or the watchdog bites (S14)

# the wish that outlives a restart, under "set-up": why the set-up opens
_NO_WISH = const(0)
_ASKED = const(1)
_LOST = const(2)  # no known network takes us any more


class App:
    """One device. `live()` is its life, from start to restart. `hardware` makes its pins, `wall()` is its time of day."""

    def __init__(self, hardware=Hardware, wall=unix_us):
        self._clock = Clock().now
        self._log = Log(self._clock)
        with SELDOM:
            self._build(hardware, wall)

    def _build(self, hardware, wall):
        from firmware import fitting

        settings = fitting.read(_SETTINGS)
        if settings.damaged:
            self._log.error("settings", "the file cannot be read: defaults, and nothing may be sent")
        self._wishes = Nvs("app")
        self._wish = self._wishes.get("set-up", _NO_WISH)
        if self._wish:
            self._wishes.put("set-up", _NO_WISH)  # once: a set-up that ends badly does not come back by itself
        self._missing = fitting.missing(settings)  # why there is nothing but set-up, "" when there is no reason
        self._wished = asyncio.Event()
        self._setup = None  # the SettingUp, while that is what we do
        self._new_hardware = hardware
        self._hardware = hardware(fitting.board(settings), settings.section("rf"), settings.section("estop"))
        self._latch = Latch(Nvs("safety"))
        self._scheduler = Scheduler(_shocker, settings.get("rf.keep_alive"))
        self._hearts = Heartbeats(_VITAL, self._hardware.start_watchdog(_WATCHDOG_MS))
        self._radio = Radio(self._scheduler, self._transmitter(), self._clock, self._cut, self._beats("radio"))
        self._dispatcher = Dispatcher(
            fitting.safety(settings),
            self._scheduler,
            self._radio,
            self._latch,
            self._clock,
            wall,
            self._log,
            self._on_wish,
        )
        self._fingers = Fingers(self._hardware, self._latch, self._dispatcher, self._clock, self._beats("estop"))

    async def live(self):
        """Never returns but by a restart of the chip."""
        if self._latch.latched:
            self._log.warning("estop", "latched since before this start")
        mode = self.setting_up if self._missing or self._wish else self.operating
        while mode:
            mode = await mode()

    async def setting_up(self):
        """The mode of a device that is being set up: the radio is locked, our own network is open, and the page on it."""
        self._dispatcher.lock("set-up", tests=True)
        if self._missing:
            self._log.warning("app", "to be set up: " + self._missing)
        from firmware.setting_up import SettingUp
        from firmware.settings import Settings

        with SELDOM:
            settings = Settings(_SETTINGS)
        setup = self._setup = SettingUp(
            settings,
            self._dispatcher,
            self._latch,
            self._hardware,
            self._fingers.pressed,
            self._rewire,
            self._scheduler.busy,
            self._clock,
            self._log,
            self._wish == _LOST,
        )
        gc.collect()
        cable = self._cable(setup.station, lambda: settings, setup.access, setup.urls, setup.greeting())
        await tasks.together(
            self._kept("radio", self._radio.run),
            self._kept("estop", self._fingers.run),
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
        with SELDOM:
            station, keeper, link = self._connection()
        gc.collect()
        await tasks.together(
            self._kept("radio", self._radio.run),
            self._kept("estop", self._fingers.run),
            self._kept("wifi", station.run),
            self._kept("time", keeper.run),
            self._kept("link", link.run),
            self._kept("console", self._cable(station, _settings, _nobody, tuple).run),
            self._watch_wifi(station),
            self._until_wished(),
        )
        return self.leaving

    def _connection(self):
        """(station, timekeeper, link) as the settings want them."""
        from firmware import fitting

        settings = fitting.read(_SETTINGS)
        beat = self._beats("link")
        busy = self._scheduler.busy  # a search for networks holds everything up: never while something is on the air
        return fitting.connection(settings, self._dispatcher, self._hardware, busy, self._clock, self._log, beat)

    async def _watch_wifi(self, station):
        """Never returns; when no known network takes us any more, somebody has to say which one shall."""
        await station.wait_failed(_ROUNDS)
        self._on_wish("portal", _LOST)
        await asyncio.Event().wait()  # until then

    def _transmitter(self):
        """A player; one that sends nothing where the pin is unknown or none of this chip's: then that is to be set up."""
        from firmware import fitting

        fitting.tell_boot(self._hardware.pins(), self._log)
        try:
            return self._hardware.transmitter()
        except (NoPin, ValueError) as fault:
            self._missing = self._missing or "no transmitter (%s)" % fault
            return Mute()

    def _rewire(self):
        """None; the pins that the settings name now are in use. For the set-up, while the radio is locked."""
        with SELDOM:
            from firmware import fitting

            settings = fitting.read(_SETTINGS)
            board = fitting.board(settings)
            self._hardware = self._new_hardware(board, settings.section("rf"), settings.section("estop"))
            self._radio.use(self._transmitter())
        self._fingers.use(self._hardware)

    def _cable(self, station, settings, access, urls, greeting=()):
        """The console on the REPL's line, for whoever holds the cable. The arguments as in console.Rooms."""
        rooms = (
            settings,
            self._dispatcher,
            self._latch,
            self._log,
            station,
            self._on_wish,
            None,
            access,
            urls,
            self._facts,
            self._to_the_repl,
        )
        return Cable(rooms, self._clock, greeting)

    def _facts(self):
        """What the console's `sysinfo` and `status` show: (group, name, value), all texts."""
        radio = self._radio
        return [
            ("Radio", "Frames", str(radio.frames)),
            ("Radio", "WorstLateness", "%d us" % radio.worst_late_us),
            ("Radio", "LateFrames", str(radio.late_frames)),
        ] + [("Refused", reason, str(count)) for reason, count in self._dispatcher.refusals().items()]

    async def _to_the_repl(self):
        """None; the air is quiet, and the watchdog leaves a person ten minutes at the REPL."""
        await self._quiet()
        self._hardware.start_watchdog(_REPL_MS)

    async def _until_wished(self):
        """None when another mode was wished for and the radio is quiet: until then everyone is still at work (S12)."""
        await self._wished.wait()
        await self._quiet()

    async def _quiet(self):
        try:
            await asyncio.wait_for_ms(self._radio.quiet(), _QUIET_MS)
        except asyncio.TimeoutError:
            self._log.error("app", "the stop frames took too long")

    async def leaving(self):
        """The last mode: the chip starts anew."""
        self._hardware.restart()

    def _kept(self, name, start):
        pause_ms = _short_pause_ms if name in ("radio", "estop") else _pause_ms
        return tasks.keep(name, start, self._log, pause_ms, self._on_fault)

    def _on_fault(self, name, fault):
        self._dispatcher.halt("a fault")  # S13: whatever failed, nobody is left on

    def _cut(self):
        """The e-stop input cut a frame short."""
        self._dispatcher.emergency("button")

    def _beats(self, name):
        return lambda: self._hearts.beat(name)

    async def _beat_for(self, name):
        """Never returns: in a mode where `name` has nothing to do."""
        while True:
            self._hearts.beat(name)
            await asyncio.sleep_ms(_PAUSE_MS)

    def _on_wish(self, what, detail):
        """None; `what` is wished for: another mode comes after a restart, with nothing on the air."""
        if what not in ("restart", "portal", "provisioned"):
            self._log.warning("app", "%s %s: this version cannot" % (what, detail))
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


def _pause_ms():
    return _PAUSE_MS


def _short_pause_ms():
    return _SHORT_PAUSE_MS


def _settings():
    """The settings as the file has them; for use inside of `with SELDOM`."""
    from firmware import fitting

    return fitting.read(_SETTINGS)


def _nobody():
    """None: there is no access point."""


def _shocker(model):
    return plugs.load("firmware.shockers", model)


def run():
    """Never returns: the life of this device."""
    gc.threshold(_GARBAGE_BYTES)
    asyncio.run(App().live())
