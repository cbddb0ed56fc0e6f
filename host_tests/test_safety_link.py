"""S10, S11, S16, S17: what a lost, silent, late or repeating hub can do to a device. Over memory, in a virtual time."""

import datetime
import random

import pytest
import simboard

from firmware.command import SHOCK, VIBRATE
from host_tests.safety import chip
from host_tests.safety.hub import Hub, control, entry, frame
from host_tests.safety.oracle import check_pin
from host_tests.safety.world import FRAME_MS, WIFI, World, goodbye_ms, kinds

MANY = tuple(("CaiXianlin", 100 + number) for number in range(16))


@pytest.fixture(autouse=True)
def one_world():
    yield
    World.end()


def connected(hub, settings=None):
    """A world whose device has greeted the hub, which has greeted back."""
    world = World({**WIFI, "cap.budget": 6000, "cap.longest_ms": 30000, **(settings or {})}, hub)
    world.boot(whole=True)
    world.pass_ms(1500)
    assert world.lines("note")[-1] == "welcome"
    return world


def at(world, before_ms=0):
    """executedAt of an order given `before_ms` ago, as OpenShock writes it."""
    when = datetime.datetime.fromtimestamp((world.wall_us() - before_ms * 1000) / 1_000_000, datetime.timezone.utc)
    return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


# S10: connection closed or Wi-Fi lost → all stopped within 250 ms of noticing


def _end(hub):
    hub.wire.end()


def _reset(hub):
    hub.wire.reset(ConnectionResetError(104, "reset by peer"))


def _close(hub):
    hub.wire.say(frame(8, b"\x03\xe8bye"))


def _garbage(hub):
    hub.wire.say(b"\xff\xff\xff\xff garbage")


def _signalr_close(hub):
    hub.say({"type": 7, "allowReconnect": True})


def _no_json(hub):
    hub.wire.say(frame(1, b'{"type":1,"target":\x1e'))


LOSSES = (_end, _reset, _close, _garbage, _signalr_close, _no_json)


@pytest.mark.parametrize("lose", LOSSES)
@pytest.mark.parametrize("n", (1, 16))
def test_s10_a_lost_connection_stops_all_within_a_quarter_of_a_second(lose, n):
    chance = random.Random(n)
    for _ in range(4 if n == 1 else 2):
        hub = Hub(MANY)
        world = connected(hub)
        hub.log(*[entry(number, SHOCK, 30, 20000) for number in range(1, n + 1)])
        world.pass_ms(chance.randrange(100, 1500))
        assert len(world.active()) > 1
        hub.refusing = True
        lose(hub)
        since_us = world.time.now_us
        world.pass_ms(800 + 150 * n)
        assert world.active()[-1].end_us <= since_us + 250_000
        heard = {frame.rf_id for frame in world.active()}
        for rf_id in heard:
            assert goodbye_ms([frame for frame in world.frames(since_us) if frame.rf_id == rf_id]) >= 300
        check_pin(chip.edges())


@pytest.mark.parametrize("ends", (False, True))
def test_s05_a_record_too_large_to_be_read_may_be_a_stop_and_stops_all(ends):
    hub = Hub(MANY)
    world = connected(hub)
    hub.log(entry(1, SHOCK, 30, 20000), entry(2, VIBRATE, 30, 20000))
    world.pass_ms(500)
    assert len(world.active()) > 1
    hub.wire.say(frame(1, b"x" * 17000 + (b"\x1e" if ends else b"")))
    since_us = world.time.now_us
    world.pass_ms(1000)
    assert world.active()[-1].end_us <= since_us + 250_000
    for rf_id in {heard.rf_id for heard in world.active()}:
        assert goodbye_ms([heard for heard in world.frames(since_us) if heard.rf_id == rf_id]) >= 300
    assert any("above 16384 bytes" in line for line in world.lines("note"))
    assert not world.lines("link")[-1].startswith("closed"), "the link stays"


def test_s10_lost_wifi_stops_all():
    for in_ms in (0, 77, 133, 201):
        hub = Hub(MANY)
        world = connected(hub)
        hub.log(entry(1, SHOCK, 30, 20000), entry(2, VIBRATE, 30, 20000))
        world.pass_ms(500 + in_ms)
        world.pins[simboard.WIFI_BYTE] = 0
        hub.silent = True
        since_us = world.time.now_us
        world.pass_ms(2000)
        assert world.active()[-1].end_us <= since_us + (250 + 250) * 1000, "noticed every 250 ms, stopped 250 ms later"
        assert goodbye_ms(world.frames(since_us)) >= 300


def test_s10_a_connection_that_is_lost_while_an_errand_is_under_way_stops_all_as_fast():
    hub = Hub()
    world = connected(hub)
    world.pass_ms(11_000)
    hub.mapless = True
    hub.log(entry(1, SHOCK, 30, 20000), entry(9))  # an unknown one: the map is asked for on a second connection
    world.pass_ms(700)
    n_asked = hub.requests
    hub.wire.end()
    since_us = world.time.now_us
    world.pass_ms(1000)
    assert n_asked == 3 and world.active()[-1].end_us <= since_us + 250_000


# S11: a silent link is noticed within 3 s while something is active, and stops all


def test_s11_a_silent_link_stops_all_within_three_seconds():
    for n, in_ms in ((1, 0), (1, 431), (1, 999), (1, 1777), (4, 600), (16, 1200)):
        hub = Hub(MANY)
        world = connected(hub)
        hub.log(*[entry(number, VIBRATE, 30, 30000) for number in range(1, n + 1)])
        world.pass_ms(500 + in_ms)
        hub.silent = True
        since_us = world.time.now_us
        world.pass_ms(6000)
        assert world.active()[-1].end_us <= since_us + (3000 + FRAME_MS) * 1000
        assert "silent while something is active" in " ".join(world.lines("link"))
        assert goodbye_ms(world.frames(since_us)) >= 300


def test_s11_a_hub_that_takes_nothing_any_more_is_as_silent():
    hub = Hub(MANY)
    world = connected(hub)
    hub.log(entry(1, VIBRATE, 30, 30000))
    world.pass_ms(700)
    hub.silent = True
    hub.wire.clog()  # half open: who writes, waits for ever
    since_us = world.time.now_us
    world.pass_ms(6000)
    assert world.active()[-1].end_us <= since_us + (3000 + FRAME_MS) * 1000


def test_s11_silence_from_long_before_is_not_held_against_a_local_order_but_ends_it_in_time():
    hub = Hub(MANY)
    world = connected(hub)
    hub.silent = True
    world.pass_ms(9000)
    world.act(ms=20000, level=5, source="console")
    since_us = world.time.now_us
    world.pass_ms(6000)
    lasted_ms = (world.active()[-1].end_us - since_us) / 1000
    assert 1000 <= lasted_ms <= 3000 + FRAME_MS


def test_s11_a_hub_that_answers_pings_is_alive_and_one_that_need_not_is_left_alone():
    hub = Hub(MANY)
    world = connected(hub)
    world.pass_ms(10_000)
    assert hub.pings == 0, "nothing is active: nothing to prove"
    hub.log(entry(1, VIBRATE, 10, 20000))
    since_us = world.time.now_us
    world.pass_ms(21_000)
    assert 15 <= hub.pings <= 21, "about one a second"
    assert (world.active()[-1].end_us - since_us) / 1000 > 19_900, "and so it runs its time"


# S16: stale orders are refused


def test_s16_orders_older_than_two_seconds_are_refused():
    hub = Hub()
    world = connected(hub)
    for age_ms in (2100, 2500, 10_000, 3_600_000, 40_000_000_000):
        hub.log(entry(1, SHOCK, 30, 500, at(world, age_ms)))
        world.pass_ms(100)
    assert world.active() == [] and world.device.refused() == {"stale": 5}
    hub.log(entry(1, SHOCK, 30, 500, at(world, 1800)))
    world.pass_ms(500)
    assert kinds(world.active()) == [("caixianlin", 1234, "shock", 30)]


def test_s16_an_order_overtaken_by_a_newer_one_is_refused_even_without_a_clock():
    hub = Hub()
    world = connected(hub)
    new, old = at(world), at(world, 900)
    world.clock_set = False
    hub.log(entry(1, VIBRATE, 20, 3000, new))
    world.pass_ms(200)
    hub.log(entry(1, SHOCK, 90, 3000, old))
    world.pass_ms(500)
    assert kinds(world.active()) == [("caixianlin", 1234, "vibrate", 20)] and world.device.refused() == {"stale": 1}


@pytest.mark.parametrize("lose", LOSSES)
def test_s16_nothing_from_before_a_reconnect_is_carried_out_after_it(lose):
    hub = Hub()
    world = connected(hub)
    asked = at(world)  # asked for, and held up on its way
    world.pass_ms(50)
    lose(hub)
    since_us = world.time.now_us
    while len(hub.sockets) < 2:
        world.pass_ms(20)
        assert world.time.now_us < since_us + 90_000_000
    world.pass_ms(20)
    world.unix_offset_us -= max(0, world.time.now_us - since_us - 500_000)  # as if it had taken half a second
    hub.log(entry(1, SHOCK, 30, 1000, asked))
    world.pass_ms(500)
    assert world.frames() == [] and world.device.refused() == {"stale": 1}
    hub.log(entry(1, SHOCK, 30, 1000, at(world)))
    world.pass_ms(500)
    assert kinds(world.active()) == [("caixianlin", 1234, "shock", 30)]


def test_s16_a_running_command_does_not_come_back_with_the_connection():
    hub = Hub()
    world = connected(hub)
    hub.log(entry(1, SHOCK, 30, 30000, at(world)))
    world.pass_ms(1000)
    hub.wire.end()
    world.pass_ms(400)
    since_us = world.time.now_us
    world.pass_ms(8000)
    assert len(hub.sockets) == 2 and world.active(since_us) == []


# S17: a repeated message is refused


def test_s17_the_same_order_twice_is_carried_out_once():
    hub = Hub()
    world = connected(hub)
    order = entry(1, SHOCK, 30, 300, at(world))
    for _ in range(3):
        hub.log(order)
        world.pass_ms(700)
    assert len(world.active()) == 7 and world.device.refused() == {"repeated": 2}


def test_s17_the_same_invocation_twice_is_carried_out_once():
    hub = Hub()
    world = connected(hub)
    for number in range(40):
        hub.invoke("Control", [control(1, SHOCK, 30 + number, 50)], "x", invocation_id="a%d" % number)
        world.pass_ms(500)
        since_us = world.time.now_us
        hub.invoke("Control", [control(1, SHOCK, 90, 500)], "x", invocation_id="a%d" % max(0, number - 30))
        hub.invoke("Control", [control(1, SHOCK, 91, 500)], "x", invocation_id="a%d" % number)
        world.pass_ms(500)
        assert world.active(since_us) == []
    assert world.device.refused() == {"repeated": 80}


def test_s17_a_recorded_session_played_again_does_nothing():
    hub = Hub()
    world = connected(hub)
    said = []
    say = hub.say
    hub.say = lambda record: said.append(record) or say(record)
    for number in range(4):
        hub.log(entry(1, SHOCK, 30, 100, at(world)), entry(2, VIBRATE, 40 + number, 100, at(world)))
        hub.invoke("ControlV2", [control(1, VIBRATE, 10 + number, 100)], "x", invocation_id=str(number))
        world.pass_ms(450)
    world.pass_ms(500)
    since_us = world.time.now_us
    for record in list(said):
        say(record)
        world.pass_ms(100)
    assert world.active(since_us) == [], "at once, on the same connection"
    refused = world.device.refused()
    assert refused["repeated"] + refused["stale"] == 12
    hub.wire.end()
    world.pass_ms(5000)
    assert len(hub.sockets) == 2
    for record in list(said):
        if record["target"] == "Log":
            say(record)
            world.pass_ms(100)
    assert world.active(since_us) == [], "and on the next one"
