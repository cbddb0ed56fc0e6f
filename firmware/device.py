"""What every mode of the device stands on: pins, radio, dispatcher, emergency stop, lamp, and how their tasks are kept alive.

Modes and wishes are in app.py, which is made of this.
"""

import asyncio

from micropython import const

from firmware.config import build
from firmware.control.dispatcher import Dispatcher
from firmware.control.estop import Latch
from firmware.control.scheduler import Scheduler
from firmware.control.transmitter import Mute, Radio
from firmware.hardware.board_io import NoPin
from firmware.hardware.buttons import Fingers
from firmware.hardware.status_led import Lamp, state_of
from lib import heap, plugins, tasks
from lib.idle import TIMES
from lib.log import DEBUG, Log
from lib.monotonic import Clock
from lib.nvs import Nvs
from lib.output import Output
from lib.repl_stdio import write
from lib.watchdog_feeder import Heartbeats

SETTINGS = "settings.json"
_PAUSE_MS = const(1000)
_SHORT_PAUSE_MS = const(50)  # for radio and e-stop: stop frames are due, and nobody watches the button meanwhile
_QUIET_MS = const(3000)  # the longest that the stop frames before a restart may take
_WATCHDOG_MS = const(8000)
_LAST_LOOKS = const(20)  # at what the console has still to say before a restart
_LAST_MS = const(10)
_VITAL = ("radio", "estop", "link")  # who must be alive, or the watchdog bites (S14)


class Core:
    """The device's own rooms. `hardware` makes its pins, `wall()` is its time of day; `_on_wish` is what app.py makes of wishes."""

    def __init__(self, hardware, wall):
        self._clock = Clock().now
        self._output = Output(write, self._clock)
        self._log = Log(self._clock, self._output.line)
        self._setup = None  # the SettingUp, while that is what we do
        self._station = self._link = None
        self.is_updating = False
        self._build(hardware, wall)

    def _build(self, hardware, wall):

        settings = build.read(SETTINGS)
        if settings.damaged:
            self._log.error("settings", "the file cannot be read: defaults, and nothing may be sent")
        self._missing = build.missing(settings)  # why there is nothing but set-up, "" when there is no reason
        self._new_hardware = hardware
        self._hardware = hardware(build.board(settings), settings.section("rf"), settings.section("estop"))
        self._latch = Latch(Nvs("safety"))
        self._scheduler = Scheduler(_shocker, settings.get("rf.keep_alive"))
        self._hearts = Heartbeats(_VITAL, self._hardware.start_watchdog(_WATCHDOG_MS))
        transmitter, beat = self._transmitter(), self._beats("radio")
        self._radio = Radio(self._scheduler, transmitter, self._clock, self._cut, beat, self._miss, self._pressed)
        safety = build.safety(settings)
        safety.is_short = heap.is_short
        self._dispatcher = Dispatcher(
            safety,
            self._scheduler,
            self._radio,
            self._latch,
            self._clock,
            wall,
            self._log,
            self._on_wish,
        )
        TIMES.heed(self._scheduler.busy, self._radio.wake, self._dispatcher.stop_first)
        self._fingers = Fingers(
            self._hardware, self._latch, self._dispatcher, self._on_wish, self._clock, self._beat_estop
        )
        self._lamp = self._lamp_of(settings.get("led.brightness"))

    def _transmitter(self):
        """A player; one that sends nothing where the pin is unknown or none of this chip's: then that is to be set up."""
        build.tell_boot(self._hardware.pins(), self._log)
        try:
            return self._hardware.transmitter()
        except (NoPin, ValueError) as fault:
            self._missing = self._missing or "no transmitter (%s)" % fault
            return Mute()

    def _rewire(self):
        """None; the pins that the settings name now are in use. For the set-up, while the radio is locked."""
        settings = build.read(SETTINGS)
        board = build.board(settings)
        self._hardware = self._new_hardware(board, settings.section("rf"), settings.section("estop"))
        self._radio.use(self._transmitter())
        self._fingers.use(self._hardware)

    def _lamp_of(self, brightness):
        """The Lamp of this board, None where it has none."""
        led, pixel = self._hardware.led(), self._hardware.pixel()
        if not led and not pixel:
            return None
        return Lamp(led, pixel, self._state, self._clock, brightness, self._hardware.swaps_colours())

    def _state(self):
        """What the lamp is to show (hardware/status_led.py)."""
        station, link = self._station, self._link
        return state_of(
            self._fingers.progress() or ("latched" if self._latch.latched else ""),
            bool(link) and link.connected(),
            bool(station) and station.online(),
            setting_up=bool(self._setup),
            updating=self.is_updating,
            sending=self._dispatcher.busy(),
            pairing=bool(link) and link.pairs(),
        )

    def _tell_heap(self, stage):
        """Write down how much memory there is, for who looks for what needs it: at level debug."""
        if self._log.level <= DEBUG:
            self._log.line(DEBUG, "heap", "%s: %s" % (stage, heap.words()))

    def _facts(self):
        """What the console's `sysinfo` and `status` show: (group, name, value), all texts."""
        radio = self._radio
        facts = [
            ("Radio", "Frames", str(radio.frames)),
            ("Radio", "WorstLateness", "%d us" % radio.worst_late_us),
            ("Radio", "LateFrames", str(radio.late_frames)),
        ]
        facts += [("Refused", reason, str(count)) for reason, count in self._dispatcher.refusals().items()]
        return facts + (self._link.facts() if self._link else [])

    def _ask_service(self, what, detail):
        """As link.Link.ask."""
        return self._link.ask(what, detail) if self._link else "there is no connection to a service now"

    def _tell_others(self):
        """None; the e-stop was pressed here: the services were told where that is wanted, or the log says why not."""
        why = self._ask_service("emergency", None)
        if why:
            self._log.info("estop", "no other device was told: " + why)

    def _remote(self):
        """[a task] that asks the service for what this device's own inputs want; [] where the settings name none."""
        remote = None
        settings = settings_now()
        if settings.get("remote.inputs") or settings.get("remote.dial"):
            from firmware.control import remote_inputs

            board = build.board(settings)
            rooms = self._hardware, self._ask_service, self._why_blocked, self._clock, self._log
            remote = self._fingers.remote = remote_inputs.remote(settings, board, *rooms)
        return [self._kept("remote", remote.run)] if remote else []

    def _why_blocked(self):
        """Why this device may command nobody, in words; "" when it may."""
        return "the emergency stop is latched" if self._latch.latched else self._dispatcher.locked

    def _store(self, name, table):
        """None; what the service of backend `name` gave is kept."""
        build.keep(SETTINGS, name, table, self._log)

    def flush(self):
        """None; the console has heard everything. For the very end: this may block."""
        self._output.flush()

    async def _quiet(self):
        try:
            await asyncio.wait_for_ms(self._radio.quiet(), _QUIET_MS)
        except asyncio.TimeoutError:
            self._log.error("app", "the stop frames took too long")

    async def _said(self):
        """None when the console's output has left, or nobody takes it. Nothing is active any more."""
        self._output.held = False
        for _ in range(_LAST_LOOKS):
            self._output.pump()
            if not self._output.waits():
                break
            await asyncio.sleep_ms(_LAST_MS)

    def _body(self):
        """What runs in every mode: a list of tasks."""
        body = [self._kept("radio", self._radio.run), self._kept("estop", self._fingers.run)]
        return body + ([self._kept("lamp", self._lamp.run)] if self._lamp else [])

    def _kept(self, name, start):
        pause_ms = _short_pause_ms if name in ("radio", "estop") else _pause_ms
        return tasks.keep(name, start, self._log, pause_ms, self._on_fault)

    def _on_fault(self, name, fault):
        self._dispatcher.halt("a fault")  # S13: whatever failed, nobody is left on

    def _on_wish(self, what, detail):
        """None; what a wish for another mode means is app.py's business."""

    def _pressed(self):
        """True when the e-stop was pressed since the last look (hardware/buttons.py): then everything was stopped."""
        return self._fingers.look()

    def _cut(self):
        """The e-stop input cut a frame short."""
        self._dispatcher.emergency("button")

    def _miss(self, key):
        """A command's time was over before its first frame: too many receivers at once, or the radio was kept waiting."""
        self._log.warning("radio", "never sent, its time was over: to %s %s" % key[:2])

    def _beat_estop(self):
        """None; for the task that runs every few ms in each mode: a sign of life, and the console's output goes on.

        Native USB may block, and does not say so: nothing is written there while something is active (S26).
        """
        self._hearts.beat("estop")
        if self._output.waits():
            self._output.held = self._hardware.has_usb() and self._dispatcher.busy()
            self._output.pump()

    def _beats(self, name):
        return lambda: self._hearts.beat(name)

    async def _beat_for(self, name):
        """Never returns: in a mode where `name` has nothing to do."""
        while True:
            self._hearts.beat(name)
            await asyncio.sleep_ms(_PAUSE_MS)

    def _forget_all(self):
        """None; the settings are those of a new device, from the restart on. The latch stays as it is (S7)."""
        self._dispatcher.lock("factory reset")
        try:
            settings_now().reset()
        except OSError as fault:
            self._log.error("settings", "the storage refuses a reset (%s)" % fault)


def settings_now():
    """The settings as the file has them; for use inside of `with SELDOM`."""
    return build.read(SETTINGS)


def _pause_ms():
    return _PAUSE_MS


def _short_pause_ms():
    return _SHORT_PAUSE_MS


def _shocker(model):
    return plugins.load("firmware.shockers", model)
