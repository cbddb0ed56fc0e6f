"""The set-up of Wi-Fi: what can be heard, and how the trial of a network went. What the page may ask is in wifi_actions.py."""

from firmware.portal.session import Wrong, store
from lib.log import INFO


class WifiSetup:
    """`work` runs the trials. `networks` is what the last scan gave, in the shape of `Station.scan`."""

    def __init__(self, rooms, work):
        self.rooms = rooms
        self.work = work
        self.networks = ()
        self._heard_ms = None
        self._testing = None  # the name of the network that is being tried
        self._result = None  # how the last trial ended

    def state(self):
        """What the page shows, without any key: a dict that JSON can carry."""
        saved = self.rooms.settings.get("wifi")
        return {
            "saved": [{"ssid": known["ssid"], "hidden": known.get("hidden", False)} for known in saved],
            "testing": self._testing,
            "result": self._result,
            "online": self.rooms.wifi.online(),
        }

    def heard(self):
        """The networks of the last scan, and how many ms ago that was (None: there was none)."""
        age_ms = None if self._heard_ms is None else self.rooms.clock() - self._heard_ms
        networks = [
            {"ssid": ssid, "rssi": rssi, "security": security, "channel": channel}
            for ssid, rssi, security, channel in self.networks
        ]
        return {"networks": networks, "age_ms": age_ms}

    def scan(self):
        """None; `networks` are new. Holds everything up for 2–3 s. OSError when the radio refuses, or is needed just now."""
        self.networks = self.rooms.wifi.scan()
        self._heard_ms = self.rooms.clock()

    def put(self, network):
        """None; that network (as the settings keep one) is tried from now on, and saved if it takes us. Wrong: not now."""
        self.work.put(lambda: self._try(network))
        self._testing, self._result = network["ssid"], None

    async def _try(self, network):
        """None; the result is in the state: one attempt, the access point stays up."""
        ssid, wifi = network["ssid"], self.rooms.wifi
        reason = "it could not be tried"
        try:
            reason = await wifi.try_join(ssid, network["key"], network.get("address"))
            if not reason:
                store(self.rooms.settings, [("wifi", added(self.rooms.settings.get("wifi"), network), "ssid")])
        except Wrong as wrong:
            reason = "joined, but not saved: " + wrong.words
        except OSError as fault:
            reason = "the radio refused (%s)" % fault
        finally:
            self._testing = None
            address = None if reason else wifi.address()
            self._result = {"ssid": ssid, "ok": not reason, "reason": reason, "address": address}
        self.rooms.log.line(INFO, "setup", "%s: %s" % (ssid, reason or "joined and saved"))


def added(saved, network):
    """A copy of `saved` with `network` in the place of the one of its name, or behind the others."""
    changed = [network if known["ssid"] == network["ssid"] else known for known in saved]
    return changed if network in changed else changed + [network]
