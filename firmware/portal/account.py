"""The set-up of the account: a menu of the backends, and "does it reach the hub?".

What the page may change is in account_actions.py, what asks servers behind check.py.
"""

from firmware.backends import BACKENDS
from firmware.portal import check
from firmware.portal.session import Wrong
from lib.ca_certs import file_names

PAIRED = "openshock_gateway"  # the backend whose token a code gives

_NEVER = {"ok": None, "text": ""}


class AccountSetup:
    """`work` runs what asks servers: there is memory for one connection. `menu`: (name, label, fields) of each backend."""

    def __init__(self, rooms, work):
        self.rooms = rooms
        self.work = work
        self.tries = []  # when codes were tried, in ms
        self.paired = None  # (server, code) that gave the token
        self.menu = BACKENDS
        self._reach = _NEVER
        self._chosen = False  # somebody has chosen a backend in this set-up

    def state(self):
        """What the page shows, no secret among it: a dict that JSON can carry."""
        settings = self.rooms.settings
        backends = []
        for name, label, fields in self.menu:
            shown = [_field(settings, name, *field) for field in fields]
            if name in (
                PAIRED,
                "openshock_user",
            ):  # people run their servers themselves; there is no room in the state for more
                saved = len(file_names())
                label = "Own CA, PEM (%d saved)" % saved
                # one line, which a browser makes of PEM by itself; no setting: it is kept in a file
                shown.append({"key": "certificate", "label": label, "secret": False, "set": bool(saved), "value": ""})
            backends.append({"name": name, "label": label, "fields": shown, "pairs": name == PAIRED})
        return {"backend": self._shown(), "backends": backends, "reach": self._reach}

    def _shown(self):
        """The backend that the page begins with: as long as there is no account, the one where a code is enough."""
        pairs = any([name == PAIRED for name, _, _ in self.menu])
        return PAIRED if pairs and not self._chosen and not self.complete() else self.rooms.settings.get("backend")

    def complete(self):
        """True when the chosen backend has its secrets, or all its fields where it needs none; but for the optional ones."""
        settings = self.rooms.settings
        for name, _, fields in self.menu:
            if name == settings.get("backend"):
                needed = [field for field in fields if not field[1].endswith("(optional)")]
                secrets = [field for field in needed if field[2]]
                return all([settings.get(name + "." + field[0]) for field in secrets or needed])
        return False

    def changed(self):
        """None; somebody has chosen, and nobody knows any more whether the hub is reached."""
        self._chosen = True
        self._reach = _NEVER

    def ask(self):
        """None; the check is under way, its result will be in the state. Wrong while something else is."""
        self.work.put(self._check)
        self._tell("asking")

    def _tell(self, text):
        self._reach = {"ok": None, "text": text}

    async def _check(self):
        reached, words = False, "the check broke off"
        try:
            reached, words = await check.reached(self.rooms, self.rooms.settings.get("backend"), self.work, self._tell)
        except Wrong as wrong:
            words = wrong.words
        finally:
            self._reach = {"ok": reached, "text": words}


def _field(settings, name, key, label, secret):
    """One field for the page. A secret never leaves: the page learns whether there is one."""
    value = settings.get(name + "." + key)
    field = {"key": key, "label": label, "secret": secret, "set": bool(value)}
    if not secret:
        field["value"] = value
    return field
