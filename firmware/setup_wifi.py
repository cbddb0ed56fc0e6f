"""The set-up of Wi-Fi: what can be heard, and a network that is tried before it is saved; until then the old ones are untouched."""

from micropython import const

from firmware.settings import fits, wanted
from firmware.setup import Wrong, store, text_of

_LONGEST = const(64)  # characters of a name or a key, before anybody counts bytes
_ADDRESS = ("ip", "mask", "gateway", "dns")


class WifiSetup:
    """`work` runs the trials. `heard` is what a scan before the start gave, in the shape of `Station.scan`."""

    def __init__(self, rooms, work, heard=()):
        self._rooms = rooms
        self._log = rooms.log
        self._work = work
        self._heard = heard
        self._heard_ms = rooms.clock() if heard else None
        self._testing = None  # the name of the network that is being tried
        self._result = None  # how the last trial ended

    def state(self):
        """What the page shows, without any key: a dict that JSON can carry."""
        saved = self._rooms.settings.get("wifi")
        return {
            "saved": [{"ssid": known["ssid"], "hidden": known.get("hidden", False)} for known in saved],
            "testing": self._testing,
            "result": self._result,
            "online": self._rooms.wifi.online(),
        }

    def heard(self):
        """The networks of the last scan, and how many ms ago that was (None: there was none)."""
        age_ms = None if self._heard_ms is None else self._rooms.clock() - self._heard_ms
        networks = [
            {"ssid": ssid, "rssi": rssi, "security": security, "channel": channel}
            for ssid, rssi, security, channel in self._heard
        ]
        return {"networks": networks, "age_ms": age_ms}

    def scan(self):
        """As `heard`, after a new scan, which holds everything up for 2–3 s. Wrong while somebody feels something."""
        if self._rooms.dispatcher.busy():
            raise Wrong(409, "a receiver is on the air: scan again in a moment")
        if self._work.busy:
            raise Wrong(409, "something else is being tried; a moment, please")
        try:
            self._heard = self._rooms.wifi.scan()
        except OSError as fault:
            raise Wrong(503, "the radio network could not be scanned (%s)" % fault)
        self._heard_ms = self._rooms.clock()
        return self.heard()

    def ask(self, body):
        """None; the network in `body` is tried from now on, and saved if it takes us. Wrong when it cannot even be tried.

        Without a key a known network keeps the one that it has.
        """
        network = self._network(body)
        changed = _with(self._rooms.settings.get("wifi"), network)
        if not fits("wifi", changed):
            raise Wrong(400, wanted("wifi"))
        self._work.put(lambda: self._try(network))
        self._testing, self._result = network["ssid"], None

    def forget(self, body):
        """None; that network is known no longer. Wrong when it never was."""
        ssid = text_of(body, "ssid", _LONGEST)
        saved = self._rooms.settings.get("wifi")
        left = [known for known in saved if known["ssid"] != ssid]
        if len(left) == len(saved):
            raise Wrong(404, "no such network is saved", "ssid")
        store(self._rooms.settings, [("wifi", left, "ssid")])
        self._log.info("setup", "forgot the network " + ssid)

    def _network(self, body):
        """The network as the settings keep it. Wrong names the field that does not fit."""
        ssid = text_of(body, "ssid", _LONGEST)
        if not fits("wifi", [{"ssid": ssid}]):
            raise Wrong(400, "a name has 1-32 bytes", "ssid")
        network = {"ssid": ssid, "key": self._key(body, ssid)}
        for heard in self._heard:
            if heard[0] == ssid:
                network["security"] = heard[2]  # nobody less safe may take its name later
        if type(body.get("hidden", False)) is not bool:
            raise Wrong(400, "true or false", "hidden")
        if body.get("hidden"):
            network["hidden"] = True
        address = body.get("address")
        if address is not None:
            if not isinstance(address, dict) or not all(name in _ADDRESS for name in address):
                raise Wrong(400, "an address has ip, mask, gateway and dns", "address")
            network["address"] = address
            if not fits("wifi", [network]) or not _whole_address(address):
                raise Wrong(400, "four numbers from 0 to 255 each, such as 192.168.0.20", "address")
        return network

    def _key(self, body, ssid):
        if any(heard[0] == ssid and heard[2] == "enterprise" for heard in self._heard):
            raise Wrong(
                400, "this network wants a user name and a certificate (enterprise): that cannot be done", "ssid"
            )
        if "key" not in body:
            for known in self._rooms.settings.get("wifi"):
                if known["ssid"] == ssid:
                    return known.get("key", "")
        key = text_of(body, "key", _LONGEST)
        if not fits("wifi", [{"ssid": ssid, "key": key}]):
            raise Wrong(400, "a key has 8-63 characters, or 64 hexadecimal digits; an open network has none", "key")
        return key

    async def _try(self, network):
        """None; the result is in the state: one attempt, the access point stays up."""
        ssid, wifi = network["ssid"], self._rooms.wifi
        reason = "it could not be tried"
        try:
            reason = await wifi.try_join(ssid, network["key"], network.get("address"))
            if not reason:
                store(self._rooms.settings, [("wifi", _with(self._rooms.settings.get("wifi"), network), "ssid")])
        except Wrong as wrong:
            reason = "joined, but not saved: " + wrong.words
        except OSError as fault:
            reason = "the radio refused (%s)" % fault
        finally:
            self._testing = None
            address = None if reason else wifi.address()
            self._result = {"ssid": ssid, "ok": not reason, "reason": reason, "address": address}
        self._log.info("setup", "%s: %s" % (ssid, reason or "joined and saved"))


def _with(saved, network):
    """A copy of `saved` with `network` in the place of the one of its name, or behind the others."""
    changed = [network if known["ssid"] == network["ssid"] else known for known in saved]
    return changed if network in changed else changed + [network]


def _whole_address(address):
    return all(isinstance(address.get(name), str) and _dotted(address[name]) for name in _ADDRESS)


def _dotted(text):
    parts = text.split(".")
    return len(parts) == 4 and all(0 < len(part) <= 3 and part.isdigit() and int(part) < 256 for part in parts)
