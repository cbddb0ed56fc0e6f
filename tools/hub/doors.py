"""Who comes in: the checks before every request, the negotiation, and the upgrade to a hub's WebSocket (reference a, b)."""

from aiohttp import web

from tools.hub import faults, negotiate, problems, sharehub, wire
from tools.hub.signalr_server import Connection, Peer
from tools.hub.userhub import device_of

_TOKEN_HEADERS = ("OpenShockToken", "Open-Shock-Token", "ShockLinkToken")  # the first that is there counts


def token_of(hub, request):
    """The models.Token that the request carries, or None. Bearer headers and query parameters are not looked at."""
    for name in _TOKEN_HEADERS:
        if name in request.headers:
            given = request.headers[name]
            return next((each for each in hub.config.tokens if wire.is_secret(each.secret, given)), None)
    return None


def query(request, name):
    """A query parameter whose name is matched without regard to case, as ASP.NET does; None if there is none."""
    return next((value for key, value in request.query.items() if key.lower() == name), None)


def guard(hub):
    """The middleware before the API: no answer without a User-Agent, and the faults that were ordered."""

    @web.middleware
    async def guarded(request, handler):
        if not request.path.startswith(("/1", "/2", "/valtronics", "/hubs/", "/api/")):
            return await handler(request)
        refusal = hub.faults.refusal(faults.HUB if "/hubs/" in request.path or "/ws" in request.path else faults.REST)
        if not request.headers.get("User-Agent", "").strip():
            answer = web.Response(status=403, text="A User-Agent is needed")
        elif refusal:
            answer = problems.fault(*refusal)
        else:
            answer = await handler(request)
        if answer.status >= 400:
            hub.journal.note("refused", None, status=answer.status, path=request.path)
        return answer

    return guarded


class Doors:
    """The routes of both hubs."""

    def __init__(self, hub, user_service, share_service):
        self._hub = hub
        self._user = user_service
        self._share = share_service
        self._negotiations = negotiate.Negotiations(hub.config.negotiated_ms)

    def routes(self):
        """For the application's router."""
        return [
            web.post("/1/hubs/user/negotiate", self._negotiate_user),
            web.get("/1/hubs/user", self._user_door),
            web.post("/1/hubs/share/link/{id}/negotiate", self._negotiate_share),
            web.get("/1/hubs/share/link/{id}", self._share_door),
        ]

    def _negotiated(self, request):
        return negotiated(self._negotiations, request)

    async def _negotiate_user(self, request):
        if token_of(self._hub, request) is None:
            return problems.unauthorized()
        return self._negotiated(request)

    async def _negotiate_share(self, request):
        if not _is_guid(request.match_info["id"]):
            return web.Response(status=404)
        return self._negotiated(request)  # for anybody, as the real one

    async def _user_door(self, request):
        token = token_of(self._hub, request)
        if token is None:
            return problems.unauthorized()
        peer = peer_of(request)
        peer.token = token
        found = device_of(self._hub.devices, peer.user_agent, query(request, "device"))
        peer.device = _known(found)
        return await self._enter(request, self._user, peer)

    async def _share_door(self, request):
        guid = request.match_info["id"].lower()
        if not _is_guid(guid):
            return web.Response(status=404)
        peer = peer_of(request)
        peer.link = next((link for link in self._hub.config.shares if link.guid == guid), None)
        peer.guest_name = query(request, "name")
        session = sharehub.session_of(request)
        peer.signed_in = session is not None
        peer.refuse = sharehub.refuses(self._hub.config, peer.link, session, peer.guest_name)
        if not peer.refuse:
            peer.visitor = _known(device_of(self._hub.devices, peer.user_agent, query(request, "device")))
        return await self._enter(request, self._share, peer)

    async def _enter(self, request, service, peer):
        return await enter(self._hub, self._negotiations, request, service, peer)


def negotiated(negotiations, request):
    """The answer to a request to negotiate."""
    body = wire.dumps(negotiations.answer(query(request, "negotiateversion")))
    return web.Response(body=body, content_type="application/json", headers={"Cache-Control": "no-store"})


async def enter(hub, negotiations, request, service, peer):
    """The answer to a request for a SignalR hub's WebSocket: the upgrade and all that comes behind it, or why not."""
    negotiated = query(request, "id")
    if request.headers.get("Upgrade", "").lower() != "websocket":
        status, text = (400, "Connection ID required") if negotiated is None else (404, "No Connection with that ID")
        return web.Response(status=status, text=text)
    if negotiated is not None:
        taken = negotiations.take(negotiated)
        if taken == negotiate.UNKNOWN:
            return web.Response(status=404, text="No Connection with that ID")
        if taken == negotiate.TAKEN:
            return web.Response(status=409, content_type="text/plain")
    ordered = hub.faults
    connection = Connection(hub.config, hub.journal, service, peer)
    hub.sockets.append(connection)
    try:
        return await connection.serve(request, ordered.delay_ms, ordered.eager, ordered.silent)
    finally:
        hub.sockets.remove(connection)
        negotiations.release(negotiated)


def _known(found):
    """The device of what `device_of` gave, with what it runs written down; None for a remote."""
    device, version, board = found
    if device:
        device.firmware_version, device.board = version, board
    return device


def peer_of(request):
    """The Peer that a request is from, as far as its head tells."""
    return Peer(request.headers.get("User-Agent", ""), request.remote or "")


def _is_guid(text) -> bool:
    try:
        return bool(wire.guid(text))
    except ValueError:
        return False
