"""The rooms around the set-up, for its tests on both interpreters: real settings, safety and dispatcher; Wi-Fi from a table."""

import asyncio

from firmware.config.settings import Settings
from firmware.control.dispatcher import Dispatcher
from firmware.control.estop import Latch
from firmware.control.safety import Safety
from firmware.control.scheduler import Scheduler
from firmware.control.transmitter import Radio
from firmware.portal.api import Setup
from firmware.portal.session import Rooms
from host_tests.unit.rooms import Context, Hand, Store, book, caps
from lib import plugins

AIR = (
    ("home", -50, "wpa2", 6),
    ("café 🏠", -70, "open", 1),
    ("office", -60, "enterprise", 11),
    ("new", -65, "wpa3", 3),
)
KEYS = {"home": "correct horse", "café 🏠": "", "new": "x" * 63}


class Wifi:
    """A station that joins what is in KEYS. `gate`, where it is an Event, is awaited in each attempt."""

    def __init__(self):
        self.joined = None
        self.tried = []
        self.scans = 0
        self.gate = None
        self.fault = None
        self.failed_rounds = 0
        self.names = {}

    def online(self):
        return self.joined is not None

    def address(self):
        return "192.168.0.23"

    def rssi(self):
        return -50

    def scan(self):
        self.scans += 1
        if self.fault:
            raise self.fault
        return list(AIR)

    async def try_join(self, ssid, key, address=None):
        self.tried.append((ssid, key, address))
        if self.gate:
            await self.gate.wait()
        if self.fault:
            raise self.fault
        if ssid not in KEYS:
            return "not found (2.4 GHz only)"
        if KEYS[ssid] != key:
            return "wrong password"
        self.joined = ssid
        return ""

    async def resolve(self, host):
        return self.names.get(host, "127.0.0.1")


class Keeper:
    """Knows the time unless it is told otherwise."""

    def __init__(self):
        self.known = asyncio.Event()
        self.known.set()

    async def wait_known(self):
        await self.known.wait()

    def doubt(self, why=None):
        """Nobody sets this clock."""


class House:
    """Everything that a set-up needs. The settings are in the file `path`."""

    def __init__(self, path, clock=None, **settings):
        self.clock = clock or Hand()
        self.log, self.lines = book(self.clock)
        self.settings = Settings(path)
        for key, value in settings.items():
            self.settings.set(key.replace("__", "."), value)
        self.wifi = Wifi()
        self.keeper = Keeper()
        self.latch = Latch(Store())
        self.safety = Safety(caps(), {}, 6000, 2000)
        self.scheduler = Scheduler(lambda model: plugins.load("firmware.shockers", model))
        radio = Radio(self.scheduler, self, self.clock, lambda: None, lambda: None)
        context = Context(self.clock, lambda: None, self.log, lambda *_: None)
        self.dispatcher = Dispatcher(self.safety, self.scheduler, radio, self.latch, context)
        self.dispatcher.lock("set-up", tests=True)
        self.is_pressed = False
        self.progress = ""
        self.rewired = 0

    def play(self, train, heed=True):
        return 0

    def pressed(self):
        return self.is_pressed

    def rewire(self):
        self.rewired += 1

    def setup(self, hands_out=True, heard=(), idle_ms=600_000, roots=()):
        rooms = Rooms(
            self.settings,
            self.wifi,
            self.dispatcher,
            self.latch,
            self.pressed,
            lambda: self.progress,
            self.rewire,
            roots,
            self.keeper,
            self.clock,
            self.log,
        )
        setup = Setup(rooms, "OpenShock-24:0A:C4:00:00:01", hands_out, idle_ms)
        if heard:  # before the set-up began
            setup.wifi.scan()
            setup.wifi.networks, self.wifi.scans = heard, 0
        return setup
