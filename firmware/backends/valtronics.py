"""Valtronics: alerts and states of its devices, plain JSON over a WebSocket. It knows no receivers: what it says are events.

Two dialects, and which it is shows the answer to `auth`: "seed" as the service documents it (reference/seeds/003), "public" as
its server in public behaves (reference/openshock-api.md §i.2). Without a socket: messages in, orders out.
"""

from micropython import const

from firmware import command as orders
from firmware.backends._valtronics_events import Teller, text_of
from firmware.command import Leave, Service
from lib.iso8601 import iso
from lib.strict_json import dumps, loads
from lib.websocket import TEXT, Frames

_ANSWER_MS = const(10000)  # to the first message
_PING_MS = const(30000)
_SILENT_MS = const(75000)  # a pong is missing, and its follower, and every heartbeat
_PAUSE_MS = const(6000)  # at most ten connections a minute
_LONG_WAIT_MS = const(300000)
_FINAL_MS = const(86400000)  # and then `errand` says the same again: nobody knocks with a token that was refused
_RATE = const(50)  # messages begun in a second: never more than 100 in any
_BATCH = const(50)  # messages in one
_LONGEST = const(1024)  # bytes of what we send
_MOST = const(8192)  # bytes of what is read
_NOTES = const(10)  # of one connection about what makes no sense
_POLICY = const(1008)  # a close code: not welcome

_NO_AUTH = "unknown message type: auth"
_NO_BATCH = "unknown message type: batch"
_BAD_TOKEN = "invalid_token"
_PONG = b'{"type":"pong"}'


class Backend(Service):
    """One account, or one server. `settings`: url, token, channels, device_id, filters; `agent` is the User-Agent header."""

    OPCODE = TEXT
    FRAMES = Frames

    def __init__(self, settings, agent):
        scheme, _, rest = settings["url"].rstrip("/").partition("://")
        scheme = "wss" if scheme.lower() in ("https", "wss") else "ws"
        self._url = scheme + "://" + (rest if "/" in rest else rest + "/ws")
        self._headers = [("User-Agent", agent)]
        self._token = settings["token"]
        self._channels = _list(settings["channels"])
        self._devices = _list(settings["device_id"])
        self._filters = settings["filters"]
        self._refused = ""  # why nobody knocks there any more
        self._teller = Teller()
        self.begin(0)

    def begin(self, now):
        """None; a new connection is about to be tried: who it is that we talk to is found out anew."""
        self._seed = None  # True: as documented; False: as its public server; None: not known yet
        self._batches = True
        self._due = []  # messages, as bytes
        self._began = self._heard = self._pinged = self._second = now
        self._sent = 0  # since `_second`
        self._notes = 0

    def errand(self, now):
        """None: nothing is ever fetched. Leave when the token was refused: settings that change begin with a restart."""
        if self._refused:
            raise Leave(self._refused, _FINAL_MS)

    def fetched(self, status, body, wait_ms, now):
        """No orders."""
        return ()

    def request(self):
        """(url, headers): where to knock."""
        return self._url, self._headers

    def pause_ms(self, status, reason):
        """As `Service`: six seconds, so that there are never more than ten connections a minute; more for who is not welcome."""
        return _LONG_WAIT_MS if status in (401, 403, _POLICY) else _PAUSE_MS

    def hello(self, now):
        """Messages to send first: who we are. A server that wants no token says so, and that tells which one it is."""
        self._began = self._heard = self._pinged = now
        return [_said({"type": "auth", "token": self._token})]

    def goodbye(self):
        """Messages to send before the connection is closed by us: what we subscribed to ends."""
        if self._seed is None:
            return ()
        self._due = self._subscriptions("un")
        return self._taken()

    def keepalive(self, now):
        """Messages due now, at most as many as the service wants. Leave when it has been silent for too long."""
        if self._seed is None and now - self._began >= _ANSWER_MS:
            raise Leave("no answer to auth for 10 s")
        if now - self._heard >= _SILENT_MS:
            raise Leave("nothing was heard for 75 s")
        if now - self._pinged >= _PING_MS:
            self._pinged = now
            self._due.append(_said(self._ping()))
        if not self._due:
            return ()
        if now - self._second >= 1000:
            self._second, self._sent = now, 0
        return self._taken()

    def _ping(self):
        moment_us = self.wall()
        return {"type": "ping"} if moment_us is None else {"type": "ping", "timestamp": iso(moment_us // 1000000)}

    def _taken(self):
        """What may go now of what is due. Several make a batch, where the service has such a thing: it counts as one."""
        made = []
        due = self._due
        while due and self._sent < _RATE:
            self._sent += 1
            count = 1
            size = 32 + len(due[0])
            while self._seed and self._batches and count < min(len(due), _BATCH) and size + len(due[count]) < _LONGEST:
                size += len(due[count]) + 1
                count += 1
            message = due[0]
            if count > 1:
                message = b'{"type":"batch","messages":[' + b",".join(due[:count]) + b"]}"
            made.append(message)
            del due[:count]
        return made

    def _subscriptions(self, un=""):
        """The messages that begin (with "un": end) what we want to hear."""
        if not self._seed:  # this one takes a number for another device than its text
            return [_said({"type": un + "subscribe_device", "device_id": device}) for device in self._devices]
        made = []
        for channel in self._channels:
            message = {"type": un + "subscribe", "channel": channel}
            filters = dict(self._filters.get(channel, {}))
            if len(self._devices) == 1:
                message["device_id"] = _number(self._devices[0])
            elif self._devices:
                filters["device_id"] = [_number(device) for device in self._devices]
            if filters and not un:
                message["filters"] = filters
            made.append(_said(message))
        return made

    # --- what comes

    def receive(self, message, now):
        """Orders that `message` (bytes of one WebSocket message) makes; one that is damaged or unknown makes at most a note."""
        self._heard = now
        if not message:
            return ()
        if len(message) > _MOST:
            return self._note("a message of %d bytes: nobody reads that" % len(message))
        try:
            said = loads(message)
        except ValueError as fault:
            return self._note(str(fault))
        return self._take(said, now)

    def _take(self, said, now):
        if not isinstance(said, dict):
            return self._note("a message that is no object")
        kind = said.get("type")
        if kind == "pong" or kind == "heartbeat":
            return ()
        if kind == "ping":
            if _PONG not in self._due:
                self._due.append(_PONG)
            return ()
        if (kind is None or kind == "error") and "error" in said:
            return self._error(text_of(said["error"]))
        if kind == "auth_response":
            return self._answered(said)
        if kind == "batch":
            return self._unpacked(said, now)
        told = self._teller.tell(kind, said, now) if isinstance(kind, str) else None
        if told is None:
            return self._note("a message of type '%s', which nobody knows" % self._hushed(text_of(kind))[:40])
        return told

    def _note(self, text):
        """A note, if there were not too many in this connection already."""
        self._notes += 1
        return [(orders.NOTE, text)] if self._notes <= _NOTES else ()

    def _unpacked(self, said, now):
        messages = said.get("messages")
        if not isinstance(messages, list) or len(messages) > _BATCH:
            return self._note("a batch that makes no sense")
        made = []
        for message in messages:
            if isinstance(message, dict) and message.get("type") != "batch":
                made += self._take(message, now)
        return made

    def _answered(self, said):
        if said.get("success") is True:
            return self._welcome(True)
        error = text_of(said.get("error"))
        if error.lower() == _BAD_TOKEN:
            self._refused = "the server refused the token: nobody knocks there until valtronics.token is another"
            return [(orders.LEAVE, Leave(self._refused, _FINAL_MS))]
        words = self._hushed(error + " " + text_of(said.get("message")))
        return [(orders.LEAVE, Leave("the server does not let us in: " + words, _LONG_WAIT_MS))]

    def _hushed(self, text):
        """The server's words for the log, which shall hold no token, not even one that comes back as an echo."""
        return (text.replace(self._token, "***") if self._token else text)[:120]

    def _error(self, text):
        word = text.lower()
        if word == _NO_AUTH:
            return self._welcome(False)
        if word == _NO_BATCH and self._seed and self._batches:
            self._batches = False
            self._due = self._subscriptions() + self._due
            return [(orders.NOTE, "the server knows no batches")]
        if word == _BAD_TOKEN:
            return self._answered({"error": text})
        return self._note("the server says: " + self._hushed(text))

    def _welcome(self, seed):
        if self._seed is not None:
            return ()
        self._seed = seed
        self._due += self._subscriptions()
        return [(orders.NOTE, "logged in" if seed else "this server wants no token")]


def _list(text):
    """The names in "a, b"."""
    return [name.strip() for name in text.split(",") if name.strip()]


def _number(text):
    """A device's number as the service documents it; a name as it is."""
    return int(text) if len(text) < 10 and not text.strip("0123456789") else text


def _said(message):
    """The bytes of one of our messages. Leave when it is longer than the service takes."""
    made = dumps(message)
    if len(made) > _LONGEST:
        raise Leave("a message of more than 1 KB: shorten valtronics.filters or the token", _LONG_WAIT_MS)
    return made
