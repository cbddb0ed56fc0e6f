"""A whole device in a virtual world: the real App on a simulated board, its trace, its log, its storage over restarts.

Judged by the decoder of tools/rf alone. A test boots it, gives orders, lets time pass, and reads what was on the air.
"""

import asyncio
import json
import os
import select
import shutil
import sys
import tempfile

import esp32
import machine
import simboard
import simclock

from firmware import app, command
from firmware.command import ACT, VIBRATE, Command
from firmware.config.settings import Settings
from host_tests.safety import chip
from host_tests.safety.virtual import Loop, Time
from lib import json_file, tasks
from lib.idle import TIMES
from tools.rf.decode import Receiver

UNIX_US = 1_800_000_000_000_000  # the time of day when a world begins
LEVELS = ("debug", "info", "warning", "error")
FRAME_MS = 59  # the longest frame of all models is 58.7 ms (reference/openshock-firmware.md §a)
WIFI = {"wifi": [{"ssid": "simulated", "key": "simulated"}], "openshock_user.url": "http://10.0.0.1"}


def order(
    model="caixianlin", rf_id=1234, action=VIBRATE, level=50, ms=1000, channel=None, source="test", asked_us=None
):
    """A Command; what a story does not name is good."""
    return Command(model, rf_id, action, level, ms, channel, source, asked_us)


class Device(app.App):
    """The App, with a handle for each thing that a test asks of it."""

    def __init__(self, world):
        self.world = world
        super().__init__(chip.hardware_of(world), world.wall_us)
        device = self.device
        device.log._keep = world.overhear(device.log._keep)
        self.output = device.context.output
        self.output._write = world.console.write
        self._settings = Settings("settings.json")  # for whoever changes them while it runs
        self.log, self.latch, self.dispatcher = device.log, device.latch, device.dispatcher
        self.clock, self.scheduler, self.buttons = device.clock, device.scheduler, device.buttons
        self._supervise, self.supervisor.supervise = self.supervisor.supervise, self._meddled

    async def at_work(self):
        """As `operating`, without a network: radio and e-stop alone."""
        await tasks.together(*self.supervisor.vital()[:2], self.supervisor.feed_for("link"))

    def _meddled(self, name, start):
        if name == "time":
            start = asyncio.Event().wait  # the time of day is the world's
        return self._supervise(name, self.world.meddle(name, start))

    def refused(self):
        """reason → how often."""
        return self.dispatcher._safety.refused

    def frames_played(self):
        return self.device.radio.frames


class World:
    """One board and its surroundings. `settings` is what is stored; a folder of its own keeps it over restarts.

    There is one world at a time: the next one ends the last, and `World.end()` gives the PC its time back.
    """

    _living = None

    def __init__(self, settings=None, hub=None, now_us=5_000_000, boot_level=1, console=chip.Uart):
        World.end()
        World._living = self
        self.time = Time(now_us)
        self.pins = simboard.levels = chip.Pins(self.time)
        self.pins[chip.BOOT_PIN] = boot_level
        simboard.edges = []
        simboard.keep_edges = True
        self._ticks_before = self.time.wind()
        self.hub = hub
        self.loop = Loop(self.time, hub)
        self.console = console(self.time)
        self.time.active = self._n_active
        json_file.open = self._open
        self.unix_offset_us = UNIX_US - now_us
        self.clock_set = True
        self.stop_pin = chip.STOP_PIN
        self._heard = 0, []  # so many edges, and the frames in them
        self.meals = []
        self.told = []  # (µs, line of the log), over all restarts
        self.restarts = 0
        self.device = None
        self.main = None
        self.player = None
        self.line = chip.Line()
        self._before = sys.stdin, select.poll
        sys.stdin, select.poll = self.line, chip.LinePoll
        self.forget_past(b"6877288c0 0")
        self._home = os.getcwd()
        os.chdir(tempfile.mkdtemp(prefix="world-"))
        self.store(settings or {})

    @classmethod
    def end(cls):
        """None; no world lives, and `simclock` runs on what it ran on before."""
        world, cls._living = cls._living, None
        if world:
            world.cut_power()
            world.loop.close()
            sys.stdin, select.poll = world._before
            shutil.rmtree(os.getcwd())
            os.chdir(world._home)
            simclock.wind(*world._ticks_before)
            simclock.stalls[0] = None
            if hasattr(json_file, "open"):
                del json_file.open
            TIMES.__init__()
            simboard.levels, simboard.edges, simboard.keep_edges = {}, [], False

    def _open(self, path, mode="r"):
        """As the built-in, and a write to the flash takes its time: one file is erased and written in 60 ms."""
        if "w" in mode:
            self.time.stall(60_000)
        return open(path, mode)

    def store(self, settings):
        """None; the file of settings holds these, on this board."""
        with open("settings.json", "w") as file:
            json.dump({"board": "simulated", **settings}, file)

    def wall_us(self):
        """Microseconds since 1970 (firmware/net/time_sync.py), None while nobody has set the clock."""
        return self.time.now_us + self.unix_offset_us if self.clock_set else None

    def meddle(self, name, start):
        """What takes the place of the task `name`. A test may put something else here."""
        return start

    # --- the course of things

    def boot(self, whole=False):
        """The Device, running. `whole`: with its modes and its network; otherwise at work, without a network."""
        simclock.stalls[0] = None  # what a start writes takes no time: nothing runs yet
        self.device = Device(self)
        simclock.stalls[0] = self.time.stall
        self.main = self.loop.create_task(self.device.live() if whole else self.device.at_work())
        self.pass_ms(0)
        return self.device

    def pass_ms(self, delay_ms):
        """None; so much time passed, or a frame more. What ended the device's life comes out; a restart is counted."""
        sleep = self.loop.create_task(asyncio.sleep(delay_ms / 1000))
        try:
            self.loop.run_until_complete(asyncio.wait({sleep, self.main}, return_when=asyncio.FIRST_COMPLETED))
        except chip.Restarted:
            pass
        if not self.main.done():
            return
        sleep.cancel()
        try:
            self.main.result()
        except chip.Restarted:
            self.restarts += 1
            self.main = None

    def until_ms(self, at_ms):
        """None; it is `at_ms` after the world's first millisecond (`now_ms`), or a frame later."""
        self.pass_ms(at_ms - self.now_ms())

    def now_ms(self):
        return self.time.now_us // 1000

    def cut_power(self):
        """None; the device is gone in the middle of whatever it was at. The world and its files stay."""
        left = asyncio.all_tasks(self.loop)
        while left:  # again and again: `wait_for` of CPython 3.11 may swallow a cancellation
            for task in left:
                task.cancel()
            self.loop.run_until_complete(asyncio.wait(left, timeout=0.001))
            left = asyncio.all_tasks(self.loop)
        self.main = None
        self.forget_past()
        self.pins[chip.RF_PIN] = 0
        esp32.RMT.made = []
        simboard.reset()
        self.loop.close()
        self.loop = Loop(self.time, self.hub)
        simclock._state[2] = None

    def reboot(self, whole=False):
        """The Device after a power cut."""
        self.cut_power()
        return self.boot(whole)

    def reset(self, whole=False):
        """The Device after a reset of the chip, with power all the time."""
        past = machine.RTC().memory()
        self.cut_power()
        machine.RTC().memory(past)
        return self.boot(whole)

    def forget_past(self, memory=b""):
        """None; this is in the memory of the clock: with power nothing was given lately, without it nobody knows."""
        machine.RTC().memory(memory)

    def press(self, from_ms, to_ms=None, pin=chip.STOP_PIN, pressed=0):
        """None; in `from_ms` from now that input is pressed, in `to_ms` from now released."""
        now_us = self.time.now_us
        changes = [(now_us + round(from_ms * 1000), pressed)]
        if to_ms is not None:
            changes.append((now_us + round(to_ms * 1000), 1 - pressed))
        self.pins.script(pin, changes)

    def overhear(self, keep):
        """What takes the place of the log's own `_keep`: the world hears each line, also one that is not written to the console."""

        def kept(ms, level, place, data):
            line = "[%d][%s][%s] %s" % (ms, LEVELS[level], place.decode(), data.decode())
            self.told.append((self.time.now_us, line))
            print(line)
            keep(ms, level, place, data)

        return kept

    def _n_active(self):
        device = self.device
        return device.scheduler.active(device.clock()) if device else 0

    def stalls(self, longest_ms=20):
        """[(µs, how many µs)] of what held up the interpreter for longer while something was active (S26)."""
        return [(at, us) for at, us, active in self.time.stalls if active and us > longest_ms * 1000]

    # --- orders

    def act(self, **what):
        """None; a command, as `order`."""
        self.device.dispatcher.obey(ACT, order(**what))

    def stop(self, **what):
        """None; a stop for one receiver, as `order`."""
        self.act(action=command.STOP, level=0, ms=0, **what)

    def obey(self, kind, detail):
        self.device.dispatcher.obey(kind, detail)

    # --- what there is to see

    def frames(self, since_us=0):
        """What an independent receiver heard: all frames, good and bad, that began at `since_us` or later."""
        edges = chip.edges()
        if len(edges) != self._heard[0]:
            receiver = Receiver()
            self._heard = len(edges), receiver.feed(edges) + receiver.flush(self.time.now_us)
        return [frame for frame in self._heard[1] if frame.start_us >= since_us]

    def active(self, since_us=0):
        """The frames that are no stop frames."""
        return [frame for frame in self.frames(since_us) if not silent(frame)]

    def lines(self, place=None):
        """The texts of the log, of that place alone."""
        return [text for _, _, at, text in self.device.log.last() if place in (None, at)]


def silent(frame):
    """True for a stop frame: vibrate 0 on every model."""
    return frame.ok and frame.action == "vibrate" and frame.intensity == 0


def said(frame):
    """(model, id, action, level) of a frame."""
    return frame.model, frame.rf_id, frame.action, frame.intensity


def kinds(frames):
    """The different things said, in the order of their first time."""
    return list(dict.fromkeys(said(frame) for frame in frames))


def goodbye_ms(frames):
    """Milliseconds from the beginning of the first stop frame to the end of the last: what a goodbye took. 0 for none."""
    stops = [frame for frame in frames if silent(frame)]
    return (stops[-1].end_us - stops[0].start_us) / 1000 if stops else 0
