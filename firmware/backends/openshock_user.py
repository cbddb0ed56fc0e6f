"""OpenShock's user hub (SignalR, API token): `Log` events become commands by the map of the owner's shockers.

A self-hosted hub may also invoke Control, ControlV2, EmergencyStop, CaptivePortal, OtaInstall and Reboot on the device; the
device can call all six itself, and is a remote for all shockers of the account. Without a socket: messages in, orders out.
reference/openshock-api.md §a–c, §j.
"""

from micropython import const

from firmware import command as orders
from firmware.backends._openshock_hub import LONGEST, remember, short
from firmware.backends._openshock_log import Receivers
from firmware.backends._openshock_shockers import Own, digits_of, whole_list
from firmware.command import STOP, Leave

_SETTLE_MS = const(100)  # after a DeviceUpdate more of them follow
_LONG_WAIT_MS = const(300000)
_MAP_CHANGES = (0, 1, 2, 3)  # DeviceUpdateType: created, updated, shocker updated, deleted
_HUB = "/1/hubs/user"
_DOOR, _MAP, _SHARED = const(0), const(1), const(2)  # what an errand is for: the negotiation, or a list of shockers


class Backend(Receivers):
    """One account's hub. `settings`: url, token, device_id, negotiate; remote_name, stop_others; `agent` is the User-Agent."""

    TIMED = True
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
        super().__init__()
        self._base = settings["url"].rstrip("/")
        self._headers = [("Open-Shock-Token", settings["token"]), ("User-Agent", agent)]
        self._device_id = settings["device_id"].lower()
        self._negotiate = _negotiation() if settings["negotiate"] else None
        self._untold = ()
        self._shared = ()  # then an _openshock_shared.Lent: what others share with the account
        self.wants_shared = False  # that is to be asked for; set where somebody at this device controls others
        self._remote_name = settings.get("remote_name", "remote")
        self._stops_others = settings.get("stop_others", False)
        self._asked = _DOOR  # what the errand under way is for
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
            self._asked, self._list = _MAP, Own(self._device_id)
            return "GET", self._base + "/1/shockers/own", self._headers
        if self.wants_shared:
            self.wants_shared = False
            from firmware.backends._openshock_shared import Lent

            self._asked, self._list = _SHARED, Lent()
            return "GET", self._base + "/1/shockers/shared", self._headers
        if self._doors:
            self._doors -= 1
            self._asked, self._list = _DOOR, None
            return "POST", self._negotiate.negotiate_url(self._url), self._knock
        return None

    def fetched(self, status, body, wait_ms, now):
        """Orders; takes the answer to the last errand. Leave when there is no way on.

        `wait_ms`: how long the server asked to be left alone (Retry-After), or 0.
        """
        if self._asked == _SHARED:
            return self._take_shared(status, body)
        if status in (401, 403):
            raise Leave("the server refused the token (%d)" % status, _LONG_WAIT_MS)
        return (self._take_map if self._asked == _MAP else self._take_door)(status, body, wait_ms, now)

    def unfetched(self, reason, now):
        """As Service; without a map it connects all the same, without a negotiation it does not."""
        if self._asked == _SHARED:
            return self._take_shared(0, b"")
        return self._no_map(reason, 0, now) if self._asked == _MAP else super().unfetched(reason, now)

    def _take_map(self, status, body, wait_ms, now):
        missing = self._listed(status, body, wait_ms, now)
        if missing:
            return missing
        shockers, self._list = self._list, None
        return self._came_with(shockers)

    def _take_shared(self, status, body):
        shared, self._list = self._list, None
        if status != 200 or whole_list(shared, body).fault:
            return [(orders.NOTE, "the list of what others share did not come")]
        self._shared = shared
        return ()

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

            try:
                entry = _openshock_control.entry(self._names, detail, shared=self._shared)
            except _openshock_control.NoSuchShocker:
                self.wants_shared = True  # it may have been shared since: for the next press
                raise
            words = _openshock_control.words(detail)
            self._call("ControlV2", [[entry], self._remote_name], now, detail.action == STOP, words)
        elif what != "emergency":
            super().ask(what, detail, now)
        elif self._stops_others:
            for device_id in self._names.hubs if self._names else ():
                if device_id != self._device_id:
                    self._call("EmergencyStop", [device_id], now, True)

    # --- what the server tells (reference/openshock-api.md §a.4)

    def _welcome(self, _, arguments, now):
        self.connection_id = str(arguments[0])[:LONGEST]
        return [(orders.NOTE, "welcome")]

    def _device_status(self, _, arguments, now):
        for state in arguments[0]:
            remember(self.online, state["device"], short(state.get("firmwareVersion")) if state["online"] else None)
        return []

    def _device_update(self, _, arguments, now):
        if arguments[1] in _MAP_CHANGES:
            self._changed(now, _SETTLE_MS)
        return []

    def _ota(self, target, arguments, now):
        remember(self.updates, arguments[0], [target] + [short(argument) for argument in arguments[1:5]])
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
        named = digits_of(arguments[0]) if arguments else ""
        if not self._device_id or not named or named == digits_of(self._device_id):
            return [(orders.EMERGENCY, "hub")]
        return []

    def _captive_portal(self, _, arguments, now):
        return [(orders.PORTAL, arguments[1] is True)] if self._ours(arguments[0]) else []

    def _ota_install(self, _, arguments, now):
        return [(orders.UPDATE, arguments[1].strip()[:LONGEST])] if self._ours(arguments[0]) else []

    def _reboot(self, _, arguments, now):
        return [(orders.RESTART, "hub")] if self._ours(arguments[0]) else []


def _negotiation():
    """Return the module that negotiates, which most devices never need."""
    from lib import signalr_negotiate

    return signalr_negotiate
