"""S05 and S16 at OpenShock's gateway, whose commands carry no time: what waited on the way is refused. In a virtual time."""

import pytest

from firmware.command import SHOCK, STOP, VIBRATE
from host_tests.safety.gateway import SETTINGS, Gateway
from host_tests.safety.world import WIFI, World, silent
from host_tests.unit import flatsharp

ONE, TWO = (0, 1234), (1, 777)  # (model by number, RF id)
STALE = "too old"


@pytest.fixture(autouse=True)
def one_world():
    yield
    World.end()


def connected(gateway, settings=None):
    """A world whose device is connected to the gateway."""
    world = World({**WIFI, **SETTINGS, **(settings or {})}, gateway)
    world.boot(whole=True)
    world.pass_ms(1500)
    assert gateway.sockets and "connected" in world.lines("link")
    return world


def stuck(world, gateway, stuck_ms, pongs_first, *entries):
    """None; everything stands still, these commands are given, and it goes on after so long."""
    gateway.stuck = True
    world.pass_ms(200)
    gateway.command(*entries)
    world.pass_ms(stuck_ms)
    gateway.go_on(pongs_first)
    world.pass_ms(800)


@pytest.mark.parametrize("pongs_first", (True, False))
@pytest.mark.parametrize("stuck_ms", (5000, 8000, 20000))
def test_s16_a_command_that_waited_at_the_gateway_or_in_the_network_is_refused(stuck_ms, pongs_first):
    gateway = Gateway()
    world = connected(gateway)
    stuck(world, gateway, stuck_ms, pongs_first, (*ONE, SHOCK, 30, 1000), (*TWO, VIBRATE, 30, 1000))
    assert not world.active()
    assert world.device.refused() == {"stale": 2}
    assert [line for line in world.lines("refused") if line.startswith(STALE)]


@pytest.mark.parametrize("pongs_first", (True, False))
def test_s05_stops_pass_however_long_they_waited(pongs_first):
    gateway = Gateway()
    world = connected(gateway)
    stuck(world, gateway, 20000, pongs_first, (*ONE, SHOCK, 30, 1000), (*TWO, STOP, 0, 300))
    assert {frame.rf_id for frame in world.frames()} == {TWO[1]} and all(silent(frame) for frame in world.frames())
    gateway.stuck = True
    gateway.tell(flatsharp.trigger(1))
    world.pass_ms(20000)
    gateway.go_on(pongs_first)
    world.pass_ms(100)
    assert world.device.latch.latched


@pytest.mark.parametrize("pongs_first", (True, False))
def test_s16_what_is_given_behind_that_passes_again(pongs_first):
    gateway = Gateway()
    world = connected(gateway)
    stuck(world, gateway, 8000, pongs_first, (*ONE, SHOCK, 30, 1000))
    gateway.command((*ONE, VIBRATE, 20, 500))
    world.pass_ms(900)
    assert world.active() and {frame.intensity for frame in world.active()} == {20}


@pytest.mark.parametrize("delay_s", (0, 1, 2.3))
def test_s16_a_command_is_fresh_at_any_moment_of_a_slow_link(delay_s):
    gateway = Gateway()
    gateway.delay_s = delay_s
    world = connected(gateway)
    for _ in range(30):
        world.pass_ms(690)
        gateway.command((*ONE, VIBRATE, 20, 100))
    world.pass_ms(100)
    assert world.device.refused() == {}


def test_s16_a_single_ping_is_under_way_and_one_every_two_seconds_when_they_are_answered():
    gateway = Gateway()
    world = connected(gateway)
    before = gateway.pings
    world.pass_ms(20000)
    assert 8 <= gateway.pings - before <= 10
    gateway.stuck = True
    world.pass_ms(20000)
    assert len([each for each in gateway._heard if each[1] == 9]) == 1


def test_s16_where_no_ping_is_answered_nothing_passes_for_long():
    gateway = Gateway()
    gateway.answers_pings = False
    world = connected(gateway)
    gateway.command((*ONE, VIBRATE, 20, 500))
    world.pass_ms(600)
    assert world.active(), "the connection itself is not old"
    world.pass_ms(6000)
    since_us = world.time.now_us
    gateway.command((*ONE, VIBRATE, 20, 500), (*TWO, STOP, 0, 300))
    world.pass_ms(600)
    assert not world.active(since_us) and world.device.refused() == {"stale": 1}
    assert {frame.rf_id for frame in world.frames(since_us)} == {TWO[1]}


def test_s16_an_empty_pong_proves_nothing():
    gateway = Gateway()
    gateway.answers_pings = False
    world = connected(gateway)
    for _ in range(8):
        world.pass_ms(1000)
        gateway.wire.say(b"\x8a\x00")
    gateway.command((*ONE, VIBRATE, 20, 500))
    world.pass_ms(500)
    assert world.device.refused() == {"stale": 1}


def test_s16_the_bound_is_a_setting():
    gateway = Gateway()
    world = connected(gateway, {"openshock_gateway.oldest_ms": 10000})
    stuck(world, gateway, 7000, False, (*ONE, VIBRATE, 20, 500))
    assert world.active() and world.device.refused() == {}
    stuck(world, gateway, 10000, False, (*ONE, VIBRATE, 20, 500))
    assert world.device.refused() == {"stale": 1}


# the second witness: the time in the service's own Ping, where something on the way answers pings in its stead


def now_ms(world, off_ms=0):
    """The service's time."""
    return world.wall_us() // 1000 + off_ms


@pytest.mark.parametrize("off_ms", (0, 3_600_000, -86_400_000))
def test_s16_a_ping_of_the_service_that_comes_late_makes_what_follows_too_old(off_ms):
    gateway = Gateway()
    world = connected(gateway)
    gateway.ping(now_ms(world, off_ms))
    world.pass_ms(15000)
    gateway.ping(now_ms(world, off_ms))
    gateway.command((*ONE, VIBRATE, 20, 300))
    world.pass_ms(500)
    assert world.active() and not world.device.refused()
    late_ms = now_ms(world, off_ms)
    since_us = world.time.now_us
    world.pass_ms(9000)
    gateway.ping(late_ms)
    gateway.command((*ONE, VIBRATE, 20, 300), (*TWO, STOP, 0, 300))
    world.pass_ms(500)
    assert not world.active(since_us) and world.device.refused() == {"stale": 1}
    assert world.frames(since_us)


@pytest.mark.parametrize("step_ms", (-3_600_000, 3_600_000))
def test_s16_a_clock_of_the_service_that_is_put_right_is_learned(step_ms):
    gateway = Gateway()
    world = connected(gateway)
    for off_ms in (0, step_ms, step_ms):
        gateway.ping(now_ms(world, off_ms))
        world.pass_ms(15000)
    gateway.command((*ONE, VIBRATE, 20, 300))
    world.pass_ms(500)
    assert world.active() and not world.device.refused()
