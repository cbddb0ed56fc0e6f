"""A time of one's own: an event loop that never waits, ticks that follow it, and a network that is plain memory."""

import asyncio
import selectors

import simclock


class Stuck(Exception):
    """Every task waits, and nothing would ever wake one."""


class Time:
    """Virtual microseconds, `now_us`: whoever waits moves them on. A look at the chip's ticks takes `look_us`."""

    def __init__(self, now_us=0, look_us=1):
        self.now_us = now_us
        self.look_us = look_us

    def look(self):
        """Microseconds for `simclock`, which makes the ticks of them."""
        self.now_us += self.look_us
        return self.now_us

    def sleep(self, delay_us):
        """None; time passed."""
        self.now_us += delay_us

    def wind(self):
        """What `simclock` ran on before; from now on it runs on this time."""
        before = simclock._state[0], simclock._state[1]
        simclock.wind(self.look, self.sleep)
        return before


class _Selector(selectors.SelectSelector):
    """Instead of waiting it moves the time on."""

    def __init__(self, time):
        super().__init__()
        self._time = time

    def select(self, timeout=None):
        if timeout is None:
            raise Stuck
        if timeout > 0:
            self._time.now_us += max(1, round(timeout * 1_000_000))
        return []


class Loop(asyncio.SelectorEventLoop):
    """An event loop on a Time. Streams go to `peer(transport)`, which gives what is called with the bytes of the client."""

    def __init__(self, time, peer=None):
        self._virtual = time
        super().__init__(_Selector(time))
        self.peer = peer

    def time(self):
        return self._virtual.now_us / 1_000_000

    async def create_connection(self, protocol_factory, host=None, port=None, **_):
        await asyncio.sleep(0.002)
        if self.peer is None:
            raise OSError(111, "nobody listens")
        protocol = protocol_factory()
        transport = Wire(self, protocol)
        transport.server = self.peer(transport)
        protocol.connection_made(transport)
        return transport, protocol


class Wire(asyncio.Transport):
    """The client's end of a connection. The server says things by `say`, `end` and `reset`."""

    def __init__(self, loop, protocol):
        super().__init__()
        self._loop = loop
        self._protocol = protocol
        self._open = True
        self.server = None  # called with each piece that the client writes
        self.clogged = False  # nothing the client writes arrives any more
        self.lingers_s = 0  # how long a close by the client takes

    def say(self, data):
        """None; the client will read `data`."""
        if self._open:
            self._loop.call_soon(self._deliver, data)

    def _deliver(self, data):
        if self._open:
            self._protocol.data_received(data)

    def end(self):
        """None; the server closed its end."""
        if self._open:
            self._loop.call_soon(self._protocol.eof_received)

    def reset(self, fault=None):
        """None; the connection is no more."""
        if self._open:
            self._open = False
            self._loop.call_soon(self._protocol.connection_lost, fault)

    def clog(self):
        """None; the other side takes nothing more: who drains, waits."""
        self.clogged = True
        self._protocol.pause_writing()

    def write(self, data):
        if self._open and not self.clogged:
            self._loop.call_soon(self.server, bytes(data))

    def close(self):
        if self.lingers_s:
            self._loop.call_later(self.lingers_s, self.reset)
        else:
            self.reset()

    def abort(self):
        self.reset()

    def is_closing(self):
        return not self._open

    def can_write_eof(self):
        return False

    def pause_reading(self):
        pass

    def resume_reading(self):
        pass
