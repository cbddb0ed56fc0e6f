"""A simulated device on the real MicroPython at the local alert service, over TLS: what its rules make of alerts."""

import asyncio
import os
import signal

import pytest
from sim_story import WAIT_S, is_stop, kinds, lasted_ms, said, settled, sounding
from telling import as_test

from tools.hub import Config
from tools.sim.world import World

ALERT = {"kind": "alert", "severity": "warning", "model": "caixianlin", "rf_id": 4321, "action": "vibrate", "level": 40}
LONG_MS = 20_000  # longer than anything here takes: who is stopped was stopped by something else
RULES = [
    dict(ALERT, duration_ms=1000, once_in_s=1),
    dict(ALERT, kind="device", severity="", text="offline", action="sound", level=50, duration_ms=500, once_in_s=60),
]


def told(path="ws", **settings):
    """Makes a test of `async def story(world)`: a device that has subscribed to alerts."""

    def dress(story):
        async def tell():
            known = {"backend": "valtronics", "rules": RULES, **settings}
            if path != "ws":
                known["valtronics.url"] = "ws://127.0.0.1:0/"  # replaced below: plain, as its public server is
            world = World(settings=known, config=Config.sample(faults=True), secure=path == "ws")
            if path != "ws":
                await _at(world, path)
            async with world:
                await world.hub.journal.wait("subscribed", timeout_s=WAIT_S)
                await story(world)
                assert world.device.starts == 1 and not [line for line in world.lines if "Traceback" in line]

        return as_test(story, tell, 100)

    return dress


async def _at(world, path):
    """None; the device is told the hub's address once the hub has one."""
    start = world.hub.start

    async def started(*arguments):
        url = await start(*arguments)
        world._settings["valtronics.url"] = f"{url}/valtronics/{path}"
        return url

    world.hub.start = started


@told()
async def test_an_alert_vibrates_by_a_rule_and_once_when_it_comes_again(world):
    assert world.hub.valtronics.alert("critical", "High Temperature", "very hot", alert_id=7) == 1
    assert kinds(await settled(world)) == [("vibrate", 40), ("vibrate", 0)]
    await said(world, "[event] valtronics alert critical: device 1: High Temperature: very hot")
    frames = len(world.air.frames)
    world.hub.valtronics.alert("critical", "High Temperature", "very hot", alert_id=7)
    await said(world, "alert 7 came again")
    world.hub.valtronics.alert("info", "all is well")
    await said(world, "no rule is for this")
    assert len(await settled(world)) == frames
    assert world.hub.services(world.hub.device) == ["Valtronics"]


@told()
async def test_a_rule_acts_once_in_its_seconds_and_a_device_that_is_offline_sounds(world):
    world.hub.valtronics.device_status(1, "offline", "Connection lost")
    await settled(world)
    world.hub.valtronics.device_status(2, "offline")
    await said(world, "[rules] rule 2 rests for another")
    assert [action for action, _ in kinds(await settled(world))] == ["sound", "vibrate"]


@told(rules=[dict(ALERT, duration_ms=LONG_MS, once_in_s=1)])
async def test_a_cut_stops_what_an_alert_began_and_it_hears_again_afterwards(world):
    world.hub.valtronics.alert("critical", "Hot")
    await sounding(world, 40)
    mark = world.hub.journal.mark()
    world.hub.faults.cut()
    frames = await settled(world)
    assert kinds(frames) == [("vibrate", 40), ("vibrate", 0)] and lasted_ms(frames) < LONG_MS
    await said(world, "[stop] all: link lost")
    await world.hub.journal.wait("subscribed", count=3, since=mark, timeout_s=60)
    since = len(world.air.frames)
    world.hub.valtronics.alert("critical", "Hot again")
    await sounding(world, 40)
    world.hub.faults.cut()
    assert kinds(await settled(world, since)) == [("vibrate", 40), ("vibrate", 0)]


@told()
async def test_what_is_malformed_makes_no_edge_and_the_emergency_stop_holds(world):
    (link,) = world.hub.valtronics.links
    for bad in ("{", "[]", '{"type":7}', '{"type":"alert","alert":' + "[" * 90 + "]" * 90 + "}", "x" * 4000):
        link.out.message(bad.encode())
    world.device.type("estop trip")
    await said(world, "latched: console")
    world.hub.valtronics.alert("critical", "Hot")
    await said(world, "the emergency stop is latched")
    assert not [frame for frame in world.air.frames if frame.intensity]
    assert world.hub.valtronics.links == [link]


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="only Linux tells what keeps a process from running")
@told()
async def test_a_stall_of_this_pc_in_the_middle_of_the_stop_frames_is_no_silence(world):
    world.hub.valtronics.alert("critical", "Hot")
    await world.air.until(lambda: any(map(is_stop, world.air.frames)), WAIT_S)
    pid = world.device._process.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        settling = asyncio.create_task(settled(world))
        await asyncio.sleep(1.2)  # a silence twice as long as it waits for
        assert not settling.done()
    finally:
        os.kill(pid, signal.SIGCONT)
    frames = await settling
    assert kinds(frames) == [("vibrate", 40), ("vibrate", 0)]
    assert await settled(world, len(frames), stopped=False) == [], "that was all"


@told("public/ws", **{"valtronics.device_id": "pump", "valtronics.token": ""})
async def test_the_public_dialect_is_found_out(world):
    assert world.hub.valtronics.alert("critical", "Hot") == 1
    assert kinds(await settled(world)) == [("vibrate", 40), ("vibrate", 0)]
    await said(world, "this server wants no token")
    world.hub.valtronics.device_status("pump", "offline")
    await said(world, "valtronics device : device pump: offline")


@told()
async def test_the_console_tries_a_rule_and_shows_the_service(world):
    world.device.type("rules try valtronics alert critical hot")
    await said(world, "rule 1: vibrate 40 for 1000 ms to caixianlin 4321")
    world.device.type("status")
    await said(world, "Hub valtronics|connected")
    assert not world.air.frames


@pytest.mark.timeout(60)
def test_a_wrong_token_is_final():
    async def tell():
        settings = {"backend": "valtronics", "valtronics.token": "x" * 40}
        world = World(settings=settings, config=Config.sample())
        async with world:
            await said(world, "the server refused the token: nobody knocks there until valtronics.token is another")
            await world.hub.disconnected(timeout_s=WAIT_S)
            assert len(world.hub.journal.events("connected")) == 1

    asyncio.run(tell())
