"""The page to drive the hub from a browser, and the little it needs beyond the public API: log in, events, orders to devices."""

import asyncio
import base64
import collections
import hashlib
import pathlib
import re
import time

from aiohttp import web

from tools.hub import binding, faults, models, wire
from tools.hub.api import authorized, body_of

_FILE = pathlib.Path(__file__).with_name("page.html")
_BEAT_S = 2.0
_TRIES_A_MINUTE = 10
_MAX_WAITING = 200
_STATE_KINDS = ("connected", "disconnected", "changed", "device")
# What the page may ask of a device, and the arguments behind the device's id.
_DEVICE_ORDERS = {
    "EmergencyStop": lambda body: [],
    "Reboot": lambda body: [],
    "CaptivePortal": lambda body: [binding.flag(body.get("enabled"))],
    "OtaInstall": lambda body: [binding.version(body.get("version"))],
}
_LOOPBACK = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?")


def _policy(page) -> str:
    """A Content-Security-Policy under which nothing runs but this page's own script and style."""
    hashes = {}
    for tag in ("script", "style"):
        inner = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.S)[1]
        hashes[tag] = base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{hashes['script']}'; style-src 'sha256-{hashes['style']}'; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


class Page:
    """The page's routes of one hub."""

    def __init__(self, hub):
        self.hub = hub
        self._tries = collections.deque(maxlen=_TRIES_A_MINUTE)

    def routes(self):
        """For the application's router."""
        return [
            web.get("/", self._page),
            web.post("/page/login", self._login),
            web.get("/page/events", self._events),
            web.post("/page/stop", self._stop),
            web.post("/page/device", self._device),
            web.post("/sim/{fault}", self._fault),
        ]

    async def _page(self, request):
        page = _FILE.read_text(encoding="utf-8")
        headers = {
            "Content-Security-Policy": _policy(page),
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }
        return web.Response(text=page, content_type="text/html", headers=headers)

    def _trusted(self, request) -> bool:
        """Whether this page may log in by itself: allowed, listening on loopback only, and asked for by that name."""
        host = request.headers.get("Host", "")  # another name here would be a foreign site that points at us
        site = request.headers.get("Sec-Fetch-Site", "same-origin")
        allowed = self.hub.config.page_open and self.hub.loopback_only
        return allowed and bool(_LOOPBACK.fullmatch(host)) and site == "same-origin"

    async def _login(self, request):
        """The API token for the code that the terminal shows (or the token itself); ten tries a minute for everybody."""
        try:
            code = binding.lower_keys(await body_of(request)).get("code")
        except ValueError:
            code = None
        if not isinstance(code, str):
            return web.json_response({"error": "'code' is missing"}, status=400)
        if not code and self._trusted(request):
            return web.json_response({"token": self.hub.token})
        now_s = time.monotonic()
        if len(self._tries) == _TRIES_A_MINUTE and now_s - self._tries[0] < 60:
            wait_s = str(int(61 - (now_s - self._tries[0])))
            return web.json_response({"error": "Too many tries"}, status=429, headers={"Retry-After": wait_s})
        token = self._token_for(code.strip())
        if token is None:
            if code:
                self._tries.append(now_s)
            return web.json_response({"error": "That is not the code"}, status=401)
        return web.json_response({"token": token})

    def _token_for(self, code):
        """The API token that a code, or a token itself, opens; None."""
        plain = re.sub(r"[\s-]", "", code).upper()
        if wire.is_secret(self.hub.page_code.replace("-", ""), plain):
            return self.hub.token
        tokens = (token.secret for token in self.hub.config.tokens)
        return next((token for token in tokens if wire.is_secret(token, code)), None)

    def state(self) -> dict:
        """All that the page shows, but for the log."""
        devices = []
        for device in self.hub.devices:
            seen = wire.iso(device.last_seen) if device.last_seen else None
            told = {
                "online": self.hub.online(device),
                "over": self.hub.services(device),
                "firmwareVersion": device.firmware_version,
                "board": device.board,
            }
            devices.append({**device.rest(), **told, "lastSeen": seen})
        return {
            "event": "state",
            "devices": devices,
            "shockers": [{"device": shocker.device, **shocker.rest()} for shocker in self.hub.shockers],
            "remotes": len([each for each in self.hub.connections if not each.peer.device]),
            "models": models.MODELS,
            "fleet": self.hub.fleet.used(),
            "faults": self.hub.config.faults,
        }

    def _told(self, event):
        """What the page hears of an event of the journal, or None."""
        if event.kind in _STATE_KINDS:
            return self.state()
        if event.kind in ("log", "invoked", "declined", "unsaved", "fault"):
            return {"event": event.kind, **{key: value for key, value in event.facts.items()}}
        if event.kind == "fleet":
            words = self.hub.fleet.told_of(event)
            return words and {"event": "fleet", "text": words}
        if event.kind == "refused":
            return {"event": "refused", "status": event["status"], "path": event["path"]}
        return None

    @authorized()
    async def _events(self, request, token):
        """One JSON object a line, for as long as the page listens; a beat every two seconds shows that the line lives."""
        answer = web.StreamResponse(headers={"Content-Type": "application/x-ndjson", "Cache-Control": "no-store"})
        answer.enable_chunked_encoding()
        await answer.prepare(request)
        waiting = collections.deque([self.state()], maxlen=_MAX_WAITING)
        news = asyncio.Event()

        def follow(event):
            told = self._told(event)
            if told:
                waiting.append(told)
                news.set()

        unfollow = self.hub.journal.follow(follow)
        try:
            while not self.hub.closing.is_set():
                while waiting:
                    await answer.write(wire.dumps(waiting.popleft()) + b"\n")
                news.clear()
                await self._pause(news)
                if not waiting:
                    seen = {each.guid: wire.iso(each.last_seen) for each in self.hub.devices if each.last_seen}
                    waiting.append({"event": "beat", "lastSeen": seen})
        except ConnectionError:
            pass  # the page went away
        finally:
            unfollow()
        return answer

    async def _pause(self, news):
        closing = asyncio.ensure_future(self.hub.closing.wait())
        coming = asyncio.ensure_future(news.wait())
        try:
            await asyncio.wait((closing, coming), timeout=_BEAT_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            closing.cancel()
            coming.cancel()

    @authorized("shockers.use")
    async def _stop(self, request, token):
        """Stop everything, paused shockers too: never refused, never all or nothing."""
        return web.json_response({"stopped": len(await self.hub.stop_all())})

    @authorized("devices.edit")
    async def _device(self, request, token):
        """Pass {do, device, enabled?, version?} on to a device; how many of its connections were told."""
        try:
            body = binding.lower_keys(await body_of(request))
            device = wire.guid(body.get("device"))
            rest = _DEVICE_ORDERS[body.get("do")](body)
        except (ValueError, KeyError, TypeError):
            return web.json_response({"error": "do, device, enabled or version is wrong"}, status=400)
        return web.json_response({"told": self.hub.relay(body["do"], device, rest)})

    @authorized("devices.edit")
    async def _fault(self, request, token):
        """Order a fault (tools/hub/faults.py) with its arguments in the body; only where the hub was started with them."""
        if not self.hub.config.faults:
            return web.json_response({"error": "This hub was started without --faults"}, status=404)
        try:
            done = faults.order(self.hub.faults, request.match_info["fault"], await body_of(request))
            if asyncio.iscoroutine(done):
                await done
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({"done": True})
