"""The set-up page on the air: a web server and a name server, for a handful of guests at a time. In set-up mode only.

What the page may ask is in api.py. Every guest is bounded here: how many, how long, how much. What does not come from
our own page never reaches it: a foreign Host is led to the page, a foreign Origin is refused.
"""

import asyncio
from collections import namedtuple

from micropython import const

from firmware.portal import os_probes
from firmware.portal.http_connection import Guest
from firmware.www.page import GZIPPED
from lib import captive_dns, tasks, udp
from lib.http_request import Bad
from lib.strict_json import dumps, loads

_MOST_GUESTS = const(4)
_BACKLOG = const(8)  # browsers come with six at once, to be told that there is no room
_MAX_BODY = const(4096)
_LONGEST_PATH = const(64)
_TIMEOUT_MS = const(5000)
_FAREWELL_MS = const(5000)  # how long phones may still ask whether they are online, once all is done
_PAUSE_MS = const(1000)
_JSON = "application/json"
_ALWAYS = "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: same-origin\r\n"
_NOTHING = "default-src 'none'; frame-ancestors 'none'"
_ONLY_OURS = "; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'"

# address: where the access point is, and where we listen · port, dns_port · names: further hosts that are us (mDNS)
Place = namedtuple("Place", ("address", "port", "dns_port", "names"))


class Portal:
    """The page of one `setup` (api.Setup) at `place`. `page` is the page, gzipped (bytes)."""

    def __init__(self, setup, place, clock, log, page=GZIPPED, timeout_ms=_TIMEOUT_MS, farewell_ms=_FAREWELL_MS):
        self._setup = setup
        self._place = place
        self._clock = clock
        self._log = log
        self._page = page
        self._policy = _policy(self._page)
        self._timeout_ms = timeout_ms
        self._farewell_ms = farewell_ms
        self._guests = []  # their tasks
        self._finished = False
        self._hosts = _hosts(place)
        self.url = "http://%s/" % self._hosts[0]

    async def run(self):
        """ "done" or "idle", when the set-up is over and phones had time to hear that all is well. OSError: the port is taken."""
        place = self._place
        server = await asyncio.start_server(self.serve, place.address, place.port, backlog=_BACKLOG)
        try:
            await tasks.together(
                self._live(), tasks.supervise("dns", self._answer_names, self._log, _pause_ms, _nobody)
            )
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
            await self._answer(guest, head, await guest.read_body())
        except Bad as bad:
            await guest.answer(bad.status, _JSON, [b'{"error": "%s"}' % str(bad).encode()], _dressed())
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
        await guest.answer(status, kind, [body.encode()], more + "Cache-Control: no-store\r\n")

    def _success(self, head):

        return os_probes.success(head.host, head.path)

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

    # --- what is here

    async def _answer(self, guest, head, body):
        """None; a request of our own page, or of whoever wants to see it, was answered."""
        path = head.path
        gets = head.method in ("GET", "HEAD")
        if path.startswith("/api/"):
            status, answer = await self._call(head.method, path[5:], body)
            await guest.answer(status, _JSON, _Json(answer), _dressed())
        elif path not in ("/", "/captive-portal/api"):
            if not gets:
                raise Bad(404, "nothing here")
            # whatever a browser hoped to find: the page is what there is
            await guest.answer(302, "", (), "Location: %s\r\n%s" % (self.url, _dressed()))
        elif not gets:
            raise Bad(405, "not so")
        elif path == "/":
            await self._send_page(guest)
        else:  # RFC 8908, as far as it goes without TLS (reference/onboarding-ota-safety.md §A3)
            told = {"captive": not self._finished, "user-portal-url": self.url}
            await guest.answer(200, "application/captive+json", _Json(told), _dressed())

    async def _send_page(self, guest):
        self._setup.touch()
        if not self._page:
            await guest.answer(500, "text/plain", [b"The page is missing in this image."], _dressed())
            return
        more = "Content-Encoding: gzip\r\n" + _dressed(self._policy)
        await guest.answer(200, "text/html; charset=utf-8", [self._page], more)

    async def _call(self, method, name, body):
        """(status, answer) of one call of the page. A fault in it is told as one, and is in the log."""
        if method not in ("GET", "HEAD", "POST"):
            return 405, {"error": "not so"}
        try:
            body = loads(body) if body else {}
        except ValueError:
            return 400, {"error": "not JSON"}
        if not isinstance(body, dict):
            return 400, {"error": "not a table"}
        answer = []
        await tasks.guarded(
            "portal", self._called("POST" if method == "POST" else "GET", name, body, answer), self._log
        )
        return answer.pop() if answer else (500, {"error": "a fault inside; the log has more"})

    async def _called(self, method, name, body, answer):
        answer.append(await self._setup.call(method, name, body))


class _Json:
    """A dict as JSON, bytes of one entry after the other: in a full heap there is no room for the whole state of a device.

    It may be gone through twice: for its size, and to be sent.
    """

    def __init__(self, table):
        self._table = table

    def __iter__(self):
        mark = b"{"
        for name in self._table:
            yield mark + dumps(name) + b":"
            yield dumps(self._table[name])
            mark = b","
        yield b"}" if self._table else b"{}"


def _dressed(policy=_NOTHING):
    """The header lines of every answer: keep nothing, guess nothing, and nothing from elsewhere."""
    return "%sContent-Security-Policy: %s\r\n" % (_ALWAYS, policy)


def _hosts(place):
    """The values of Host that mean us, the address first; the port is left out where it is the usual one."""
    hosts = [place.address] + list(place.names)
    named = ["%s:%d" % (host.lower(), place.port) for host in hosts]
    return [host.lower() for host in hosts] + named if place.port == 80 else named


def _policy(page):
    """The Content-Security-Policy of the page: scripts and styles by the hashes in the gzip file (tools/images/set_up_page.py).

    They stand in the comment of the gzip head (RFC 1952 §2.3.1). A page without them is served all the same: it is our own.
    """
    hashes = "script-src 'unsafe-inline'; style-src 'unsafe-inline'"
    head = page[:256]
    end = head.find(b"\0", 10)
    if head[:4] == b"\x1f\x8b\x08\x10" and end > 10 and all(32 <= byte < 127 for byte in head[10:end]):
        hashes = head[10:end].decode()
    return "%s; %s%s" % (_NOTHING, hashes, _ONLY_OURS)


def _pause_ms():
    return _PAUSE_MS


def _nobody(*_):
    """None: a name server that failed is started anew; nothing else depends on it."""
