"""The time of day: asked of time servers, then of web servers, every hour. TLS and the age of orders need it."""

import asyncio
import time

from micropython import const

from lib import ntp, tasks

_MADE_S = 1792000000  # 2026-10-14: no clock may show less (RFC 5280 certificates, reference/micropython-esp32.md §d)
_SERVERS = ("pool.ntp.org", "time.cloudflare.com", "time.google.com")
_AGAIN_MS = const(3600000)
_SOON_MS = const(60000)  # what nobody has confirmed is asked again
_LEAST_MS = const(15000)  # between two questions (RFC 4330 §10), doubled by each doubt that was none
_VAIN = const(8)
_TRIES = const(6)  # without an answer, before a clock that has been set is left alone for longer
_NOBODY_MS = const(600000)
_LOOK_MS = const(500)
_FIRST_MS = const(1000)
_CAP_MS = const(60000)
_AGREE_US = const(1000000)  # what two say who agree differs by less (as lib/http_time.py)
_STEP_US = const(500000)
# Seconds from 1970 to where this interpreter's clock begins: 2000 on the chip, 1970 on a PC
_EPOCH_S = 946684800 if time.gmtime(0)[0] == 2000 else 0


def _raw_us():
    """Return what the clock shows as microseconds since 1970 (int), whether or not anybody has set it."""
    return time.time_ns() // 1000 + _EPOCH_S * 1000000


def unix_us():
    """Microseconds since 1970 (int), or None while nobody has set the clock."""
    now_us = _raw_us()
    return now_us if now_us >= _MADE_S * 1000000 else None


class Timekeeper:
    """Sets the clock by `set_clock(µs since where time.time() begins)`; `network` is as station.Station.

    `servers` are the setting `time.servers`, host names or addresses; the usual ones when empty. The network's gateway
    is asked behind them.
    """

    def __init__(self, network, set_clock, log, servers=()):
        self._network = network
        self._set_clock = set_clock
        self._log = log
        self._servers = servers or _SERVERS
        self._turn = 0
        self._doubted = False
        self._vain = 0  # doubts in a row that found nothing wrong
        self.on_step = None  # called with each correction of half a second or more
        self._jump_us = None  # a large correction that nobody else has confirmed

    async def wait_known(self):
        """None as soon as the time is known."""
        if unix_us() is None:
            self._log.info("time", "waiting for the time: without it no certificate can be checked")
        while unix_us() is None:
            await asyncio.sleep_ms(100)

    def doubt(self, why=None):
        """None; our clock may be wrong: the time is asked for at once, unless it just has been.

        `why`: the words of a connection that failed, of which only those about the age of a certificate count; None: no doubt
        about the doubt.
        """
        if why is None or "expired" in why or "not valid yet" in why:
            self._doubted = True

    async def run(self):
        """Never returns. A restart keeps the time, but not how well it goes: it is asked for after each."""
        backoff = tasks.Backoff(_FIRST_MS, _CAP_MS)
        while True:
            await self._network.wait_online()
            doubted, self._doubted = self._doubted, False
            found = await self._ask()
            if found is None:
                wait_ms = backoff.next_ms()
                await asyncio.sleep_ms(_NOBODY_MS if backoff.failures > _TRIES and unix_us() is not None else wait_ms)
                continue
            backoff.good()
            behind_us, certain = found
            self._vain = min(self._vain + 1, _VAIN) if doubted and abs(behind_us) <= _AGREE_US else 0
            self._correct(behind_us, certain)
            waited_ms = 0
            while waited_ms < (_AGAIN_MS if certain else _SOON_MS):
                if self._doubted and waited_ms >= _LEAST_MS << self._vain:
                    break
                await asyncio.sleep_ms(_LOOK_MS)
                waited_ms += _LOOK_MS

    def _correct(self, behind_us, certain):
        """Set the clock; a large step that nobody confirms is not made before it is told once more, unless there is no time."""
        if abs(behind_us) > _AGREE_US:
            known = unix_us() is not None
            told_before = self._jump_us is not None and abs(behind_us - self._jump_us) <= _AGREE_US
            if known and not certain and not told_before:
                self._jump_us = behind_us
                self._log.warning("time", "one server alone says that the clock is %d s off" % (behind_us // 1000000))
                return
        self._jump_us = None
        self._set_clock(_raw_us() + behind_us - _EPOCH_S * 1000000)
        self._log.info("time", "set, by %d ms" % (behind_us // 1000))
        if self.on_step and abs(behind_us) >= _STEP_US:
            self.on_step(behind_us)

    async def _ask(self):
        """Return (µs that our clock is behind, whether two answers, or one and our clock, agree); None when none is believed."""
        told = []
        why = ""
        self._turn += 1  # another one is the first: one that is wrong does not stay alone
        turn = self._turn % len(self._servers)
        for server in list(self._servers[turn:]) + list(self._servers[:turn]) + [self._network.gateway()]:
            if not server:
                continue
            try:
                behind_us = await ntp.ask(server, self._network.resolve, _MADE_S, _raw_us)
            except ntp.Failed as failed:
                why = str(failed)
                continue
            for other in told + [0]:
                if abs(behind_us - other) <= _AGREE_US:
                    return behind_us, True
            told.append(behind_us)
        if len(told) == 1:
            return told[0], False
        self._log.warning("time", "the time servers contradict each other" if told else why)
        from lib import http_time

        return await http_time.decide(told, self._network.resolve, _MADE_S, _raw_us, self._log)
