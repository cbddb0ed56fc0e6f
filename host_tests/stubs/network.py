"""A stand-in for `network`: a station that joins what the simulated board can hear, with the real one's status numbers."""

import time

import simboard

STAT_IDLE, STAT_CONNECTING, STAT_GOT_IP = 1000, 1001, 1010
STAT_BEACON_TIMEOUT, STAT_NO_AP_FOUND, STAT_WRONG_PASSWORD = 200, 201, 202
_JOINING_MS = 120

_hostname = ["mpy"]


def hostname(name=None):
    if name is None:
        return _hostname[0]
    _hostname[0] = name
    return None


def ipconfig(key=None, **_):
    return simboard.name_server() if key == "dns" else None


class WLAN:
    """A station or an access point."""

    IF_STA, IF_AP = 0, 1
    PM_NONE, PM_PERFORMANCE, PM_POWERSAVE = 0, 1, 2

    def __init__(self, interface=0):
        self._interface = interface
        self._active = False
        self._status = STAT_IDLE
        self._since = 0
        self._config = {"mac": b"\x24\x0a\xc4\x00\x00\x01", "reconnects": -1, "channel": 6}

    def active(self, wanted=None):
        if wanted is not None:
            self._active = bool(wanted)
        return self._active

    def config(self, name=None, **values):
        self._config.update(values)
        return self._config[name] if name else None

    def connect(self, ssid, key=None):
        if not self._active or self._status == STAT_GOT_IP:
            raise OSError("Wifi Internal Error")
        wanted = simboard.key_of(ssid)
        self._since = time.ticks_ms()
        if wanted is None:
            self._status = STAT_NO_AP_FOUND
        else:
            self._status = STAT_CONNECTING if wanted == (key or "") else STAT_WRONG_PASSWORD

    def disconnect(self):
        self._status = STAT_IDLE

    def status(self, what=None):
        if what == "rssi":
            return -55
        if self._status == STAT_CONNECTING and time.ticks_diff(time.ticks_ms(), self._since) >= _JOINING_MS:
            self._status = STAT_GOT_IP
        if self._status == STAT_GOT_IP and not simboard.in_reach():
            self._status = STAT_BEACON_TIMEOUT
        return self._status

    def isconnected(self):
        return self.status() == STAT_GOT_IP

    def ifconfig(self, values=None):
        return ("127.0.0.1", "255.0.0.0", "127.0.0.1", simboard.name_server())

    def scan(self):
        return []


STA_IF, AP_IF = WLAN.IF_STA, WLAN.IF_AP
