"""The set-up's API as the device has it, for tests of the page alone: what it hears is kept, and how it behaves is a script."""

import asyncio
import base64
import contextlib
import hashlib
import re

from aiohttp import web

TOKEN = "0123456789abcdef"
NAME = "OpenShock-7C:DF:A1:00:12:34"
EVERY_KEY = "".join(map(chr, range(32, 127)))  # every printable character; a key holds 63 of them
KEYS = (EVERY_KEY[:63], EVERY_KEY[32:])
EMOJI = "🦊" * 8  # 32 bytes
HIDDEN = "cellar & <b>attic</b>"
_LEVELS = ("shock", "vibrate", "sound", "light")


class Network:
    """One Wi-Fi network: its name, its key ("": open), what a scan shows of it, and what joining it ends with."""

    def __init__(self, ssid, key="", rssi=-60, security="wpa2", channel=6, hidden=False, reason=""):
        self.ssid = ssid
        self.key = key
        self.shown = {"ssid": "" if hidden else ssid, "rssi": rssi, "security": security, "channel": channel}
        self.reason = reason

    def join(self, key):
        """ "" when the key is right and nothing else is wrong with it, otherwise the reason in words."""
        return self.reason or ("" if key == self.key else "wrong password (or key type)")


class Wrong(Exception):
    """(status, words, field): the call is refused."""


class Portal:
    """A device in set-up mode. Change its attributes to change what it is; `heard` lists the (call, body) of every POST,
    `polls` counts the states that were told, `waiting` what has been asked for and not been answered yet.

    Two are asyncio.Events, set at first: `trial`, a network that is tried is decided only then; `quick`, what is asked for by
    GET is answered only then, with what was true before.
    """

    def __init__(self, page, hands_out=True, fixed=False):
        self.page = page
        self.hands_out = hands_out
        self.heard = []
        self.polls = self.waiting = 0
        self.token = TOKEN
        self.networks = [
            Network("Home", "correct horse", -48, "wpa2/wpa3", 6),
            Network("Home", "correct horse", -81, "wpa2", 11),
            Network(EMOJI, KEYS[0], -63, "wpa3", 1),
            Network("Café gratuit", "", -70, "open", 3),
            Network("Office", "", -66, "enterprise", 9),
            Network('quo"te \\ & <i>', KEYS[1], -86, "wpa2", 13),
            Network(HIDDEN, "under the stairs", -77, "wpa2", 4, hidden=True),
        ]
        self.board = {
            "name": "simulated" if fixed else "generic-esp32",
            "boards": ["simulated"] if fixed else ["generic-esp32", "wemos-d1-mini"],
            "chip": "" if fixed else "esp32",
            "pins": {"out": [4, 12, 13, 14, 25, 26], "in": [4, 13, 14, 25, 26], "strapping": [12]},
            "rf_pin": 4 if fixed else None,
            "estop_pin": 13 if fixed else None,
            "estop_enabled": True,
            "estop_normally_closed": False,
            "fixed": fixed,
        }
        self.caps = dict.fromkeys(_LEVELS, 100)
        self.caps.update(
            shock_allowed=True, unverified_shock=False, longest_ms=10000, budget=3000, rest_ms=2000, own=[]
        )
        self.rules = []
        self.foreseen = []  # by the dry run
        self.hostname = "OpenShock"
        self.saved = []
        self.testing = self.result = None
        self.online = False
        self.backend = "openshock_gateway"
        self.fields = {
            "openshock_gateway": {"url": "https://api.openshock.app", "token": ""},
            "openshock_user": {"url": "https://api.openshock.app", "token": "", "device_id": ""},
            "valtronics": {"url": "ws://localhost:8000/ws"},
        }
        self.code = "123456"
        self.reach = {"ok": None, "text": ""}
        self.estop = {"latched": False, "pressed": False, "seen": False}
        self.pulsed = False
        self.idle_ms_left = 600000
        self.over = False
        self.trial = asyncio.Event()
        self.trial.set()
        self.quick = asyncio.Event()
        self.quick.set()
        self._here = asyncio.Event()
        self._here.set()
        self._tasks = set()

    # --- what a test does to it

    def leave(self):
        """None; from now on nobody hears or answers anything: the phone is on another network."""
        self._here.clear()

    def come_back(self):
        """None; answers again. What was asked meanwhile is lost."""
        self._here.set()

    def press(self, pressed=True):
        """None; the e-stop is pressed, or let go: it latches."""
        self.estop.update(pressed=pressed, latched=True, seen=True)

    def clear(self):
        """None; the e-stop was held for 5 s and let go."""
        self.estop.update(pressed=False, latched=False)

    # --- what the page sees

    def state(self):
        """The answer of GET /api/state."""
        account = [
            {
                "name": "openshock_gateway",
                "label": "OpenShock, pairing code",
                "pairs": True,
                "fields": self._shown("openshock_gateway"),
            },
            {
                "name": "openshock_user",
                "label": "OpenShock, API token",
                "pairs": False,
                "fields": self._shown("openshock_user"),
            },
            {
                "name": "valtronics",
                "label": "Valtronics",
                "pairs": False,
                "fields": self._shown("valtronics"),
            },
        ]
        return {
            "step": self._step(),
            "board": self.board,
            "models": ["caixianlin", "d80", "petrainer", "petrainer998dr", "wellturnt330"],
            "caps": self.caps,
            "rules": self.rules,
            "hostname": self.hostname,
            "wifi": {
                "saved": [{"ssid": ssid, "hidden": hidden} for ssid, hidden in self.saved],
                "testing": self.testing,
                "result": self.result,
                "online": self.online,
            },
            "account": {"backend": self.backend, "backends": account, "reach": self.reach},
            "estop": self.estop,
            "idle_ms_left": self.idle_ms_left,
        }

    def _shown(self, backend):
        labels = {"url": "Server", "token": "API token", "device_id": "Device id"}
        shown = []
        for key, value in self.fields.get(backend, {}).items():
            field = {"key": key, "label": labels[key], "secret": key == "token", "set": bool(value)}
            shown.append(field if key == "token" else {**field, "value": value})
        return shown

    def _step(self):
        missing = (
            ("board", self.board["rf_pin"] is None),
            ("radio", not self.pulsed),
            ("estop", not self.estop["seen"]),
            ("wifi", not self.saved),
            ("account", not self.fields[self.backend]["token"]),
        )
        return next((step for step, is_missing in missing if is_missing), "done")

    # --- its calls

    def _board(self, body):
        if body["board"] not in self.board["boards"]:
            raise Wrong(400, "no board of that name has this chip", "board")
        rf_pin, estop_pin = body.get("rf_pin", self.board["rf_pin"]), body.get("estop_pin", self.board["estop_pin"])
        if rf_pin is not None and rf_pin == estop_pin:
            raise Wrong(400, f"transmitter and emergency stop cannot share GPIO{rf_pin}", "rf_pin")
        if body["board"] != self.board["name"]:
            self.board.update(rf_pin=None, estop_pin=None)
        self.board["name"] = body.pop("board")
        self.board.update(body)
        return self.state()

    def _pulse(self, body):
        assert body["action"] in ("vibrate", "sound"), body
        assert 1 <= body["intensity"] <= 30, body
        assert 1 <= body["duration_ms"] <= 1000, body
        if not 0 <= body["rf_id"] <= 65535:
            raise Wrong(400, "0-65535", "rf_id")
        if self.estop["latched"]:
            raise Wrong(409, "the emergency stop is latched")
        self.pulsed = True
        return {"sent": True}

    def _scan(self, _):
        return {"networks": [network.shown for network in self.networks], "age_ms": 0}

    def _wifi(self, body):
        if "address" in body and body["address"]["gateway"].count(".") != 3:
            raise Wrong(400, "four numbers from 0 to 255 each, such as 192.168.0.20", "address")
        self.testing, self.result = body["ssid"], None
        task = asyncio.ensure_future(self._try(body))
        self._tasks.add(task)
        return {"testing": True}

    async def _try(self, body):
        await self.trial.wait()
        ssid = body["ssid"]
        found = [network for network in self.networks if network.ssid == ssid]
        reason = found[0].join(body.get("key", "")) if found else "not found (2.4 GHz only)"
        if not reason:
            self.online = True
            self.saved = [each for each in self.saved if each[0] != ssid] + [(ssid, body["hidden"])]
        self.testing = None
        self.result = {"ssid": ssid, "ok": not reason, "reason": reason, "address": None if reason else "192.168.1.20"}

    def _forget(self, body):
        self.saved = [each for each in self.saved if each[0] != body["ssid"]]
        return self.state()

    def _account(self, body):
        fields = body["fields"]
        if not fields["url"].startswith("http"):
            raise Wrong(400, "http:// or https://, a host, perhaps a path", "url")
        self.backend = body["backend"]
        self.fields[self.backend].update(fields)
        self.reach = {"ok": None, "text": ""}
        return self.state()

    def _pair(self, body):
        if not self.online:
            raise Wrong(409, "not connected to the internet yet: set up Wi-Fi first")
        if body["code"] != self.code:
            raise Wrong(400, "nobody knows this code: it is used up, older than 15 minutes, or mistyped", "code")
        self.fields["openshock_gateway"]["token"] = "p" * 256
        return {"ok": True}

    def _reach(self, _):
        self.reach = {"ok": None, "text": "asking"}

        def told():
            good = self.fields[self.backend]["token"] != "refused"
            words = "reaches the hub: 2 shockers" if good else "the server refuses this token (401)"
            self.reach = {"ok": good, "text": words}

        asyncio.get_running_loop().call_later(0.05, told)
        return self.state()

    def _caps(self, body):
        for name in _LEVELS:
            if body.get(name, 0) > 100:
                raise Wrong(400, "0-100", name)
        self.caps.update(body)
        return self.state()

    def _rules(self, body):
        for row in body["rules"]:
            for field, most in (("level", 100), ("channel", 255)):
                if (row.get(field) or 0) > most:
                    raise Wrong(400, f"0-{most}", field)
            if len(row.get("text", "").encode()) > 60:
                raise Wrong(400, "0-60 bytes without control characters", "text")
        if len(body["rules"]) > 8:
            raise Wrong(400, "no room for another rule: forget one first", "rules")
        self.rules = body["rules"]
        return self.state()

    def _rules_try(self, body):
        return {"told": self.foreseen}

    def _hostname(self, body):
        if not body["hostname"]:
            raise Wrong(400, "1-32 characters", "hostname")
        self.hostname = body["hostname"]
        return self.state()

    def _done(self, _):
        self.over = True
        return {"restarting": True}

    # --- HTTP

    async def _call(self, request):
        await self._present(request)
        call = request.path[len("/api/") :]
        if (request.method, call) == ("GET", "hello"):
            return web.json_response(
                {"token": self.token if self.hands_out else None, "name": NAME, "version": "0.1.0"}
            )
        if request.headers.get("X-Token") != self.token:
            return web.json_response({"error": "the code is missing or wrong"}, status=403)
        if request.method == "GET":
            answer = web.json_response({"state": self.state, "scan": lambda: self._scan(None)}[call]())
            self.waiting += 1
            await self.quick.wait()
            self.waiting -= 1
            self.polls += call == "state"
            return answer
        body = await request.json()
        assert request.headers["Origin"] == f"http://{request.host}"
        assert len(await request.read()) <= 4096
        self.heard.append((call, dict(body)))
        try:
            answer = getattr(self, "_" + call.removeprefix("wifi/").replace("/", "_"))(body)
        except Wrong as wrong:
            status, words, *field = wrong.args
            answer = {"error": words, **({"field": field[0]} if field else {})}
            return web.json_response(answer, status=status)
        await self._present(request)
        return web.json_response(answer)

    async def _present(self, request):
        """None while the phone is there; otherwise nothing until it comes back, and then a broken connection."""
        if not self._here.is_set():
            await self._here.wait()
            if request.transport:
                request.transport.abort()
            raise ConnectionResetError

    async def _page(self, _):
        rules = [
            f"{kind}-src 'sha256-{_hash(self.page, tag)}'" for kind, tag in (("script", "script"), ("style", "style"))
        ]
        rules += ["default-src 'none'", "connect-src 'self'", "img-src data:", "base-uri 'none'", "form-action 'none'"]
        headers = {"Content-Security-Policy": "; ".join(rules), "Cache-Control": "no-store"}
        return web.Response(text=self.page, content_type="text/html", headers=headers)

    @contextlib.asynccontextmanager
    async def open(self):
        """Its URL; served on this machine until the end of the block."""
        app = web.Application()
        app.on_response_prepare.append(_close)  # as the device does: one connection, one request
        app.router.add_get("/", self._page)
        app.router.add_route("*", "/api/{call:.+}", self._call)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
        finally:
            self._here.set()
            await runner.cleanup()


async def _close(_, response):
    response.force_close()


def _hash(page, tag):
    (inner,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.S)
    return base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode()
