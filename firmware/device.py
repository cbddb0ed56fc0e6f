"""The device as its settings describe it: pins, radio, safety, dispatcher, emergency stop, lamp. Built here, once; no task starts.

A new part of the hardware is a field of Device, made in its constructor; what runs is a line of supervisor.py, or of a mode.
"""

from micropython import const

from firmware.config import build
from firmware.control.dispatcher import Dispatcher
from firmware.control.estop import Latch
from firmware.control.scheduler import Scheduler
from firmware.control.transmitter import Mute, Radio
from firmware.hardware.board_io import NoPin
from firmware.hardware.buttons import Fingers
from firmware.hardware.status_led import Lamp
from lib import heap, plugins
from lib.idle import TIMES
from lib.log import DEBUG, Log
from lib.monotonic import Clock
from lib.nvs import Nvs
from lib.output import Output
from lib.repl_stdio import write
from lib.watchdog_feeder import WatchdogFeeder

SETTINGS = "settings.json"
_WATCHDOG_MS = const(8000)
_VITAL = ("radio", "estop", "link")  # who must be alive, or the watchdog bites (S14)


class Context:
    """What every part of the application may use: `clock()` in ms, `wall()` in µs of UTC or None, `log`, `output`, `request`.

    `request(kind, detail)`: requests.py.
    """

    def __init__(self, wall, request):
        self.clock = Clock().now
        self.wall = wall
        self.request = request
        self.output = Output(write, self.clock)
        self.log = Log(self.clock, self.output.line)


class Device:
    """The parts of the hardware, and what guards them. `make_hardware` is given a board and the settings of its pins.

    `context`: a Context. `lamp_state()` returns what the lamp is to show (hardware/status_led.py).
    """

    def __init__(self, context, make_hardware, lamp_state):
        settings = build.read(SETTINGS)
        if settings.damaged:
            context.log.error("settings", "the file cannot be read: defaults, and nothing may be sent")
        elif settings.doubts:
            context.log.error("settings", "no caps, or none that fit, so the strictest hold: " + settings.doubts)
        self.context = context
        self.clock = context.clock
        self.log = context.log
        self.missing = build.missing(settings)  # why there is nothing but set-up, "" when there is no reason
        self._make_hardware = make_hardware
        self.hardware = make_hardware(build.board(settings), settings.section("rf"), settings.section("estop"))
        self.latch = Latch(Nvs("safety"))
        bare = () if settings.get("rf.end_frames_998dr") else ("petrainer998dr",)
        self.scheduler = Scheduler(_shocker, settings.get("rf.keep_alive"), bare)
        self.watchdog = WatchdogFeeder(_VITAL, self.hardware.start_watchdog(_WATCHDOG_MS))
        self.radio = Radio(
            self.scheduler, self._transmitter(), self.clock, self._cut, self._feed_radio, self._missed, self._pressed
        )
        safety = build.safety(settings)
        safety.is_short = heap.is_short
        self.dispatcher = Dispatcher(safety, self.scheduler, self.radio, self.latch, context)
        self.dispatcher.recall(self.hardware.remembered(), self.hardware.remember)
        TIMES.heed(self.scheduler.busy, self.radio.wake, self.dispatcher.stop_first)
        self.buttons = Fingers(self.hardware, self.latch, self.dispatcher, context, self._feed_estop)
        self.lamp = self._lamp(settings.get("led.brightness"), lamp_state)

    def rewire(self):
        """Use the pins that the settings name now. For the set-up, while the radio is locked."""
        settings = build.read(SETTINGS)
        board = build.board(settings)
        self.hardware = self._make_hardware(board, settings.section("rf"), settings.section("estop"))
        self.radio.use(self._transmitter())
        self.buttons.use(self.hardware)

    def facts(self):
        """Return what the console's `sysinfo` and `status` show: [(group, name, value)], all texts."""
        radio = self.radio
        facts = [
            ("Radio", "Frames", str(radio.frames)),
            ("Radio", "WorstLateness", "%d us" % radio.worst_late_us),
            ("Radio", "LateFrames", str(radio.late_frames)),
        ]
        return facts + [("Refused", reason, str(count)) for reason, count in self.dispatcher.refusals().items()]

    def log_heap(self, stage):
        """Write down how much memory there is, for who looks for what needs it: at level debug."""
        if self.log.level <= DEBUG:
            self.log.line(DEBUG, "heap", "%s: %s" % (stage, heap.words()))

    def _transmitter(self):
        """Return a player; one that sends nothing where the pin is unknown or none of this chip's: then that is to be set up."""
        build.tell_boot(self.hardware.pins(), self.log)
        try:
            return self.hardware.transmitter()
        except (NoPin, ValueError) as fault:
            self.missing = self.missing or "no transmitter (%s)" % fault
            return Mute()

    def _lamp(self, brightness, lamp_state):
        """Return the Lamp of this board, None where it has none."""
        led, pixel = self.hardware.led(), self.hardware.pixel()
        if not led and not pixel:
            return None
        return Lamp(led, pixel, lamp_state, self.clock, brightness, self.hardware.swaps_colours())

    def _pressed(self):
        """Return whether the e-stop was pressed since the last look (hardware/buttons.py): then everything was stopped."""
        return self.buttons.look()

    def _cut(self):
        """Stop everything: the e-stop input cut a frame short."""
        self.dispatcher.emergency("button")

    def _missed(self, key):
        """Log that a command's time was over before its first frame: too many receivers at once, or the radio had to wait."""
        self.log.warning("radio", "never sent, its time was over: to %s %s" % key[:2])

    def _feed_radio(self):
        self.watchdog.alive("radio")
        self.dispatcher.note_past()

    def _feed_estop(self):
        """Feed the watchdog, and let the console's output go on: for the task that runs every few ms in each mode.

        Native USB may block, and does not say so: nothing is written there while something is active (S26).
        """
        self.watchdog.alive("estop")
        output = self.context.output
        if output.waits():
            output.held = self.hardware.has_usb() and self.dispatcher.busy()
            output.pump()


def settings_now():
    """Return the Settings as the file has them."""
    return build.read(SETTINGS)


def _shocker(model):
    return plugins.load("firmware.shockers", model)
