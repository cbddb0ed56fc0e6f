"""What the console's tests share: a person or a program at the other end of the line, in front of the real rooms."""

import asyncio

from firmware.console.session import Console, Rooms
from firmware.control.dispatcher import Dispatcher
from firmware.control.estop import Latch
from firmware.control.safety import Safety
from firmware.control.scheduler import Scheduler
from firmware.control.transmitter import Radio
from host_tests.unit import rooms as shared
from host_tests.unit.rooms import Context, Hand, Store, book, caps
from lib import plugins

PATH = "settings.json"
AIR = [("cabin", -40, "wpa2", 1), ("Füchse 🦊", -71, "wpa3", 6), ("café", -9, "open", 11), ("", -80, "wpa2", 11)]


class Line:
    """Both ends of a serial line: `type` puts bytes in, `out` collects what came back. Time passes as bytes do."""

    def __init__(self, clock):
        self._clock = clock
        self._waiting = b""
        self._at = 0
        self._looks = 0  # since nothing was waiting
        self.out = b""
        self.held = None
        self.watch = None  # called at each write; what it gives is kept
        self.watched = []

    def hold(self):
        self.held = True

    def release(self):
        self.held = False

    def get(self):
        if self._at == len(self._waiting):
            self._looks += 1
            return -1
        self._at += 1
        if self._at % 12 == 0:
            self._clock.ms += 1  # 115200 baud
        return self._waiting[self._at - 1]

    def write(self, data, more=False):
        self.out += bytes(data)
        if self.watch:
            self.watched.append(self.watch())

    def takes(self, size):
        return True

    def type(self, data):
        self._waiting, self._at, self._looks = data, 0, 0

    async def heard(self, task):
        """None once everything was read, and the console has looked for more; or once it has ended."""
        while self._looks < 2 and not task.done():
            await asyncio.sleep_ms(1)


class Air:
    """A Station that hears AIR, and joins `cabin` with the key "12345678"."""

    def __init__(self):
        self.joined = None
        self.tried = []
        self.gate = None  # an event that a join waits for

    def online(self):
        return self.joined is not None

    def address(self):
        return "192.168.0.20"

    def rssi(self):
        return -40

    def scan(self):
        return AIR

    async def try_join(self, ssid, key, address=None):
        self.tried.append((ssid, key))
        if self.gate:
            await self.gate.wait()
        if ssid == "broken":
            raise OSError("Wifi Internal Error")
        if (ssid, key) != ("cabin", "12345678"):
            return "wrong password"
        self.joined = ssid
        return ""


class Lamp:
    """A lamp that only knows when it is tested."""

    tested = 0

    def test(self):
        self.tested += 1


class Desk:
    """`with Desk() as desk`: a console in front of the real rooms, with nobody to play what is due. `desk.disk` is its flash."""

    def __init__(self, stored=b'{"board": "simulated"}', access=None, bounds=None, fails_at=-1):
        self.clock = Hand(1000)
        self.line = Line(self.clock)
        self.air = Air()
        self.lamp = Lamp()
        self.log, self.lines = book(self.clock)
        self.requests = []
        self.left = 0
        self.access = access
        self.asked = []  # (what, detail) of the services
        self.refusal = ""  # what they say to it
        self._stored = stored
        self._fails_at = fails_at
        self.store = Store()
        self.latch = Latch(self.store)
        self.scheduler = Scheduler(lambda model: plugins.load("firmware.shockers", model))
        radio = Radio(self.scheduler, self, self.clock, None, lambda: None)
        safety = Safety(bounds or caps(), {}, 6000, 2000)
        context = Context(self.clock, lambda: None, self.log, self._request)
        self.dispatcher = Dispatcher(safety, self.scheduler, radio, self.latch, context)

    def _request(self, kind, detail):
        self.requests.append((kind, detail))

    def __enter__(self):
        from firmware.config import settings
        from lib import json_file

        self._json_file, shared.json_file = shared.json_file, json_file
        self.disk = shared.Disk(self._fails_at, OSError)
        self.disk.__enter__()
        self.disk.files[PATH] = self._stored
        self.settings = settings.Settings(PATH)
        self.console = Console(
            self.line,
            Rooms(
                lambda: self.settings,
                self.dispatcher,
                self.latch,
                self.log,
                self.air,
                self._request,
                self.lamp,
                lambda: self.access,
                lambda: ("http://192.168.0.20/",),
                lambda: [("Hub", "Connected", "true")],
                self._leave,
                self._ask,
            ),
            self.clock,
        )
        return self

    def __exit__(self, *fault):
        self.disk.__exit__(*fault)
        shared.json_file = self._json_file

    def _ask(self, what, detail):
        self.asked.append((what, detail))
        return self.refusal

    async def _leave(self):
        self.left += 1

    def hears(self, *typed):
        """What comes back for each of `typed` (bytes, or ms of silence), as one bytes."""
        return shared.run(self._hears(typed))

    async def _hears(self, typed):
        self.line.out = b""
        task = asyncio.create_task(self.console.run())
        for data in typed:
            if isinstance(data, int):
                self.clock.ms += data
                data = b""
            self.line.type(data)
            await self.line.heard(task)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass
        return self.line.out

    def stays(self, typed, silent_ms):
        """True while the console is still there, so many ms behind what was typed."""
        return shared.run(self._stays(typed, silent_ms))

    async def _stays(self, typed, silent_ms):
        task = asyncio.create_task(self.console.run())
        self.line.type(typed)
        await self.line.heard(task)
        self.clock.ms += silent_ms
        self.line.type(b"")
        await self.line.heard(task)
        is_there = not task.done()
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass
        return is_there

    def asks(self, text):
        """The lines that answer a program's line."""
        return self.hears(("$" + text + "\n").encode()).decode().split("\r\n")[:-1]

    def ask(self, text):
        """The one line that answers a program's line."""
        lines = self.asks(text)
        assert len(lines) == 1, lines
        return lines[0]

    def on_air(self):
        """How many receivers have frames other than stop frames due."""
        return self.scheduler.active(self.clock.ms)
