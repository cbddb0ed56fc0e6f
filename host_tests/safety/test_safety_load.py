"""S6, S26, S27 under load: live control for many receivers at 10 Hz, in front of consoles that hold up whoever writes."""

import random

import pytest

from firmware.command import SHOCK, STOP, VIBRATE
from host_tests.safety import chip
from host_tests.safety.hub import DEVICE, Hub, entry
from host_tests.safety.world import FRAME_MS, WIFI, World, goodbye_ms

MANY = tuple(("CaiXianlin", 100 + number) for number in range(16))
S3 = {"board": "generic-esp32s3", "rf.pin": 4, "estop.pin": 13}
CONSOLES = ((chip.Uart, {}), (chip.Uart, S3), (chip.DeafUsb, S3))
REPEAT_MS = 100


@pytest.fixture(autouse=True)
def one_world():
    yield
    World.end()


def at_work(n, console=chip.Uart, settings=None):
    """(world, hub) of a device that has greeted the hub, with `n` receivers."""
    hub = Hub(MANY[:n])
    more = {"cap.budget": 6000, "cap.longest_ms": 30000, **(settings or {})}
    world = World({**WIFI, **more}, hub, console=console)
    world.boot(whole=True)
    world.pass_ms(3000)
    assert world.lines("note")[-1] == "welcome"
    return world, hub


def live(world, hub, ms, level=None):
    """None; for so long each receiver is told something every 100 ms: to do the same again, or another `level()` each time."""
    end_ms = world.now_ms() + ms
    while world.now_ms() < end_ms:
        for number in range(1, len(hub.shockers) + 1):
            hub.log(entry(number, VIBRATE, level() if level else 20, 500))
        world.pass_ms(min(REPEAT_MS, max(end_ms - world.now_ms(), 1)))


@pytest.mark.parametrize(("console", "settings"), CONSOLES)
@pytest.mark.parametrize("n", (1, 4, 11, 16))
def test_s26_a_stop_under_load_takes_one_frame_whatever_the_console_does(n, console, settings):
    chance = random.Random(n)
    for kind in ("stop", "estop", "button"):
        world, hub = at_work(n, console, settings)
        live(world, hub, 1500, lambda: chance.randrange(1, 100))
        live(world, hub, chance.randrange(200, 700))
        assert len({frame.rf_id for frame in world.active()}) == n
        at_ms = chance.uniform(0, 60)
        cause_us = world.time.now_us + round(at_ms * 1000)
        if kind == "button":
            world.press(at_ms, at_ms + 20)
        elif kind == "stop":
            entries = [entry(number, STOP, 0, 300) for number in range(1, n + 1)]
            world.loop.call_at(cause_us / 1_000_000, lambda hub=hub, told=entries: hub.log(*told))
        else:
            world.loop.call_at(cause_us / 1_000_000, lambda hub=hub: hub.invoke("EmergencyStop", DEVICE))
        world.pass_ms(600 + 160 * n)
        last_us = max((frame.end_us for frame in world.active()), default=0)
        assert last_us <= cause_us + (FRAME_MS + 10) * 1000, kind
        told = [frame for frame in world.frames(cause_us - 60_000) if frame.start_us >= cause_us]
        assert all(goodbye_ms([each for each in told if each.rf_id == rf_id]) >= 300 for _, rf_id in MANY[:n]), kind
        assert world.stalls() == [], "nothing held up the interpreter while something was active"


@pytest.mark.parametrize(("console", "settings"), CONSOLES)
def test_s06_a_press_of_twenty_milliseconds_is_seen_under_load(console, settings):
    chance = random.Random(20)
    for _ in range(25):
        world, hub = at_work(11, console, settings)
        live(world, hub, chance.randrange(300, 1000), lambda: chance.randrange(1, 100))
        from_ms = chance.uniform(0, 200)
        pressed_us = world.time.now_us + round(from_ms * 1000)
        world.press(from_ms, from_ms + 20)
        live(world, hub, 400, lambda: chance.randrange(1, 100))
        assert world.device.latch.latched
        assert all(frame.start_us <= pressed_us + 20 for frame in world.active())


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
    world.device._output._write = chip.DeafUsb(world.time).write
    live(world, hub, 2000, lambda: chance.randrange(1, 100))
    assert world.stalls() == []


def test_s26_a_port_that_is_read_again_hears_of_what_happened():
    world, hub = at_work(1, chip.DeafUsb, S3)
    live(world, hub, 500)
    world.pass_ms(1500)
    before = len(world.time.stalls)
    world.pass_ms(30_000)
    assert len(world.time.stalls) <= before + 1, "it is left alone"
    world.device._output._write = chip.Uart(world.time).write
    reader = chip.Uart(world.time)
    world.device._output._write = reader.write
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
