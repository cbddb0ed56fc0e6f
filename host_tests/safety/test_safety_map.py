"""S5, S16: receivers that leave the list of shockers while they are at work. Judged by what was on the air."""

import pytest

from firmware.command import SHOCK, STOP, VIBRATE
from host_tests.safety.hub import DEVICE, GUID, Hub, entry
from host_tests.safety.world import FRAME_MS, WIFI, World, kinds

MINE = {**WIFI, "openshock_user.device_id": DEVICE}
FAR = GUID % 9


@pytest.fixture(autouse=True)
def one_world():
    yield
    World.end()


def connected():
    """(world, hub): greeted, and the list may be asked for again."""
    hub = Hub()
    hub.others = (FAR,)
    world = World(MINE, hub)
    world.boot(whole=True)
    world.pass_ms(12_000)
    assert world.lines("note")[-1] == "welcome"
    return world, hub


def stops_to(world, rf_id, since_us):
    return [frame for frame in world.frames(since_us) if frame.rf_id == rf_id and frame.intensity == 0]


@pytest.mark.parametrize("move", ["another id", "another hub"])
def test_s05_a_receiver_that_leaves_the_list_while_at_work_is_stopped(move):
    world, hub = connected()
    hub.invoke("Log", {"name": "a"}, [dict(entry(1), shocker={"id": GUID % 8, "name": "?"})])  # the list is asked for …
    hub.map_s = 2
    world.pass_ms(1000)
    if move == "another id":
        hub.shockers = (("CaiXianlin", 4321), *hub.shockers[1:])
    else:
        hub.others = (FAR, GUID % 1)
    world.act(action=SHOCK, level=30, ms=8000, source="console")  # … and comes while somebody feels something
    world.pass_ms(9000)
    assert stops_to(world, 1234, 0)
    since_us = world.time.now_us
    hub.invoke("DeviceUpdate", DEVICE, 2)
    world.pass_ms(4000)
    told = [line for line in world.lines("act") if line.startswith("map stop")]
    assert told == ["map stop 0 for 0 ms to caixianlin 1234"] and stops_to(world, 1234, 0)
    since_us = world.time.now_us
    world.act(action=VIBRATE, level=30, ms=20_000, source="console")
    world.pass_ms(500)
    hub.log(entry(1, STOP, 0, 300))
    stop_us = world.time.now_us
    world.pass_ms(1000)
    assert world.active(since_us)[-1].end_us <= stop_us + FRAME_MS * 1000 + 20_000
    assert stops_to(world, 1234, stop_us)


def test_s05_a_stop_is_obeyed_while_the_new_list_waits_for_the_end_of_what_is_active():
    world, hub = connected()
    hub.map_s = 0.5
    hub.invoke("DeviceUpdate", DEVICE, 2)
    world.pass_ms(300)  # it is under way
    hub.shockers = (("CaiXianlin", 4321), *hub.shockers[1:])
    world.act(action=SHOCK, level=30, ms=9000, source="console")
    world.pass_ms(1500)
    hub.log(entry(1, STOP, 0, 300))
    stop_us = world.time.now_us
    world.pass_ms(3000)
    assert world.active()[-1].end_us <= stop_us + FRAME_MS * 1000 + 20_000
    assert len(stops_to(world, 1234, stop_us)) >= 3


def test_s16_from_the_news_of_a_change_on_nothing_new_goes_to_the_old_id():
    world, hub = connected()
    hub.map_s = 0.4
    for new_id in (4321, 999):  # one edit soon after the other
        hub.shockers = (("CaiXianlin", new_id), *hub.shockers[1:])
        since_us = world.time.now_us
        hub.invoke("DeviceUpdate", DEVICE, 2)
        for _ in range(25):
            hub.log(entry(1, VIBRATE, 30, 300))
            world.pass_ms(100)
        assert {rf_id for _, rf_id, _, _ in kinds(world.active(since_us))} == {new_id}
        assert world.device.refused()["map"] >= 4 and len(world.active(since_us)) > 5, "and it does not take long"
        world.pass_ms(1000)


def test_s16_the_list_is_fetched_as_soon_as_what_is_active_has_ended():
    world, hub = connected()
    hub.log(entry(2, VIBRATE, 30, 3000))
    world.pass_ms(100)
    asked = hub.requests
    hub.invoke("DeviceUpdate", DEVICE, 2)
    for _ in range(25):
        hub.log(entry(1, VIBRATE, 30, 300))  # does not put it off
        world.pass_ms(100)
    assert {rf_id for _, rf_id, _, _ in kinds(world.active())} == {777}
    world.pass_ms(2500)
    assert hub.requests == asked + 1
    hub.log(entry(1, VIBRATE, 30, 300))
    world.pass_ms(500)
    assert world.active()[-1].rf_id == 1234


def test_s05_what_another_hub_is_told_is_no_matter_here():
    world, hub = connected()
    asked, lines = hub.requests, len(world.told)
    hub.log(entry(1, VIBRATE, 30, 9000))
    for _ in range(200):
        hub.log(dict(entry(1, SHOCK, 90, 300), shocker={"id": FAR, "name": "far"}))
        world.pass_ms(100)
    assert hub.requests == asked and world.device.refused() == {}
    assert [line for _, line in world.told[lines:] if "warning" in line] == []
    assert world.active()[-1].end_us - world.active()[0].start_us > 8_900_000
