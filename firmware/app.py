"""The roof: builds the rooms, lives one mode at a time. A mode is a coroutine that returns the next. Imported by main.py alone."""

import asyncio
import gc

from micropython import const

from firmware.dispatcher import Dispatcher
from firmware.estop import CLEAR, TRIP, Button, Latch
from firmware.hardware import Hardware, NoPin
from firmware.radio import Radio
from firmware.scheduler import Scheduler
from firmware.seldom import SELDOM
from firmware.timekeeper import unix_us
from lib import plugs, tasks
from lib.clock import Clock
from lib.guests import Guests
from lib.heartbeat import Heartbeats
from lib.log import Log
from lib.nvs import Nvs

_SETTINGS = "settings.json"
_PAUSE_MS = const(1000)
_SHORT_PAUSE_MS = const(50)  # for radio and e-stop: stop frames are due, and nobody watches the button meanwhile
_QUIET_MS = const(3000)  # the longest that the stop frames before a restart may take
_SAMPLE_MS = const(5)
_WATCHDOG_MS = const(8000)
_REPL_MS = const(600000)
_GARBAGE_BYTES = const(4096)  # collected that often, the heap stays in one piece: what lives long lies among its like
_CABLE = Guests(("firmware.console", "lib.terminal", "lib.improv"))
_VITAL = ("radio", "estop", "link")  # who must be alive, or the watchdog bites (S14)


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
        self._set_up = bool(settings.get("wifi"))
        if settings.damaged:
            self._log.error("settings", "the file cannot be read: defaults, and nothing may be sent")
        self._wished = asyncio.Event()
        self._wish = None
        board = fitting.board(settings)
        fitting.backend(settings)  # looked for while there is no watchdog that would bite over a name that is none
        self._hardware = hardware(board, settings.section("rf"), settings.section("estop"))
        self._latch = Latch(Nvs("safety"))
        self._scheduler = Scheduler(_shocker, settings.get("rf.keep_alive"))
        player = self._hardware.transmitter()  # without one nothing starts, and nobody is to feed a watchdog
        self._hearts = Heartbeats(_VITAL, self._hardware.start_watchdog(_WATCHDOG_MS))
        self._radio = Radio(self._scheduler, player, self._clock, self._cut, self._beats("radio"))
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

    async def live(self):
        """Never returns but by a restart of the chip."""
        if self._latch.latched:
            self._log.warning("estop", "latched since before this start")
        mode = self.operating if self._set_up else self.waiting
        while mode:
            mode = await mode()

    async def waiting(self):
        """The mode of a device that nobody has set up: the radio is locked, and it says what is missing."""
        self._dispatcher.lock("not set up")
        self._log.warning("app", "not set up: %s needs a network (wifi) and an account" % _SETTINGS)
        await tasks.together(
            self._kept("radio", self._radio.run),
            self._kept("estop", self._watch_estop),
            self._kept("console", self._console(_Nowhere).run),
            self._beat_for("link"),
            self._until_wished(),
        )
        return self.leaving

    async def operating(self):
        """The mode of a device at work: network, link and radio, each kept alive, until somebody wishes for another mode."""
        with SELDOM:
            station, keeper, link = self._connection()
        gc.collect()
        await tasks.together(
            self._kept("radio", self._radio.run),
            self._kept("estop", self._watch_estop),
            self._kept("wifi", station.run),
            self._kept("time", keeper.run),
            self._kept("link", link.run),
            self._kept("cable", lambda: self._attend_the_cable(station)),
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

    async def _attend_the_cable(self, station):
        """Never returns; while the latch is set the console is there, to clear it in person, cable in hand (S7).

        A device that obeys has no memory to spare for it.
        """
        while True:
            while not self._latch.latched:
                await asyncio.sleep_ms(_PAUSE_MS)
            with _CABLE:
                await tasks.together(self._console(station).run(), self._cleared())

    async def _cleared(self):
        while self._latch.latched:
            await asyncio.sleep_ms(_PAUSE_MS)

    def _console(self, station):
        """The console on the REPL's line, for whoever holds the cable."""
        from firmware.console import Console, Rooms
        from lib.terminal import Terminal

        rooms = Rooms(
            _settings,
            self._dispatcher,
            self._latch,
            self._log,
            station,
            self._on_wish,
            None,
            _nobody,
            tuple,
            self._facts,
            self._to_the_repl,
        )
        return Console(Terminal(), rooms, self._clock)

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

    async def _watch_estop(self):
        """Never returns: looks at the button every 5 ms; without one the BOOT button may clear a latch, not set it."""
        pressed = self._hardware.stop_input()
        button = Button(trips=pressed is not None, latched=self._latch.latched)
        pressed = pressed or self._hardware.boot_input() or bool
        while True:
            self._hearts.beat("estop")
            what = button.sample(pressed(), self._latch.latched, self._clock())
            if what == TRIP:
                self._dispatcher.emergency("button")
            elif what == CLEAR:
                self._dispatcher.clear_estop("button held and released")
            await asyncio.sleep_ms(_SAMPLE_MS)

    def _beats(self, name):
        return lambda: self._hearts.beat(name)

    async def _beat_for(self, name):
        """Never returns: in a mode where `name` has nothing to do."""
        while True:
            self._hearts.beat(name)
            await asyncio.sleep_ms(_PAUSE_MS)

    def _on_wish(self, what, detail):
        if what == "restart":
            self._log.info("app", "restart: %s" % detail)
            self._dispatcher.lock(what)
            self._wish = what
            self._wished.set()
        else:
            self._log.warning("app", "%s %s: this version cannot" % (what, detail))


def _pause_ms():
    return _PAUSE_MS


def _short_pause_ms():
    return _SHORT_PAUSE_MS


class _Nowhere:
    """The station of a device that nobody has set up: it has joined nothing, and hears nothing."""

    online = bool  # False

    @staticmethod
    def address():
        return "0.0.0.0"

    @staticmethod
    def rssi():
        return 0

    @staticmethod
    def scan():
        return []


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
    try:
        asyncio.run(App().live())
    except NoPin as missing:
        print("[error][app] %s: set rf.pin in %s" % (missing, _SETTINGS))
    except plugs.NoSuchPlug as missing:
        print("[error][app] there is no board, backend or receiver '%s': see %s" % (missing, _SETTINGS))
