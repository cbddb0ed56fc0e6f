"""Joins a network, and stays joined; looks names up there. Door to `network`, beside access_point.py, which opens a network.

How to join is in join.py: a device that is connected does without it.
"""

import asyncio

import network
from micropython import const

from firmware.net import join as joining
from firmware.net import networks
from lib import resolver, tasks
from lib.dns_cache import Memory
from lib.log import WARNING
from lib.nvs import Nvs

_LOOK_MS = const(250)
_FIRST_MS = const(1000)
_CAP_MS = const(60000)
_DNS_PORT = const(53)
_NO_NAME = "OpenShock"  # the setting's default
_CUT_OFF_MIN = const(5)  # joined for so long, and no service was reached: joined anew; then after twice as long …
_MOST_CUT_OFFS = const(2)  # so often; then a restart may help
_BEACON_TIMEOUT = const(200)  # whoever ends it for another reason tells a number that few can use (wifi_err_reason_t)


def station_of(settings, busy, clock, log):
    """The Station that the settings want, which remembers over restarts what it has joined. `busy()`: as Station's."""
    own = [settings.get(key) for key in ("wifi", "hostname", "dns")]
    return Station(*own, clock, log, busy, Nvs("wifi"))


class Station:
    """The station interface. `networks` is the setting `wifi`, `servers` the setting `dns` (the network's own when empty).

    `busy()` is True while anything is due on the air, a stop frame included: nobody scans or joins then. `store` (an Nvs)
    remembers which network took us last. `failed_rounds` counts the rounds of all networks in a row that ended in nothing,
    `reason` says why the last attempt did ("" when it did not).
    """

    # of the class, as a device that is being set up needs few of them
    points = {}  # how to join what `heard` has (networks.strongest)
    ssid = ""  # of the network that took us
    alone = ""  # a network with one access point: to be joined by its name, without a scan
    on_cut_off = None  # called when joining anew did not help either
    reached_ms = None  # tells when a service was reached the last time; None: nobody follows, and all is well
    _cut_offs = 0

    def __init__(self, networks, hostname, servers, clock, log, busy=bool, store=None):
        self.networks = networks
        self.clock = clock
        self.log = log
        self.busy = busy
        self.store = store
        self.record = {}  # ssid → how it went (networks.note)
        self.heard = ()  # what the last `scan` gave
        self.on_channel = _ignore  # told the channel of a network that is about to be tried
        self.on_failed = _ignore  # told `failed_rounds` when it has grown
        self.has_own_address = False  # not one that a network gave
        self.lock = asyncio.Lock()  # one attempt at a time
        self.failed_rounds = 0
        self.reason = ""
        self._servers = [_server(text) for text in servers]
        self._memory = Memory()
        self.wlan = network.WLAN(network.WLAN.IF_STA)
        network.hostname(_host_label(hostname, self.wlan.config("mac")))  # DHCP gets it at the next `connect`

    # --- how it stands

    def online(self):
        """True while the station has an address."""
        return self.wlan.isconnected()

    async def wait_online(self):
        """None as soon as the station has an address, and what is needed to join has left the memory: TLS needs the room."""
        while self.lock.locked() or not self.online():
            await asyncio.sleep_ms(_LOOK_MS)

    def name(self):
        """What we are called in the network, by DHCP and, with ".local" behind it, by mDNS."""
        return network.hostname()

    def address(self):
        """Our address in the network that we have joined, "a.b.c.d"."""
        return self.wlan.ifconfig()[0]

    def gateway(self):
        """The address of the router of the network that we have joined, "a.b.c.d"; "" where there is none."""
        gateway = self.wlan.ifconfig()[2]
        return "" if gateway == "0.0.0.0" else gateway

    def rssi(self):
        """The strength of the access point that we have joined, in dBm; 0 while there is none."""
        try:
            return self.wlan.status("rssi")
        except OSError:
            return 0

    def ranked(self):
        """The known networks in the order of the next round, as far as it is known without a scan."""
        return networks.ranked(self.networks, None, self.record)

    async def resolve(self, host):
        """The address of `host`, "a.b.c.d". resolver.NotFound when no name server knows it."""
        servers = self._servers[:]
        _, _, gateway, given = self.wlan.ifconfig()
        for address in (given, gateway):  # the driver tells the first server of several; most routers answer, too
            if (address, _DNS_PORT) not in servers and address != "0.0.0.0":
                servers.append((address, _DNS_PORT))

        return await resolver.resolve(host, servers, memory=self._memory, now=self.clock())

    # --- what it does

    async def run(self):
        """Never returns: joins a known network, and again whenever the address is lost."""
        backoff = tasks.Backoff(_FIRST_MS, _CAP_MS)
        while True:
            if await self.join():
                backoff.good()
                await self._stay()
            else:
                await asyncio.sleep_ms(backoff.next_ms())

    async def join(self):
        """True when we have an address at the end of one round of all known networks."""
        async with self.lock:
            joined = self.online()
            if not joined:
                joined = await joining.one_round(self)
        self.failed_rounds = 0 if joined else self.failed_rounds + 1
        if not joined:
            self.log.line(WARNING, "wifi", "no network: rounds that failed in a row: %d" % self.failed_rounds)
            self.on_failed(self.failed_rounds)
        return joined

    async def try_join(self, ssid, key, address=None):
        """Empty when that network gave us an address, else why not, in plain words. One attempt, nothing is saved.

        `address` as in the settings, None: the network gives us one. An access point of ours stays up.
        """
        return await joining.trial(self, ssid, key, address)

    def scan(self):
        """[(ssid, rssi in dBm, security in words, channel)], the strongest of each name, strongest first.

        Holds everything up for 2–3 s. OSError while anything is on the air, or a network is being tried.
        """
        if self.busy():
            raise OSError("a receiver is on the air")
        if self.lock.locked():
            raise OSError("a network is being tried")

        return joining.scan(self)

    async def _stay(self):
        since_ms = self.clock()
        while self.online():
            await asyncio.sleep_ms(_LOOK_MS)
            reached_ms = (self.reached_ms or self.clock)()
            if reached_ms >= since_ms:
                self._cut_offs, since_ms = 0, reached_ms
            minutes = _CUT_OFF_MIN * (self._cut_offs + 1)
            if self.clock() - since_ms >= 60000 * minutes and not self.busy():
                since_ms = self.clock()
                if self._cut_off(minutes):
                    return
        status = self.wlan.status()
        self.log.line(WARNING, "wifi", "lost, too weak" if status == _BEACON_TIMEOUT else "lost (reason %d)" % status)

    def _cut_off(self, minutes):
        """Leave a network in which nothing has passed for so long, and return True: another known one comes first now."""
        self._cut_offs += 1
        if self._cut_offs > _MOST_CUT_OFFS:
            if self.on_cut_off:
                self.on_cut_off()
            return False
        self.log.line(
            WARNING, "wifi", "%s: joined, but no service was reached for %d min: joining anew" % (self.ssid, minutes)
        )
        networks.note(self.record, self.ssid, False)
        self.alone = ""
        self.wlan.disconnect()
        return True


def _ignore(number):
    """Do nothing: nobody follows."""


def _host_label(name, mac):
    """`name` as the network can have it: letters, digits and hyphens, 32 at most (RFC 1123 §2.1). mDNS adds ".local" to it.

    Without a name of its own a device has the last digits of its address, `mac`: two in one network are told apart.
    """
    letters = [letter if letter < "\x7f" and (letter.isalpha() or letter.isdigit()) else "-" for letter in name]
    label = "".join(letters)[:32].strip("-") or _NO_NAME
    return label if label != _NO_NAME else "%s-%02X%02X%02X" % (label, mac[3], mac[4], mac[5])


def _server(text):
    """(address, port) of "1.2.3.4" or "1.2.3.4:53"."""
    address, _, port = text.partition(":")
    return address, int(port) if port.isdigit() else _DNS_PORT
