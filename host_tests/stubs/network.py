"""A stand-in for `network`: station and access point over the networks of the simulated board, with the real one's manners.

Those that matter (ports/esp32/network_wlan.c): some reasons stay until the next one, an attempt in progress refuses a scan
and a change of settings, what is joined refuses to join, an access point cannot be set up beside a station before it is on.
"""

import time  # noqa: F401  winds simclock

import simboard
import simclock

STAT_IDLE, STAT_CONNECTING, STAT_GOT_IP = 1000, 1001, 1010
STAT_BEACON_TIMEOUT, STAT_NO_AP_FOUND, STAT_WRONG_PASSWORD = 200, 201, 202
_HANDSHAKE_TIMEOUT, _NOT_COMPATIBLE, _BELOW_THRESHOLD, _ASSOC_LEAVE = 15, 210, 211, 8
_STAYING = (201, 202, 210, 211, 212)  # reasons shown until another one takes their place
_FAILING_MS = 300
_NUMBERS = {"open": 0, "wep": 1, "wpa": 2, "wpa2": 3, "wpa/wpa2": 4, "enterprise": 5, "wpa3": 6, "wpa2/wpa3": 7}
_AT_LEAST = 3  # with a key, nothing below WPA2

SCAN_US = 2_200_000  # the driver holds the interpreter for 2–3 s (reference/micropython-esp32.md §d)

_hostname = ["mpy"]
_newest = {}  # interface → the WLAN that was made last: the chip has one of each


def hostname(name=None):
    if name is None:
        return _hostname[0]
    if len(name) > 32:
        raise ValueError("name too long")
    _hostname[0] = name
    return None


def ipconfig(key=None, **_):
    return simboard.name_server() if key == "dns" else None


def _name(each):
    """The name of an access point in bytes: "name" where they are no text."""
    return each.get("name") or each["ssid"].encode()


def _as_text(name):
    try:
        return name.decode()
    except UnicodeError:
        return name


def _now_ms():
    return simclock.real_us() // 1000


class WLAN:
    """A station or an access point."""

    IF_STA, IF_AP = 0, 1
    PM_NONE, PM_PERFORMANCE, PM_POWERSAVE = 0, 1, 2
    SEC_OPEN, SEC_WPA2 = 0, 3

    def __init__(self, interface=0):
        self._interface = interface
        self._active = False
        self._joined = False
        self._requested = False
        self._reason = 0
        self._tries = 0
        self._coming = None  # (when, reason or 0 for an address) of the attempt in progress
        self._network = None
        self._address = None  # one's own
        self._config = {"mac": b"\x24\x0a\xc4\x00\x00\x01", "reconnects": -1, "channel": 1, "ssid": "", "pm": 1}
        self.attempts = []  # (ssid, key, bssid), for tests
        self.scans = 0
        _newest[interface] = self

    def active(self, wanted=None):
        if wanted is not None:
            if self._active and not wanted:
                self._end(_ASSOC_LEAVE)
                self._requested = False
            self._active = bool(wanted)
        return self._active

    # --- the station

    def connect(self, ssid, key=None, bssid=None):
        self._look()
        if not self._active:
            raise OSError("Wifi Not Started")
        if self._joined or self._coming:
            raise OSError("Wifi Internal Error")
        ssid = ssid if isinstance(ssid, bytes) else ssid.encode()
        if len(ssid) > 32 or key is not None and not 8 <= len(key.encode()) <= 64:
            raise OSError("Wifi Invalid Password")
        self.attempts.append((_as_text(ssid), key, bssid))
        self._requested = True
        self._tries = 0
        self._asked = ssid, key or "", bssid
        self._begin()

    def _begin(self):
        found, reason = self._outcome(*self._asked)
        self._network = found
        if reason != STAT_CONNECTING:
            self._coming = _now_ms() + (_FAILING_MS if reason else found["joining_ms"]), reason
        else:
            self._coming = _now_ms() + 1000000000, 0  # joined, and nobody gives an address

    def _outcome(self, ssid, key, bssid):
        """(network, reason): reason 0 when it takes us."""
        found = [each for each in simboard.networks() if _name(each) == ssid]
        if bssid is not None:
            found = [each for each in found if each["bssid"] == bssid]
        if not found:
            return None, STAT_NO_AP_FOUND
        good = [each for each in found if self._fits(each, key)]
        if not good:
            return None, _BELOW_THRESHOLD if key else _NOT_COMPATIBLE
        first = good[0]  # the driver's fast scan ends there, however strong others are
        reason = first["reason"] or (0 if first["key"] == key else _HANDSHAKE_TIMEOUT)
        if not reason and self._address is None and not first["dhcp"]:
            return first, STAT_CONNECTING
        return first, reason

    def _fits(self, each, key):
        number = _NUMBERS[each["security"]]
        return number >= _AT_LEAST and number != 5 if key else number == 0

    def _look(self):
        """None; what was coming has come."""
        if self._coming and _now_ms() >= self._coming[0]:
            reason = self._coming[1]
            if not reason and (self._address or self._network["dhcp"]):
                self._coming, self._joined, self._reason = None, True, 0
            elif reason:
                self._fail(reason)
        if self._joined and not (simboard.in_reach() and self._network["ssid"] in simboard.air):
            self._fail(STAT_BEACON_TIMEOUT)
        elif self._coming and not simboard.in_reach():
            self._fail(STAT_NO_AP_FOUND)

    def _fail(self, reason):
        self._end(reason)
        self._tries += 1
        allowed = self._config["reconnects"]
        if self._requested and (allowed < 0 or self._tries <= allowed):
            self._begin()

    def _end(self, reason):
        if self._joined or self._coming:
            self._reason = reason
        self._joined, self._coming = False, None

    def disconnect(self):
        if not self._active:
            raise OSError("Wifi Not Started")
        self._look()
        self._requested = False
        self._end(_ASSOC_LEAVE)

    def status(self, what=None):
        self._look()
        if what == "rssi":
            if not self._joined:
                raise OSError("Wifi Not Connected")
            return self._network["rssi"]
        if what == "stations":
            return simboard.stations() if self._active else []
        if self._joined:
            return STAT_GOT_IP
        if self._reason in _STAYING:
            return self._reason
        if self._reason == _ASSOC_LEAVE:
            return STAT_IDLE
        allowed = self._config["reconnects"]
        if self._requested and (allowed < 0 or self._tries <= allowed):
            return STAT_CONNECTING
        return self._reason or STAT_IDLE

    def isconnected(self):
        if self._interface == WLAN.IF_AP:
            return bool(self.status("stations"))
        return self.status() == STAT_GOT_IP

    def scan(self):
        if not self._active:
            raise OSError("STA must be active")
        self._look()
        self.scans += 1
        simclock.stall(SCAN_US)
        if self._coming:
            return []
        return [
            (
                b"" if each["hidden"] else _name(each),
                each["bssid"],
                each["channel"],
                each["rssi"],
                number,
                False,
            )
            for each in simboard.networks()
            for number in (_NUMBERS[each["security"]],)
        ]

    # --- settings of both

    def config(self, name=None, **values):
        self._look()
        if name:
            station = _newest.get(WLAN.IF_STA)
            if name == "channel" and station and station._joined:
                return station._network["channel"]  # one radio: the access point follows
            return self._config[name]
        if self._coming:
            raise OSError("Wifi State Error")
        if self._interface == WLAN.IF_AP and not self._active and _newest.get(WLAN.IF_STA) and _newest[0]._active:
            raise OSError("Wifi Invalid Mode")
        if values.get("security") and not 8 <= len(values.get("key", "")) <= 63:
            raise OSError("Wifi Invalid Password")
        self._config.update(values)
        return None

    def ifconfig(self, values=None):
        if values is not None:
            self._address = values
            return None
        if self._address and not (self._interface == WLAN.IF_AP and simboard.in_simulator()):
            return self._address  # in the simulator every network of ours is this machine's loopback
        return ("127.0.0.1", "255.0.0.0", "127.0.0.1", simboard.name_server())

    def ipconfig(self, what=None, dhcp4=False, **_):
        if dhcp4:
            self._address = None
        return self.ifconfig()[:2] if what == "addr4" else None


STA_IF, AP_IF = WLAN.IF_STA, WLAN.IF_AP
