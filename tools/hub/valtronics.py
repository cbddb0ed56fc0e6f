"""/valtronics: the alert service's WebSocket in both dialects, and the API that raises alerts in it (seed 003; reference i.2).

`/valtronics/ws` (and `/ws/{channel}`) speaks as the documentation says, `/valtronics/public/ws` (and `/ws/{device}`) as the
server in public behaves. An API token of this hub is the token there.
"""

import asyncio
import collections
import itertools
import json
import time

from aiohttp import WSMsgType, web

from tools.hub import wire
from tools.hub.api import authorized, body_of
from tools.hub.outlet import Outlet
from tools.hub.signalr_server import Peer, Upgrade
from tools.hub.userhub import device_of

NAME = "Valtronics"
CHANNELS = ("telemetry", "alerts", "devices", "system")
SEVERITIES = ("info", "warning", "error", "critical")
HEARTBEAT_S = 30.0
CONNECTS_A_MINUTE = 10
_MOST_BYTES = 1024
_MOST_A_SECOND = 100
_MOST_IN_A_BATCH = 50
_CLOSE_TIMEOUT_S = 5.0
_LONGEST = 200


class Link:
    """One client's WebSocket."""

    def __init__(self, service, peer, channel=None, device=None):
        self.id = wire.new_connection_id()
        self.peer = peer
        self.out = None
        self.ready = False
        self.why = "gone"
        self.service = service
        self._socket = None
        self.channels = {}  # what was subscribed to: channel → its message; for the public dialect device → {}
        self.wanted = channel  # what the path asks for
        if device:
            self.channels[device] = {}

    async def serve(self, request, delay_ms=0, silent=False) -> web.WebSocketResponse:
        """Upgrade, and answer until the end."""
        self._socket = Upgrade(timeout=_CLOSE_TIMEOUT_S, autoping=False, compress=False)
        head = await self._socket.prepare(request)
        self.out = Outlet(request.transport, head, 4096, delay_ms)
        asyncio.get_running_loop().call_soon(self.out.uncork_empty)
        if silent:
            self.out.silence()
        self.ready = True
        journal = self.service.hub.journal
        journal.note("connected", self)
        keeper = asyncio.create_task(self._tend())
        try:
            await self._listen()
        finally:
            keeper.cancel()
            self.out.close()
            self.ready = False
            journal.note("disconnected", self, why=self.why)
        return self._socket

    async def _listen(self):
        while True:
            message = await self._socket.receive()
            await self.out.audible.wait()
            if self.peer.device:
                self.peer.device.last_seen = wire.now()
            if message.type == WSMsgType.PING:
                self.service.hub.journal.note("ws_ping", self, payload=message.data)
                self.out.pong(message.data)
            elif message.type == WSMsgType.TEXT:
                self.heard(message.data)
            elif message.type != WSMsgType.PONG:
                break

    async def _tend(self):
        """Nothing here; the public dialect beats."""

    def heard(self, text):
        """One message came."""
        try:
            said = wire.loads(text)
        except ValueError:
            said = None
        name = said.get("type") if isinstance(said, dict) else None
        shown = {"***": "***"} if name == "auth" else said
        self.service.hub.journal.note("heard", self, name=name, fields=shown, size=len(text.encode()))
        self.answer(said, name, text)

    def answer(self, said, name, text):
        """Answer one message: `said` is what is in it, None where that is no JSON."""
        raise NotImplementedError

    def say(self, message):
        """Send one message."""
        if self.ready:
            self.out.message(json.dumps(message, ensure_ascii=False).encode())

    async def close(self, code, reason):
        """Close the WebSocket, behind everything that is still under way."""
        self.why = reason
        await self.out.farewell(self._socket, code, reason)

    async def end(self, error=None, allow_reconnect=False):
        """As a SignalR connection's: here a close frame says it all."""
        await self.close(1000, error or "Normal closure")


class Seed(Link):
    """As the documentation says: first a token, then channels with filters; messages and their rate are limited."""

    greeted = False

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        self._times_s = collections.deque(maxlen=_MOST_A_SECOND)

    def answer(self, said, name, text):
        now_s = time.monotonic()
        often = len(self._times_s) == _MOST_A_SECOND and now_s - self._times_s[0] < 1.0
        self._times_s.append(now_s)
        if len(text.encode()) > _MOST_BYTES or often:
            self._error("rate_limited" if often else "message_too_large")
        elif not isinstance(said, dict) or not isinstance(name, str):
            self._error("invalid_message")
        elif name == "batch" and self.service.batches:
            self._unpack(said.get("messages"))
        else:
            self._obey(said, name)

    def _unpack(self, messages):
        if not isinstance(messages, list) or len(messages) > _MOST_IN_A_BATCH:
            self._error("invalid_batch")
            return
        for message in messages:
            if isinstance(message, dict) and message.get("type") != "batch":
                self._obey(message, message.get("type"))

    def _obey(self, said, name):
        if name == "ping":
            self.say({"type": "pong", "timestamp": wire.iso(wire.now())})
        elif name == "auth":
            self._auth(said.get("token"))
        elif not self.greeted:
            self._error("not_authenticated")
        elif name == "subscribe" and said.get("channel") in CHANNELS:
            self.channels[said["channel"]] = said
            self.service.hub.journal.note("subscribed", self, channel=said["channel"])
        elif name == "unsubscribe":
            self.channels.pop(str(said.get("channel")), None)
        else:
            self._error(f"Unknown message type: {name}")

    def _auth(self, token):
        if not self.service.knows(token):
            self.say({"type": "auth_response", "success": False, "message": "Invalid token", "error": "invalid_token"})
            return
        self.greeted = True
        if self.wanted:
            self.channels[self.wanted] = {}
        self.say({"type": "auth_response", "success": True, "message": "Authenticated"})

    def _error(self, words):
        self.service.hub.journal.note("declined", reason=words, shocker=None, sender=NAME)
        self.say({"type": "error", "error": words})

    def wants(self, channel, **facts) -> bool:
        """Whether that channel was subscribed to, and its filters let these facts pass."""
        asked = self.channels.get(channel) if self.greeted else None
        if asked is None:
            return False
        more = asked.get("filters")
        filters = {"device_id": asked.get("device_id"), **(more if isinstance(more, dict) else {})}
        filters["status"] = filters.pop("status_types", None)
        for name, value in facts.items():
            allowed = filters.get(name)
            if allowed is not None and str(value) not in map(str, allowed if isinstance(allowed, list) else [allowed]):
                return False
        return True


class Public(Link):
    """As the server in public behaves: no token, devices instead of channels, errors without a type, a heartbeat."""

    async def _tend(self):
        while True:
            await asyncio.sleep(self.service.heartbeat_s)
            self.say({"type": "heartbeat", "timestamp": wire.iso(wire.now()), "status": "alive"})

    def answer(self, said, name, text):
        if not isinstance(said, dict):
            self.say({"error": "Invalid JSON format"})
        elif name == "ping":
            self.say({"type": "pong", "timestamp": _plain()})
        elif name in ("subscribe_device", "unsubscribe_device"):
            device = said.get("device_id")
            if name[0] == "s":
                self.channels[device if isinstance(device, str) else None] = {}  # a number is never found again
                self.service.hub.journal.note("subscribed", self, channel=device)
            else:
                self.channels.pop(device if isinstance(device, str) else None, None)
            word = "subscription_confirmed" if name[0] == "s" else "unsubscription_confirmed"
            self.say({"type": word, "device_id": device})
        elif name == "get_device_status":
            self.say({"error": "Device not found"})
        else:
            self.say({"error": f"Unknown message type: {name}"})


def _plain():
    """The time without a zone, as that server writes it."""
    return wire.now().replace(tzinfo=None).isoformat()


class Valtronics:
    """The service of one hub: its doors, its clients, and what it tells them. `batches`, `heartbeat_s`: for tests."""

    def __init__(self, hub):
        self.hub = hub
        self.links = []
        self.batches = True
        self.heartbeat_s = HEARTBEAT_S
        self.connects_a_minute = CONNECTS_A_MINUTE
        self._ids = itertools.count(1)
        self._came_s = collections.deque(maxlen=1000)
        self._states = {}  # device → the last state told

    def routes(self):
        """For the application's router."""
        return [
            web.get("/valtronics/ws", self._seed_door),
            web.get("/valtronics/ws/{channel}", self._seed_door),
            web.get("/valtronics/public/ws", self._public_door),
            web.get("/valtronics/public/ws/{device}", self._public_door),
            web.post("/valtronics/alerts", self._alerts),
        ]

    def knows(self, token) -> bool:
        """Whether that is one of this hub's tokens."""
        known = [each.secret for each in self.hub.config.tokens]
        return isinstance(token, str) and any(wire.is_secret(each, token) for each in known)

    def online(self, device) -> bool:
        """Whether that device is connected here."""
        return any(link.peer.device is device for link in self.links if link.ready)

    async def _seed_door(self, request):
        channel = request.match_info.get("channel")
        if channel is not None and channel not in CHANNELS:
            return web.Response(status=404)
        now_s = time.monotonic()
        if sum(now_s - each < 60 for each in self._came_s) >= self.connects_a_minute:
            return web.Response(status=429, headers={"Retry-After": "60"})
        self._came_s.append(now_s)
        return await self._enter(request, Seed, channel=channel)

    async def _public_door(self, request):
        return await self._enter(request, Public, device=request.match_info.get("device"))

    async def _enter(self, request, kind, **more):
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return web.Response(status=400)
        agent = request.headers.get("User-Agent", "")
        device, version, board = device_of(self.hub.devices, agent, None)
        if device:
            device.firmware_version, device.board = version, board
        link = kind(self, Peer(agent, request.remote or "", device=device), **more)
        self.links.append(link)
        self.hub.sockets.append(link)
        ordered = self.hub.faults
        try:
            return await link.serve(request, ordered.delay_ms, ordered.silent)
        finally:
            self.links.remove(link)
            self.hub.sockets.remove(link)
            self.hub.journal.note("changed", device=device and device.guid)

    # what it tells; each gives how many clients heard it

    def alert(self, severity="warning", title="Alert", message="", device_id=1, alert_id=None) -> int:
        """Raise an alert."""
        moment = wire.iso(wire.now())
        facts = {"device_id": device_id, "severity": severity, "title": title, "message": message}
        alert_id = next(self._ids) if alert_id is None else alert_id
        flat = {
            "type": "alert",
            "channel": "alerts",
            "alert_id": alert_id,
            **facts,
            "timestamp": moment,
            "metadata": {},
        }
        nested = {"type": "alert", "alert": {"id": alert_id, **facts}, "timestamp": _plain()}
        told = self._tell("alerts", flat, nested, None, severity=severity, device_id=device_id)
        self.hub.journal.note("invoked", target="alert", arguments=[severity, title, message], connections=told)
        return told

    def device_status(self, device_id, status, reason="") -> int:
        """A device has another state."""
        before = self._states.get(device_id, "unknown")
        self._states[device_id] = status
        states = {"old_status": before, "new_status": status, "timestamp": wire.iso(wire.now()), "reason": reason}
        flat = {"type": "device_status_update", "channel": "devices", "device_id": device_id, **states}
        updates = {"type": "device_update", "device_id": str(device_id), "updates": {"status": status}}
        self._tell("devices", None, updates, str(device_id))
        return self._tell("devices", flat, updates, str(device_id), device_id=device_id, status=status)

    def system_status(self, **metrics) -> int:
        """How the service itself is."""
        flat = {"type": "system_status_update", "channel": "system", "metrics": metrics}
        words = ", ".join(f"{name} {value}" for name, value in metrics.items())
        notice = {"type": "system_notification", "notification": {"title": "System", "message": words}}
        return self._tell("system", flat, notice, None)

    def telemetry(self, device_id, name, value, unit) -> int:
        """A measured value."""
        one = {name: {"value": value, "unit": unit, "timestamp": wire.iso(wire.now())}}
        flat = {"type": "telemetry_update", "channel": "telemetry", "device_id": device_id, "telemetry": one}
        data = {"metric_name": name, "metric_value": value, "unit": unit, "timestamp": _plain()}
        single = {"type": "telemetry_update", "device_id": str(device_id), "data": data, "timestamp": _plain()}
        return self._tell("telemetry", flat, single, str(device_id), device_id=device_id)

    def _tell(self, channel, flat, public, device, **facts) -> int:
        """`flat` to whom it concerns by the documentation; `public` to the others, of a device to its subscribers."""
        told = 0
        for link in self.links:
            if isinstance(link, Seed):
                message = flat if flat and link.wants(channel, **facts) else None
            else:
                message = public if device is None or device in link.channels else None
            if message:
                link.say(message)
                told += 1
        return told

    @authorized("shockers.use")
    async def _alerts(self, request, token):
        """Raise an alert: {severity, title, message, device_id}, all but the title optional; how many clients heard it."""
        try:
            body = await body_of(request)
            title, message = body["title"], body.get("message", "")
            severity, device = body.get("severity", "warning"), body.get("device_id", 1)
            texts = all(isinstance(text, str) and len(text) <= _LONGEST for text in (title, message))
            if not texts or severity not in SEVERITIES or type(device) not in (int, str):
                raise ValueError
        except (ValueError, KeyError, TypeError, AttributeError):
            return web.json_response({"error": "title, message, severity or device_id is wrong"}, status=400)
        return web.json_response({"told": self.alert(severity, title, message, device)})
