"""Faults on demand, for tests: what a network or a server may do to a client. Nothing here happens by itself."""

import asyncio
import collections

from tools.hub import frames, wire

# What `garbage` sends, by kind: raw bytes on the socket.
GARBAGE = {
    "frame": b"\xf3\x05hello",  # all reserved bits, a reserved opcode
    "masked": b"\x81\x85\x00\x00\x00\x00hello",  # servers never mask
    "utf8": frames.frame(frames.TEXT, b"\xc3\x28" + wire.RECORD_END),
    "json": frames.frame(frames.TEXT, b'{"type":1,"target":' + wire.RECORD_END),
    "text": frames.frame(frames.TEXT, b"no record at all"),
    "huge": b"\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff",  # a frame of 2^63 bytes is announced
}
HUB, REST, ALL = "hub", "rest", "all"


class Faults:
    """Switches of one hub. `connections` everywhere: which ones, all that are there when left out."""

    def __init__(self, hub):
        self.delay_ms = 0  # for each message to connections made from now on, and by `delay` to the present ones
        self.eager = False  # greet together with the 101, before the client's handshake
        self.silent = False  # new connections are silent as soon as they have their 101
        self._hub = hub
        self._refusals = collections.deque()

    def _those(self, connections):
        return [each for each in self._hub.sockets if each.out] if connections is None else list(connections)

    def _note(self, name, **facts):
        self._hub.journal.note("fault", name=name, **facts)

    def cut(self, connections=None):
        """End the TCP connections with a reset, without a word."""
        self._note("cut")
        for connection in self._those(connections):
            connection.out.cut()

    async def close(self, allow_reconnect=False, error=None, connections=None):
        """Say goodbye properly: a Close record with these fields, then the WebSocket's close."""
        self._note("close", allow_reconnect=allow_reconnect, error=error)
        await asyncio.gather(*(each.end(error, allow_reconnect) for each in self._those(connections)))

    def silence(self, connections=None, stay=False):
        """A black hole: nothing is sent, pinged, answered or read. `stay`: new connections fall into it too."""
        self._note("silence", stay=stay)
        self.silent = stay
        for connection in self._those(connections):
            connection.out.silence()

    def speak(self, connections=None):
        """End the silence: what came meanwhile is read, what waited is sent."""
        self._note("speak")
        self.silent = False
        for connection in self._those(connections):
            connection.out.speak()

    def freeze(self, seconds, connections=None):
        """Stand still for so long, as a process or a network does: then what came is read, and what waited is sent, in a burst."""
        self._note("freeze", seconds=seconds)
        for connection in self._those(connections):
            connection.out.silence()
            asyncio.get_running_loop().call_later(seconds, connection.out.speak)

    def delay(self, delay_ms, connections=None):
        """Send everything so much later, in order; 0 ends it."""
        self._note("delay", delay_ms=delay_ms)
        self.delay_ms = delay_ms
        for connection in self._those(connections):
            connection.out.delay_ms = delay_ms

    def garbage(self, kind="frame", connections=None):
        """Send something no server should: a key of GARBAGE, or bytes to put on the socket as they are."""
        self._note("garbage", sort=kind if isinstance(kind, str) else "bytes")
        data = GARBAGE[kind] if isinstance(kind, str) else kind
        for connection in self._those(connections):
            connection.out.write(data)

    def refuse(self, status, retry_after_s=None, times=1, where=HUB):
        """Answer the next requests with this status: HUB (negotiate and upgrade), REST, or ALL. `times` 0: no more."""
        self._note("refuse", status=status, times=times, where=where)
        if times == 0:
            self._refusals.clear()
        self._refusals.extend([(status, retry_after_s, where)] * times)

    def refusal(self, place):
        """The (status, retry_after_s) that this request (HUB or REST) must get, or None. Uses it up."""
        for index, (status, retry_after_s, where) in enumerate(self._refusals):
            if where in (place, ALL):
                del self._refusals[index]
                return status, retry_after_s
        return None


def _whole(low, high):
    def check(value):
        return type(value) is int and low <= value <= high

    return check


def _is_flag(value):
    return isinstance(value, bool)


# What may be ordered over HTTP: the method's arguments and what each may be.
_ORDERS = {
    "cut": {},
    "close": {"allow_reconnect": _is_flag, "error": lambda value: value is None or isinstance(value, str)},
    "silence": {"stay": _is_flag},
    "speak": {},
    "freeze": {"seconds": _whole(0, 600)},
    "delay": {"delay_ms": _whole(0, 60_000)},
    "garbage": {"kind": lambda value: value in GARBAGE},
    "refuse": {
        "status": _whole(400, 599),
        "retry_after_s": _whole(0, 3600),
        "times": _whole(0, 1000),
        "where": lambda value: value in (HUB, REST, ALL),
    },
}


def order(faults, name, arguments):
    """Call a switch by name with arguments from outside; a coroutine for those that take time. ValueError."""
    if name not in _ORDERS or not isinstance(arguments, dict):
        raise ValueError(f"a fault is one of {', '.join(_ORDERS)}, with an object of arguments")
    for key, value in arguments.items():
        check = _ORDERS[name].get(key)
        if check is None or isinstance(value, (list, dict)) or not check(value):
            raise ValueError(f"'{key}' is wrong for {name}")
    try:
        return getattr(faults, name)(**arguments)
    except TypeError:
        raise ValueError(f"an argument of {name} is missing") from None
