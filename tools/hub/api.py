"""OpenShock's REST API as far as a device, a remote and the page need it (reference a.2, b, c). Enums are names here."""

import functools

from aiohttp import web

from tools.hub import binding, control, models, problems, sharehub, wire
from tools.hub.doors import token_of

_VERSION = "3.17.0"  # of the API whose behaviour this is
_COMMIT = "0" * 40  # not a build of it


def _json(data, message="", status=200, headers=None):
    body = wire.escaped(wire.dumps({"message": message, "data": data}))
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)


def authorized(permission=None):
    """A handler that gets the models.Token as its second argument; 401 without one, 403 without the permission."""

    def dress(handler):
        @functools.wraps(handler)
        async def guarded(self, request):
            token = token_of(self.hub, request)
            if token is None:
                return problems.unauthorized()
            if permission is not None and permission not in token.permissions:
                return problems.token_permission(permission, token.permissions)
            return await handler(self, request, token)

        return guarded

    return dress


async def body_of(request):
    """The JSON of a request. ValueError if it is none."""
    return wire.loads(await request.read())


class Api:
    """The REST routes of one hub."""

    def __init__(self, hub):
        self.hub = hub

    def routes(self):
        """For the application's router."""
        return [
            web.get("/1", self._version),
            web.get("/1/devices", self._devices),
            web.get("/1/devices/{id}", self._device),
            web.get("/1/devices/{id}/shockers", self._device_shockers),
            web.get("/1/shockers/own", self._own),
            web.get("/1/shockers/shared", self._shared),
            web.get("/1/shockers/{id}", self._shocker),
            web.post("/1/shockers", self._add),
            web.patch("/1/shockers/{id}", self._edit),
            web.delete("/1/shockers/{id}", self._remove),
            web.post("/1/shockers/{id}/pause", self._pause),
            web.post("/1/shockers/control", self._control_1),
            web.post("/2/shockers/control", self._control_2),
            web.get("/1/tokens/self", self._token),
            web.get("/1/public/shares/links/{id}", self._share_link),
        ]

    async def _version(self, request):
        home = self.hub.url + "/"
        times = {"version": _VERSION, "commit": _COMMIT, "currentTime": wire.iso(wire.now())}
        return _json(times | {"frontendUrl": home, "shortLinkUrl": home, "turnstileSiteKey": None}, "OpenShock")

    def _device_named(self, guid):
        return next((each for each in self.hub.devices if each.guid == str(guid).lower()), None)

    def _shocker_named(self, guid):
        return next((each for each in self.hub.shockers if each.guid == guid.lower()), None)

    def _shockers_of(self, device):
        return [each for each in self.hub.shockers if each.device == device.guid]

    @authorized()
    async def _devices(self, request, token):
        return _json([device.rest() for device in self.hub.devices])

    @authorized()
    async def _device(self, request, token):
        device = self._device_named(request.match_info["id"])
        if device is None:
            return problems.not_found("Device.NotFound", "Device not found")
        return _json(device.rest() | {"token": device.token if "devices.auth" in token.permissions else None})

    @authorized()
    async def _device_shockers(self, request, token):
        device = self._device_named(request.match_info["id"])
        if device is None:
            return problems.not_found("Device.NotFound", "Device not found")
        return _json([shocker.rest() for shocker in self._shockers_of(device)])

    @authorized()
    async def _own(self, request, token):
        """Streamed as the real one is: no length, chunks that end anywhere."""
        answer = web.StreamResponse(headers={"Content-Type": "application/json; charset=utf-8"})
        answer.enable_chunked_encoding()
        await answer.prepare(request)
        await answer.write(b'{"message":"","data":[')
        for number, device in enumerate(self.hub.devices):
            shockers = [shocker.rest() for shocker in self._shockers_of(device)]
            data = (b"," if number else b"") + wire.escaped(wire.dumps({"shockers": shockers, **device.rest()}))
            for at in range(0, len(data), 500):
                await answer.write(data[at : at + 500])
        await answer.write(b"]}")
        await answer.write_eof()
        return answer

    @authorized()
    async def _shared(self, request, token):
        return _json([])  # this hub has one user

    @authorized()
    async def _shocker(self, request, token):
        shocker = self._shocker_named(request.match_info["id"])
        if shocker is None:
            return problems.not_found("Shocker.NotFound", "Shocker not found")
        return _json({"device": shocker.device, **shocker.rest()})

    async def _described(self, request):
        """The (name, model, rf_id, device) in the body of a request. ValueError; LookupError: no such device."""
        item = binding.lower_keys(await body_of(request))
        name, rf_id = item.get("name"), item.get("rfid")
        if not isinstance(name, str) or not 1 <= len(name) <= models.MAX_NAME:
            raise ValueError(f"the name must have 1 to {models.MAX_NAME} characters")
        if type(rf_id) is not int or not 0 <= rf_id <= 0xFFFF:
            raise ValueError("the RF id must be 0 to 65535")
        model = models.model_name(item.get("model"))
        device = self._device_named(wire.guid(item.get("device")))
        if device is None:
            raise LookupError
        return name, model, rf_id, device

    @authorized("shockers.edit")
    async def _add(self, request, token):
        try:
            name, model, rf_id, device = await self._described(request)
        except ValueError as error:
            return problems.invalid("shocker", str(error))
        except LookupError:
            return problems.not_found("Device.NotFound", "Device not found")
        if len(self._shockers_of(device)) >= models.MAX_SHOCKERS:
            return problems.problem(
                400, "Device.TooManyShockers", f"A device has at most {models.MAX_SHOCKERS} shockers"
            )
        shocker = self.hub.add_shocker(name, model, rf_id, device)
        return _json(shocker.guid, status=201, headers={"Location": f"/1/shockers/{shocker.guid}"})

    @authorized("shockers.edit")
    async def _edit(self, request, token):
        shocker = self._shocker_named(request.match_info["id"])
        if shocker is None:
            return problems.not_found("Shocker.NotFound", "Shocker not found")
        try:
            name, model, rf_id, device = await self._described(request)
        except ValueError as error:
            return problems.invalid("shocker", str(error))
        except LookupError:
            return problems.not_found("Device.NotFound", "Device not found")
        self.hub.edit_shocker(shocker, name, model, rf_id, device)
        return _json(None, "Shocker updated successfully")

    @authorized("shockers.edit")
    async def _remove(self, request, token):
        shocker = self._shocker_named(request.match_info["id"])
        if shocker is None:
            return problems.not_found("Shocker.NotFound", "Shocker not found")
        self.hub.remove_shocker(shocker)
        return _json(None, "Shocker removed successfully")

    @authorized("shockers.pause")
    async def _pause(self, request, token):
        shocker = self._shocker_named(request.match_info["id"])
        if shocker is None:
            return problems.not_found("Shocker.NotFound", "Shocker not found")
        try:
            pause = binding.flag(binding.lower_keys(await body_of(request)).get("pause"))
        except ValueError as error:
            return problems.invalid("pause", str(error))
        self.hub.pause_shocker(shocker, pause)
        return _json(pause)

    def _controlled(self, controls, name):
        sender = control.owner_sender(self.hub.config, wire.new_connection_id()[:13].upper(), custom_name=name)
        try:
            self.hub.admit(controls, sender)
        except control.Refused as refusal:
            return problems.control_refused(refusal)
        return _json(None, "Successfully sent control messages")

    @authorized("shockers.use")
    async def _control_1(self, request, token):
        try:
            controls = binding.named_controls(await body_of(request))
        except ValueError as error:
            return problems.invalid("$", str(error))
        return self._controlled(controls, None)

    @authorized("shockers.use")
    async def _control_2(self, request, token):
        try:
            body = binding.lower_keys(await body_of(request))
            controls = binding.named_controls(body.get("shocks"))
            name = binding.optional_text(body.get("customname"))
        except ValueError as error:
            return problems.invalid("$", str(error))
        return self._controlled(controls, name)

    @authorized()
    async def _token(self, request, token):
        names = {
            "id": token.guid,
            "name": token.name,
            "createdOn": wire.iso(token.created_on),
            "createdByIp": "127.0.0.1",
        }
        return _json(names | {"validUntil": None, "permissions": list(token.permissions)})

    async def _share_link(self, request):
        guid = request.match_info["id"].lower()
        link = next((each for each in self.hub.config.shares if each.guid == guid), None)
        if link is None or link.expired():
            return problems.not_found("ShareLink.NotFound", "Public share not found")
        return _json(sharehub.shown(self.hub, link))
