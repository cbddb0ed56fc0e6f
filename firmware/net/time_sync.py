"""The time of day: asked of time servers, then of web servers, again twice a day. TLS and the age of orders need it."""

import asyncio
import time

from micropython import const

from lib import ntp, tasks

_MADE_S = 1792000000  # 2026-10-14: no clock may show less (RFC 5280 certificates, reference/micropython-esp32.md §d)
_SERVERS = ("pool.ntp.org", "time.cloudflare.com", "time.google.com")
_WEB = ("http://detectportal.firefox.com/success.txt", "http://www.msftconnecttest.com/connecttest.txt")
_AGAIN_MS = const(43200000)
_FIRST_MS = const(1000)
_CAP_MS = const(60000)
# Seconds from 1970 to where this interpreter's clock begins: 2000 on the chip, 1970 on a PC
_EPOCH_S = 946684800 if time.gmtime(0)[0] == 2000 else 0


def unix_us():
    """Microseconds since 1970 (int), or None while nobody has set the clock."""
    now_us = time.time_ns() // 1000 + _EPOCH_S * 1000000
    return now_us if now_us >= _MADE_S * 1000000 else None


class Timekeeper:
    """Sets the clock by `set_clock(tuple)`; `network` resolves names and tells when there is one."""

    def __init__(self, network, set_clock, log):
        self._network = network
        self._set_clock = set_clock
        self._log = log

    async def wait_known(self):
        """None as soon as the time is known."""
        if unix_us() is None:
            self._log.info("time", "waiting for the time: without it no certificate can be checked")
        while unix_us() is None:
            await asyncio.sleep_ms(100)

    async def run(self):
        """Never returns."""
        backoff = tasks.Backoff(_FIRST_MS, _CAP_MS)
        if unix_us() is not None:
            await asyncio.sleep_ms(_AGAIN_MS)  # a restart keeps the time
        while True:
            await self._network.wait_online()
            now_s = await self._ask()
            if now_s is None:
                await asyncio.sleep_ms(backoff.next_ms())
                continue
            backoff.good()
            self._set_clock(now_s - _EPOCH_S)
            self._log.info("time", "set")
            await asyncio.sleep_ms(_AGAIN_MS)

    async def _ask(self):
        """Seconds since 1970, or None when no server gave a time that can be believed."""
        try:
            return await ntp.fetch_time(_SERVERS, self._network.resolve, _MADE_S)
        except ntp.Failed as failed:
            self._log.warning("time", str(failed))
        from lib import http_time

        try:
            return await http_time.fetch_time(_WEB, self._network.resolve, _MADE_S)
        except ntp.Failed as failed:
            self._log.warning("time", str(failed))
            return None
