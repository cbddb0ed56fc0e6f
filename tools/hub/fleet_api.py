"""The doors of the fleet: its two hubs, and the REST that goes with them (reference i.1). The shapes of bodies are ours."""

import asyncio
import uuid

from aiohttp import web

from tools.hub import binding, doors, negotiate
from tools.hub.api import authorized, body_of

_MOST_SAMPLES = 10_000
# What the page may order, by name: the method of the fleet, and its arguments with what each may be
_ORDERS = {
    "message": ("message", {"body": str}),
    "fast": ("start_fast", {"interval_s": int, "duration_s": int}),
    "slow": ("stop_fast", {}),
    "history": ("request_history", {"hours": int}),
    "zone": ("add_zone", {"name": str}),
    "rescue": ("start_rescue", {}),
}


class FleetApi:
    """The routes of one hub's fleet."""

    def __init__(self, hub):
        self.hub = hub
        self._negotiations = negotiate.Negotiations(hub.config.negotiated_ms)

    def routes(self):
        """For the application's router."""
        return [
            web.post("/hubs/fleet/negotiate", self._negotiate),
            web.get("/hubs/fleet", self._fleet_door),
            web.post("/hubs/pairing/negotiate", self._negotiate),
            web.get("/hubs/pairing", self._pairing_door),
            web.post("/api/device/init", self._init),
            web.post("/api/devices/by-code", self._by_code),
            web.post("/api/devices/history-sync", self._history),
            web.post("/api/auth/refresh", self._refresh),
            web.post("/api/devices/{number}/messages", self._message),
            web.post("/page/fleet", self._page),
        ]

    async def _negotiate(self, request):
        return doors.negotiated(self._negotiations, request)

    # the hubs

    def _claims(self, request):
        """What the token of a request claims, by header or query; None for none that is good."""
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return self.hub.fleet.tokens.claims(given or doors.query(request, "access_token") or "")

    async def _fleet_door(self, request):
        fleet = self.hub.fleet
        claims = self._claims(request)
        if claims is None and (fleet.strict or "access_token" in request.query or "Authorization" in request.headers):
            return web.Response(status=401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
        peer = doors.peer_of(request)
        peer.token = claims
        peer.device = fleet.device_of(claims.get("DeviceId")) if claims else None
        if peer.device:
            peer.device.board = peer.device.board or "fleet"
        return await doors.enter(self.hub, self._negotiations, request, fleet, peer)

    async def _pairing_door(self, request):
        return await doors.enter(self.hub, self._negotiations, request, self.hub.fleet.pairing, doors.peer_of(request))

    # REST

    async def _init(self, request):
        guid = uuid.uuid4().hex
        code = self.hub.fleet.pairing.code(guid=guid)
        return web.json_response({"deviceGuid": guid, "code": code, "expiresIn": int(self.hub.fleet.pairing.code_s)})

    def _is_dashboard(self, request) -> bool:
        claims = self._claims(request)
        return doors.token_of(self.hub, request) is not None or claims is not None and "DeviceId" not in claims

    async def _by_code(self, request):
        if not self._is_dashboard(request):
            return web.Response(status=401)
        try:
            body = binding.lower_keys(await body_of(request))
            code, device = body.get("code"), body.get("deviceid", 1)
            bound = isinstance(code, str) and self.hub.fleet.pairing.bind(code, device)
        except ValueError:
            bound = False
        if not bound:
            return web.json_response({"error": "nobody shows this code"}, status=404)
        return web.json_response({"deviceId": device})

    async def _history(self, request):
        claims = self._claims(request)
        number = claims and claims.get("DeviceId")
        if number is None:
            return web.Response(status=401)
        try:
            samples = binding.lower_keys(await body_of(request)).get("samples")
            good = isinstance(samples, list) and all({"lat", "lon", "recordedAt"} <= set(each) for each in samples)
        except (ValueError, TypeError):
            good = False
        kept = self.hub.fleet.samples.setdefault(number, [])
        if not good or len(kept) + len(samples) > _MOST_SAMPLES:
            return web.json_response({"error": "'samples' must be a list"}, status=400)
        kept += samples
        self.hub.journal.note("fleet", None, name="history", device=number, count=len(samples))
        return web.json_response({"stored": len(samples)})

    async def _refresh(self, request):
        try:
            refresh = binding.lower_keys(await body_of(request)).get("refreshtoken")
        except ValueError:
            refresh = None
        made = self.hub.fleet.tokens.refreshed(refresh) if isinstance(refresh, str) else None
        return web.json_response(made) if made else web.Response(status=401)

    async def _message(self, request):
        """{body, displaySeconds?} to a device."""
        if not self._is_dashboard(request):
            return web.Response(status=401)
        try:
            body = binding.lower_keys(await body_of(request))
            number = int(request.match_info["number"])
            if not isinstance(body.get("body"), str) or self.hub.fleet.device_of(number) is None:
                raise ValueError
        except ValueError:
            return web.json_response({"error": "no such device, or no 'body'"}, status=400)
        message = self.hub.fleet.message(body["body"], body.get("displayseconds", 10), number)
        return web.json_response({"messageId": message.id})

    @authorized("devices.edit")
    async def _page(self, request, token):
        """{do, device, …}: what the page orders; or {do: "bind", code}."""
        try:
            body = binding.lower_keys(await body_of(request))
            number = self._number(body.get("device"))
            if body.get("do") == "bind":
                return web.json_response({"told": int(self.hub.fleet.pairing.bind(str(body.get("code")), number))})
            method, wanted = _ORDERS[body.get("do")]
            arguments = {name: body[name] for name in wanted}
            if not all(type(arguments[name]) is kind for name, kind in wanted.items()):
                raise ValueError
        except (ValueError, KeyError, TypeError):
            return web.json_response({"error": "do, device or an argument is wrong"}, status=400)
        if method in ("message", "start_fast", "stop_fast", "request_history"):
            arguments["device"] = number
        if method == "start_rescue":
            asyncio.get_running_loop().call_later(60, self._end_rescue, self.hub.fleet.start_rescue(number))
        else:
            getattr(self.hub.fleet, method)(**arguments)
        return web.json_response({"told": int(self.hub.fleet.online(self.hub.devices[number - 1]))})

    def _end_rescue(self, session):
        if not self.hub.closing.is_set():
            self.hub.fleet.end_rescue(session)

    def _number(self, guid):
        """A device's number by its id; the first one's where none is named. ValueError for an unknown one."""
        for number, device in enumerate(self.hub.devices, 1):
            if guid in (None, device.guid):
                return number
        raise ValueError("no such device")
