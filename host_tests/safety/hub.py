"""The hub of the virtual world: OpenShock's map of shockers and its user hub, over memory. It can fall silent or be gone."""

import base64
import hashlib
import json

GUID = "00000000-0000-0000-0000-0000000000%02d"
DEVICE = "11111111-1111-1111-1111-111111111111"
OTHER_DEVICE = "22222222-2222-2222-2222-222222222222"
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3


class Hub:
    """Called with each new connection. `shockers` is a list of (model, RF id), known as GUID % 1, GUID % 2 …"""

    def __init__(self, shockers=(("CaiXianlin", 1234), ("PetTrainer", 777))):
        self.shockers = shockers
        self.others = ()  # guids of shockers that another hub of the account has
        self.silent = False  # it says nothing more, not even a pong
        self.refusing = False
        self.map_s = 0  # so long the answer with the map takes
        self.mapless = False  # who asks for the map waits, and is slow to leave
        self.date = None  # a function that gives the Date of its answers, in bytes
        self.sockets = []  # the connections that became WebSockets
        self.records = []  # what the device said, as dicts
        self.pings = 0
        self.requests = 0

    def __call__(self, transport):
        if self.refusing:
            raise OSError(111, "refused")
        transport.lingers_s = 1.5 if self.mapless else 0
        return _Connection(self, transport).take

    @property
    def wire(self):
        """The last connection's transport."""
        return self.sockets[-1]

    def map(self):
        shockers = [
            {"id": GUID % number, "model": model, "rfId": rf_id}
            for number, (model, rf_id) in enumerate(self.shockers, 1)
            if GUID % number not in self.others
        ]
        others = [{"id": guid, "model": "D80", "rfId": 1} for guid in self.others]
        hubs = [{"id": DEVICE, "shockers": shockers}, {"id": OTHER_DEVICE, "shockers": others}]
        return json.dumps({"data": hubs}).encode()

    def answer(self, path):
        """The body of the answer to a GET."""
        return self.map()

    def hear(self, transport, opcode, payload):
        """None; a frame came from the device."""
        if opcode == 9:
            self.pings += 1
            transport.say(frame(10, payload))
        for text in payload.split(b"\x1e")[:-1] if opcode == 1 else ():
            record = json.loads(text)
            self.records.append(record)
            if record.get("protocol"):
                transport.say(frame(1, b"{}\x1e"))
                self.invoke("Welcome", "connection-1")

    def say(self, record):
        """None; one SignalR record goes to the device, unless the hub is silent."""
        if not self.silent:
            self.wire.say(frame(1, json.dumps(record).encode() + b"\x1e"))

    def invoke(self, target, *arguments, invocation_id=None):
        """None; the hub calls a method of the device."""
        named = {} if invocation_id is None else {"invocationId": invocation_id}
        self.say({"type": 1, "target": target, "arguments": list(arguments), **named})

    def log(self, *entries, name="somebody"):
        """None; a Log event, as the hub sends it after each control (reference/openshock-api.md §a.4)."""
        self.invoke("Log", {"id": DEVICE, "name": name, "customName": None}, list(entries))


def entry(number=1, action=2, level=50, ms=1000, at=None):
    """One entry of a Log event; `at` is its executedAt."""
    named = {} if at is None else {"executedAt": at}
    return {
        "shocker": {"id": GUID % number, "name": "s"},
        "type": action,
        "intensity": level,
        "duration": ms,
        **named,
    }


def control(number=1, action=2, level=50, ms=1000):
    """One entry of Control."""
    return {"id": GUID % number, "type": action, "intensity": level, "duration": ms, "exclusive": False}


def frame(opcode, payload):
    """One WebSocket frame of a server."""
    size = len(payload)
    head = bytes([0x80 | opcode]) + (bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big"))
    return head + payload


class _Connection:
    """One connection: a request for the map, or a WebSocket."""

    def __init__(self, hub, transport):
        self._hub = hub
        self._transport = transport
        self._data = b""
        self._upgraded = False

    def take(self, data):
        """None; the client wrote `data`."""
        self._data += data
        if not self._upgraded:
            self._request()
        while self._upgraded and self._frame():
            pass

    def _request(self):
        head, blank, rest = self._data.partition(b"\r\n\r\n")
        if not blank:
            return
        self._data = rest
        hub = self._hub
        hub.requests += 1
        if hub.silent:
            return
        lines = head.decode().split("\r\n")
        date = b"Date: %s\r\n" % hub.date() if hub.date else b""
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        if headers.get("upgrade") == "websocket":
            key = next(line[19:] for line in lines if line.lower().startswith("sec-websocket-key: "))
            proof = base64.b64encode(hashlib.sha1(key.encode() + _MAGIC).digest())
            answer = b"HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
            self._transport.say(answer + proof + b"\r\n" + date + b"\r\n")
            self._upgraded = True
            hub.sockets.append(self._transport)
        elif not hub.mapless:
            body = hub.answer(lines[0].split()[1])
            answer = b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s" % (date, len(body), body)
            self._transport.say_in(hub.map_s, answer)

    def _frame(self):
        """True when a whole frame of the client was there, and was dealt with."""
        data = self._data
        if len(data) < 6:
            return False
        size, at = data[1] & 0x7F, 2
        if size == 126:
            size, at = int.from_bytes(data[2:4], "big"), 4
        if len(data) < at + 4 + size:
            return False
        mask = data[at : at + 4]
        payload = bytes(byte ^ mask[i & 3] for i, byte in enumerate(data[at + 4 : at + 4 + size]))
        self._data = data[at + 4 + size :]
        if not self._hub.silent:
            self._hub.hear(self._transport, data[0] & 15, payload)
        return True
