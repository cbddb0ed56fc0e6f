"""S12–S15, S22, S25: modes, faults anywhere, the watchdog, the start, clocks that jump, and what the log tells of it all."""

import asyncio
import errno
import random

import pytest

from firmware.command import LIGHT, RESTART, SHOCK, SOUND, VIBRATE
from host_tests.safety import chip
from host_tests.safety.faults import Awaits, Calls
from host_tests.safety.hub import DEVICE, Hub, control, entry
from host_tests.safety.oracle import ACTIONS, carried, check_pin
from host_tests.safety.world import FRAME_MS, WIFI, World, goodbye_ms, kinds, silent
from lib import json_file
from tools.rf.bursts import bursts

BOUNDLESS = {"cap.budget": 6000, "cap.longest_ms": 30000, "cap.rest_ms": 1000}
MANY = tuple(("CaiXianlin", 100 + number) for number in range(16))


@pytest.fixture(autouse=True)
def one_world():
    yield
    World.end()


# S12: update, change of pins, set-up mode, restart: stop first, radio locked


@pytest.mark.parametrize("n", (1, 4, 16))
def test_s12_a_restart_stops_first_and_lets_nothing_in(n):
    hub = Hub(MANY)
    world = World({**WIFI, **BOUNDLESS}, hub)
    world.boot(whole=True)
    world.pass_ms(1500)
    hub.log(*[entry(number, SHOCK, 20, 20000) for number in range(1, n + 1)])
    world.pass_ms(1100)
    hub.log(*[entry(number, VIBRATE, 30, 20000) for number in range(1, n + 1)])
    world.pass_ms(30)
    assert len(world.active()) > 10
    world.obey(RESTART, "hub")
    since_us = world.time.now_us
    world.act(rf_id=1, level=99)
    hub.log(entry(1, SHOCK, 90, 5000))
    world.pass_ms(3200)
    assert world.restarts == 1
    assert all(silent(frame) for frame in world.frames(since_us))
    for rf_id in {frame.rf_id for frame in world.active()}:
        assert goodbye_ms([frame for frame in world.frames(since_us) if frame.rf_id == rf_id]) >= 300, rf_id
    assert world.device.refused()["locked"] == 2


def test_s12_while_it_leaves_the_button_still_latches():
    world = World(WIFI, Hub())
    world.boot(whole=True)
    world.pass_ms(1500)
    world.act(ms=9000)
    world.pass_ms(200)
    world.obey(RESTART, "hub")
    world.press(100, 180)
    world.pass_ms(2000)
    assert world.restarts == 1 and world.device.latch.latched
    assert goodbye_ms(world.frames()) >= 300


def test_s12_a_locked_radio_sends_stop_frames_alone():
    for why in ("update", "set-up", "restart"):
        world = World(BOUNDLESS)
        device = world.boot()
        world.act(rf_id=1, ms=9000)
        world.act(rf_id=2, action=SHOCK, ms=9000)
        world.pass_ms(300)
        device.dispatcher.lock(why)
        since_us = world.time.now_us
        for action in (SHOCK, VIBRATE, SOUND, LIGHT):
            world.act(rf_id=3, action=action)
            world.pass_ms(200)
        world.stop(rf_id=4)
        world.pass_ms(1000)
        assert world.active(since_us) == [] and device.refused() == {"locked": 4}
        assert {frame.rf_id for frame in world.frames(since_us)} == {1, 2, 4}
        device.dispatcher.locked = ""
        world.pass_ms(1000)
        assert world.active(since_us) == [], "nothing comes back by itself"
        world.act(rf_id=3, ms=200)
        world.pass_ms(300)
        assert kinds(world.active(since_us)) == [("caixianlin", 3, "vibrate", 50)]


def test_s12_a_device_that_nobody_has_set_up_sends_nothing():
    world = World()
    world.boot(whole=True)
    world.act(action=SHOCK)
    world.act(action=VIBRATE)
    world.pass_ms(5000)
    assert chip.edges() == [] and world.device.refused() == {"locked": 2}


# S13: a fault in any task: low within one frame, stop frames, the task is started again, a line in the log


def _scenario(world, hub, faults):
    """A connected device at work: an order by the hub, a map that is fetched, a lost connection, a local order, a new one."""
    random.seed(13)
    world.boot(whole=True)
    world.pass_ms(600)
    world.time.sleep(10_000_000)  # from now on the map may be asked for again
    world.pass_ms(300)
    faults.armed = True
    for step in (
        lambda: hub.log(entry(1, SHOCK, 20, 4000), entry(2, VIBRATE, 20, 4000), entry(9)),
        lambda: hub.invoke("Control", [control(1, VIBRATE, 30, 4000)], "x", invocation_id="1"),
        lambda: hub.wire.end(),
        lambda: _try(world),
    ):
        if faults.raised_us is None:
            step()
        world.pass_ms(450)
    world.pass_ms(1500)


def _try(world):
    try:
        world.act(rf_id=5, level=10, ms=3000, source="console")
    except (MemoryError, RuntimeError):
        pass  # whoever asked hears of it


def _check_fault(world, raised_us, place):
    end_us = raised_us + (2 * FRAME_MS + 10) * 1000
    late = [frame for frame in world.active() if frame.start_us > end_us]
    for frame in late:  # what a local order asked for later is no fault of it
        assert frame.rf_id == 5, (place, late)
    check_pin(chip.edges())
    frames = [frame for frame in world.frames(raised_us) if frame.rf_id in (1234, 777)]
    running = [frame for frame in world.active() if raised_us - 200_000 < frame.start_us < raised_us and frame.ok]
    for rf_id in {frame.rf_id for frame in running} & {1234, 777}:
        assert goodbye_ms([frame for frame in frames if frame.rf_id == rf_id]) >= 300, (place, rf_id)
    since_us = world.time.now_us
    world.device.dispatcher.locked = ""
    world.act(rf_id=6, level=7, ms=300, source="console")
    world.pass_ms(500)
    assert ("caixianlin", 6, "vibrate", 7) in kinds(world.active(since_us)), (place, "the radio works again")
    world.act(rf_id=6, level=8, ms=3000, source="console")
    world.pass_ms(200)
    world.press(0, 200)
    since_us = world.time.now_us + 1000
    world.pass_ms(500)
    assert world.active(since_us) == [] and world.device.latch.latched, (place, "and so does the button")


def _ground():
    hub = Hub()
    return World({**WIFI, **BOUNDLESS}, hub), hub


@pytest.mark.timeout(900)
def test_s13_a_fault_at_every_await_of_the_device():
    world, hub = _ground()
    counting = Awaits()
    counting.install(world)
    _scenario(world, hub, counting)
    places = sorted(counting.places)
    print("S13:", len(places), "awaits:", ", ".join(places))
    assert len(places) >= 20
    n_raised = 0
    for place in places:
        for nth in (1, 3):
            world, hub = _ground()
            faults = Awaits(place, RuntimeError, nth)
            faults.install(world)
            _scenario(world, hub, faults)
            if faults.raised_us is not None:
                n_raised += 1
                assert any("injected" in line for line in world.lines()), place
                _check_fault(world, faults.raised_us, place)
    assert n_raised >= len(places)


@pytest.mark.timeout(900)
def test_s13_no_memory_in_any_function_of_the_device():
    world, hub = _ground()
    counting = Calls()
    _called(world, hub, counting)
    places = sorted(counting.places)
    print("S13:", len(places), "functions")
    assert len(places) >= 100
    for place in places:
        world, hub = _ground()
        faults = Calls(place)
        _called(world, hub, faults)
        if faults.raised_us is not None:
            _check_fault(world, faults.raised_us, place)


def _called(world, hub, faults):
    """As `_scenario`, the calls being looked at from the first order on."""

    class Armed:
        raised_us = property(lambda self: faults.raised_us)

        @property
        def armed(self):
            return True

        @armed.setter
        def armed(self, _):
            faults.start(world)

    try:
        _scenario(world, hub, Armed())
    except MemoryError:
        world.pass_ms(3000)  # it hit who asked: the test itself
    finally:
        faults.stop()


def test_s13_a_log_that_fails_as_well_keeps_nobody_on():
    world = World(BOUNDLESS)
    device = world.boot()
    world.act(ms=9000)
    world.pass_ms(300)
    device.log._write = _no_memory
    world.player.at_poll = _fault_at(700, world)
    since_us = world.time.now_us
    world.pass_ms(1000)
    assert world.active(since_us + FRAME_MS * 1000) == [] and goodbye_ms(world.frames(since_us)) >= 300
    assert world.main is not None and not world.main.done()


def _no_memory(*_):
    raise MemoryError


def _fault_at(n_polls, world):
    left = [n_polls]

    def at_poll():
        left[0] -= 1
        if left[0] == 0:
            world.player.at_poll = None
            raise MemoryError

    return at_poll


# S14: the watchdog is fed only when link, radio and e-stop tasks have each reported


def _gaps_ms(world, since_us):
    moments = [since_us, *[at_us for at_us in world.meals if at_us >= since_us], world.time.now_us]
    return [(later - earlier) / 1000 for earlier, later in zip(moments, moments[1:])]


def test_s14_whoever_freezes_the_watchdog_bites_after_eight_seconds():
    for frozen in ("radio", "estop", "link"):
        world = World(WIFI, Hub())
        world.meddle = lambda name, start, frozen=frozen: _for_ever if name == frozen else start
        world.boot(whole=True)
        world.pass_ms(30_000)
        assert world.meals == [] and world.watchdog_ms == 8000, frozen


async def _for_ever():
    await asyncio.Event().wait()


def test_s14_who_freezes_later_is_noticed_too():
    for frozen in ("radio", "estop", "link"):
        world = World(WIFI, Hub())
        world.meddle = lambda name, start, frozen=frozen: _for_a_while(start) if name == frozen else start
        world.boot(whole=True)
        world.pass_ms(30_000)
        assert 3 <= len(world.meals) <= 7 and world.time.now_us - world.meals[-1] > 20_000_000, frozen


def _for_a_while(start):
    async def life():
        try:
            await asyncio.wait_for(start(), 5)
        except asyncio.TimeoutError:
            await _for_ever()

    return life


def test_s14_a_healthy_device_is_never_bitten_whatever_it_does():
    hub = Hub(MANY)
    world = World({**WIFI, **BOUNDLESS}, hub)
    world.boot(whole=True)
    since_us = world.time.now_us
    world.pass_ms(2000)
    hub.log(*[entry(number, SHOCK, 20, 20000) for number in range(1, 17)])
    world.pass_ms(5000)
    hub.silent = True
    world.pass_ms(30_000)
    hub.silent = False
    world.pass_ms(30_000)
    hub.invoke("EmergencyStop", DEVICE)
    world.pass_ms(10_000)
    hub.refusing = True
    hub.wire.end()
    world.pass_ms(30_000)
    assert max(_gaps_ms(world, since_us)) < 4000
    world = World()
    world.boot(whole=True)  # nobody has set it up
    since_us = world.time.now_us
    world.pass_ms(30_000)
    assert max(_gaps_ms(world, since_us)) < 4000


# S15: boot never transmits an active frame


@pytest.mark.timeout(900)
def test_s15_no_start_makes_an_edge_whatever_it_finds():
    chance = random.Random(15)
    files = [None, b"", b"{", b'{"board": "simulated"}', b'{"board": "simulated", "rf.player": "rmt"}']
    files += [b'{"board": "simulated", "wifi": [{"ssid": "simulated", "key": "simulated"}]}', b"\xff" * 100]
    storages = [None, b'{"estop": 1}', b'{"estop": 0}', b'{"estop": 7}']
    for _ in range(150):
        world = World(hub=Hub(), now_us=chance.randrange(1 << 40), boot_level=chance.randrange(2))
        world.boot()
        world.act(level=90, ms=30000)
        world.pass_ms(chance.randrange(400))
        world.cut_power()
        for name, contents in (("settings.json", files), ("nvs-safety.json", storages)):
            content = chance.choice(contents)
            if content is not None:
                with open(name, "wb") as file:
                    file.write(content)
        world.pins[chip.STOP_PIN] = chance.randrange(2)
        since_us = world.time.now_us
        try:
            world.boot(whole=True)
        except _NO_PIN:
            continue  # the settings are gone: no board, no pin, no radio
        world.pass_ms(chance.choice((100, 3000, 70_000)))
        assert [at for at in chip.edges() if at[0] > since_us] == []


_NO_PIN = chip.board_io.NoPin


def test_s15_what_a_pin_is_told_first_is_low():
    for player in ("viper", "rmt"):
        world = World({"rf.player": player})
        world.pins[chip.RF_PIN] = 1  # floating, or as the last program left it
        world.boot()
        world.pass_ms(100)
        assert world.pins[chip.RF_PIN] == 0 and [level for _, level in chip.edges()] == [0]


# S22: clock jumps and tick wraps never lengthen, repeat or revive a command

_YEARS_US = 10 * 365 * 86_400 * 1_000_000


def test_s22_where_the_ticks_wrap_a_command_is_as_long_as_ever():
    for wrap_us in (1 << 30, (1 << 30) * 1000, 1 << 31, 1 << 32):
        for before_ms in (1, 30, 333, 999):
            world = World(BOUNDLESS, now_us=wrap_us - before_ms * 1000)
            world.boot()
            world.act(rf_id=before_ms, ms=1000)
            since_us = world.time.now_us
            world.pass_ms(2500)
            frames = world.active()
            assert all(frame.ok for frame in world.frames())
            assert len(frames) == 23 and frames[-1].end_us <= since_us + 1_060_000
            assert 300 <= goodbye_ms(world.frames()) <= 420
            world.pass_ms(61_000)
            assert len(world.active()) == 23, "and a keep-alive is no command"


def test_s22_the_time_of_day_may_jump_by_ten_years():
    for jump_us in (_YEARS_US, -_YEARS_US, 3_600_000_000, -3_600_000_000, None):
        world = World(BOUNDLESS)
        device = world.boot()
        asked_us = world.wall_us()
        world.act(ms=2000, asked_us=asked_us)
        since_us = world.time.now_us
        world.pass_ms(700)
        if jump_us is None:
            world.clock_set = False
        else:
            world.unix_offset_us += jump_us
        world.pass_ms(3000)
        assert len(world.active()) == 45 and world.active()[-1].end_us <= since_us + 2_060_000
        before = len(world.frames())
        for again_us in (asked_us, asked_us - 1):
            world.act(ms=2000, asked_us=again_us)
            world.pass_ms(300)
        assert len(world.frames()) == before and sum(device.refused().values()) == 2


def test_s22_after_a_clock_put_right_orders_pass_again():
    world = World()
    world.boot()
    world.unix_offset_us += _YEARS_US  # a wrong time server
    world.device.dispatcher.halt("somebody")
    world.unix_offset_us -= _YEARS_US
    world.pass_ms(100)
    world.act(asked_us=world.wall_us() - 1000)
    world.pass_ms(300)
    assert kinds(world.active()) == [("caixianlin", 1234, "vibrate", 50)]


def test_s22_stalls_at_any_moment_lengthen_nothing():
    chance = random.Random(22)
    for _ in range(60):
        world = World(BOUNDLESS)
        world.boot()
        world.act(ms=1500)
        until_us = world.time.now_us + 1_500_000 + FRAME_MS * 1000
        while world.time.now_us < until_us:
            world.pass_ms(chance.randrange(300))
            world.time.sleep(chance.choice((0, 0, 50_000, 900_000, 10_000_000)))
        world.pass_ms(1000)
        assert all(frame.end_us <= until_us for frame in world.active())
        assert goodbye_ms(world.frames()) >= 300


# S23: caps that cannot be read are the strictest


def test_s23_a_file_system_that_cannot_be_read_is_not_a_device_without_settings(monkeypatch):
    world = World({**WIFI, "cap.shock": 10})

    def stat(path):
        raise OSError(errno.EIO, "unreadable")

    monkeypatch.setattr(json_file.os, "stat", stat)
    device = world.boot()
    monkeypatch.undo()
    assert [line for line in world.lines("settings") if "cannot be read" in line]
    world.act(level=5)
    world.pass_ms(500)
    assert world.active() == [] and device.refused() == {"cap": 1}


# S25: every actuation and refusal is in the log with its reason, and the log agrees with the trace

WORDS = {
    "level": "level outside 0-100",
    "duration": "duration outside 1-30000 ms",
    "id": "no such receiver id",
    "action": "no such action",
    "model": "unknown model",
    "unsupported": "this receiver cannot do that",
    "rate": "more than 10 commands a second",
    "cap": "the local cap is 0",
}


def test_s25_the_log_and_the_air_tell_the_same_story():
    chance = random.Random(25)
    for _ in range(12):
        world = World({**BOUNDLESS, "cap.sound": 0})
        world.boot()
        wanted = []  # (model, id, action, level) as the log has them
        for number in range(20):
            model = chance.choice(("caixianlin", "petrainer", "d80"))
            what = {"model": model, "rf_id": number, "action": chance.choice((SHOCK, VIBRATE)), "level": 1 + number}
            wrong = chance.choice(({}, {}, {"level": 101}, {"ms": 0}, {"model": "x"}, {"rf_id": -1}, {"action": SOUND}))
            before = world.lines()
            world.act(**{**what, "ms": 150, **wrong})
            (line,) = world.lines()[len(before) :]
            if wrong:
                assert any(line.startswith(words) for words in WORDS.values()), line
                assert world.lines("refused")[-1] == line
            else:
                name = ACTIONS[what["action"]]
                assert line == f"test {name} {1 + number} for 150 ms to {model} {number}"
                wanted.append((model, number, name, carried(model, name, 1 + number)))
            world.pass_ms(400)
        world.pass_ms(1500)
        heard = [event for event in bursts(world.frames()) if event["event"] == "rf"]
        told = [(event["model"], event["rf_id"], event["action"], event["intensity"]) for event in heard]
        assert [what for what in told if what[2:] != ("vibrate", 0)] == wanted
        assert all(event["event"] == "rf" for event in bursts(world.frames())), "no burst that nobody can read"


def test_s25_an_order_that_never_had_a_frame_is_told():
    world = World()
    world.boot()
    ids = range(1, 13)
    for rf_id in ids:
        world.act(rf_id=rf_id, ms=200)
    world.pass_ms(9000)
    heard = {frame.rf_id for frame in world.frames() if frame.intensity}
    untold = [f"never sent, its time was over: to caixianlin {rf_id}" for rf_id in ids if rf_id not in heard]
    assert len(world.lines("act")) == 12 and 1 in heard and untold
    assert world.lines("radio") == untold
    assert {frame.rf_id for frame in world.frames()} == set(ids), "all hear stop frames"


def test_s25_every_reason_is_counted_and_told():
    now = 1_800_000_000_000_000
    cases = [
        ("level", {"level": 101}),
        ("duration", {"ms": 0}),
        ("id", {"rf_id": 70000}),
        ("action", {"action": 9}),
        ("model", {"model": "nobody"}),
        ("unsupported", {"model": "petrainer", "action": LIGHT}),
        ("shock", {"rf_id": 3, "model": "d80", "action": SHOCK}),
        ("cap", {"action": SOUND}),
        ("stale", {"asked_us": now - 5_000_000}),
        ("malformed", {"asked_us": "now"}),
        ("budget", {"level": 100, "ms": 30000}),
    ]
    own = [{"model": "d80", "rf_id": 3, "shock_allowed": False}]
    world = World({"cap.sound": 0, "cap.budget": 1000, "cap.longest_ms": 30000, "cap.own": own})
    world.unix_offset_us = now - world.time.now_us
    device = world.boot()
    for reason, what in cases:
        world.act(**what)
        assert device.refused()[reason] == 1, reason
    world.obey(RESTART, "x")
    world.act()
    device.dispatcher.locked = ""
    device.dispatcher.emergency("x")
    world.act()
    assert device.refused() == {**{reason: 1 for reason, _ in cases}, "locked": 1, "estop": 1}
    assert len(world.lines("refused")) == len(cases) + 2 and chip.edges() == []


def test_s25_stops_and_the_emergency_stop_are_told_with_their_source():
    world = World()
    device = world.boot()
    world.act(source="somebody", level=12, ms=9000)
    world.pass_ms(200)
    world.stop(source="her")
    world.pass_ms(600)
    world.act(level=12, ms=9000)
    world.press(100, 200)
    world.pass_ms(800)
    device.dispatcher.clear_estop("console")
    assert world.lines()[0] == "somebody vibrate 12 for 9000 ms to caixianlin 1234"
    assert world.lines()[1] == "her stop 0 for 0 ms to caixianlin 1234"
    assert world.lines("stop") == ["all: emergency stop, button"]
    untold = "no other device was told: there is no connection to a service now"
    assert world.lines("estop") == ["latched: button", untold, "cleared: console"]
