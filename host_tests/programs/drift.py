"""Ten thousand commands down the whole stair, from bytes of a socket to a player that only counts. For MicroPython.

Websock, SignalR, backend, dispatcher, safety, scheduler, radio and log are the real ones, put together by the real App. The
clock is wound by hand. Prints one line of JSON: commands carried out, frames played, bytes that lived before and after.
"""

import asyncio
import gc
import json
import sys
import time

COMMANDS = int(sys.argv[1])
_WARM_UP = 1000
_RECEIVERS = 10
_STEP_MS = 150  # between two messages: less than 10 commands a second for each receiver
_now_ms = [1000]
time.ticks_ms = lambda: _now_ms[0]  # lib/monotonic.py takes it from here; asyncio has its own already

from firmware import app  # noqa: E402
from firmware.backends import openshock_user  # noqa: E402
from lib.websocket import Frames  # noqa: E402

_MODELS = ("CaiXianlin", "PetTrainer", "WellturnT330", "D80", "Petrainer998DR")


class _Player:
    frames = 0

    def play(self, train, heed=True):
        _Player.frames += 1
        return 0


class _Hardware:
    """A board whose transmitter takes no time."""

    def __init__(self, board, rf, estop):
        pass

    def pins(self):
        return (4, -1)

    def transmitter(self):
        return _Player()

    def led(self):
        return None

    pixel = led

    def start_watchdog(self, timeout_ms):
        return lambda: None

    def remembered(self):
        return "0 0"  # nothing was given before

    def remember(self, text):
        pass


def _guid(number):
    return "01960000-0000-7000-8000-%012d" % number


def _frame(payload):
    """A text frame as servers send it (RFC 6455 §5.2)."""
    size = len(payload)
    return b"\x81" + (bytes((size,)) if size < 126 else b"\x7e" + size.to_bytes(2, "big")) + payload


def _log_of(number):
    """The record of a `Log` event: one command for each receiver, its level another every fifth time."""
    moment = "2026-10-20T%02d:%02d:%02d.%03dZ" % (
        number // 36000 % 24,
        number // 600 % 60,
        number // 10 % 60,
        number % 10 * 100,
    )
    entries = []
    for receiver in range(_RECEIVERS):
        shocker = {"id": _guid(receiver), "name": "shocker"}
        level = 1 + number % 5  # another one each time: repeats are not written to the log
        entry = {"shocker": shocker, "type": 2, "intensity": level, "duration": 300, "executedAt": moment}
        entries.append(entry)
    arguments = [{"name": "owner", "customName": "drift"}, entries]
    return json.dumps({"type": 1, "target": "Log", "arguments": arguments}).encode() + b"\x1e"


def _map():
    shockers = []
    for receiver in range(_RECEIVERS):
        model = _MODELS[receiver % len(_MODELS)]
        shockers.append({"id": _guid(receiver), "rfId": 100 + receiver, "model": model, "name": "shocker"})
    return json.dumps({"data": [{"id": _guid(99), "name": "hub", "shockers": shockers}]}).encode()


class _Device:
    def __init__(self):
        self._device = app.App(_Hardware, lambda: None).device  # a clock that nobody has set: no order is too old
        self._device.log._write = self._line
        self.acted = 0
        self._backend = openshock_user.Backend(
            {"url": "http://hub.test", "token": "t", "device_id": "", "negotiate": False}, "drift/1"
        )
        self._frames = Frames()
        self._backend.begin(0)
        self._backend.errand(0)
        self._obey(self._backend.fetched(200, _map(), 0, 0))
        self._backend.hello(0)
        self._feed(b"{}\x1e")
        self.radio = self._device.radio.run

    def _line(self, line):
        self.acted += "][act] " in line

    def _obey(self, orders):
        for order, detail in orders:
            self._device.dispatcher.obey(order, detail)

    def _feed(self, record):
        for _, payload in self._frames.feed(_frame(record)):
            self._obey(self._backend.receive(payload, self._device.clock()))

    async def commands(self, count):
        """None once so many were sent, and the air is quiet again."""
        for _ in range(count // _RECEIVERS):
            self._number = getattr(self, "_number", 0) + 1
            self._feed(_log_of(self._number))
            _now_ms[0] += _STEP_MS
            for _ in range(12):
                await asyncio.sleep_ms(0)
        while self._device.scheduler.busy():
            _now_ms[0] += 10
            await asyncio.sleep_ms(0)


def _used():
    gc.collect()
    gc.collect()
    return gc.mem_alloc()


async def _main():
    gc.threshold(4096)
    device = _Device()
    radio = asyncio.create_task(device.radio())
    await device.commands(_WARM_UP)
    before, acted = _used(), device.acted
    await device.commands(COMMANDS)
    after = _used()
    radio.cancel()
    print(json.dumps({"acted": device.acted - acted, "frames": _Player.frames, "before": before, "after": after}))


asyncio.run(_main())
