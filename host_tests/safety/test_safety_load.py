"""S6, S26, S27 under load: live control for many receivers at 10 Hz, in front of consoles that hold up whoever writes."""

import random

import pytest

from firmware.command import SHOCK, VIBRATE
from host_tests.safety import chip
from host_tests.safety.hub import entry
from host_tests.safety.load import CONSOLES, MANY, NOTICED_US, S3, at_work, live, pressed, stopped
from host_tests.safety.world import FRAME_MS, World, goodbye_ms


@pytest.fixture(autouse=True)
def one_world():
    yield
    World.end()


@pytest.mark.parametrize("console", CONSOLES)
@pytest.mark.parametrize("n", (1, 4, 11, 16))
def test_s26_a_stop_under_load_takes_one_frame_whatever_the_console_does(n, console):
    chance = random.Random(n)
    for kind in ("stop", "estop", "button"):
        world, cause_us, last_us = stopped(kind, n, *CONSOLES[console], chance)
        assert last_us <= cause_us + (FRAME_MS + 10) * 1000, kind
        told = [frame for frame in world.frames(cause_us - 60_000) if frame.start_us >= cause_us]
        assert all(goodbye_ms([each for each in told if each.rf_id == rf_id]) >= 300 for _, rf_id in MANY[:n]), kind
        assert world.stalls() == [], "nothing held up the interpreter while something was active"


@pytest.mark.parametrize("console", CONSOLES)
def test_s06_a_press_of_twenty_milliseconds_is_seen_under_load(console):
    chance = random.Random(20)
    for _ in range(25):
        world, pressed_us = pressed(11, *CONSOLES[console], chance)
        assert world.device.latch.latched
        assert all(frame.start_us <= pressed_us + NOTICED_US for frame in world.active())


def test_s26_repeats_of_live_control_are_kept_in_the_log_but_not_written():
    world, hub = at_work(2)
    live(world, hub, 3000)
    assert len([line for _, line in world.told if "][act] " in line]) >= 40
    world.pass_ms(1000)
    assert world.console.out.count(b"][act] ") == 2
    assert b"left out" not in world.console.out


def test_s26_what_the_console_could_not_take_is_counted_and_still_in_the_log():
    world, hub = at_work(11)
    chance = random.Random(3)
    live(world, hub, 3000, lambda: chance.randrange(1, 100))
    world.pass_ms(2000)
    assert b"lines or packets were left out here" in world.console.out
    assert world.lines("act"), "the log itself has them"


def test_s26_a_host_that_stops_reading_while_something_is_active_holds_up_nothing():
    world, hub = at_work(2, chip.Uart, S3)
    chance = random.Random(4)
    live(world, hub, 500, lambda: chance.randrange(1, 100))
    world.device.output._write = chip.DeafUsb(world.time).write
    live(world, hub, 2000, lambda: chance.randrange(1, 100))
    assert world.stalls() == []


def test_s26_a_port_that_is_read_again_hears_of_what_happened():
    world, hub = at_work(1, chip.DeafUsb, S3)
    live(world, hub, 500)
    world.pass_ms(1500)
    before = len(world.time.stalls)
    world.pass_ms(30_000)
    assert len(world.time.stalls) <= before + 1, "it is left alone"
    world.device.output._write = chip.Uart(world.time).write
    reader = chip.Uart(world.time)
    world.device.output._write = reader.write
    world.line.type(b"\r\n")
    world.pass_ms(500)
    hub.log(entry(1, SHOCK, 5, 100))
    world.pass_ms(1500)
    assert b"][act] somebody shock 5" in reader.out


def test_s26_somebody_at_a_usb_console_stops_at_once_and_reads_of_it_behind_that():
    world, hub = at_work(1, chip.Uart, S3)
    hub.log(entry(1, VIBRATE, 20, 9000))
    world.pass_ms(500)
    assert b"vibrate 20" not in world.console.out, "held: nobody can know whether a write would block"
    since_us = world.time.now_us
    world.line.type(b"stop\r\n")
    world.pass_ms(1500)
    assert world.active()[-1].end_us <= since_us + (FRAME_MS + 40) * 1000
    assert b"vibrate 20" in world.console.out and b"Everything stops" in world.console.out
