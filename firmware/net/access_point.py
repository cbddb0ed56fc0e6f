"""Our own network, for the set-up: a name, a key, at most four stations. Imports `network`, as station.py. Set-up mode only."""

import asyncio
import os

import network
from micropython import const

from lib.log import WARNING

_MOST_GUESTS = const(4)
_ADDRESS = "4.3.2.1"  # looks public: some phones show no set-up page for a private one (reference §A2)
_MASK = "255.255.255.0"
_FIRST_CHANNEL = const(1)
_LAST_CHANNEL = const(11)  # allowed everywhere; stations may hear more
_AGAIN_MS = const(60000)
_LOOK_MS = const(500)

# Characters of a generated key: none that looks like another, whoever reads them aloud or from a label
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_HALF = const(5)  # letters in each of the two numbers that keep a key: 31 to the 5th is below 2 to the 25th
_HALVES = ("key_a", "key_b")


class AccessPoint:
    """The access point beside `station` (a station.Station), which is told to let it follow. `key` "" leaves it open.

    `name` is OpenShock-XX:XX:XX:XX:XX:XX, of the station's MAC address: other tools look for exactly that.
    """

    def __init__(self, station, key, log):
        self._station = station
        self._log = log
        self._wlan = network.WLAN(network.WLAN.IF_AP)
        self.key = key
        self.name = "OpenShock-" + ":".join(["%02X" % byte for byte in station.wlan.config("mac")])
        station.on_channel = self.move

    def start(self, channel=0):
        """None; it is on the air, on that channel (0: any). Comes before the station, which is off for a moment (reference §A5.4).

        OSError when the radio refuses.
        """
        ap, sta = self._wlan, self._station.wlan
        sta.active(False)
        self._protect()  # at once, where the driver lets us: an open network of the chip's own name helps nobody
        ap.active(True)
        if not self._protect():
            ap.active(False)
            raise OSError("the access point cannot be set up")
        self.move(channel or _FIRST_CHANNEL)
        ap.ifconfig((_ADDRESS, _MASK, _ADDRESS, _ADDRESS))
        sta.active(True)
        self._log.info("wifi", "%s is open%s" % (self.name, "" if self.key else " to everybody"))

    def _protect(self):
        """False when the driver takes no name and key now: the radio is off, and was the station's before."""
        security = network.WLAN.SEC_WPA2 if self.key else network.WLAN.SEC_OPEN
        try:
            self._wlan.config(ssid=self.name, security=security, key=self.key, max_clients=_MOST_GUESTS)
        except OSError:
            return False
        return True

    def move(self, channel):
        """None; on that channel from now on, where one may be: guests hear of it, and most of them follow."""
        if self._wlan.active() and _FIRST_CHANNEL <= channel <= _LAST_CHANNEL:
            self._wlan.config(channel=channel)

    def address(self):
        """Where its guests find us, "4.3.2.1"."""
        return self._wlan.ifconfig()[0]

    def clients(self):
        """How many guests have joined it."""
        return len(self._wlan.status("stations")) if self._wlan.active() else 0

    def stop(self):
        """None; it is gone, and the station alone again."""
        self._wlan.active(False)


async def come_back(station, access_point):
    """None once a known network has taken us again: a set-up that lost networks have opened is over then.

    Tries once a minute, and only while nobody has joined us: a station that searches drops its guests (reference §A5.3).
    """
    while not station.online():
        await asyncio.sleep_ms(_AGAIN_MS)
        while access_point.clients():
            await asyncio.sleep_ms(_LOOK_MS)
        await station.join()


def key_of(wanted, is_open, store, log):
    """The access point's key: "" when it shall be open, else `wanted`, or this device's own, made once and kept in `store`."""
    if is_open or wanted:
        return "" if is_open else wanted
    try:
        halves = [store.get(name, -1) for name in _HALVES]
        if min(halves) < 0:
            halves = [_half(), _half()]
            for name, half in zip(_HALVES, halves):
                store.put(name, half)
    except OSError as fault:
        log.line(WARNING, "wifi", "the storage keeps no key: this one is for today (%s)" % fault)
        halves = [_half(), _half()]
    return "".join([_spelt(half) for half in halves])


def _half():
    """A random number that `_spelt` spells, each as likely as the other."""
    number = 0
    for _ in range(_HALF):
        byte = 255
        while byte >= 248:  # 8 × 31: beyond, some letters would come more often
            byte = os.urandom(1)[0]
        number = number * len(_LETTERS) + byte % len(_LETTERS)
    return number


def _spelt(number):
    letters = ""
    for _ in range(_HALF):
        number, digit = divmod(number, len(_LETTERS))
        letters += _LETTERS[digit]
    return letters


def invitation(name, key, code):
    """The lines that say how to come to the open set-up page: the access point's name, its key ("": open), the page's code."""
    how = "with the key " + key if key else "(open)"
    return (
        "$SYS$|Response|SetUp|" + name,
        "Set-up: join the network %s %s, then open http://4.3.2.1/" % (name, how),
        "If the page asks for a code: " + code,
    )
