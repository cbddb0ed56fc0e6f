"""Wi-Fi in the simulator: a whole device on MicroPython that cannot join, or loses its network in the middle of an action."""

import asyncio
import json

from tools.sim.device import WIFI_BYTE
from tools.sim.world import World

SECONDS = 60


class Ears:
    """What the device and its radio told, and a way to wait for it."""

    def __init__(self):
        self.events = []
        self._new = asyncio.Event()

    def __call__(self, event):
        self.events.append(event)
        self._new.set()

    def lines(self):
        return [event["line"] for event in self.events if event["event"] == "log"]

    async def until(self, true):
        """What `true()` gives as soon as it is something."""

        async def wait():
            while not true():
                self._new.clear()
                await self._new.wait()
            return true()

        return await asyncio.wait_for(wait(), SECONDS)

    async def said(self, words, since=0):
        """Where in the log the first line with these words is, from `since` on; as its number, from 1."""

        def where():
            found = (at for at, line in enumerate(self.lines(), 1) if at > since and words in line)
            return next(found, 0)

        return await self.until(where)


def tell(story, settings=None):
    """None; the story of a device was told, with a hub that it can reach."""

    async def told():
        ears = Ears()
        async with World(ears, secure=False, settings=settings) as world:
            await story(world, ears)

    asyncio.run(told())


def test_a_wrong_key_is_told_in_words_and_three_failed_rounds_are_noticed(monkeypatch):
    monkeypatch.setenv("SIM_NETWORKS", json.dumps({"simulated": "another key"}))

    async def story(world, ears):
        await ears.said("simulated: wrong password (or key type)")
        await ears.said("rounds that failed in a row: 3")

    tell(story)


def test_a_network_that_refuses_says_why_and_the_next_one_is_joined(monkeypatch):
    air = {"full": {"key": "12345678", "rssi": -30, "reason": 5}, "cellar": {"key": "12345678", "hidden": True}}
    monkeypatch.setenv("SIM_NETWORKS", json.dumps(air))
    known = [{"ssid": "full", "key": "12345678"}, {"ssid": "cellar", "key": "12345678", "hidden": True}]

    async def story(world, ears):
        at = await ears.said("full: the router is full")
        await ears.said("joined cellar", at)
        await ears.said("welcome")

    tell(story, {"wifi": known})


def test_a_lost_network_stops_everything_and_comes_back_without_the_old_order(monkeypatch):
    monkeypatch.delenv("SIM_NETWORKS", raising=False)

    async def order(world, level, duration_ms):
        red = world.hub.shockers[0]
        await world.hub.control([{"id": red.guid, "type": 2, "intensity": level, "duration": duration_ms}], name="test")

    def loud(world):
        return [frame for frame in world.air.frames if frame.ok and frame.intensity]

    async def story(world, ears):
        await ears.said("welcome")
        await order(world, 40, 10_000)
        await world.air.until(lambda: loud(world), SECONDS)
        world.device.set_input(WIFI_BYTE, 0)
        at = await ears.said("lost, too weak")
        assert await ears.said("Wi-Fi is gone")
        await world.air.until(world.air.quiet, SECONDS)
        last = world.air.frames[-1]
        assert (last.action, last.intensity) == ("vibrate", 0), "the last thing that a receiver heard was: stop"
        n_loud = len(loud(world))
        await ears.said("simulated: not found (2.4 GHz only)", at)
        world.device.set_input(WIFI_BYTE, 1)
        await ears.said("joined simulated as 127.0.0.1", at)
        await ears.said("welcome", at)
        assert len(loud(world)) == n_loud, "what was asked for before is not asked for now"
        await order(world, 20, 500)
        await world.air.until(lambda: len(loud(world)) > n_loud, SECONDS)
        assert loud(world)[n_loud].intensity == 20

    tell(story)
