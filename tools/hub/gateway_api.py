"""What a hub asks before it connects: pairing code → token, who am I, which gateway; and what its owner asks about it (d.1)."""

import collections
import secrets
import time

from aiohttp import web

from tools.hub import events, models, problems, wire
from tools.hub.api import _json, authorized

_CODE_S = 15 * 60
_TRIES_A_MINUTE = 10
_HEADERS = ("DeviceToken", "Device-Token")
COUNTRY = "NL"


def device_of(hub, request):
    """(the models.Device whose hub token the request carries or None, whether it carries any)."""
    for name in _HEADERS:
        if name in request.headers:
            given = request.headers[name]
            same = (each for each in hub.devices if wire.is_secret(each.token, given))
            return next(same, None), True
    return None, False


def refused(present):
    """The 401 of the routes for hubs."""
    if present:
        return problems.problem(401, "Authentication.TokenInvalid", "The token is invalid.")
    return problems.problem(401, "Authentication.HeaderMissingOrInvalid", "Missing or invalid authentication header.")


class GatewayApi:
    """The REST routes of one hub's gateway."""

    def __init__(self, hub):
        self.hub = hub
        self._codes = {}  # code → (device, end of its time)
        self._tries = collections.deque(maxlen=_TRIES_A_MINUTE)

    def routes(self):
        """For the application's router."""
        return [
            web.get("/1/devices/{id}/pair", self._new_code),
            web.put("/1/devices/{id}", self._new_token),
            web.get("/1/devices/{id}/lcg", self._gateway_of),
            web.get("/1/device/pair/{code}", self._pair),
            web.get("/1/pair/{code}", self._pair),
            web.get("/1/device/self", self._self),
            web.get("/1/device/assignLCG", self._assign_1),
            web.get("/2/device/assignLCG", self._assign_2),
        ]

    # for the owner

    def _named(self, request):
        guid = request.match_info["id"].lower()
        return next((each for each in self.hub.devices if each.guid == guid), None)

    @authorized("devices.edit")
    async def _new_code(self, request, token):
        device = self._named(request)
        if device is None:
            return problems.not_found("Device.NotFound", "Device not found")
        return _json(self.new_code(device))

    def new_code(self, device) -> str:
        """A pairing code of six digits for the device, good for 15 minutes and once; the one before is good no longer."""
        self._codes = {code: kept for code, kept in self._codes.items() if kept[0] is not device}
        code = str(100_000 + secrets.randbelow(900_000))
        self._codes[code] = device, time.monotonic() + _CODE_S
        return code

    @authorized("devices.auth")
    async def _new_token(self, request, token):
        device = self._named(request)
        if device is None:
            return problems.not_found("Device.NotFound", "Device not found")
        device.token = wire.new_hub_token()
        self.hub.changed(device.guid, events.UPDATED)
        return _json(device.token)

    @authorized()
    async def _gateway_of(self, request, token):
        device = self._named(request)
        if device is None:
            return problems.not_found("Device.NotFound", "Device not found")
        if not self.hub.gateway.online(device):
            return problems.not_found("Device.NotOnline", "Device is not online")
        return _json({"gateway": request.host, "country": COUNTRY})

    # for the hub

    async def _pair(self, request):
        now_s = time.monotonic()
        if len(self._tries) == _TRIES_A_MINUTE and now_s - self._tries[0] < 60:
            return problems.fault(429, int(61 - (now_s - self._tries[0])))
        self._tries.append(now_s)
        device, end_s = self._codes.pop(request.match_info["code"], (None, 0.0))
        if end_s <= now_s:
            return problems.not_found("Pair.CodeNotFound", "Pair code not found")
        self.hub.changed(device.guid, events.PAIRED)
        return _json(device.token)

    async def _self(self, request):
        device, present = device_of(self.hub, request)
        if device is None:
            return refused(present)
        shockers = [each for each in self.hub.shockers if each.device == device.guid]
        told = [{"id": each.guid, "rfId": each.rf_id, "model": each.model} for each in shockers]
        return await _streamed(
            request, {"message": "", "data": {"id": device.guid, "name": device.name, "shockers": told}}
        )

    async def _assign_1(self, request):
        device, present = device_of(self.hub, request)
        if device is None:
            return refused(present)
        return _json({"fqdn": request.host.partition(":")[0], "country": COUNTRY})

    async def _assign_2(self, request):
        """The gateway is this hub itself, by the name and port that it was asked by."""
        device, present = device_of(self.hub, request)
        if device is None:
            return refused(present)
        version = request.query.get("version")
        if version not in ("1", "2"):
            return problems.problem(400, "AssignLcg.BadSchemaVersion", "The schema version is not supported")
        port = request.url.port
        path = "/2/ws/hub" if version == "2" else "/1/ws/hub"  # the second one does not exist, as with the real server
        return await _streamed(request, {"host": request.url.host, "port": port, "path": path, "country": COUNTRY})


async def _streamed(request, data):
    """An answer without a length, in chunks that end anywhere, as the real server's."""
    answer = web.StreamResponse(headers={"Content-Type": "application/json; charset=utf-8"})
    answer.enable_chunked_encoding()
    await answer.prepare(request)
    body = wire.dumps(data)
    for at in range(0, len(body), 50):
        await answer.write(body[at : at + 50])
    await answer.write_eof()
    return answer


def number_of(shocker):
    """The number of a shocker's model on the wire; None for one that the wire does not know (D80)."""
    number = models.MODELS.index(shocker.model)
    return number if number <= models.MODELS.index("WellturnT330") else None
