"""Joins a network, and stays joined; looks names up there. Door to `network`."""

import asyncio

import network
from micropython import const

from firmware.seldom import SELDOM
from lib import tasks
from lib.addresses import Memory

_TRY_MS = const(15000)  # so long a network has to give us an address
_LOOK_MS = const(250)
_FIRST_MS = const(1000)
_CAP_MS = const(60000)
_DNS_PORT = const(53)
_TRYING = (
    network.STAT_IDLE,
    network.STAT_CONNECTING,
    network.STAT_GOT_IP,
)  # idle shows for a moment before the address


class Station:
    """The station interface. `networks` is the setting `wifi`, `servers` the setting `dns` (the network's own when empty)."""

    def __init__(self, networks, hostname, servers, clock, log):
        self._networks = networks
        self._servers = [_server(text) for text in servers]
        self._clock = clock
        self._log = log
        self._memory = Memory()
        self._changed = asyncio.Event()
        network.hostname(hostname)
        self._wlan = network.WLAN(network.WLAN.IF_STA)

    def online(self):
        """True while the station has an address."""
        return self._wlan.isconnected()

    async def wait_online(self):
        """None as soon as the station has an address."""
        while not self.online():
            await asyncio.sleep_ms(_LOOK_MS)

    async def resolve(self, host):
        """The address of `host`, "a.b.c.d". resolver.NotFound when no name server knows it."""
        servers = self._servers or [(self._wlan.ifconfig()[3], _DNS_PORT)]
        with SELDOM:
            from lib import resolver

            return await resolver.resolve(host, servers, memory=self._memory, now=self._clock())

    async def run(self):
        """Never returns: joins the networks in turn, and again whenever the address is lost."""
        wlan = self._wlan
        wlan.active(True)
        wlan.config(
            reconnects=0
        )  # the driver's own endless retries would hide the reason (reference/onboarding-ota-safety.md §A5)
        backoff = tasks.Backoff(_FIRST_MS, _CAP_MS)
        while True:
            for known in self._networks:
                if await self._join(known["ssid"], known.get("key", "")):
                    backoff.good()
                    await self._stay()
                    break
            await asyncio.sleep_ms(backoff.next_ms())

    async def _join(self, ssid, key):
        """True when the network gave an address in time."""
        wlan = self._wlan
        wlan.disconnect()  # connect() while connected raises
        wlan.connect(ssid, key or None)
        until_ms = self._clock() + _TRY_MS
        while not wlan.isconnected():
            if self._clock() >= until_ms or wlan.status() not in _TRYING:
                self._log.warning("wifi", "%s: not joined (%d)" % (ssid, wlan.status()))
                return False
            await asyncio.sleep_ms(_LOOK_MS)
        self._log.info("wifi", "joined %s as %s" % (ssid, wlan.ifconfig()[0]))
        return True

    async def _stay(self):
        while self._wlan.isconnected():
            await asyncio.sleep_ms(_LOOK_MS)
        self._log.warning("wifi", "lost")


def _server(text):
    """(address, port) of "1.2.3.4" or "1.2.3.4:53"."""
    address, _, port = text.partition(":")
    return address, int(port) if port.isdigit() else _DNS_PORT
