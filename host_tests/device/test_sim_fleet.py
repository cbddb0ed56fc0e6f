"""A simulated device on the real MicroPython at the local fleet, over TLS: paired by its code, it acts on messages by rules."""

import asyncio

import aiohttp
import pytest
from sim_story import WAIT_S, kinds, said, settled, typed
from telling import as_test

from tools.hub import Config
from tools.sim.phone import Phone, Refused
from tools.sim.world import WIFI, World

MESSAGE = {"backend": "dsp_fleet", "kind": "message", "model": "caixianlin", "rf_id": 4321, "action": "vibrate"}
RULES = [
    dict(MESSAGE, text="call", level=35, duration_ms=600, once_in_s=1),
    dict(MESSAGE, kind="rescue", severity="critical", level=45, duration_ms=600, once_in_s=1),
]


def told(starts=1, **settings):
    """Makes a test of `async def story(world)`: a device that was paired by its code, and has told where it is."""

    def dress(story):
        async def tell():
            known = {"backend": "dsp_fleet", "rules": RULES, **settings}
            world = World(settings=known, config=Config.sample(faults=True))
            world.hub.fleet.resend_s = 0.2
            async with world:
                await heard(world, "ReportLocation")
                await story(world)
                assert world.device.starts == starts and not [line for line in world.lines if "Traceback" in line]

        return as_test(story, tell, 100)

    return dress


async def heard(world, name, count=1, since=0):
    """The `count`-th thing of that name that happened in the fleet."""
    return await world.hub.journal.wait("fleet", lambda event: event["name"] == name, count, since, WAIT_S)


@told(starts=2)
async def test_it_pairs_keeps_its_account_and_comes_back_with_it_after_a_restart(world):
    assert await said(world, "pairing code ")
    assert await said(world, "paired as desk hub")
    kept = world.device.settings()
    assert kept["dsp_fleet.device_id"] == "1" and kept["dsp_fleet.name"] == "desk hub"
    assert world.hub.fleet.tokens.claims(kept["dsp_fleet.token"])["DeviceId"] == 1
    assert not [line for line in world.lines if kept["dsp_fleet.token"][:30] in line], "no token in the log"
    mark = world.hub.journal.mark()
    await world.device.power_cut()
    await heard(world, "ReportDeviceInfo", since=mark)
    assert not [event for event in world.hub.journal.events("fleet", mark) if event["name"] == "code"]


@told()
async def test_a_message_vibrates_once_is_seen_and_answered_at_the_console(world):
    message = world.hub.fleet.message("Please call the office")
    assert kinds(await settled(world)) == [("vibrate", 35), ("vibrate", 0)]
    assert message.received
    since = len(world.lines)
    world.device.type("status")
    await said(world, "message: Please call the office", since)
    world.device.type("seen")
    await heard(world, "MessageSeen")
    world.device.type("respond on my way")
    assert (await heard(world, "MessageResponse"))["text"] == "on my way"
    assert message.seen and message.answers == ["on my way"]
    frames = len(world.air.frames)
    again = world.hub.fleet.messages[message.id]
    again.received = False  # as if the acknowledgement had been lost
    world.hub.fleet._send_message(again)
    await heard(world, "MessageReceived", 2)
    world.hub.fleet.message("nothing of interest")
    await heard(world, "MessageReceived", 3)
    assert await settled(world, frames, stopped=False) == []


@told()
async def test_a_rescue_vibrates_the_one_who_needs_it(world):
    session = world.hub.fleet.start_rescue(rescuee=1, rescuer=2)
    assert kinds(await settled(world)) == [("vibrate", 45), ("vibrate", 0)]
    await said(world, "[event] dsp_fleet rescue critical: started, rescuee: device 2")
    world.hub.fleet.end_rescue(session, "cancelled_by_dispatcher")
    await said(world, "[event] dsp_fleet rescue info: ended, rescuee: cancelled_by_dispatcher")


@told()
async def test_the_history_goes_out_while_the_connection_stays(world):
    world.hub.fleet.start_fast(1, 3)
    await heard(world, "ReportLocation", 3)
    assert world.hub.fleet.request_history(1) == 1
    await heard(world, "history")
    samples = world.hub.fleet.samples[1]
    assert len(samples) >= 3
    assert {(round(each["lat"], 4), round(each["lon"], 4)) for each in samples} == {(52.5163, 13.3777)}


@told()
async def test_somebody_wants_another_account_and_a_short_token_is_renewed_and_kept(world):
    first = world.device.settings()["dsp_fleet.token"]
    world.hub.fleet.tokens.lifetime_s = 8  # longer than the pause before the third connection
    mark = world.hub.journal.mark()
    await typed(world, "pair")
    await heard(world, "DeviceBound", since=mark)
    assert (await heard(world, "RequestTokenRefresh", since=mark))["good"]
    await said(world, "there is a new token")
    world.hub.fleet.tokens.lifetime_s = 3600  # the next one lasts
    for _ in range(500):
        kept = world.device.settings()
        if world.hub.fleet.tokens.refreshed(kept["dsp_fleet.refresh"]):
            break
        await asyncio.sleep(0.02)  # a file of another process: there is nothing to await
    else:
        raise AssertionError("the newest refresh token was not kept")
    assert kept["dsp_fleet.token"] != first


async def reach(phone, true):
    """The check on the page as soon as `true` of it, asked for as patiently as the page does: TLS may have the memory."""
    for _ in range(60):
        try:
            reach = (await phone.state())["account"]["reach"]
        except (Refused, aiohttp.ClientError):
            reach = None
        if reach and (true(reach) or reach["ok"] is not None):
            return reach
        await asyncio.sleep(1)
    raise AssertionError("nothing, for too long")


async def code_of(phone, but=""):
    """The pairing code that the page shows, another than `but`."""
    shown = await reach(phone, lambda reach: "pairing code" in reach["text"] and not (but and but in reach["text"]))
    assert shown["ok"] is None and shown["text"].endswith(": enter it on the website; it is good for 10 minutes"), shown
    return shown["text"].split()[2].rstrip(":")


@pytest.mark.parametrize("by_hub", [True, False])
def test_a_blank_device_shows_its_code_on_the_set_up_page_and_is_paired_there(by_hub):
    async def story():
        async with World(blank=True, config=Config.sample(faults=True)) as world:
            async with Phone(world.portal_port) as phone:
                await phone.join(**WIFI)
                await phone.post("account", backend="dsp_fleet", fields={})
                await phone.post("reach")
                first = await code_of(phone)
                world.hub.fleet.pairing.gives_codes = by_hub
                for _ in range(2):
                    assert (await phone.page())[:2] == b"\x1f\x8b"  # the phone's owner was elsewhere meanwhile
                await phone.post("reach")
                code = await code_of(phone, but=first)
                assert world.hub.fleet.pairing.bind(code)
                assert await reach(phone, lambda _: False) == {"ok": True, "text": "paired as desk hub"}
                await phone.post("done")
            await heard(world, "ReportDeviceInfo")
            kept = world.device.settings()
            assert kept["dsp_fleet.device_id"] == "1" and kept["dsp_fleet.token"]
            assert not [line for line in world.lines if kept["dsp_fleet.token"][:30] in line], "no token in the log"
            assert not [line for line in world.lines if "Traceback" in line]

    asyncio.run(asyncio.wait_for(story(), 100))
