"""The link against the local hub and its faults: whatever a hub or the network does, the device stops, comes back, and obeys."""

import asyncio
import functools

import pytest
from hub_story import DEVICE, RED, SECRET, known_config
from link_story import Story, hurry

from firmware.command import ACT, EMERGENCY, PORTAL, REFUSE, RESTART, UPDATE
from tools.hub import Hub, faults


class HubStory(Story):
    """A Story whose server is the local hub."""

    def __init__(self, hub, **settings):
        super().__init__(hub.url, token=SECRET, device_id=DEVICE, **settings)
        self.hub = hub
        self.level = 0

    async def obeys(self, since=0):
        """None as soon as the device is there (since a mark of the journal) and has obeyed one more order."""
        connection = await self.hub.device_connected(since=since, timeout_s=15)
        self.level += 1
        await self.hub.control([{"id": RED, "type": 2, "intensity": self.level, "duration": 500}])
        await self.dispatcher.acted(self.level)
        return connection

    async def stopped(self):
        """None as soon as everything was stopped."""
        await self.dispatcher.until(lambda: self.dispatcher.halts)
        self.dispatcher.halts.clear()


def told(**options):
    """Makes a test of `async def story(hub, story)`."""

    def dress(story):
        @functools.wraps(story)
        def test(monkeypatch):
            hurry(monkeypatch)

            async def tell():
                hub = Hub(known_config(**options.get("timing", {})))
                await hub.start()
                try:
                    async with HubStory(hub, **options.get("settings", {})) as one:
                        await story(hub, one)
                finally:
                    hub.faults.cut()
                    await hub.stop()

            asyncio.run(asyncio.wait_for(tell(), 60))

        del test.__wrapped__
        return test

    return dress


@told()
async def test_it_connects_and_obeys(hub, story):
    connection = await story.obeys()
    assert connection.peer.device is hub.device
    assert not story.dispatcher.halts


@told(settings={"negotiate": True})
async def test_it_negotiates_where_that_is_wanted(hub, story):
    await story.obeys()
    mark = hub.journal.mark()
    hub.faults.cut()
    await story.stopped()
    await story.obeys(mark)  # with a token of its own


@told(timing={"fragment_bytes": 1})
async def test_it_understands_a_hub_that_sends_single_bytes(hub, story):
    await story.obeys()


@told()
async def test_it_understands_a_hub_that_greets_with_the_upgrade(hub, story):
    hub.faults.eager = True
    await story.obeys()


@told(timing={"ping_ms": 30, "pong_ms": 20})
async def test_pings_and_unsolicited_pongs_disturb_nothing(hub, story):
    await story.obeys()
    await story.obeys()
    assert not story.dispatcher.halts


@told()
async def test_the_four_orders_to_a_device(hub, story):
    await story.obeys()
    await hub.emergency_stop()
    await hub.captive_portal(True)
    await hub.ota_install("1.6.0")
    await hub.reboot()
    wanted = [(EMERGENCY, "hub"), (PORTAL, True), (UPDATE, "1.6.0"), (RESTART, "hub")]
    await story.dispatcher.until(lambda: all(order in story.dispatcher.orders for order in wanted))


@told()
async def test_what_the_hub_invokes_is_answered(hub, story):
    await story.obeys()
    assert await hub.invoke("EmergencyStop", [DEVICE], wait=True) == [None]
    (error,) = await hub.invoke("MakeCoffee", [], wait=True)
    assert isinstance(error, RuntimeError)
    for wrong in ([], [5], [None], [{"id": RED}, {"id": RED}, {"id": RED}]):
        (answer,) = await hub.invoke("Reboot" if wrong == [] else "Control", wrong, wait=True)
        assert answer is None or isinstance(answer, RuntimeError)
    await story.obeys()


@told()
async def test_a_cut_stops_everything_and_it_comes_back(hub, story):
    await story.obeys()
    for _ in range(3):
        mark = hub.journal.mark()
        story.dispatcher.active = True
        hub.faults.cut()
        await story.stopped()
        await story.obeys(mark)


@told()
async def test_a_close_with_an_invitation_is_followed_at_once(hub, story):
    await story.obeys()
    mark = hub.journal.mark()
    await hub.faults.close(allow_reconnect=True, error="going down")
    await story.stopped()
    await story.obeys(mark)
    assert any("going down" in line for line in story.lines)


@told()
async def test_a_close_without_one_is_followed_by_a_long_wait(hub, story):
    await story.obeys()
    await hub.faults.close()
    assert await story.next_try_ms("closed by the server") >= 60_000


@told()
async def test_a_black_hole_is_noticed_while_something_is_active(hub, story):
    await story.obeys()
    mark = hub.journal.mark()
    story.dispatcher.active = True
    hub.faults.silence()
    await story.stopped()
    await story.said("silent while something is active")
    await story.obeys(mark)


@told()
async def test_a_slow_hub_is_no_black_hole(hub, story):
    await story.obeys()
    hub.faults.delay(100)
    story.dispatcher.active = True
    await hub.journal.wait("ws_ping", count=5)
    await story.obeys()
    assert not story.dispatcher.halts


@pytest.mark.parametrize("kind", sorted(faults.GARBAGE))
def test_garbage_is_survived(kind, monkeypatch):
    @told()
    async def story(hub, story):
        await story.obeys()
        mark = hub.journal.mark()
        before = len(story.dispatcher.orders)
        hub.faults.garbage(kind)
        if kind == "text":  # a record that has not ended yet: the next one does
            await hub.control([{"id": RED, "type": 2, "intensity": 99, "duration": 500}])
        await story.stopped()
        assert len(story.dispatcher.orders) == before
        await story.obeys(mark)

    story(monkeypatch)


@pytest.mark.parametrize("status", [400, 404, 409, 429, 500, 502, 503])
@pytest.mark.parametrize("where", [faults.HUB, faults.REST, faults.ALL])
def test_a_hub_that_refuses_for_a_while_is_asked_again(status, where, monkeypatch):
    @told()
    async def story(hub, story):
        hub.faults.refuse(status, times=3, where=where)
        if where == faults.HUB:
            await story.obeys()
        await hub.device_connected(timeout_s=15)

    story(monkeypatch)


@told()
async def test_a_token_that_is_revoked_ends_in_a_long_wait(hub, story):
    await story.obeys()
    hub.config.tokens.clear()
    hub.faults.cut()
    await story.stopped()
    assert await story.next_try_ms("refused the") >= 300_000


@told()
async def test_a_hub_that_is_stopped_says_so_and_is_found_again(hub, story):
    await story.obeys()
    port = int(hub.url.rpartition(":")[2])
    mark = hub.journal.mark()
    await hub.stop()
    await story.stopped()
    await story.until(lambda: sum("next try" in line for line in story.lines) >= 3)
    await hub.start("127.0.0.1", port)
    await story.obeys(mark)


@told()
async def test_a_stranger_in_a_log_is_refused(hub, story):
    await story.obeys()
    hub.add_shocker("new", "D80", 77)  # the device will ask for the map, though not at once
    await hub.control([{"id": hub.shockers[-1].guid, "type": 2, "intensity": 50, "duration": 500}])
    await story.dispatcher.until(lambda: any(kind == REFUSE for kind, _ in story.dispatcher.orders))
    assert not [d for kind, d in story.dispatcher.orders if kind == ACT and d.rf_id == 77]
