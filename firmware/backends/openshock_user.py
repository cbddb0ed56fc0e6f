"""OpenShock's user hub (SignalR, API token): `Log` events become commands by the map of the owner's shockers.

A self-hosted hub may also invoke Control, ControlV2, EmergencyStop, CaptivePortal, OtaInstall and Reboot on the device; the
device can call all six itself, and is a remote for all shockers of the account. Without a socket: messages in, orders out.
reference/openshock-api.md §a–c, §j.
"""

from micropython import const

from firmware import command as orders
from firmware.backends._openshock_hub import Talk
from firmware.backends._openshock_shockers import Own
from firmware.command import STOP, Command, Leave, means_stop
from firmware.link.signalr_service import MISFITS

_SETTLE_MS = const(500)  # after a DeviceUpdate more of them follow
_LONG_WAIT_MS = const(300000)
_MOST = const(64)  # foreign devices that are remembered
_LONGEST = const(128)  # characters of a text that is kept
_MAP_CHANGES = (0, 1, 2, 3)  # DeviceUpdateType: created, updated, shocker updated, deleted
_HUB = "/1/hubs/user"


class Backend(Talk):
    """One account's hub. `settings`: url, token, device_id, negotiate; remote_name, stop_others; `agent` is the User-Agent."""

    SPLIT = "Log"
    EVENTS = (
        ("welcome", "_welcome"),
        ("devicestatus", "_device_status"),
        ("log", "_log"),
        ("deviceupdate", "_device_update"),
        ("control", "_control"),
        ("controlv2", "_control"),
        ("emergencystop", "_emergency_stop"),
        ("captiveportal", "_captive_portal"),
        ("otainstall", "_ota_install"),
        ("reboot", "_reboot"),
        ("otainstallstarted", "_ota"),
        ("otainstallprogress", "_ota"),
        ("otainstallfailed", "_ota"),
        ("otarollback", "_ota"),
        ("otainstallsucceeded", "_ota"),
    )

    def __init__(self, settings, agent):
        self._base = settings["url"].rstrip("/")
        self._headers = [("Open-Shock-Token", settings["token"]), ("User-Agent", agent)]
        self._device_id = settings["device_id"].lower()
        self._negotiate = _negotiation() if settings["negotiate"] else None
        self._shockers = {}  # then an openshock_map.Own: guid → (model, RF id)
        self._untold = ()
        self._names = None  # the same, of all hubs: what a remote can reach
        self._hubs = ()  # the ids of all hubs
        self._remote_name = settings.get("remote_name", "remote")
        self._stops_others = settings.get("stop_others", False)
        self._stopped = set()  # what the event that is obeyed has stopped
        self._asked_map = False  # the errand under way is for the map; else it is a negotiation
        self._doors = 0  # negotiations that may still be made before this connection; 0: none is due
        self._url = ""  # where this connection goes, and what it says there
        self._knock = self._headers
        self.connection_id = ""
        self.online = {}  # device id → firmware version or None, as DeviceStatus tells it
        self.updates = {}  # device id → the last word on its update

    # --- errands: HTTP requests that the link runs, before the socket is open and while it is

    def begin(self, now):
        """None; a new connection is about to be tried: the map and the negotiation start anew."""
        self._map_due = max(now, self._map_free)
        self._url = self._base + _HUB
        self._knock = self._headers
        self._doors = self._negotiate.MAX_REDIRECTS + 1 if self._negotiate else 0

    def errand(self, now):
        """What to fetch now, (method, url, headers), or None. The answer goes to `fetched`."""
        if self._asks_map(now):
            self._asked_map = True
            self._list = Own(self._device_id)
            return "GET", self._base + "/1/shockers/own", self._headers
        if self._doors:
            self._doors -= 1
            self._asked_map = False
            self._list = None
            return "POST", self._negotiate.negotiate_url(self._url), self._knock
        return None

    def fetched(self, status, body, wait_ms, now):
        """Orders; takes the answer to the last errand. Leave when there is no way on.

        `wait_ms`: how long the server asked to be left alone (Retry-After), or 0.
        """
        if status in (401, 403):
            raise Leave("the server refused the token (%d)" % status, _LONG_WAIT_MS)
        return (self._take_map if self._asked_map else self._take_door)(status, body, wait_ms, now)

    def unfetched(self, reason, now):
        """As Service; without a map it connects all the same, without a negotiation it does not."""
        return self._no_map(reason, 0, now) if self._asked_map else super().unfetched(reason, now)

    def _take_map(self, status, body, wait_ms, now):
        missing = self._listed(status, body, wait_ms, now)
        if missing:
            return missing
        shockers, self._list = self._list, None
        self._shockers, self._names, self._hubs = shockers, shockers, shockers.hubs
        return [(orders.NOTE, "%d shockers known" % shockers.count)]

    def _take_door(self, status, body, wait_ms, now):
        negotiate = self._negotiate
        try:
            token, url, access_token = negotiate.negotiated(status, body)
        except negotiate.Failed as failed:
            raise Leave(str(failed), wait_ms)
        if token:
            self._url = negotiate.connect_url(self._url, token)
            self._doors = 0
            return ()
        if not self._doors:
            raise Leave("more than %d redirects" % negotiate.MAX_REDIRECTS)
        if url.startswith("http:") and not self._url.startswith("http:"):
            raise Leave("a redirect that leaves TLS")
        # another server: it gets the token that was given for it, never ours
        self._url = url
        self._knock = self._headers[1:]
        if access_token:
            self._knock.append(("Authorization", "Bearer " + access_token))
        return ()

    def request(self):
        """(url, headers): where to knock."""
        return self._url, self._knock

    # --- what it tells, and asks

    def report(self, event):
        """Nothing at once; `news` has it as soon as the server has greeted us."""
        self._untold = self._untold + (event,)
        return ()

    def news(self, now):
        """Messages that tell the server of our updates: the events of command.Service.report, under their own names."""
        due, self._untold = (self._untold, ()) if self._session.ready else ((), self._untold)
        return tuple([self._session.send(event[0], [self._device_id] + list(event[1:])) for event in due])

    def ask(self, what, detail, now):
        """As `Service`: "control" of any shocker of the account, and "emergency" for its other hubs where that is wanted."""
        if what == "control":
            from firmware.backends import _openshock_control

            entry = _openshock_control.entry(self._names, detail)
            words = _openshock_control.words(detail)
            self._call("ControlV2", [[entry], self._remote_name], now, detail.action == STOP, words)
        elif what != "emergency":
            super().ask(what, detail, now)
        elif self._stops_others:
            for device_id in self._hubs:
                if device_id != self._device_id:
                    self._call("EmergencyStop", [device_id], now, True)

    # --- what the server tells (reference/openshock-api.md §a.4)

    def _welcome(self, _, arguments, now):
        self.connection_id = str(arguments[0])[:_LONGEST]
        return [(orders.NOTE, "welcome")]

    def _device_status(self, _, arguments, now):
        for state in arguments[0]:
            _remember(self.online, state["device"], _short(state.get("firmwareVersion")) if state["online"] else None)
        return []

    def _device_update(self, _, arguments, now):
        if arguments[1] in _MAP_CHANGES:
            self._refetch(now, _SETTLE_MS)
        return []

    def _ota(self, target, arguments, now):
        _remember(self.updates, arguments[0], [target] + [_short(argument) for argument in arguments[1:5]])
        return []

    def _log(self, _, arguments, now):
        sender, entries = arguments[0], arguments[1]
        name = (sender.get("customName") or sender.get("name")) if isinstance(sender, dict) else ""
        return self._commands(entries, lambda entry: entry["shocker"]["id"], name or "?", now, True)

    # --- what a self-hosted hub asks of the device

    def _control(self, _, arguments, now):
        source = arguments[1] if len(arguments) > 1 and arguments[1] else "hub"
        return self._commands(arguments[0], lambda entry: entry["id"], source, now)

    def _ours(self, device_id):
        return bool(self._device_id) and device_id.lower() == self._device_id

    def _emergency_stop(self, _, arguments, now):
        # a device that was never told its id obeys every emergency stop: stopping needs no leave. So does one that was, unless
        # another device is named beyond doubt (S5)
        named = _guid_of(arguments[0]) if arguments else ""
        if not self._device_id or not named or named == _guid_of(self._device_id):
            return [(orders.EMERGENCY, "hub")]
        return []

    def _captive_portal(self, _, arguments, now):
        return [(orders.PORTAL, arguments[1] is True)] if self._ours(arguments[0]) else []

    def _ota_install(self, _, arguments, now):
        return [(orders.UPDATE, arguments[1].strip()[:_LONGEST])] if self._ours(arguments[0]) else []

    def _reboot(self, _, arguments, now):
        return [(orders.RESTART, "hub")] if self._ours(arguments[0]) else []

    def _commands(self, entries, guid_of, source, now, for_all=False):
        """Orders for `entries`, the newest last; a stop for a receiver outlives what stands beside it, fit or unfit.

        One is made when the one before it was obeyed: a hundred of them need no more memory than one. `for_all`: they may be
        for other hubs of the account, which is nothing to tell.
        """
        entries = iter((entries,) if isinstance(entries, dict) else entries)
        return self._each(entries, guid_of, str(source)[:32], now, for_all)

    def _each(self, entries, guid_of, source, now, for_all):
        stopped = self._stopped = self._stopped if self._session.goes_on else set()
        misfits = 0
        for entry in entries:
            try:
                guid, action = guid_of(entry).lower(), entry["type"]
            except MISFITS:
                misfits += 1
                continue
            known = self._shockers.get(guid)
            if known is None:
                if for_all and self._names and guid in self._names and not self._names.is_unfit(guid):
                    continue  # another hub's
                self._refetch(now, 0)
                yield orders.REFUSE, ("unknown", "shocker %s of %s" % (guid[:36], source))
                continue
            if means_stop(action):
                action = STOP
                stopped.add(guid)
            elif guid in stopped:
                continue
            yield orders.ACT, _command(known, action, entry, source)
        if misfits:
            yield orders.NOTE, "%d entries that do not fit" % misfits


def _guid_of(value):
    """Return the 32 digits of an id however it is written, "" for what is none."""
    if not isinstance(value, str):
        return ""
    digits = value.strip(" {}").replace("-", "").lower()
    return digits if len(digits) == 32 and not digits.strip("0123456789abcdef") else ""


def _negotiation():
    """Return the module that negotiates, which most devices never need."""
    from lib import signalr_negotiate as negotiate

    return negotiate


def _command(known, action, entry, source):
    model, rf_id = known
    asked_us = moment_us(entry.get("executedAt"))
    return Command(model, rf_id, action, entry.get("intensity"), entry.get("duration"), None, source, asked_us)


def moment_us(text):
    """Microseconds since 1970 of "2026-03-04T05:06:07.89Z" (0–7 digits of a second), or None for what is no such text."""
    if not isinstance(text, str) or len(text) < 20 or text[4] + text[7] + text[10] + text[13] + text[16] != "--T::":
        return None
    try:
        year, month, day = int(text[:4]), int(text[5:7]), int(text[8:10])
        second = (int(text[11:13]) * 60 + int(text[14:16])) * 60 + int(text[17:19])
        micro = int((text[20:-1] + "000000")[:6]) if text[19] == "." else 0
    except ValueError:
        return None
    if text[-1] != "Z" or not 1 <= month <= 12:
        return None
    # days since 1970 by the Gregorian rule, the year beginning in March so that the leap day is its last
    year -= month < 3
    days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * ((month + 9) % 12) + 2) // 5 + day - 719469
    return (days * 86400 + second) * 1000000 + micro


def _remember(table, key, value):
    if len(key) <= _LONGEST and (key in table or len(table) < _MOST):
        table[key] = value


def _short(value):
    """What may be kept of a value from outside: a text up to its bound, a number; None for all else."""
    return value[:_LONGEST] if type(value) is str else value if type(value) in (int, float, bool) else None
