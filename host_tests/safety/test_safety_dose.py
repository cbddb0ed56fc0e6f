"""S19: what shocks add up to, however they are cut into pieces, and over a restart. Judged by what was on the air."""

import pytest

from firmware.command import SHOCK, VIBRATE
from firmware.control.safety import Caps, Safety
from host_tests.safety.oracle import WINDOW_US, Window
from host_tests.safety.world import World
from host_tests.unit.rooms import command

SHORT = {"cap.budget": 6000, "cap.longest_ms": 2000, "cap.rest_ms": 10_000}
OPEN = {1: 100, 2: 100, 3: 100, 4: 100}


@pytest.fixture(autouse=True)
def one_world():
    yield
    World.end()


def shocked_ms(world, since_us=0):
    """How long shocks were on the air."""
    return sum(frame.end_us - frame.start_us for frame in world.active(since_us) if frame.action == "shock") / 1000


def _interrupt_by_stop(world):
    world.stop()


def _interrupt_by_vibration(world):
    world.act(action=VIBRATE, level=1, ms=1)


def _interrupt_by_halt(world):
    world.device.dispatcher.halt("test")


@pytest.mark.parametrize("interrupt", [_interrupt_by_stop, _interrupt_by_vibration, _interrupt_by_halt])
def test_s19_nothing_in_between_makes_shocks_longer(interrupt):
    world = World(SHORT)
    world.boot()
    for _ in range(7):
        world.act(action=SHOCK, level=100, ms=2000)
        world.pass_ms(900)
        interrupt(world)
        world.pass_ms(100)
    assert 1_800 < shocked_ms(world) < 2_000 + 3 * 60
    assert world.device.refused()["rest"] >= 4
    world.pass_ms(8_000)  # ten seconds since the last one
    again_us = world.time.now_us
    world.act(action=SHOCK, level=100, ms=2000)
    world.pass_ms(2_500)
    assert 1_900 < shocked_ms(world, again_us) < 2_060


def test_s19_many_short_shocks_are_one():
    world = World(SHORT)
    world.boot()
    for _ in range(100):
        world.act(action=SHOCK, level=100, ms=1)  # a frame each
        world.pass_ms(150)
    assert 1_400 < shocked_ms(world) < 2_060


def test_s19_a_pause_as_long_as_the_rest_begins_anew():
    world = World({**SHORT, "cap.rest_ms": 1000})
    world.boot()
    for _ in range(3):
        since_us = world.time.now_us
        world.act(action=SHOCK, level=100, ms=1500)
        world.pass_ms(2_501)
        assert 1_400 < shocked_ms(world, since_us) < 1_560
    since_us = world.time.now_us
    for _ in range(2):
        world.act(action=SHOCK, level=100, ms=1500)
        world.pass_ms(2_400)  # a little less: of the second there are 500 ms
    assert 1_900 < shocked_ms(world, since_us) < 2_120


def test_s19_a_frame_counts_even_when_its_command_was_shorter():
    safety = Safety(Caps(True, OPEN, 30_000), {}, 60, 1000)
    now = 10_000_000
    for _ in range(10):
        asked = command(action=VIBRATE, level=100, ms=1)
        admitted, _ = safety.judge(asked, now)
        if admitted:
            safety.book(admitted, now)
            safety.stopped(admitted, now + 1)
        now += 200
    assert safety.judge(command(action=VIBRATE, level=100, ms=1), now)[1] == "budget"


def test_s19_the_rest_survives_a_restart():
    world = World(SHORT)
    world.boot()
    for _ in range(6):
        world.act(action=SHOCK, level=100, ms=1900)
        world.pass_ms(1_950)
        world.reset()
    assert 1_900 < shocked_ms(world) < 2_000 + 2 * 60
    world.pass_ms(10_001)
    since_us = world.time.now_us
    world.act(action=SHOCK, level=100, ms=1000)
    world.pass_ms(1_500)
    assert 900 < shocked_ms(world, since_us) < 1_060


def test_s19_the_budget_survives_restarts_that_are_ordered_and_crashes():
    world = World({"cap.budget": 600, "cap.longest_ms": 30_000, "cap.rest_ms": 1000})
    world.boot()
    for turn in range(9):
        world.act(action=VIBRATE, level=100, ms=5000)
        world.pass_ms(4_990)
        if turn % 2:
            world.device.dispatcher.lock("restart")
            world.pass_ms(400)
        world.reset()
    air = Window(WINDOW_US)
    for frame in world.active():
        air.add(frame.start_us, frame.end_us, min(frame.intensity, 100))
    assert 450 < air.peak() / 1_000_000 <= 600 * 1.05
    world.pass_ms(66_000)
    since_us = world.time.now_us
    world.act(action=VIBRATE, level=100, ms=5000)
    world.pass_ms(500)
    assert world.active(since_us), "and a minute later it is full again"


def test_s19_two_restarts_in_a_row_forget_nothing():
    world = World(SHORT)
    world.boot()
    world.act(action=SHOCK, level=100, ms=2000)
    world.pass_ms(2_100)
    for _ in range(3):
        world.reset()
        world.pass_ms(100)
    since_us = world.time.now_us
    world.act(action=SHOCK, level=100, ms=1000)
    world.pass_ms(500)
    assert shocked_ms(world, since_us) == 0 and world.device.refused() == {"rest": 1}


def test_s19_what_was_long_ago_is_not_remembered():
    world = World(SHORT)
    world.boot()
    world.act(action=SHOCK, level=100, ms=2000)
    world.pass_ms(80_000)
    world.reset()
    since_us = world.time.now_us
    world.act(action=SHOCK, level=100, ms=2000)
    world.pass_ms(2_500)
    assert 1_900 < shocked_ms(world, since_us) < 2_060


def test_s19_after_a_power_cut_everybody_rests_and_has_half_of_the_budget():
    world = World({"cap.budget": 100, "cap.longest_ms": 2000, "cap.rest_ms": 10_000})
    world.boot()
    for memory in (b"", b"00000000garbage", b"6877288c1 0"):
        world.cut_power()
        world.forget_past(memory)
        device = world.boot()
        assert "half of a minute's budget" in world.lines("safety")[0]
        world.act(action=SHOCK, level=10, ms=500)
        world.act(action=VIBRATE, level=50, ms=1100)
        world.act(action=VIBRATE, level=50, ms=900)
        assert device.refused() == {"rest": 1, "budget": 1}
        world.pass_ms(11_000)
        world.act(action=SHOCK, level=1, ms=500)
        assert device.refused() == {"rest": 1, "budget": 1}
        world.pass_ms(60_000)
        world.act(rf_id=2, action=VIBRATE, level=50, ms=1900)
        assert device.refused() == {"rest": 1, "budget": 1}


def test_s19_a_cold_start_is_not_made_warm_by_a_restart():
    world = World(SHORT)
    world.boot()
    world.reboot()
    world.pass_ms(100)
    device = world.reset()
    world.act(action=SHOCK, level=10, ms=500)
    assert device.refused() == {"rest": 1}


def test_s19_a_receiver_that_was_forgotten_counts_as_the_one_that_was_given_most():
    safety = Safety(Caps(True, OPEN, 10_000), {}, 6000, 60_000)
    for rf_id in range(60):
        asked = command(rf_id=rf_id, action=SHOCK, level=100, ms=10_000 if rf_id == 50 else 1000)
        safety.book(safety.judge(asked, 1000)[0], 1000)
    past = safety.past(20_000)
    assert len(past) < 2000
    after = Safety(Caps(True, OPEN, 10_000), {}, 6000, 60_000)
    after.recall(past, 0)
    assert after.judge(command(rf_id=50, action=SHOCK, level=1, ms=100), 100)[1] == "rest"
    assert after.judge(command(rf_id=0, action=SHOCK, level=1, ms=9500), 100)[0].duration_ms == 9000
