"""The firmware's own link and user hub backend, on MicroPython, played by JSON lines, as interop/remote.mjs on node.

Orders and what is told are that program's (its head lists them); here `open` has further keys: `silence_ms`, `ping_ms` of the
session, `device_id`, `negotiate`. What a connection ended with is told as {"closed"} when a minute or more will pass before the
next, else as {"reconnecting"}; {"order"} is what the dispatcher was told, {"halt"} why everything stopped.
"""

import asyncio
import gc
import json
import select
import sys

import simstart

simstart.load_machine_code()

from firmware import command as orders  # noqa: E402
from firmware.backends import openshock_user  # noqa: E402
from firmware.link.connection import Link  # noqa: E402
from lib.monotonic import Clock  # noqa: E402
from lib.strict_json import loads  # noqa: E402

_LONG_MS = 60000
_LOOK_MS = 5
_TOKEN = "s" * 64
_GARBAGE_BYTES = 4096  # as firmware/app.py
_PIECE = 512  # bytes of ballast in one allocation


def say(**what):
    print(json.dumps(what))


class Ticks:
    """Numbered events, counted."""

    def __init__(self):
        self.count = self.disorder = 0

    def take(self, number):
        if number != self.count:
            self.disorder += 1
        self.count += 1


class Backend(openshock_user.Backend):
    """The user hub's backend; what it hears is told, and its calls by their ends."""

    def __init__(self, order, ticks):
        settings = {"url": order["url"], "token": order.get("token", _TOKEN), "device_id": order.get("device_id", "")}
        settings["negotiate"] = not order.get("skip")
        super().__init__(settings, "OpenShock/0.1.0 (MicroPython; test)")
        self._headers += list(order.get("headers", {}).items())
        self._ticks = ticks
        self._order = order
        self._ends = {}

    def begin(self, now):
        super().begin(now)
        self._url = self._base + self._order.get("path", "/1/hubs/user")

    def hello(self, now):
        made = super().hello(now)
        self._session._timeout_ms = self._order.get("silence_ms", 30000)
        self._session._ping_ms = self._order.get("ping_ms", 15000)
        return made

    def call(self, number, target, arguments, now):
        """A call whose end will be told under `number`."""
        self._ends[self._call(target, arguments, now)] = number

    def ready(self):
        """Whether the hub has greeted us."""
        return self._session.ready

    def waiting(self):
        """Whether something waits to be sent."""
        return bool(self._wanted)

    def send(self, target, arguments):
        """A call without an answer."""
        self._wanted.append(self._session.send(target, arguments))

    def _invoked(self, event, now):
        _, target, arguments, _ = event
        if target == "Tick":
            self._ticks.take(arguments[0])
        elif target not in self._order.get("missing", ()):
            say(event=target, arguments=arguments)
            return super()._invoked(event, now)
        return ()

    def _result(self, event, made, now):
        super()._result(event, made, now)
        _, call_id, result, error = event
        number = self._ends.pop(call_id)
        if error is None:
            say(ended=number, result=result)
        else:
            say(ended=number, error=error)


class Dispatcher:
    """Tells what it is told."""

    def __init__(self):
        self.active = False

    def compare(self, ahead_us):
        pass

    def attend(self):
        pass

    def receive(self, order, detail):
        say(order=order, detail=detail if order == orders.NOTE else repr(detail))

    def halt(self, why):
        self.active = False
        say(halt=why)

    def busy(self):
        return self.active


class Network:
    """This machine, always online."""

    def online(self):
        return True

    def rssi(self):
        return -50

    async def wait_online(self):
        pass

    async def wait_known(self):
        pass

    def doubt(self, why=None):
        pass

    async def resolve(self, host):
        return "127.0.0.1"


class Log:
    """Tells how connections ended."""

    def info(self, name, text):
        reason, mark, wait = text.rpartition("; next try in ")
        if mark:
            key = "closed" if int(wait.split()[0]) >= _LONG_MS else "reconnecting"
            say(**{key: reason})
        else:
            say(log=text)

    warning = error = info


class Player:
    """One link, and the orders for it."""

    def __init__(self, roots):
        self._roots = roots
        self._clock = Clock().now
        self._dispatcher = Dispatcher()
        self._ballast = None
        self._ticks = Ticks()
        self._link = self._task = self._backend = None

    async def order(self, order):
        await getattr(self, "do_" + order["do"])(order)

    async def do_open(self, order):
        self._backend = Backend(order, self._ticks)
        network = Network()
        self._link = Link(
            self._backend, self._dispatcher, network, network, self._roots, self._clock, Log(), lambda: None
        )
        self._task = asyncio.create_task(self._link.run())

    async def do_invoke(self, order):
        try:
            arguments = ["x" * order["fill"]] if "fill" in order else order["arguments"]
            self._backend.call(order.get("number", 0), order["target"], arguments, self._clock())
            self._link._due.set()
        except Exception as fault:
            say(ended=order.get("number", 0), error=str(fault))

    async def do_send(self, order):
        self._backend.send(order["target"], order["arguments"])
        self._link._due.set()
        say(sent=True)

    async def do_flood(self, order):
        """Call without wanting an answer, `size` characters each time, as long as the connection lasts."""
        while self._link.connected():
            if self._backend.ready() and not self._backend.waiting():
                self._backend.send("Echo", ["x" * order["size"]])
                self._link._due.set()
            await asyncio.sleep_ms(_LOOK_MS)
        say(flooded=True)

    async def do_ticks(self, order):
        while self._ticks.count < order["count"]:
            await asyncio.sleep_ms(_LOOK_MS)
        say(ticks=self._ticks.count, disorder=self._ticks.disorder)
        self._ticks.count = self._ticks.disorder = 0

    async def do_busy(self, order):
        self._dispatcher.active = True
        say(busy=True)

    async def do_ballast(self, order):
        """Fill the heap until `free` bytes of it are."""
        gc.collect()
        self._ballast = ()
        while gc.mem_free() > order["free"]:
            self._ballast = self._ballast, bytearray(_PIECE)
        gc.collect()
        say(free=gc.mem_free())

    async def do_stop(self, order):
        self._task.cancel()
        try:
            await self._task
        except asyncio.CancelledError:
            pass
        say(stopped=True)


async def main(roots=()):
    """Return when stdin ends."""
    gc.threshold(_GARBAGE_BYTES)
    player = Player(roots)
    poll = select.poll()
    poll.register(sys.stdin, select.POLLIN)
    while True:
        while not poll.poll(0):
            await asyncio.sleep_ms(_LOOK_MS)
        line = sys.stdin.readline()
        if not line:
            return
        asyncio.create_task(player.order(loads(line.encode())))
