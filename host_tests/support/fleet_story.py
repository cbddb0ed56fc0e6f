"""What the tests of DSP Fleet share: the device's link at the local hub's fleet, and what it was ordered to do."""

import asyncio

from link_story import AGENT, SECONDS, Story, hurry
from telling import as_test

from firmware.backends import _dsp_account, _dsp_pairing, dsp_fleet
from firmware.backends.dsp_fleet import Backend
from firmware.command import EVENT, KEEP
from tools.hub import Config, Device, Hub, Token

DEVICE = "01960000-bbbb-7000-8000-000000000001"
OTHER = "01960000-bbbb-7000-8000-000000000002"
WALL_US = 1_800_000_000_000_000  # 2027-01-15T08:00:00Z
KEYS = (
    "url",
    "token",
    "refresh",
    "endpoint",
    "device_id",
    "account_id",
    "name",
    "device_guid",
    "latitude",
    "longitude",
)
# short times, so that a story need not wait
SHORT = ((_dsp_account, "_AGAIN_MS", 100), (_dsp_pairing, "_AGAIN_MS", 20), (dsp_fleet, "_CALM_MS", 50))


def settings_with(**changed):
    """The section of the settings that the backend gets."""
    return {**dict.fromkeys(KEYS, ""), "url": "https://fleet.test", **changed}


class Van(Story):
    """A link with the fleet's backend; what it is told to keep is in `kept`, as the settings would have it."""

    def __init__(self, url, wall=None, **changed):
        self.settings = settings_with(url=url, **changed)
        self.backend = Backend(self.settings, AGENT)
        super().__init__(url, self.backend)
        if wall:
            self.backend.wall = wall

    @property
    def kept(self):
        """All that was to be stored, the last word of each."""
        found = {}
        for order, detail in self.dispatcher.orders:
            if order == KEEP:
                assert detail[0] == "dsp_fleet"
                found.update(detail[1])
        return found

    @property
    def events(self):
        """The Events so far."""
        return [detail for order, detail in self.dispatcher.orders if order == EVENT]

    async def event(self, count=1):
        """The `count`-th Event."""
        return await self.dispatcher.until(lambda: self.events[count - 1] if len(self.events) >= count else None)

    async def shows(self, words):
        """None as soon as a person would see these words."""
        while words not in self.link.shown():
            await asyncio.sleep(0.005)  # nothing tells of it


def fleet_config():
    """Two devices; the first is ours."""
    return Config([Device("our van", DEVICE), Device("their van", OTHER)], [], [Token("local")], faults=True)


def known(hub, number=1, **more):
    """The settings of a device that is paired."""
    tokens = hub.fleet.tokens
    account = {"token": tokens.make(1, number), "refresh": tokens.refresh_for(1, number), "device_id": str(number)}
    return {**account, "name": "our van", "latitude": "52.51628", "longitude": "-13.3777", **more}


def short(monkeypatch):
    """None; the waits of link and backend are short."""
    hurry(monkeypatch)
    for room, name, value in SHORT:
        monkeypatch.setattr(room, name, value)


def told(paired=True, **more):
    """Makes a test of `async def story(hub, van)`: a hub, and a device that has reported there (or one without an account)."""

    def dress(story):
        async def tell():
            hub = Hub(fleet_config())
            hub.fleet.resend_s = 0.05
            url = await hub.start()
            try:
                async with Van(url, **({**known(hub), **more} if paired else more)) as van:
                    if paired:
                        await heard(hub, "ReportDeviceInfo")
                    await story(hub, van)
            finally:
                await hub.stop()

        return as_test(story, tell, 2 * SECONDS, short)

    return dress


async def heard(hub, name, count=1, since=0):
    """The `count`-th thing of that name that happened in the fleet."""
    return await hub.journal.wait("fleet", lambda event: event["name"] == name, count, since, SECONDS)
