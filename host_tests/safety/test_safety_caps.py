"""S18–S20, S23: how often, how much, who may raise it, and what a power cut leaves. Against an oracle written apart."""

import json
import random
import zlib

import pytest

from firmware.command import KEEP, LIGHT, SHOCK, SOUND, STOP, VIBRATE, Command
from firmware.config import settings as settings_room
from firmware.config.settings import Refused, Settings
from firmware.control.safety import Caps, Safety
from host_tests.safety import chip
from host_tests.safety.hub import Hub, control, entry
from host_tests.safety.oracle import WINDOW_US, Window, busiest_second, check_air
from host_tests.safety.world import WIFI, World, kinds
from host_tests.unit.rooms import Disk, PowerCut

BOUNDLESS = {"cap.budget": 6000, "cap.longest_ms": 30000, "cap.rest_ms": 1000}
BUDGET = {"cap.budget": 6000, "cap.rest_ms": 1000}
OPEN = {SHOCK: 100, VIBRATE: 100, SOUND: 100, LIGHT: 100}
ALL_CAPS = ("shock", "vibrate", "sound", "light")


@pytest.fixture(autouse=True)
def one_world():
    yield
    World.end()


# S18: at most 10 commands/s per shocker, repeats of live control excepted; excess refused and counted


def test_s18_a_flood_gives_ten_a_second_to_each_shocker():
    world = World(BOUNDLESS)
    device = world.boot()
    admitted = {1: [], 2: []}
    n_refused = 0
    for number in range(4000):
        rf_id = 1 + number % 2
        before = sum(device.refused().values())
        world.act(rf_id=rf_id, level=1 + number // 2 % 90, ms=50)
        if sum(device.refused().values()) == before:
            admitted[rf_id].append(world.now_ms() * 1000)
        else:
            n_refused += 1
        if number % 20 == 19:
            world.pass_ms(20)
    assert device.refused() == {"rate": n_refused}
    for times_us in admitted.values():
        assert busiest_second(times_us) == 10
        assert len(times_us) >= 10 * (times_us[-1] - times_us[0]) // 1_200_000, "and not much fewer"


def test_s18_the_eleventh_waits_for_the_first_to_be_a_second_old():
    world = World(BOUNDLESS)
    device = world.boot()
    for number in range(10):
        world.act(level=10 + number, ms=20)
        world.pass_ms(30)
    world.act(level=90, ms=20)
    assert device.refused() == {"rate": 1}
    world.until_ms(5_000 + 1_001)
    world.act(level=91, ms=20)
    world.act(level=92, ms=20)
    assert device.refused() == {"rate": 2}


def test_s18_live_control_may_repeat_itself_but_not_change_its_mind_as_often():
    world = World(BOUNDLESS)
    device = world.boot()
    for _ in range(100):
        world.act(level=10, ms=500)
        world.pass_ms(40)  # 25 a second of the very same
    assert device.refused() == {}
    frames = world.active()
    gaps_us = [later.start_us - earlier.end_us for earlier, later in zip(frames, frames[1:])]
    assert len(frames) > 85 and max(gaps_us) < 1_500
    for number in range(20):
        world.act(level=20 + number, ms=500)
    assert device.refused()["rate"] >= 10


def test_s18_a_stop_is_never_too_often_and_frees_nothing():
    world = World(BOUNDLESS)
    device = world.boot()
    for number in range(40):
        world.act(level=10 + number, ms=500)
        world.stop()
        world.time.sleep(5_000)
    assert device.refused() == {"rate": 30}


# S19: a budget of level × time in a sliding minute, and a cool-down after a full-length shock


def _given(safety, chance, budget, seconds):
    """(windows by receiver, admitted) of a random walk over one Safety: rooms without a radio, so that hours pass at once."""
    windows, running, n_admitted = {}, {}, 0
    now = 10_000_000
    for _ in range(4000):
        now += chance.choice((0, 1, 7, 100, 950, 3000, 4999, 5000, 5001, 20_000, 61_000))
        if now > 10_000_000 + seconds * 1000:
            break
        rf_id = chance.randrange(3)
        window = windows.setdefault(rf_id, Window(WINDOW_US))
        if chance.random() < 0.2:
            safety.stopped(Command("d80", rf_id, STOP, 0, 0, None, "x", None), now)
            _end(running.pop(rf_id, None), window, now)
            continue
        level, ms = chance.choice((1, 30, 77, 100)), chance.choice((1, 300, 5000, 9999, 30_000))
        asked = Command("d80", rf_id, chance.choice((SHOCK, VIBRATE)), level, ms, None, "x", None)
        admitted, _ = safety.judge(asked, now)
        if admitted:
            n_admitted += 1
            safety.book(admitted, now)
            _end(running.pop(rf_id, None), window, now)
            running[rf_id] = now, now + admitted.duration_ms, admitted.intensity
    for rf_id, last in running.items():
        _end(last, windows[rf_id], now + 30_000)
    return windows, n_admitted


def _end(running, window, now):
    if running:
        since, ends, level = running
        window.add(since * 1000, min(ends, now) * 1000, level)


def test_s19_no_minute_ever_holds_more_than_the_budget():
    most = 0
    for seed in range(40):
        chance = random.Random(seed)
        budget = chance.choice((1, 30, 100, 777, 3000))
        windows, n_admitted = _given(Safety(Caps(True, OPEN, 30_000), {}, budget, 1000), chance, budget, 3600)
        for window in windows.values():
            peak = window.peak() / 1_000_000  # percent-seconds
            assert peak <= budget, seed
            most = max(most, peak / budget)
        assert n_admitted > 10
    assert most > 0.9, "and what there is can be used"


def test_s19_what_is_on_the_air_is_never_more_than_the_budget():
    world = World({"cap.budget": 300, "cap.longest_ms": 30000, "cap.rest_ms": 1000})
    device = world.boot()
    chance = random.Random(19)
    for _ in range(160):
        world.act(action=VIBRATE, level=chance.choice((20, 50, 100)), ms=chance.choice((300, 1000, 2500)))
        world.pass_ms(chance.choice((200, 900, 2000)))
    air = Window(WINDOW_US)
    for frame in world.active():
        air.add(frame.start_us, frame.end_us, min(frame.intensity, 100))
    assert 150 < air.peak() / 1_000_000 <= 300 * 1.05, "a frame that began before the end is sent whole"
    assert device.refused()["budget"] > 5


def test_s19_a_shock_of_full_length_is_followed_by_a_rest():
    world = World({"cap.budget": 6000, "cap.longest_ms": 2000, "cap.rest_ms": 3000})
    device = world.boot()
    world.act(action=SHOCK, level=10, ms=2000)
    world.until_ms(7_050)
    ended_us = world.time.now_us
    world.act(action=VIBRATE, level=10, ms=200)  # what is no shock may be
    world.pass_ms(600)
    tried = 0
    while world.now_ms() < 9_900:
        world.act(action=SHOCK, level=10, ms=100)
        tried += 1
        world.pass_ms(150)
    assert {frame.action for frame in world.active(ended_us)} == {"vibrate"}
    assert device.refused() == {"rest": tried}
    world.until_ms(10_001)
    world.act(action=SHOCK, level=10, ms=100)
    world.pass_ms(600)
    assert world.active()[-1].action == "shock"


def test_s19_shocks_that_follow_on_each_other_are_one_and_end_with_its_length():
    world = World({"cap.budget": 6000, "cap.longest_ms": 2000, "cap.rest_ms": 3000})
    device = world.boot()
    start_us = world.time.now_us
    while world.time.now_us < start_us + 4_500_000:
        world.act(action=SHOCK, level=10 + world.now_ms() % 7, ms=500)  # live control that never lets go
        world.pass_ms(200)
    frames = world.active()
    assert {frame.action for frame in frames} == {"shock"} and device.refused()["rest"] >= 10
    assert 1_950_000 <= frames[-1].end_us - start_us <= 2_060_000


# S20: local caps bind every source; remote may lower them, only local may raise them


def test_s20_the_strictest_of_all_caps_is_what_is_on_the_air():
    own = {"model": "petrainer", "rf_id": 777, "shock": 20, "vibrate": 90, "longest_ms": 5000}
    world = World(
        {"cap.shock": 40, "cap.vibrate": 60, "cap.sound": 30, "cap.longest_ms": 1000, "cap.own": [own], **BUDGET}
    )
    world.boot()
    asked = [("caixianlin", 1, SHOCK, 100), ("caixianlin", 2, VIBRATE, 61), ("petrainer", 3, SOUND, 99)]
    asked += [("petrainer", 777, SHOCK, 100), ("petrainer", 7, SHOCK, 39), ("petrainer", 778, VIBRATE, 60)]
    allowed = {
        ("caixianlin", 1, "shock", 40),
        ("caixianlin", 2, "vibrate", 60),
        ("petrainer", 3, "sound", 30),
        ("petrainer", 777, "shock", 20),
        ("petrainer", 7, "shock", 39),
        ("petrainer", 778, "vibrate", 60),
    }
    start_us = world.time.now_us
    for source, (model, rf_id, action, level) in enumerate(asked):
        world.act(model=model, rf_id=rf_id, action=action, level=level, ms=9000, source="source %d" % source)
    world.pass_ms(6000)
    assert set(kinds(world.active())) == allowed
    check_air(world.frames(), allowed)
    assert world.active()[-1].end_us <= start_us + 1_060_000, "the duration is capped too"
    since_us = world.time.now_us
    world.act(model="petrainer", rf_id=777, action=VIBRATE, level=100)  # its own cap of 90 raises nothing
    world.pass_ms(1500)
    assert kinds(world.active(since_us)) == [("petrainer", 777, "vibrate", 60)]


def test_s20_no_shock_where_shocks_are_switched_off_and_nothing_where_the_cap_is_nothing():
    world = World(
        {
            "cap.shock_allowed": False,
            "cap.sound": 0,
            "cap.own": [{"model": "d80", "rf_id": 5, "light": 0, "vibrate": 0}],
        }
    )
    device = world.boot()
    for level in (0, 1, 100):
        world.act(action=SHOCK, level=level)
        world.act(action=SOUND, level=level)
        world.act(model="d80", rf_id=5, level=level)
    world.pass_ms(1500)
    assert chip.edges() == [] and device.refused() == {"shock": 3, "cap": 6}
    world = World({"cap.own": [{"model": "caixianlin", "rf_id": 1, "shock_allowed": False}]})
    world.boot()
    for rf_id in (1, 2):
        world.act(rf_id=rf_id, action=SHOCK, level=9)
    world.pass_ms(1500)
    assert {frame.rf_id for frame in world.active()} == {2}


def test_s20_own_caps_bind_by_whatever_name_the_model_is_given():
    for name in ("CaiXianlin", "caixianlin", "CAI-XIANLIN", "Caixianlin "):
        world = World({"cap.own": [{"model": name, "rf_id": 1, "shock": 5}]})  # a file that was written by hand
        world.boot()
        world.act(rf_id=1, action=SHOCK, level=90, ms=300)
        world.pass_ms(1000)
        assert kinds(world.active()) == [("caixianlin", 1, "shock", 5)]


def test_s20_of_two_rows_for_one_receiver_each_binds():
    rows = [
        {"model": "caixianlin", "rf_id": 1, "shock": 5, "vibrate": 80},
        {"model": "CaiXianlin", "rf_id": 1, "shock": 90, "vibrate": 7, "longest_ms": 200},
    ]
    for own in (rows, rows[::-1]):
        world = World({"cap.own": own})
        world.boot()
        for action in (SHOCK, VIBRATE):
            world.act(rf_id=1, action=action, level=95, ms=900)
            world.pass_ms(900)
        assert kinds(world.active()) == [("caixianlin", 1, "shock", 5), ("caixianlin", 1, "vibrate", 7)]
        assert world.active()[-1].end_us - world.active()[0].start_us < 900_000 + 300_000


def test_s20_a_cap_that_cannot_be_understood_lets_nothing_out_and_the_log_says_so():
    for stored in (
        {"cap.shock_allowd": False},
        {"cap": {"shock_allowed": False}},
        {"Cap.Shock": 3},
        {"cap.own": [{"model": "CaiXianlin9", "rf_id": 1, "shock": 5}]},
        {"cap.own": [{"model": "caixianlin", "rf_id": 1, "shok": 5}]},
    ):
        world = World(stored)
        device = world.boot()
        for action in (SHOCK, VIBRATE, SOUND, LIGHT):
            world.act(action=action, level=90)
        world.pass_ms(1000)
        assert chip.edges() == [] and sum(device.refused().values()) == 4
        (line,) = world.lines("settings")
        assert "strictest" in line and next(iter(stored)) in line


def test_s20_a_model_whose_strength_nobody_has_measured_shocks_only_where_somebody_here_allowed_it():
    world = World()
    device = world.boot()
    for level in (1, 15, 100):
        world.act(model="wellturnt330", rf_id=5, action=SHOCK, level=level)
    world.act(model="wellturnt330", rf_id=5, action=VIBRATE, level=20, ms=300)
    world.act(model="d80", rf_id=5, action=SHOCK, level=20, ms=300)
    world.pass_ms(1500)
    assert device.refused() == {"unverified": 3}
    assert {(model, action) for model, _, action, _ in kinds(world.active())} == {
        ("wellturnt330", "vibrate"),
        ("d80", "shock"),
    }
    assert "cap.unverified_shock" in world.lines("refused")[0]
    kept = Settings("settings.json")
    with pytest.raises(Refused):
        kept.lower("cap.unverified_shock", True)  # from afar
    world = World({"cap.unverified_shock": True, "cap.shock": 30})
    world.boot()
    world.act(model="wellturnt330", rf_id=5, action=SHOCK, level=90, ms=300)
    world.pass_ms(900)
    assert kinds(world.active()) == [("wellturnt330", 5, "shock", 30)]
    for stored in ({"cap.unverified_shock": 1}, {"cap.unverified_shocks": True}):
        world = World(stored)
        device = world.boot()
        world.act(model="wellturnt330", rf_id=5, action=SHOCK, level=9)
        assert sum(device.refused().values()) == 1


def test_s20_no_source_gets_past_them():
    hub = Hub()
    world = World({**WIFI, "cap.vibrate": 33, "cap.longest_ms": 700}, hub)
    world.boot(whole=True)
    world.pass_ms(1000)
    start_us = world.time.now_us
    hub.log(entry(1, VIBRATE, 100, 30000))
    hub.invoke("Control", [control(2, VIBRATE, 100, 30000)], "x")
    world.act(rf_id=9, level=100, ms=30000, source="console")
    world.pass_ms(2500)
    assert {frame.intensity for frame in world.active()} == {33}
    assert {frame.rf_id for frame in world.active()} == {1234, 777, 9}
    assert world.active()[-1].end_us < start_us + 700_000 + 60_000 + 5_000


def test_s20_what_a_service_gives_to_keep_is_never_a_cap():
    world = World({**WIFI, "cap.vibrate": 33}, Hub())
    world.boot(whole=True)
    world.pass_ms(1000)
    for name, table in (("cap", {"vibrate": 100, "longest_ms": 30000}), ("cap.own", {}), ("estop", {"enabled": False})):
        world.obey(KEEP, (name, table))
    world.pass_ms(200)
    world.reboot()
    world.act(level=100, ms=500)
    world.pass_ms(1500)
    assert {frame.intensity for frame in world.active()} == {33}
    kept = Settings("settings.json")
    assert kept.get("cap.vibrate") == 33 and kept.get("cap.longest_ms") == 10000 and kept.get("estop.enabled") is True


def test_s20_from_afar_a_cap_can_only_become_stricter():
    kept = Settings("nowhere.json")
    kept.set("cap.shock", 50)
    kept.set("cap.longest_ms", 5000)
    values = (-1, 0, 1, 49, 50, 51, 100, 101, 4999, 5001, True, False, None, 50.0, "0", [], 60000)
    for key in settings_room.names():
        for value in values:
            was = kept.get(key)
            try:
                kept.lower(key, value)
            except Refused:
                assert kept.get(key) == was
                continue
            assert key.startswith("cap.") and key != "cap.own", key
            assert type(value) is type(was) and value <= was or value == was, (key, value)
            kept.set(key, was)
    kept.lower("cap.shock", 20)
    kept.lower("cap.shock_allowed", False)
    for key, value in (
        ("cap.shock", 21),
        ("cap.shock_allowed", True),
        ("cap.rest_ms", 1000),
        ("wifi", []),
        ("estop.enabled", False),
    ):
        with pytest.raises(Refused):
            kept.lower(key, value)
    kept.set("cap.shock", 60)  # in person
    assert kept.get("cap.shock") == 60


# S23: power cut at any write: settings and caps are the old or the new ones; damaged caps read as the strictest


OLD = {"board": "simulated", "hostname": "old", "cap.shock": 11, "cap.own": [{"model": "d80", "rf_id": 5, "shock": 1}]}
NEW = {"board": "simulated", "hostname": "new", "cap.shock": 7, "cap.longest_ms": 333, "cap.shock_allowed": False}


def test_s23_a_power_cut_at_any_write_leaves_the_old_or_the_new():
    seen = []
    for late in (False, True):
        for step in range(40):
            with Disk(step, PowerCut, late) as disk:
                disk.files["s"] = json.dumps(OLD).encode()
                try:
                    changed = Settings("s")
                    for key in TABLE_KEYS:
                        changed.set(key, NEW.get(key, settings_room.default(key)))
                    changed.save()
                except PowerCut:
                    pass
                whole = step >= disk.steps
                after = Settings("s")
                assert not after.damaged
                values = {key: after.get(key) for key in TABLE_KEYS}
                assert values in (_values(OLD), _values(NEW)), (step, late)
                seen.append(values == _values(NEW))
            if whole:
                break
    assert set(seen) == {False, True} and len(seen) >= 8


TABLE_KEYS = sorted(settings_room.names())


def _values(stored):
    return {key: stored.get(key, settings_room.default(key)) for key in TABLE_KEYS}


def _damaged():
    """Files that a power cut, a bad cell or a stranger may leave."""
    text = json.dumps({"board": "simulated", "cap.shock": 30, "cap.shock_allowed": True})
    return [text[:cut].encode() for cut in range(len(text))] + [
        b"",
        b"\x00" * 90,
        b"\xff" * 90,
        text.encode() * 2,
        text.encode() + b"}",
        b"[]",
        b"null",
        b"7",
        text.encode() + b" " * 9000,
        text.replace("30", "\xf130").encode("latin-1"),
        # a cell that flipped: 3 became 7. Only the checksum can tell
        b'{"board":"simulated","cap.shock":70,"schema":1,"crc32":"%08x"}' % zlib.crc32(_CHECKED),
        _CHECKED + b"}",  # the checksum went missing
    ]


_CHECKED = b'{"board":"simulated","cap.shock":30,"schema":1'


def test_s23_damaged_settings_let_nothing_out():
    for content in _damaged():
        world = World()
        with open("settings.json", "wb") as file:
            file.write(content)
        kept = Settings("settings.json")
        assert kept.damaged, content
        for key, strictest in (
            ("shock_allowed", False),
            ("shock", 0),
            ("vibrate", 0),
            ("sound", 0),
            ("light", 0),
            ("budget", 0),
        ):
            assert kept.get("cap." + key) == strictest
        kept.set("board", "simulated")
        kept.save()  # somebody mends the rest: the caps stay strict
        device = world.boot()
        for action in (SHOCK, VIBRATE, SOUND, LIGHT):
            for level in (0, 1, 100):
                world.act(action=action, level=level)
        world.pass_ms(50)
        assert chip.edges() == [] and sum(device.refused().values()) == 12
        world.stop()
        world.pass_ms(50)
        assert chip.edges() != [], "a stop passes"


def test_s23_one_damaged_cap_reads_as_its_strictest():
    wrong = (None, "50", 50.5, -1, 101, 1e9, [], True)
    for cap, action in zip(ALL_CAPS, (SHOCK, VIBRATE, SOUND, LIGHT)):
        for value in wrong:
            world = World({"cap." + cap: value})
            device = world.boot()
            world.act(action=action, level=50)
            world.act(action=action, level=0)
            assert device.refused() == {"cap": 2}, (cap, value)
    for key, value in (
        ("cap.shock_allowed", 1),
        ("cap.shock_allowed", "yes"),
        ("cap.own", [{"model": "d80"}]),
        ("cap.own", {}),
    ):
        world = World({key: value})
        device = world.boot()
        world.act(action=SHOCK, level=50)
        assert device.refused() == {"shock": 1}
    for key, reason in (("cap.budget", "budget"), ("cap.longest_ms", None)):
        world = World({key: "much"})
        device = world.boot()
        world.act(level=50)
        world.pass_ms(300)
        assert device.refused() == ({reason: 1} if reason else {}) and len(world.active()) <= 1


def test_s23_a_power_cut_in_a_frame_leaves_nothing_stuck():
    world = World()
    world.boot()
    world.act(ms=9000, level=80)
    world.pass_ms(333)
    world.reboot()
    since_us = world.time.now_us
    world.pass_ms(90_000)
    assert world.frames(since_us) == [] and world.pins[chip.RF_PIN] == 0
    world.act(level=5, ms=100)
    world.pass_ms(500)
    assert kinds(world.active(since_us)) == [("caixianlin", 1234, "vibrate", 5)], "and it works as before"
