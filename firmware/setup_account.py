"""The set-up of the account: a menu of backends made from their FIELDS, pairing by code, and "does it reach the hub?".

What asks servers is in setup_ask.py, in memory only meanwhile.
"""

from micropython import const

from firmware.setup import Wrong, store, text_of
from lib import plugs
from lib.guests import Guests

_BACKENDS = "firmware.backends"
_LONGEST_NAME = const(40)
_MINUTE_MS = const(60000)
_MINUTES_MS = const(300000)
_TRIES_A_MINUTE = const(5)
_TRIES = const(10)  # in five minutes; the server's own limit is 10 a minute for everybody behind the same router
_PAIRED = "openshock_gateway"  # the backend whose token a code gives

# the way to a server; who resolves names and asks for the time shares the rest of it
_WAY = Guests(("firmware.setup_ask", "lib.fetch", "lib.dial", "lib.http1", "lib.tls"))
_NEVER = {"ok": None, "text": ""}


class AccountSetup:
    """`work` runs what asks servers: there is memory for one connection."""

    def __init__(self, rooms, work):
        self._rooms = rooms
        self._log = rooms.log
        self._work = work
        self._menu = [_entry(name) for name in plugs.names(_BACKENDS) or [rooms.settings.get("backend")]]
        self._reach = _NEVER
        self._tries = []  # when codes were tried, in ms

    def state(self):
        """What the page shows, no secret among it: a dict that JSON can carry."""
        settings = self._rooms.settings
        backends = []
        for name, label, fields in self._menu:
            shown = [_field(settings, name, *field) for field in fields]
            backends.append({"name": name, "label": label, "fields": shown, "pairs": name == _PAIRED})
        return {"backend": settings.get("backend"), "backends": backends, "reach": self._reach}

    def complete(self):
        """True when the chosen backend has its server and its token."""
        settings = self._rooms.settings
        for name, _, fields in self._menu:
            if name == settings.get("backend"):
                return all(settings.get(name + "." + key) for key, _, secret in fields if secret)
        return False

    def change(self, body):
        """None; backend and fields are saved. A secret that is not among the fields stays as it is. Wrong: nothing changed."""
        name = text_of(body, "backend", _LONGEST_NAME)
        fields = body.get("fields", {})
        known = [entry for entry in self._menu if entry[0] == name]
        if not known:
            raise Wrong(400, "there is no such backend", "backend")
        if not isinstance(fields, dict):
            raise Wrong(400, "a table of fields", "fields")
        keys = [key for key, _, _ in known[0][2]]
        for key in fields:
            if key not in keys:
                raise Wrong(400, "this backend has no such field", key)
        changes = [("backend", name, "backend")]
        changes += [(name + "." + key, value, key) for key, value in fields.items()]
        store(self._rooms.settings, changes)
        self._reach = _NEVER
        self._log.info("setup", "account of " + name)

    # --- pairing (reference/openshock-api.md §d.1)

    async def pair(self, body):
        """None; the code gave a token, which is saved. Wrong says in words what was wrong with it."""
        code = text_of(body, "code", 20)
        code = code.replace(" ", "")
        if not code:
            raise Wrong(400, "enter the code that the website shows", "code")
        if len(code) != 6 or not all("0" <= digit <= "9" for digit in code):
            raise Wrong(400, "a code has 6 digits", "code")
        if not self._rooms.wifi.online():
            raise Wrong(409, "not connected to the internet yet: set up Wi-Fi first")
        self._count(self._rooms.clock())
        token = await self._work.alone(lambda: self._redeem(code))
        changes = [(_PAIRED + ".token", token, "code")]
        if any(entry[0] == _PAIRED for entry in self._menu):
            changes.append(("backend", _PAIRED, "backend"))
        store(self._rooms.settings, changes)
        self._reach = _NEVER
        self._log.info("setup", "paired")

    def _count(self, now):
        """None; one more try. Wrong when there were too many."""
        self._tries = [when for when in self._tries if now - when < _MINUTES_MS]
        wait_ms = 0
        if len(self._tries) >= _TRIES:
            wait_ms = self._tries[-_TRIES] + _MINUTES_MS - now
        if len(self._tries) >= _TRIES_A_MINUTE:
            wait_ms = max(wait_ms, self._tries[-_TRIES_A_MINUTE] + _MINUTE_MS - now)
        if wait_ms > 0:
            raise Wrong(429, "too many tries: wait %d seconds" % (wait_ms // 1000 + 1), "code")
        self._tries.append(now)

    async def _redeem(self, code):
        with _WAY:
            from firmware import setup_ask

            return await setup_ask.token_of(self._rooms, self._rooms.settings.get(_PAIRED + ".url"), code)

    # --- does it reach the hub?

    def ask(self):
        """None; the check is under way, its result will be in the state. Wrong while something else is."""
        self._work.put(self._check)
        self._reach = {"ok": None, "text": "asking"}

    async def _check(self):
        reached, words = False, "the check broke off"
        try:
            with _WAY:
                from firmware import setup_ask

                reached, words = await setup_ask.reached(self._rooms, self._rooms.settings.get("backend"))
        except Wrong as wrong:
            words = wrong.words
        finally:
            self._reach = {"ok": reached, "text": words}


def _entry(name):
    """(name, label, fields) of one backend."""
    label, fields = plugs.glance(_BACKENDS, name, lambda plug: (getattr(plug, "LABEL", ""), plug.FIELDS))
    return name, label or name.replace("_", " "), fields


def _field(settings, name, key, label, secret):
    """One field for the page. A secret never leaves: the page learns whether there is one."""
    value = settings.get(name + "." + key)
    field = {"key": key, "label": label, "secret": secret, "set": bool(value)}
    if not secret:
        field["value"] = value
    return field
