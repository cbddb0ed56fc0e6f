"""OpenShock's gateway: this device as one of its hubs, by the hub's own token. Commands name receivers by model and RF id.

The API names a node (assignLCG); there FlatBuffers come and go over a WebSocket. Without a socket: messages in, orders out.
reference/openshock-api.md §d, §j.
"""

from json import loads

from micropython import const

from firmware import command as orders
from firmware.command import SOUND, STOP, Command, Leave, Service, cut_ms
from lib import flatbuffers
from lib.http_response import refusal
from lib.websocket import BINARY, Frames

# By number (§d.4). The wire has no D80
_MODELS = ("caixianlin", "petrainer", "petrainer998dr", "wellturnt330")
_TRIGGERS = ((orders.RESTART, "gateway"), (orders.EMERGENCY, "gateway"), (orders.PORTAL, True), (orders.PORTAL, False))
_PING, _TRIGGER, _COMMANDS, _UPDATE = const(1), const(2), const(3), const(4)  # what may come
_PONG, _BOOT_STATUS, _STARTED, _PROGRESS, _FAILED = const(1), const(2), const(3), const(4), const(5)  # what may go
_NORMAL, _NEW_FIRMWARE, _ROLLBACK = const(0), const(1), const(2)  # how it booted

_OLDEST_MS = const(5000)  # of a command, unless the settings say otherwise
_SILENT_MS = const(90000)  # without a ping: the gateway has forgotten us
_PAUSE_MS = const(20000)  # between a connection and the next
_BUSY_MS = const(5000)  # after 412: our last connection is still being cleared away
_LONG_WAIT_MS = const(300000)  # with a token that nobody takes, or that two devices use
_THROWN = const(3)  # connections in a row that end so: another device has our token
_SOON_MS = const(60000)  # the other one is back within its own pause of twenty seconds and some
_SHARED = "another device seems to use this token"
_TRIES = const(3)  # connections to a node that fail, then another node is asked for
_MOST = const(64)  # commands in a list; a hub has 11 shockers
_LONGEST = const(128)  # characters of a report's message: with more the gateway drops the connection
_VERSION = const(64)  # characters of a version, for the same reason
_ANSWER = const(768)  # bytes of an answer that names a node
_HOST = "abcdefghijklmnopqrstuvwxyz0123456789.-:[]"


class Backend(Service):
    """One hub. `settings`: url, token, oldest_ms; `agent` is the User-Agent header, "OpenShock/<version> (…)"."""

    OPCODE = BINARY
    FRAMES = Frames
    TLS_FIRST = True  # a plain API says nothing of its gateways
    PROOF_MS = 2000

    def __init__(self, settings, agent):
        base = settings["url"].rstrip("/")
        self._version = agent.partition("/")[2].partition(" ")[0] or "0.0.0"
        self._token = settings["token"]
        self._headers = [("Device-Token", self._token), ("Firmware-Version", self._version), ("User-Agent", agent)]
        self._base = base
        self._url = "ws" + base[4:] + "/2/ws/hub"  # ws:// for http://, wss:// for https://
        self._known = False  # the token was shown to the API since the start
        self._assigned = False  # `_url` is a node that may be knocked at
        self._tries = 0  # how often it was
        self._up = False  # and it let us in
        self._steps = []  # of an update, to be told before how it ended
        self._boot = _NORMAL, 0  # what the gateway is told of this start, None once it was
        self._pinged = self._since = 0
        self._thrown = 0  # connections in a row that were reset soon after their beginning
        self._owed = 0  # pings that were not answered yet
        # commands carry no time: none is older than the last proof that what comes is fresh (S16)
        self._oldest_ms = settings.get("oldest_ms", _OLDEST_MS)
        self._fresh_ms = 0  # what comes was sent after this
        self._late_ms = -1  # when a Ping of the service came late; -1: the last one did not
        self._lag_ms = None  # of a Ping in time: its arrival by our clock less its own time, which another clock tells
        self._told_ms = 0  # when that was

    # --- errands: HTTP requests that the link runs before the socket is open

    def begin(self, now):
        """None; a new connection is about to be tried: at the same node unless that had its chances."""
        if self._up or self._tries >= _TRIES:
            self._assigned = self._up = False

    def errand(self, now):
        """What to fetch now, (method, url, headers), or None. The answer goes to `fetched`. Leave when there is no token."""
        if not self._token:
            raise Leave("no hub token yet: pair this device", _LONG_WAIT_MS)
        if not self._known:
            return "GET", self._base + "/1/device/self", self._headers
        if not self._assigned:
            return "GET", self._base + "/2/device/assignLCG?version=2", self._headers
        return None

    def fetched(self, status, body, wait_ms, now):
        """Orders; takes the answer to the last errand. Leave when there is no way on.

        `wait_ms`: how long the server asked to be left alone (Retry-After), or 0.
        """
        if status in (401, 403):
            self._known = False
            raise Leave("the server refused the hub token (%d): pair this device again" % status, _LONG_WAIT_MS)
        if not self._known and status == 200:
            self._known = True  # what else it tells of us is of no use: commands bring model and RF id along
            return [(orders.NOTE, "the server knows this hub")]
        if status != 200:
            raise Leave("no gateway was named: " + refusal(status), wait_ms)
        self._url = self._node(body)
        self._assigned = True
        self._tries = 0
        return []

    def _node(self, body):
        """The URL in the answer to assignLCG. Leave when there is none in it."""
        try:
            answer = loads(body) if len(body) <= _ANSWER else None
            host, port, path = answer["host"], answer["port"], answer["path"]
            if type(port) is int and 0 < port < 65536 and path[0] == "/" and host and not host.lower().strip(_HOST):
                return "%s://%s:%d%s" % (self._url.partition(":")[0], host, port, path)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            pass  # as below
        raise Leave("the server named a gateway that makes no sense")

    # --- the connection

    def request(self):
        """(url, headers): where to knock."""
        self._tries += 1
        return self._url, self._headers

    def pause_ms(self, status, reason):
        """As `Service`: twenty seconds, more when another device has our token, less when the gateway is not yet ready."""
        if "different location" in reason or self._thrown >= _THROWN:
            return _LONG_WAIT_MS
        return _BUSY_MS if status == 412 else _PAUSE_MS

    def lost(self, reason, now):
        """As `Service`: says so when it looks as if another device throws us out, and we it.

        The gateway keeps the newest of two connections with one token, and the older one sees a reset, no close frame (seen on
        the running backend). A connection that lasts, or ends otherwise, speaks against it.
        """
        if self._up:
            is_reset = "[Errno " in reason or "without a word" in reason
            self._thrown = self._thrown + 1 if is_reset and now - self._since <= _SOON_MS else 0
        return [(orders.NOTE, _SHARED)] if self._thrown == _THROWN else ()

    def shown(self):
        """As `Service`."""
        return _SHARED if self._thrown >= _THROWN else ""

    def hello(self, now):
        """Messages to send first: how this device booted, once."""
        self._up = True
        self._pinged = self._since = now
        self._owed = 0  # a pong that nobody asked for would end the connection
        self._lag_ms = None
        self._late_ms = -1
        return self._boot_status()

    def answered(self, sent_ms, took_ms):
        """As `Service`. An answer that took long proves little: where the gateway stood still, orders wait behind it."""
        if 2 * took_ms <= self._oldest_ms:
            self._fresh_ms = sent_ms

    def _timed(self, unix_ms, now):
        """Note that a Ping with that time came: late, where it took so much longer than those before it.

        Whatever answers our pings on the way, this comes from the service itself. Its clock may be wrong, or put right: what
        counts is a change, and the new one is learned. Clocks that drift apart by 0.1 % are none.
        """
        lag_ms = now - unix_ms
        usual_ms = lag_ms if self._lag_ms is None else self._lag_ms + (now - self._told_ms) // 1000
        if lag_ms - usual_ms > self._oldest_ms:
            self._late_ms = now
            usual_ms = lag_ms
        self._lag_ms = min(usual_ms, lag_ms)
        self._told_ms = now

    def _stale(self, now):
        """Return whether what comes now may be older than the bound, or is behind a late Ping and not proven fresh since."""
        return now - self._fresh_ms > self._oldest_ms or self._fresh_ms <= self._late_ms

    def _boot_status(self):
        if self._boot is None:
            return []
        kind, update_id = self._boot
        self._boot = None
        steps, self._steps = self._steps, []
        return steps + [_message(_BOOT_STATUS, ("B", kind), ("t", _semver(self._version)), ("i", update_id))]

    def keepalive(self, now):
        """Messages due now: a pong for each ping. Leave when none came for 90 s."""
        if now - self._pinged >= _SILENT_MS:
            raise Leave("no ping for 90 s")
        if not self._owed:
            return ()
        owed, self._owed = self._owed, 0
        return [_message(_PONG, ("Q", now), ("i", self.rssi())) for _ in range(owed)]

    def goodbye(self):
        """Messages to send before the connection is closed by us: none."""
        return ()

    def report(self, event):
        """As `Service`. How an update ended is how the device booted: told as that, by `hello` when it is still to come."""
        name, update_id = event[:2]
        step = None
        if name == "OtaInstallStarted":
            step = _message(_STARTED, ("i", update_id), ("t", _semver(event[2])))
        elif name == "OtaInstallProgress":
            step = _message(_PROGRESS, ("i", update_id), ("B", event[2]), ("f", event[3]))
        elif name == "OtaInstallFailed":
            step = _message(_FAILED, ("i", update_id), ("s", _short(event[3])), ("B", int(event[2])))
        told = self._boot is None
        if step and told:
            return [step]
        if step:
            self._steps.append(step)  # the link sends what `hello` gives first
            return ()
        self._boot = _ROLLBACK if name == "OtaRollback" else _NEW_FIRMWARE, update_id
        return self._boot_status() if told else []

    def receive(self, message, now):
        """Orders that `message` (bytes of one WebSocket message) makes; one that is damaged makes none but a note."""
        if not message:
            return ()
        try:
            root = flatbuffers.root(message)
            kind = root.number(0, "B")
            if not _PING <= kind <= _UPDATE:
                return [(orders.NOTE, "a message of kind %d, which nobody knows" % kind)]
            payload = root.table(1)
            if payload is None:
                raise flatbuffers.Bad("no payload")
            if kind == _COMMANDS:
                return _commands(payload, self._stale(now))
            if kind == _PING:
                self._timed(payload.number(0, "Q"), now)
                self._pinged = now
                self._owed += 1
                return ()
            return _triggered(payload) if kind == _TRIGGER else _update(payload)
        except flatbuffers.Bad as bad:
            return [(orders.NOTE, "a damaged message: %s" % bad)]


def _commands(payload, stale):
    """Orders for a list of commands, in its order; a stop for a receiver outlives what stands behind it.

    `stale`: nobody knows how old it is, and all but stops is refused.
    """
    made = []
    stopped = set()
    for entry in payload.tables(0, _MOST):
        model, rf_id, action = entry.number(0, "B"), entry.number(1, "H"), entry.number(2, "B")
        level, duration_ms = entry.number(3, "B"), entry.number(4, "H")
        if model >= len(_MODELS):
            made.append((orders.REFUSE, ("model", "number %d, id %d of gateway" % (model, rf_id))))
        elif action > SOUND:
            made.append((orders.REFUSE, ("action", "number %d for id %d of gateway" % (action, rf_id))))
        elif stale and action != STOP:
            made.append((orders.REFUSE, ("stale", "%s for id %d of gateway" % (orders.ACTIONS[action], rf_id))))
        elif action == STOP or (model, rf_id) not in stopped:
            if action == STOP:
                stopped.add((model, rf_id))
            asked = Command(_MODELS[model], rf_id, action, level, cut_ms(duration_ms), None, "gateway", None)
            made.append((orders.ACT, asked))
    return made


def _triggered(payload):
    number = payload.number(0, "B")
    if number < len(_TRIGGERS):
        return [_TRIGGERS[number]]
    return [(orders.NOTE, "a trigger %d, which nobody knows" % number)]


def _update(payload):
    version = payload.table(0)
    if version is None:
        raise flatbuffers.Bad("no version")
    numbers = [str(version.number(slot, "H")) for slot in range(3)]
    before, build = version.text(3), version.text(4)
    text = ".".join(numbers) + ("-" + before if before else "") + ("+" + build if build else "")
    if len(text) > _VERSION:
        raise flatbuffers.Bad("a version of more than %d characters" % _VERSION)
    return [(orders.UPDATE, text)]


def _message(kind, *fields):
    """The bytes of one of our messages."""
    return flatbuffers.message((("B", kind), ("t", fields)))


def _semver(text):
    """The fields of a version such as 1.5.0-rc.1+abc; what is no number in it counts as 0."""
    text, _, build = text[:_VERSION].partition("+")
    text, _, before = text.partition("-")
    numbers = [min(int(part), 65535) if part.isdigit() else 0 for part in (text + ".0.0").split(".")[:3]]
    return tuple([("H", number) for number in numbers]) + (("s", before or None), ("s", build or None))


def _short(text):
    """`text` as far as the gateway takes it: it counts in UTF-16, where what is above U+FFFF counts twice."""
    return "".join([letter if letter < "\U00010000" else "?" for letter in text[:_LONGEST]])
