"""A version on trial: looks for five minutes at what health.py asks for, and stays, or goes back. Loaded only then."""

import asyncio

from micropython import const

from firmware.ota import health
from lib import tasks

_LOOK_MS = const(500)


class Trial:
    """`begun`: the Journal, the Slots. `clock` and `log` are the application's; its settings are whole, as it has come so far."""

    def __init__(self, begun, clock, log):
        self._kept, self._slots = begun
        self._clock = clock
        self._log = log
        self._gate = health.Gate(self._kept.before, clock())
        self._gate.well(health.SETTINGS)

    def fault(self, name):
        """Tell it that a task of that name has failed."""
        self._gate.fault(name, self._clock())

    async def run(self, hardware, station, link):
        """Return True when the version stays; False when the next restart is to bring the old one back."""
        self._check(health.RADIO, health.radio_words(hardware.rehearse, health.silent_train()))
        self._check(health.ESTOP, health.estop_words(hardware.stop_input()))
        proof = _Proof()
        await tasks.together(self._watch(station, link), self._prove(proof))
        return proof.stays

    def _check(self, name, words):
        if words:
            self._gate.unwell(name, words)
        else:
            self._gate.well(name)

    async def _watch(self, station, link):
        while True:
            if station.online():
                self._gate.well(health.NETWORK)
            if link.connected():
                self._gate.well(health.HUB)
            await asyncio.sleep_ms(_LOOK_MS)

    async def _prove(self, proof):
        proof.stays = await health.prove(self._gate, self._kept, self._slots, self._clock, self._log)


class _Proof:
    """How it ended."""

    stays = False
