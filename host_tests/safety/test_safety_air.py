"""S1–S5, S21, S24: what is on the air. The whole device in a virtual world, its trace judged by the decoder alone."""

import json
import random

import pytest

from firmware.command import ACT, HALT, LIGHT, SHOCK, SOUND, STOP, VIBRATE, means_stop
from host_tests.safety import chip
from host_tests.safety.hub import GUID, Hub, control, entry
from host_tests.safety.oracle import LONGEST_MARK_US, check_air, check_pin, on_air
from host_tests.safety.world import FRAME_MS, WIFI, World, goodbye_ms, kinds, order, said, silent

MODELS = ("caixianlin", "petrainer", "petrainer998dr", "wellturnt330", "d80")
BOUNDLESS = {"cap.unverified_shock": True, "cap.budget": 6000, "cap.longest_ms": 30000, "cap.rest_ms": 1000}
NAN = float("nan")
NO_NUMBERS = (None, True, False, 1.0, 50.0, NAN, float("inf"), -float("inf"), "", "50", b"50", [], [50], {}, (50,))


@pytest.fixture(autouse=True)
def one_world():
    yield
    World.end()


# S1: the pin is never high longer than the model's longest mark; after a frame it is low


@pytest.mark.parametrize("model", MODELS)
def test_s01_no_mark_is_longer_than_the_models_longest(model):
    world = World(BOUNDLESS)
    world.boot()
    for rf_id, action, level in ((0, VIBRATE, 1), (65535, SHOCK, 100), (0xAAAA, SOUND, 50), (0x5555, VIBRATE, 99)):
        world.act(model=model, rf_id=rf_id, action=action, level=level, ms=200)
        world.pass_ms(900)
    check_pin(chip.edges(), LONGEST_MARK_US[model], slack_us=15)
    assert len(world.active()) >= 15


def test_s01_the_pin_is_low_whatever_ends_a_frame():
    ends = []
    for n_polls in (20, 40, 57, 300, 1111, 5000):
        for what in (MemoryError, OSError, "press"):
            world = World()
            world.boot()
            world.player.at_poll = _after(n_polls, what, world)
            world.act(ms=1000)
            world.pass_ms(3)
            ends.append(world.pins.get(chip.RF_PIN, 0))
            assert world.player.masked == 0
            world.pass_ms(2000)
            check_pin(chip.edges())
            assert silent(world.frames()[-1])
    assert ends == [0] * 18


def _after(n_polls, what, world):
    """What raises `what` at that poll, or presses the button there."""
    left = [n_polls]

    def at_poll():
        left[0] -= 1
        if left[0] == 0:
            world.player.at_poll = None
            if what != "press":
                raise what
            world.press(0, 1500)

    return at_poll


# S2: every burst decodes to exactly one frame of what was admitted


def test_s02_every_frame_is_one_that_was_admitted():
    chance = random.Random(2)
    world = World(BOUNDLESS)
    device = world.boot()
    admitted = set()
    for _ in range(120):
        model = chance.choice(MODELS)
        what = {
            "model": model,
            "rf_id": chance.choice((0, 1, 1234, 40000, 65535)),
            "action": chance.choice((SHOCK, VIBRATE, SOUND, LIGHT)),
            "level": chance.choice((0, 1, 6, 7, 50, 99, 100)),
        }
        before = sum(device.refused().values())
        world.act(ms=chance.choice((1, 60, 300, 700)), **what)
        if sum(device.refused().values()) == before:
            admitted.add(on_air(model, what["rf_id"], what["action"], what["level"]))
        world.pass_ms(chance.choice((0, 20, 100, 400)))
    world.pass_ms(6000)
    frames = world.frames()
    check_air(frames, admitted)
    assert len(frames) > 350 and len({said(frame) for frame in frames}) > 60


def test_s02_a_new_level_is_on_the_air_at_once_and_nothing_of_the_old_one_is():
    world = World(BOUNDLESS)
    world.boot()
    for level in (10, 20, 30, 20, 10):
        world.act(level=level, ms=5000)
        since_us = world.time.now_us
        world.pass_ms(300)
        assert kinds(world.frames(since_us)) == [("caixianlin", 1234, "vibrate", level)]


# S3: nothing active after start + duration + one frame


def test_s03_nothing_is_active_after_its_time_and_one_frame():
    chance = random.Random(3)
    for _ in range(120):
        world = World(BOUNDLESS, now_us=chance.randrange(1 << 32))
        world.boot()
        n = chance.choice((1, 1, 2, 5))
        ends_us = {}
        for rf_id in range(n):
            model = chance.choice(MODELS)
            ms = chance.choice((1, 2, 44, 45, 46, 59, 60, 300, 999))
            world.act(model=model, rf_id=rf_id, action=chance.choice((SHOCK, VIBRATE, SOUND)), level=33, ms=ms)
            ends_us[rf_id] = world.time.now_us + (ms + FRAME_MS) * 1000
        world.pass_ms(3000)
        for frame in world.active():
            assert frame.end_us <= ends_us[frame.rf_id], said(frame)
        assert {frame.rf_id for frame in world.frames()} == set(range(n))


def test_s03_a_command_lasts_its_time_no_more_and_no_less():
    for ms, n_frames in ((1, 1), (45, 1), (46, 2), (1000, 23), (10000, 222)):
        world = World(BOUNDLESS)
        world.boot()
        world.act(ms=ms, level=5)
        start_us = world.time.now_us
        world.pass_ms(ms + 2000)
        assert len(world.active()) == n_frames
        assert world.active()[-1].start_us <= start_us + ms * 1000
        assert goodbye_ms(world.frames()) >= 300


def test_s03_a_long_stall_of_the_device_makes_nothing_longer():
    world = World()
    world.boot()
    world.act(ms=1000)
    world.pass_ms(400)
    stalled_us = world.time.now_us
    world.time.sleep(5_000_000)  # a scan, a handshake: nobody could look at anything
    world.pass_ms(1000)
    assert kinds(world.frames(stalled_us)) == [("caixianlin", 1234, "vibrate", 0)]
    assert goodbye_ms(world.frames(stalled_us)) >= 300


# S4: every command is bounded; what is wrong is refused, never bent upwards


def test_s04_what_is_no_whole_number_in_its_range_makes_no_edge():
    wrong = [{"level": value} for value in (*NO_NUMBERS, -1, 101, 1 << 40)]
    wrong += [{"ms": value} for value in (*NO_NUMBERS, -1, 0, 30001, 65535, 1 << 40)]
    wrong += [{"rf_id": value} for value in (*NO_NUMBERS, -1, 65536, 1 << 40)]
    wrong += [{"action": value} for value in (*NO_NUMBERS, -1, 5, 255) if not means_stop(value)]
    wrong += [{"asked_us": value} for value in (*NO_NUMBERS[1:], NAN)]
    world = World(BOUNDLESS)
    device = world.boot()
    for what in wrong:
        world.act(**what)
        world.pass_ms(10)
    assert chip.edges() == [] and sum(device.refused().values()) == len(wrong)
    world.act(level=100, ms=1)
    world.act(rf_id=65535, level=1, ms=100)
    world.pass_ms(1500)
    assert {said(frame) for frame in world.active()} == {
        ("caixianlin", 1234, "vibrate", 99),
        ("caixianlin", 65535, "vibrate", 1),
    }


def test_s04_the_longest_command_is_thirty_seconds():
    world = World(BOUNDLESS)
    world.boot()
    world.act(ms=30000, level=1)
    world.pass_ms(31000)
    assert 29_900 <= (world.active()[-1].start_us - world.active()[0].start_us) / 1000 <= 30_000


def test_s04_a_body_of_rubbish_from_the_hub_makes_no_edge():
    hub = Hub()
    world = World({**WIFI, **BOUNDLESS}, hub)
    world.boot(whole=True)
    world.pass_ms(1000)
    chance = random.Random(4)
    rubbish = [None, True, -1, 1e300, 3.5, "", "50", "\x00", [], [[]], {}, {"id": 1}, 1 << 70, -0.0]
    for _ in range(400):
        body = control()
        for field in chance.sample(sorted(body), chance.randrange(1, 4)):
            if chance.random() < 0.3:
                del body[field]
            else:
                body[field] = chance.choice(rubbish)
        if _whole(body):
            continue
        hub.invoke(chance.choice(("Control", "ControlV2", "Log")), chance.choice(([body], body, [[body]])), "x")
        world.pass_ms(5)
    assert world.active() == []
    hub.log(entry(1, VIBRATE, 50, 300))
    world.pass_ms(700)
    assert ("caixianlin", 1234, "vibrate", 50) in kinds(world.frames()), "it listens still"


def _whole(body):
    """True when chance made a good command of it, or a stop."""
    return json.dumps(body.get("type")) in "01234" and all(
        type(body.get(field)) is int and low <= body[field] <= high
        for field, low, high in (("intensity", 0, 100), ("duration", 1, 30000))
    )


# S5: stop needs no queue space, overtakes everything, from any source


@pytest.mark.parametrize("n", (1, 4, 16, 64))
def test_s05_a_stop_is_the_next_frame_on_the_air_however_many_there_are(n):
    world = World(BOUNDLESS)
    world.boot()
    for rf_id in range(n):
        world.act(rf_id=rf_id, level=10, ms=20000)
    world.pass_ms(500)
    world.stop(rf_id=n // 2)
    since_us = world.time.now_us
    world.pass_ms(60)
    assert said(world.frames(since_us)[0]) == ("caixianlin", n // 2, "vibrate", 0)
    world.pass_ms(10_000)
    assert n // 2 not in {frame.rf_id for frame in world.active(since_us)}
    assert n == 1 or len({frame.rf_id for frame in world.active(since_us)}) == n - 1, "the others run on"


def test_s05_a_stop_of_all_is_heard_by_all_before_anything_else():
    world = World(BOUNDLESS)
    world.boot()
    for rf_id in range(16):
        world.act(rf_id=rf_id, level=10, ms=20000)
    world.pass_ms(1000)
    world.obey(HALT, "somebody")
    since_us = world.time.now_us
    world.pass_ms(4000)
    frames = world.frames(since_us)
    assert world.active(since_us) == []
    assert {frame.rf_id for frame in frames[:16]} == set(range(16)), "one to each first"
    for rf_id in range(16):
        assert goodbye_ms([frame for frame in frames if frame.rf_id == rf_id]) >= 300


def test_s05_a_stop_passes_when_the_air_is_full_and_whatever_else_is_wrong_with_it():
    world = World(BOUNDLESS)
    device = world.boot()
    for rf_id in range(70):
        world.act(rf_id=rf_id, level=10, ms=20000)
    assert device.refused() == {"full": 6}
    world.stop(rf_id=60000)  # nobody that we started: another remote may have
    since_us = world.time.now_us
    world.pass_ms(60)
    assert said(world.frames(since_us)[0]) == ("caixianlin", 60000, "vibrate", 0)
    for rf_id, wrong in enumerate(({"level": NAN}, {"ms": -5}, {"level": None, "ms": None}, {"asked_us": 5})):
        what = {"level": 0, "ms": 0, **wrong}
        world.obey(ACT, order(action=STOP, rf_id=rf_id, **what))
    since_us = world.time.now_us
    world.pass_ms(5000)
    assert not {0, 1, 2, 3} & {frame.rf_id for frame in world.active(since_us)}
    assert device.refused() == {"full": 6}


def test_s05_stops_to_receivers_that_nobody_knows_hinder_no_stop_that_matters():
    for n_ours in (1, 11):
        world = World(BOUNDLESS)
        device = world.boot()
        for rf_id in range(n_ours):
            world.act(rf_id=rf_id, level=10, ms=20000)
        world.pass_ms(100 + 50 * n_ours)
        assert len({frame.rf_id for frame in world.active()}) == n_ours
        for rf_id in range(1000, 1128):
            world.stop(rf_id=rf_id)
        for rf_id in range(n_ours):
            world.stop(rf_id=rf_id)
        since_us = world.time.now_us
        world.pass_ms(200 * (n_ours + 12))
        frames = world.frames(since_us)
        assert {frame.rf_id for frame in frames[:n_ours]} == set(range(n_ours)), "who was active hears it first"
        assert world.active(since_us) == []
        for rf_id in range(n_ours):
            assert goodbye_ms([frame for frame in frames if frame.rf_id == rf_id]) >= 300
        assert len({frame.rf_id for frame in frames}) == n_ours + 12, "and no more of the others than fit"
        assert device.refused() == {"full": 116}
        since_us = world.time.now_us
        world.pass_ms(200_000)
        assert {frame.rf_id for frame in world.frames(since_us)} == set(range(n_ours)), (
            "who was never ours is not kept awake"
        )


def test_s05_a_flood_of_stops_leaves_room_for_those_who_act():
    world = World(BOUNDLESS)
    device = world.boot()
    for rf_id in range(1000, 1100):
        world.stop(rf_id=rf_id)
        world.pass_ms(60)
    refused = device.refused().get("full", 0)
    for rf_id in range(5000, 5048):
        world.act(rf_id=rf_id, level=10, ms=100)
    assert device.refused().get("full", 0) == refused


def test_s05_a_receiver_that_was_ours_can_be_stopped_however_many_others_are():
    world = World(BOUNDLESS)
    world.boot()
    world.act(rf_id=7, level=10, ms=300)
    world.pass_ms(2000)
    for rf_id in range(1000, 1040):
        world.stop(rf_id=rf_id)
    since_us = world.time.now_us
    world.stop(rf_id=7)
    world.pass_ms(60)
    assert said(world.frames(since_us)[0]) == ("caixianlin", 7, "vibrate", 0)


def test_s05_a_stop_passes_while_locked_latched_and_over_the_rate():
    for hinder in (
        lambda world: world.device.dispatcher.lock("update"),
        lambda world: world.device.dispatcher.emergency("x"),
        lambda world: [world.act(rf_id=9, level=level, ms=1) for level in range(30)],
    ):
        world = World()
        world.boot()
        hinder(world)
        world.pass_ms(3000)
        since_us = world.time.now_us
        world.stop(rf_id=9)
        world.pass_ms(1000)
        assert kinds(world.frames(since_us)) == [("caixianlin", 9, "vibrate", 0)]
        assert goodbye_ms(world.frames(since_us)) >= 300


def test_s05_an_order_that_was_asked_for_before_a_stop_comes_too_late():
    for stop in (lambda world, at: world.stop(asked_us=at), lambda world, at: world.stop(), _stop_all):
        world = World()
        device = world.boot()
        world.pass_ms(100)
        stop(world, world.wall_us())
        world.pass_ms(50)
        world.act(level=70, asked_us=world.wall_us() - 500_000)  # it was under way when the stop came
        world.pass_ms(1000)
        assert world.active() == [] and device.refused() == {"stale": 1}
        world.act(level=70, asked_us=world.wall_us() - 5_000)
        world.pass_ms(1000)
        assert kinds(world.active()) == [("caixianlin", 1234, "vibrate", 70)]


def _stop_all(world, _):
    world.obey(HALT, "somebody")


# S6: whoever is stopped hears it, a 998DR without end frames too


def test_s06_a_998dr_without_end_frames_hears_none_unless_it_is_stopped():
    bare = {"rf.end_frames_998dr": False}
    for settings in (bare, {}):
        world = World(settings)
        world.boot()
        for model in ("petrainer998dr", "d80"):
            world.act(model=model, level=30, ms=500)
        world.pass_ms(130_000)  # keep-alives, too
        silent_to = {frame.model for frame in world.frames() if silent(frame)}
        assert silent_to == ({"d80"} if settings else {"petrainer998dr", "d80"})
        assert {frame.model for frame in world.active()} == {"petrainer998dr", "d80"}
    world = World(bare)
    world.boot()
    for stop in (world.stop, lambda **what: world.device.dispatcher.halt("test")):
        world.act(model="petrainer998dr", level=30, ms=5000)
        world.pass_ms(700)
        since_us = world.time.now_us
        stop(model="petrainer998dr")
        world.pass_ms(2000)
        assert goodbye_ms(world.frames(since_us)) >= 300
    since_us = world.time.now_us
    world.stop(model="petrainer998dr")  # nothing of ours runs there any more
    world.pass_ms(2000)
    assert goodbye_ms(world.frames(since_us)) >= 300
    world.act(model="petrainer998dr", level=30, ms=5000)
    world.pass_ms(700)
    since_us = world.time.now_us
    world.press(5, 100)
    world.pass_ms(2000)
    assert goodbye_ms(world.frames(since_us)) >= 300


# S21: an unknown id, model or action makes no radio


def test_s21_an_unknown_model_action_or_channel_makes_no_edge():
    world = World(BOUNDLESS)
    device = world.boot()
    models = (
        "",
        "Caixianlin",
        "collar",
        "../app",
        "__init__",
        "os",
        "a.b",
        "x" * 500,
        None,
        7,
        ["caixianlin"],
        {},
        b"d80",
    )
    for model in models:
        world.act(model=model)
        world.stop(model=model)
    for model, action in (("petrainer", LIGHT), ("d80", LIGHT), ("wellturnt330", LIGHT)):
        world.act(model=model, action=action)
    for model, channel in (
        ("caixianlin", 16),
        ("d80", 0),
        ("d80", 4),
        ("petrainer", 1),
        ("wellturnt330", -1),
        ("d80", []),
    ):
        world.act(model=model, channel=channel)
    world.pass_ms(3000)
    assert chip.edges() == []
    assert device.refused() == {"model": 2 * len(models), "unsupported": 9}


def test_s21_what_the_map_of_the_hub_does_not_know_makes_no_edge():
    hub = Hub((("CaiXianlin", 1234), ("Collar3000", 7), ("CaiXianlin", 70000), ("CaiXianlin", "5")))
    world = World(WIFI, hub)
    device = world.boot(whole=True)
    world.pass_ms(1000)
    for number in (2, 3, 4, 5):
        hub.log(entry(number))
        hub.invoke("Control", [control(number)], "x")
    hub.log({**entry(1), "shocker": {"id": GUID % 9}})
    hub.log(entry(1, 9), entry(1, -1), entry(1, "2"))
    world.pass_ms(3000)
    assert chip.edges() == []
    assert device.refused() == {"unknown": 9, "action": 3}


# S24: several sources: newest wins per shocker, stop from any wins


def test_s24_the_newest_order_wins_whoever_gave_it():
    world = World(BOUNDLESS)
    world.boot()
    pairs = [("gateway", "portal"), ("live", "gateway"), ("console", "live"), ("portal", "console")]
    for level, (first, second) in enumerate(pairs, 10):
        world.act(source=first, level=90, action=SHOCK, ms=3000)
        world.pass_ms(100)
        world.act(source=second, level=level, ms=1000)
        since_us = world.time.now_us
        world.pass_ms(500)
        assert kinds(world.frames(since_us)) == [("caixianlin", 1234, "vibrate", level)], "one at a time, the newest"
        world.stop(source=first)
        since_us = world.time.now_us
        world.pass_ms(1500)
        assert kinds(world.frames(since_us)) == [("caixianlin", 1234, "vibrate", 0)], "anyone may stop it"


def test_s24_two_in_the_same_moment_are_one_and_other_shockers_keep_theirs():
    world = World(BOUNDLESS)
    world.boot()
    world.act(rf_id=1, level=11)
    for level in (20, 30, 40):
        world.act(rf_id=2, level=level, source="source %d" % level)
    world.pass_ms(900)
    assert kinds(world.active()) == [("caixianlin", 1, "vibrate", 11), ("caixianlin", 2, "vibrate", 40)]


def test_s24_an_older_order_that_arrives_last_does_not_win():
    world = World(BOUNDLESS)
    device = world.boot()
    now_us = world.wall_us()
    world.act(level=20, source="near", asked_us=now_us - 100_000)
    world.act(level=90, source="far", asked_us=now_us - 900_000)
    world.pass_ms(500)
    assert kinds(world.active()) == [("caixianlin", 1234, "vibrate", 20)]
    assert device.refused() == {"stale": 1}
