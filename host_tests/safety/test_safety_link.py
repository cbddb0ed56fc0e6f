"""S10, S11, S16, S17: what a lost, silent, late or repeating hub can do to a device. Over memory, in a virtual time."""

import asyncio
import datetime
import email.utils
import json
import random

import pytest
import simboard

from firmware.command import SHOCK, STOP, VIBRATE
from firmware.link import setup
from host_tests.safety import chip
from host_tests.safety.hub import DEVICE, GUID, Hub, control, entry, frame
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


def test_s11_a_hub_that_talks_on_but_takes_nothing_is_left():
    hub = Hub(MANY)
    world = connected(hub)
    hub.wire.clog()
    hub.log(entry(1, VIBRATE, 30, 30000))
    since_us = world.time.now_us
    for _ in range(150):
        hub.wire.say(frame(9, b"?"))
        world.pass_ms(100)
    assert "takes nothing" in " ".join(world.lines("link"))
    assert world.active()[-1].end_us <= since_us + 11_000_000


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


def timed(monkeypatch, ahead_s, ours_ahead_s=0, tells=True):
    """(hub, world): the hub's clock is `ahead_s` ahead of the true time, ours `ours_ahead_s`."""
    hub = Hub()
    world = World({**WIFI, "cap.budget": 6000, "cap.longest_ms": 30000}, hub)
    true_us = world.unix_offset_us
    world.unix_offset_us += ours_ahead_s * 1_000_000
    monkeypatch.setattr(setup, "unix_us", world.wall_us)

    def date():
        now_s = (world.time.now_us + true_us) // 1_000_000 + ahead_s
        return email.utils.formatdate(now_s, usegmt=True).encode()

    hub.date = date if tells else None
    world.boot(whole=True)
    world.pass_ms(1500)
    assert world.lines("note")[-1] == "welcome"
    return hub, world


@pytest.mark.parametrize(("ahead_s", "ours_ahead_s"), ((3, 0), (-3, 0), (0, 3), (0, -7200), (40, 2)))
def test_s16_the_age_of_an_order_is_judged_by_the_clock_of_its_sender(monkeypatch, ahead_s, ours_ahead_s):
    hub, world = timed(monkeypatch, ahead_s, ours_ahead_s)
    ahead_ms = (ahead_s - ours_ahead_s) * 1000
    assert [line for line in world.lines("time") if "the clock of the service is" in line], "it is told"
    doubted = world.device.dispatcher.on_stale.__self__
    assert doubted._doubted, "it may be our clock that is wrong"
    hub.log(entry(1, SHOCK, 30, 500, at(world, -ahead_ms)))
    world.pass_ms(700)
    assert kinds(world.active()) == [("caixianlin", 1234, "shock", 30)]
    hub.log(entry(1, SHOCK, 40, 500, at(world, 2700 - ahead_ms)))  # a Date is exact to a second
    hub.log(entry(2, SHOCK, 40, 500, at(world, -2700 - ahead_ms)))
    world.pass_ms(700)
    assert kinds(world.active()) == [("caixianlin", 1234, "shock", 30)]
    assert world.device.refused() == {"stale": 1, "future": 1}


def test_s16_what_was_asked_for_before_a_stop_is_too_old_by_the_senders_clock(monkeypatch):
    hub, world = timed(monkeypatch, 5)
    early = at(world, -5000)
    world.pass_ms(1000)
    world.device.dispatcher.halt("story")
    hub.log(entry(1, SHOCK, 30, 500, early))
    world.pass_ms(300)
    assert world.active() == [] and world.device.refused() == {"stale": 1}
    hub.log(entry(1, SHOCK, 30, 500, at(world, -5000)))
    world.pass_ms(300)
    assert world.active()


def test_s16_a_clock_of_ours_that_is_put_right_is_no_longer_made_up_for(monkeypatch):
    hub, world = timed(monkeypatch, 0, -10)
    world.unix_offset_us += 10_000_000
    world.device.dispatcher.on_stale.__self__.on_step(10_000_000)
    hub.log(entry(1, SHOCK, 30, 500, at(world)))
    world.pass_ms(300)
    assert world.active()
    hub.log(entry(2, SHOCK, 30, 500, at(world, 2100)))
    world.pass_ms(300)
    assert world.device.refused() == {"stale": 1}


def test_s16_clocks_that_agree_to_a_second_are_the_same(monkeypatch):
    hub, world = timed(monkeypatch, 0)
    assert not [line for line in world.lines("time") if "the clock of the service is" in line]
    assert world.device.dispatcher.ahead_us == 0 and not world.device.dispatcher.on_stale.__self__._doubted
    hub, world = timed(monkeypatch, 3, tells=False)
    hub.log(entry(1, SHOCK, 30, 500, at(world, -3000)))
    world.pass_ms(300)
    assert world.device.refused() == {"future": 1}, "nobody has told"


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


# S27: a flood of orders delays a stop by one frame, not by the flood


def _repeats(n, chance, numbers=(1,)):
    """`n` records of live control, as many messages: each says something else than the one before."""
    entries = [entry(chance.choice(numbers), VIBRATE, chance.randrange(1, 100), 9000) for _ in range(n)]
    records = [{"type": 1, "target": "Log", "arguments": [{"name": "flood"}, [each]]} for each in entries]
    return b"".join(frame(1, json.dumps(record).encode() + b"\x1e") for record in records)


def _stops(hub, kind):
    """What the hub says to stop everything, as bytes."""
    if kind == "estop":
        record = {"type": 1, "target": "EmergencyStop", "arguments": [DEVICE]}
    else:
        entries = [entry(number, STOP, 0, 300) for number in range(1, len(hub.shockers) + 1)]
        record = {"type": 1, "target": "Log", "arguments": [{"name": "flood"}, entries]}
    return frame(1, json.dumps(record).encode() + b"\x1e")


@pytest.mark.parametrize("kind", ("stop", "estop"))
@pytest.mark.parametrize("n", (1, 11, 16))
def test_s27_a_stop_behind_a_thousand_orders_waits_for_one_frame_alone(n, kind):
    chance = random.Random(27)
    for _ in range(3):
        hub = Hub(MANY[:n])
        world = connected(hub)
        hub.log(*[entry(number, SHOCK, 30, 20000) for number in range(1, n + 1)])
        world.pass_ms(100 + 46 * n + chance.randrange(500))
        assert len({each.rf_id for each in world.active()}) == n
        flood_us = world.time.now_us
        hub.wire.say(_repeats(1000, chance, range(1, n + 1)) + _stops(hub, kind))
        world.pass_ms(4000)
        begun = world.active(flood_us)
        assert len(begun) <= 1 and hub.wire.read_us - flood_us > 300_000, "it takes so long until the stop is there"
        for each in MANY[:n]:
            assert goodbye_ms([told for told in world.frames(flood_us) if told.rf_id == each[1]]) >= 300
        check_pin(chip.edges())


def test_s27_the_newest_order_for_each_receiver_is_what_is_carried_out():
    chance = random.Random(28)
    for n_before in (1, 3, 9, 400):
        hub = Hub(MANY[:4])
        world = connected(hub)
        hub.log(*[entry(number, SHOCK, 30, 9000) for number in range(1, 5)])
        world.pass_ms(400)
        since_us = world.time.now_us
        last = [entry(number, VIBRATE, 60 + number, 700) for number in range(1, 5)]
        record = {"type": 1, "target": "Log", "arguments": [{"name": "flood"}, last]}
        hub.wire.say(_repeats(n_before, chance, range(1, 5)) + frame(1, json.dumps(record).encode() + b"\x1e"))
        world.pass_ms(2500)
        begun = {(each.rf_id, each.intensity) for each in world.active(since_us)} - {(99 + n, 30) for n in range(1, 5)}
        assert begun == {(99 + n, 60 + n) for n in range(1, 5)}
        assert world.device.refused() == {"overtaken": n_before}
        assert any("%d orders came with a newer one" % n_before in line for line in world.lines("note"))


def test_s27_what_came_before_a_stop_does_not_come_back_behind_it():
    for stop in ("stop", "estop", "console", "button", "other"):
        hub = Hub(MANY[:2])
        world = connected(hub)
        hub.log(entry(1, VIBRATE, 10, 9000))
        world.pass_ms(300)
        hub.wire.say(_repeats(30, random.Random(1), (1, 2)))
        world.loop.run_until_complete(asyncio.sleep(1e-9))
        world.loop.run_until_complete(asyncio.sleep(1e-9))
        assert world.device.dispatcher._inbox._actions, "some of it waits"
        since_us = world.time.now_us
        if stop == "console":
            world.device.dispatcher.halt("console")
        elif stop == "button":
            world.press(0, 50)
            world.pass_ms(20)
        elif stop == "other":
            for number in (0, 1):
                world.stop(rf_id=MANY[number][1])
        else:
            hub.wire._coming.clear()
            hub.wire.say(_stops(hub, stop))
        hub.wire._coming = hub.wire._coming if stop in ("stop", "estop") else []
        world.pass_ms(1500)
        assert world.active(since_us) == [], stop


@pytest.mark.parametrize(("window", "toll_us"), ((5744, 0), (1 << 30, 4000)))
def test_s27_stop_frames_go_on_while_a_flood_is_read(window, toll_us):
    hub = Hub(MANY[:2])
    world = connected(hub)
    hub.log(entry(1, VIBRATE, 10, 20000), entry(2, VIBRATE, 10, 20000))
    world.pass_ms(400)
    flood_us = world.time.now_us
    hub.wire.window, hub.wire.toll_us = window, toll_us
    hub.wire.say(_stops(Hub(MANY[:1]), "stop") + _repeats(3000, random.Random(3), (2,)))
    world.pass_ms(1000)
    assert hub.wire._coming, "it is still being read"
    told = [each for each in world.frames(flood_us) if each.rf_id == MANY[0][1]]
    assert goodbye_ms(told) >= 300 and told[-1].end_us < flood_us + 600_000
    world.pass_ms(3000)
    assert max(after - before for before, after in zip(world.meals, world.meals[1:])) < 3_000_000, "it is never hungry"


def test_s27_refusals_of_a_flood_cost_little_and_are_counted():
    hub = Hub(MANY[:1])
    world = connected(hub)
    hub.log(entry(1, VIBRATE, 10, 9000))
    world.pass_ms(200)
    entries = [dict(entry(1, VIBRATE, 10, 100), shocker={"id": GUID % 9, "name": "?"}) for _ in range(500)]
    flood_us = world.time.now_us
    for at in range(0, 500, 50):
        hub.log(*entries[at : at + 50])
    hub.wire.say(_stops(hub, "stop"))
    world.pass_ms(2000)
    assert len(world.active(flood_us)) <= 1
    assert world.device.refused() == {"unknown": 500}
    assert len(world.lines("refused")) <= 45 and "refusals, notes and events" in " ".join(world.lines("note"))


# S5: a stop never waits, whatever the answers of the device do


@pytest.mark.parametrize("kind", ("stop", "estop", "invoked"))
@pytest.mark.parametrize("busy_by", ("pings", "invocations"))
def test_s05_a_stop_does_not_wait_behind_an_answer_that_nobody_takes(kind, busy_by):
    hub = Hub(MANY[:2])
    world = connected(hub, {"openshock_user.device_id": DEVICE})
    hub.log(entry(1, SHOCK, 30, 20000), entry(2, SHOCK, 30, 20000))
    world.pass_ms(700)
    hub.wire.clog()
    for number in range(20):
        if busy_by == "pings":
            hub.wire.say(frame(9, b"are you there"))
        else:
            hub.invoke("Nothing", number, invocation_id="id-%d" % number)
            hub.invoke("Control", [control(1, VIBRATE, 5, 100)], "x", invocation_id="act-%d" % number)
    world.pass_ms(300)
    since_us = world.time.now_us
    if kind == "invoked":
        hub.invoke("Control", [control(1, STOP, 0, 300), control(2, STOP, 0, 300)], "x", invocation_id="stop")
    else:
        hub.wire.say(_stops(hub, kind))
    world.pass_ms(1000)
    assert len(world.active(since_us)) <= 1
    assert all(
        goodbye_ms([told for told in world.frames(since_us) if told.rf_id == rf_id]) >= 300 for rf_id in (100, 101)
    )


def test_s05_answers_still_leave_at_once():
    hub = Hub()
    world = connected(hub)
    hub.invoke("Control", [control(1, VIBRATE, 5, 100)], "x", invocation_id="one")
    world.pass_ms(5)
    assert [record for record in hub.records if record.get("invocationId") == "one"]


FORMS = (
    ("EmergencyStop",),
    ("EmergencyStop", None),
    ("EmergencyStop", 7),
    ("EmergencyStop", [DEVICE]),
    ("EmergencyStop", DEVICE.replace("-", "")),
    ("emergencystop", DEVICE.upper()),
    *[("Control", [dict(control(n), type=form) for n in (1, 2)]) for form in ("Stop", 0.0, False, None, "stop", "0")],
    ("Control", [control(2, STOP), dict(control(1), type="STOP", intensity="x", duration=None)]),
    ("Log", {"name": "x"}, [dict(entry(n), type=form) for n, form in ((1, 0.0), (2, "Stop"))]),
    ("Log", None, [dict(entry(n), type=form) for n, form in ((1, False), (2, None))]),
)


@pytest.mark.parametrize("form", FORMS)
def test_s05_whoever_may_send_and_seems_to_mean_stop_stops(form):
    hub = Hub(MANY[:2])
    world = connected(hub, {"openshock_user.device_id": DEVICE})
    hub.log(entry(1, SHOCK, 30, 9000), entry(2, VIBRATE, 30, 9000))
    world.pass_ms(500)
    since_us = world.time.now_us
    hub.invoke(*form)
    world.pass_ms(1200)
    assert world.active(since_us) == []
    for rf_id in (100, 101):
        assert goodbye_ms([told for told in world.frames(since_us) if told.rf_id == rf_id]) >= 300


def test_s05_an_emergency_stop_of_another_device_is_not_ours():
    hub = Hub(MANY[:1])
    world = connected(hub, {"openshock_user.device_id": DEVICE})
    hub.log(entry(1, VIBRATE, 30, 2000))
    world.pass_ms(300)
    hub.invoke("EmergencyStop", GUID % 7)
    world.pass_ms(500)
    assert not world.device.latch.latched and len(world.active()) > 10
