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
        self.stalls = []  # (when it began, µs, what was active) of each time that something held up the interpreter
        self.active = bool  # asked at each of them

    def look(self):
        """Microseconds for `simclock`, which makes the ticks of them."""
        self.now_us += self.look_us
        return self.now_us

    def sleep(self, delay_us):
        """None; time passed."""
        self.now_us += delay_us

    def stall(self, delay_us):
        """None; something held up the interpreter for so long: no line of Python ran (S26)."""
        self.stalls.append((self.now_us, delay_us, self.active()))
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
        self.virtual = time
        super().__init__(_Selector(time))
        self.peer = peer

    def time(self):
        return self.virtual.now_us / 1_000_000

    async def create_connection(self, protocol_factory, host=None, port=None, **_):
        await asyncio.sleep(0.002)
        if self.peer is None:
            raise OSError(111, "nobody listens")
        protocol = protocol_factory()
        transport = Wire(self, protocol)
        transport.server = self.peer(transport)
        protocol.connection_made(transport)
        return transport, protocol


_READ = 1024  # bytes that MicroPython's asyncio gives in one turn of its loop, as the link asks for them
_WINDOW = 5744  # bytes that lwIP takes until somebody has read them (CONFIG_LWIP_TCP_WND_DEFAULT)
_TRIP_S = 0.01  # until the sender knows that they were read, and more arrives


class Wire(asyncio.Transport):
    """The client's end of a connection. The server says things by `say`, `end` and `reset`.

    As on the chip a large piece is read in many turns of the loop, and does not arrive all at once: `window` bytes at most.
    `toll_us`: what a read costs the interpreter, with all that is made of it. `read_us`: when the last byte was read.
    """

    def __init__(self, loop, protocol):
        super().__init__()
        self._loop = loop
        self._protocol = protocol
        self._open = True
        self._coming = []  # pieces that nobody has read yet; None: the end
        self._is_due = False
        self._in_window = 0
        self.window = _WINDOW
        self.toll_us = 0
        self.read_us = 0
        self.server = None  # called with each piece that the client writes
        self.clogged = False  # nothing the client writes arrives any more
        self.lingers_s = 0  # how long a close by the client takes

    def say(self, data):
        """None; the client will read `data`."""
        self._arrive(data)

    def end(self):
        """None; the server closed its end."""
        self._arrive(None)

    def _arrive(self, data):
        if self._open:
            self._coming.append(data)
            self._read_on()

    def _read_on(self):
        if self._coming and not self._is_due:
            self._is_due = True
            if self._in_window + _READ > self.window:
                self._in_window = 0
                self._loop.call_later(_TRIP_S, self._read)
            else:
                self._loop.call_soon(self._read)

    def _read(self):
        self._is_due = False
        if not self._open:
            return
        data = self._coming.pop(0)
        if data is None:
            self._protocol.eof_received()
        else:
            data, rest = data[:_READ], data[_READ:]
            if rest:
                self._coming.insert(0, rest)
            self._in_window += len(data)
            self._loop.virtual.sleep(self.toll_us)
            self.read_us = self._loop.virtual.now_us
            self._protocol.data_received(data)
        if not self._coming:
            self._in_window = 0
        self._read_on()

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
