"""/1/ws/live/{device}: live control. A client's last frame for each shocker is repeated to its device five times a second (d.5)."""

import asyncio
import re
import time

from aiohttp import WSMsgType, web

from tools.hub import binding, doors, models, problems, wire

TICK_S = 0.2
DURATION_MS = 500
_RATES = (1, 10)
_PING_S = 5.0


class Live:
    """The frames of all clients of one hub's gateway, and the clock that repeats them."""

    def __init__(self, hub, gateway):
        self._hub = hub
        self._gateway = gateway
        self._frames = {}  # shocker guid → (type, intensity, fresh until)
        self._task = None

    def routes(self):
        """For the application's router."""
        return [web.get("/1/ws/live/{id}", self._door)]

    def frame(self, shocker, kind, intensity, tps=10):
        """Take one frame for a models.Shocker; `tps`: how many of them its client sends a second."""
        fresh_s = max(2500 / tps, 250) / 1000
        self._frames[shocker.guid] = kind, max(0, min(intensity, 100)), time.monotonic() + fresh_s
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._tick())

    async def _tick(self):
        """Send, every fifth of a second, one list of all that is fresh; ends when nothing is."""
        while self._frames:
            now_s = time.monotonic()
            self._frames = {guid: frame for guid, frame in self._frames.items() if frame[2] > now_s}
            fresh = [(each, self._frames[each.guid]) for each in self._hub.shockers if each.guid in self._frames]
            self._gateway.command([(each, kind, intensity, DURATION_MS) for each, (kind, intensity, _) in fresh])
            await asyncio.sleep(TICK_S)

    async def _door(self, request):
        token = doors.token_of(self._hub, request)
        if token is None:
            return problems.unauthorized()
        if "shockers.use" not in token.permissions:
            return problems.token_permission("shockers.use", token.permissions)
        guid = request.match_info["id"].lower()
        device = next((each for each in self._hub.devices if each.guid == guid), None)
        if device is None or not self._gateway.online(device):
            return problems.not_found(
                "Websocket.LiveControl.HubNotConnected", "The hub is not connected to this gateway"
            )
        asked = request.query.get("tps", "10")
        digits = re.fullmatch("[0-9]{1,9}", asked)
        tps = min(max(int(asked), _RATES[0]), _RATES[1]) if digits else _RATES[1]
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        pinger = asyncio.ensure_future(self._ping(socket))
        try:
            await socket.send_str(_answer("TPS", {"Client": tps}))
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    await self._heard(socket, device, message.data, tps)
        finally:
            pinger.cancel()
        return socket

    async def _ping(self, socket):
        while not socket.closed:
            await socket.send_str(_answer("Ping", {"Timestamp": int(time.time() * 1000)}))
            await asyncio.sleep(_PING_S)

    async def _heard(self, socket, device, text, tps):
        try:
            said = binding.lower_keys(wire.loads(text))
            kind, data = said.get("requesttype"), said.get("data")
            frames = [data] if kind == "Frame" else data if kind == "BulkFrame" else []
            for each in frames:
                self._take(device, binding.lower_keys(each), tps)
        except (ValueError, TypeError):
            await socket.send_str(_answer("InvalidData", None))

    def _take(self, device, frame, tps):
        guid = wire.guid(frame.get("shocker"))
        shocker = next((each for each in self._hub.shockers if each.guid == guid), None)
        intensity = frame.get("intensity")
        if shocker is None or shocker.device != device.guid or type(intensity) is not int:
            raise ValueError("no such shocker, or no intensity")
        if not shocker.paused:
            self.frame(shocker, models.control_type(frame.get("type")), intensity, tps)


def _answer(kind, data) -> str:
    return wire.dumps({"ResponseType": kind, "Data": data}).decode()
