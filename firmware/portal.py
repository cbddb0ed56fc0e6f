"""The set-up page on the air: a web server (microdot) and a name server, for a handful of guests at a time. In set-up mode only.

What the page may ask is in setup_api.py. Every guest is bounded here: how many, how long, how much. What does not come from
our own page never reaches it: a foreign Host is led to the page, a foreign Origin is refused.
"""

import asyncio
import os
from collections import namedtuple

from microdot import Microdot, Response  # pyright: ignore[reportMissingImports]
from micropython import const

from firmware.guest import Guest
from lib import captive_dns, plugs, tasks, udp
from lib.httphead import Bad
from lib.jsontext import loads

_MOST_GUESTS = const(4)
_BACKLOG = const(8)  # browsers come with six at once, to be told that there is no room
_MAX_BODY = const(4096)
_LONGEST_PATH = const(64)
_TIMEOUT_MS = const(5000)
_FAREWELL_MS = const(5000)  # how long phones may still ask whether they are online, once all is done
_PAUSE_MS = const(1000)
_PAGE = "firmware/www/index.html.gz"
_JSON = "application/json"
_NO_STORE = "no-store"
_NOTHING = "default-src 'none'; frame-ancestors 'none'"
_ONLY_OURS = "; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'"

# address: where the access point is, and where we listen · port, dns_port · names: further hosts that are us (mDNS)
Place = namedtuple("Place", ("address", "port", "dns_port", "names"))


class Portal:
    """The page of one `setup` (setup_api.Setup) at `place`. `page` is the gzipped file, beside the code when it is None."""

    def __init__(self, setup, place, clock, log, page=None, timeout_ms=_TIMEOUT_MS, farewell_ms=_FAREWELL_MS):
        self._setup = setup
        self._place = place
        self._clock = clock
        self._log = log
        self._page = page or plugs.find(_PAGE)
        self._policy = _policy(self._page)
        self._timeout_ms = timeout_ms
        self._farewell_ms = farewell_ms
        self._guests = []  # their tasks
        self._finished = False
        self._hosts = _hosts(place)
        self.url = "http://%s/" % self._hosts[0]
        self._app = self._routes()

    def _routes(self):
        app = Microdot()
        app.options_handler = None  # nobody else may ask what is here (CORS)
        app.get("/")(self._send_page)
        app.get("/captive-portal/api")(self._captive)
        app.route("/api/<name>", methods=["GET", "POST"])(self._call)
        app.route("/api/<name>/<more>", methods=["GET", "POST"])(self._call)
        app.errorhandler(404)(self._not_here)
        app.errorhandler(405)(self._not_so)
        app.errorhandler(Exception)(self._fault)
        app.after_request(_dress)
        app.after_error_request(_dress)
        return app

    async def run(self):
        """ "done" or "idle", when the set-up is over and phones had time to hear that all is well. OSError: the port is taken."""
        place = self._place
        server = await asyncio.start_server(self.serve, place.address, place.port, backlog=_BACKLOG)
        try:
            await tasks.together(self._live(), tasks.keep("dns", self._answer_names, self._log, _pause_ms, _nobody))
        finally:
            server.close()
            for task in list(self._guests):
                task.cancel()
            await server.wait_closed()
        return self._setup.over

    async def _live(self):
        if await self._setup.run() == "done":
            self._finished = True
            await asyncio.sleep_ms(self._farewell_ms)

    async def _answer_names(self):
        address = self._place.address
        await udp.serve(address, self._place.dns_port, lambda packet: captive_dns.answer(packet, address))

    # --- one guest

    def guests(self):
        """How many guests are being served."""
        return len(self._guests)

    async def serve(self, reader, writer):
        """None; one connection, from its first byte to its end. Never raises."""
        guest = Guest(reader, writer, self._clock, self._timeout_ms)
        if self.guests() >= _MOST_GUESTS or not self._is_near(writer.get_extra_info("peername")):
            await guest.dismiss()
            return
        task = asyncio.current_task()
        self._guests.append(task)
        try:
            await tasks.guarded("portal", self._talk(guest), self._log)
        finally:
            self._guests.remove(task)
            await guest.leave()

    def _is_near(self, peer):
        """True for who is in our own network: the station's network must not reach a page that hands out its token."""
        return bool(peer) and udp.ip_of(peer).rpartition(".")[0] == self._place.address.rpartition(".")[0]

    async def _talk(self, guest):
        try:
            head = await guest.read_head(("origin", "x-token"))
            if head.host not in self._hosts:
                await self._lead(guest, head)
                return
            self._check(head)
            if head.length > _MAX_BODY:
                raise Bad(413, "more than %d bytes" % _MAX_BODY)
            await guest.read_body()
            await self._app.handle_request(guest, guest)
        except Bad as bad:
            await guest.answer(bad.status, _JSON, '{"error": "%s"}' % bad, "Cache-Control: no-store\r\n")
            await guest.linger()
        except (OSError, EOFError, asyncio.TimeoutError):
            pass  # gone, or too slow

    async def _lead(self, guest, head):
        """None; who asks for somebody else's host is led to the page, or, once all is done, hears that it is online."""
        known = self._success(head) if self._finished else None
        if known:
            status, kind, body, more = known
        else:
            status, kind, body = 302, "text/html", '<a href="%s">OpenShock</a>' % self.url
            more = "Location: %s\r\n" % self.url
        await guest.answer(status, kind, body, more + "Cache-Control: no-store\r\n")

    def _success(self, head):
        from firmware import probes  # in memory for the last seconds alone

        return probes.success(head.host, head.path)

    def _check(self, head):
        """None for a request of our own page. Bad for one of another page, without the token, or of what nobody has."""
        origin = head.headers.get("origin")
        if origin is not None and origin.lower() != "http://" + head.host:
            raise Bad(403, "another page may not ask")
        if len(head.path) > _LONGEST_PATH:
            raise Bad(404, "nothing here")
        api = head.path.startswith("/api/") and head.path != "/api/hello"
        if (api or head.method not in ("GET", "HEAD")) and not self._setup.admits(head.headers.get("x-token")):
            raise Bad(403, "the token of this set-up is missing")

    # --- what is here; microdot calls these

    async def _send_page(self, request):
        self._setup.touch()
        try:
            size = os.stat(self._page or "")[6]
            file = request.sock[1].keep(open(self._page, "rb"))  # noqa: SIM115 (the guest closes it)
        except OSError:
            return "The page is missing in this image.", 500
        headers = {"Content-Type": "text/html; charset=utf-8", "Content-Encoding": "gzip", "Content-Length": str(size)}
        headers["Content-Security-Policy"] = self._policy
        return Response(file, 200, headers)

    async def _captive(self, request):
        """RFC 8908, as far as it goes without TLS (reference/onboarding-ota-safety.md §A3)."""
        answer = {"captive": not self._finished, "user-portal-url": self.url}
        response = Response(answer)
        response.headers["Content-Type"] = "application/captive+json"
        return response

    async def _call(self, request, name, more=""):
        if more:
            name += "/" + more
        body = {}
        if request.body:
            try:
                body = loads(request.body)
            except ValueError:
                return {"error": "not JSON"}, 400
            if not isinstance(body, dict):
                return {"error": "not a table"}, 400
        method = "GET" if request.method == "HEAD" else request.method
        status, answer = await self._setup.call(method, name, body)
        return answer, status

    async def _not_here(self, request):
        if request.path.startswith("/api/") or request.method not in ("GET", "HEAD"):
            return {"error": "nothing here"}, 404
        return "", 302, {"Location": self.url}  # whatever a browser hoped to find: the page is what there is

    async def _not_so(self, request):
        return {"error": "not so"}, 405

    async def _fault(self, request, fault):
        self._log.error("portal", "%s: %s" % (type(fault).__name__, fault))
        return {"error": "a fault inside; the log has more"}, 500


async def _dress(request, response):
    """`response` with what every answer says: keep nothing, guess nothing, and nothing from elsewhere."""
    headers = response.headers
    headers["Cache-Control"] = _NO_STORE
    headers["Connection"] = "close"
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    if "Content-Security-Policy" not in headers:
        headers["Content-Security-Policy"] = _NOTHING
    return response


def _hosts(place):
    """The values of Host that mean us, the address first; the port is left out where it is the usual one."""
    hosts = [place.address] + list(place.names)
    named = ["%s:%d" % (host.lower(), place.port) for host in hosts]
    return [host.lower() for host in hosts] + named if place.port == 80 else named


def _policy(page):
    """The Content-Security-Policy of the page: scripts and styles by their hashes, which its file carries (tools/www.py).

    They stand in the comment of the gzip head (RFC 1952 §2.3.1). A file without them is served all the same: it is our own.
    """
    hashes = "script-src 'unsafe-inline'; style-src 'unsafe-inline'"
    try:
        with open(page or "", "rb") as file:
            head = file.read(256)
    except OSError:
        head = b""
    end = head.find(b"\0", 10)
    if head[:4] == b"\x1f\x8b\x08\x10" and end > 10 and all(32 <= byte < 127 for byte in head[10:end]):
        hashes = head[10:end].decode()
    return "%s; %s%s" % (_NOTHING, hashes, _ONLY_OURS)


def _pause_ms():
    return _PAUSE_MS


def _nobody(*_):
    """None: a name server that failed is started anew; nothing else depends on it."""
