"""S6–S9: the emergency stop, by the button at any moment and from afar, over restarts, and how alone it is cleared."""

import asyncio
import random

import esp32
import pytest

from firmware import command as orders
from firmware import requests
from firmware.command import (
    EMERGENCY,
    EVENT,
    HALT,
    KEEP,
    NOTE,
    PORTAL,
    REFUSE,
    RESTART,
    SHOCK,
    SOUND,
    UPDATE,
    VIBRATE,
    Event,
)
from firmware.config.settings import Settings
from firmware.control.estop import Button
from host_tests.safety import chip
from host_tests.safety.hub import DEVICE, Hub, control, entry
from host_tests.safety.oracle import check_pin
from host_tests.safety.world import WIFI, World, goodbye_ms, kinds, silent
from host_tests.unit.rooms import Disk, PowerCut
from tools.rf.decode import pulses

MODELS = ("caixianlin", "petrainer", "petrainer998dr", "wellturnt330", "d80")


@pytest.fixture(autouse=True)
def one_world():
    yield
    World.end()


def latched(world):
    """True when the device says so, and refuses to act."""
    before = len(world.active())
    world.act(level=77, ms=100)
    world.pass_ms(700)
    assert world.device.latch.latched == (len(world.active()) == before)
    return world.device.latch.latched


# S6: pressed → low within 1 ms, no further active frame, 300 ms of stop frames to every receiver that was active


def _check_stopped(world, pressed_us, receivers):
    """`receivers`: rf_id → whether it was active when the button was pressed."""
    frames = world.frames()
    cut = [frame for frame in frames if not frame.ok]
    # a press may come between the last look at the input and the first edge: that frame is cut at its first mark
    assert len(cut) <= 1 and all(frame.start_us - 20 <= pressed_us <= frame.end_us + 8_000 for frame in cut)
    after = [frame for frame in frames if frame.start_us > pressed_us and frame not in cut]
    assert all(silent(frame) for frame in after), kinds(after)
    first_us = after[0].start_us if after else world.time.now_us
    late = [at for at, level in chip.edges() if pressed_us + 1_000 < at < first_us]
    if all(frame.end_us < pressed_us or not silent(frame) for frame in frames if frame.start_us <= pressed_us):
        assert late == [], "edges, and none of them a stop frame's"
    for rf_id in receivers:
        assert goodbye_ms([frame for frame in after if frame.rf_id == rf_id]) >= 300, rf_id
    check_pin(chip.edges())
    assert world.device.latch.latched


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("n", "phases", "seed"), ((1, 1000, 6), (8, 300, 68), (16, 30, 616)))
def test_s06_the_button_at_any_moment(n, phases, seed):
    chance = random.Random(seed)
    for _ in range(phases):
        world = World({"cap.budget": 6000}, now_us=chance.randrange(1 << 31))
        world.boot()
        start_us = world.time.now_us
        lengths_ms = [chance.choice((250, 600, 2000)) for _ in range(n)]
        for rf_id, ms in enumerate(lengths_ms):
            world.act(rf_id=rf_id, model=chance.choice(MODELS), action=chance.choice((SHOCK, VIBRATE)), level=20, ms=ms)
        press_ms = chance.randrange(700_000) / 1000
        world.press(press_ms, press_ms + chance.choice((70, 250, 900)))
        world.pass_ms(press_ms + 380 + 200 * n)
        pressed_us = start_us + round(press_ms * 1000)
        heard = {frame.rf_id for frame in world.active() if frame.start_us < pressed_us}
        running = [rf_id for rf_id, ms in enumerate(lengths_ms) if press_ms < ms - 1 and rf_id in heard]
        _check_stopped(world, pressed_us, running)


def test_s06_stop_frames_go_out_while_the_button_is_held():
    world = World()
    world.boot()
    world.act(ms=5000)
    world.press(333)  # and never let go
    world.pass_ms(2000)
    assert goodbye_ms(world.frames()) >= 300
    assert world.frames()[-1].end_us < 5_000_000 + 333_000 + 60_000 + 400_000, "and then it is quiet"


def test_s06_a_touch_of_a_millisecond_inside_a_frame_is_enough():
    for at_us in range(100, 45_000, 1_777):
        world = World()
        world.boot()
        world.act(ms=5000)
        world.press(at_us / 1000, at_us / 1000 + 1)
        world.pass_ms(1000)
        _check_stopped(world, 5_000_000 + at_us, [1234])


def test_s06_a_touch_inside_a_stop_frame_counts_as_much():
    for at_ms in range(20, 420, 13):
        world = World()
        world.boot()
        world.act(rf_id=1, ms=5000)
        world.act(rf_id=2, ms=50)  # from here on it gets stop frames, in turn with the other's
        world.press(at_ms, at_ms + 1)
        world.pass_ms(at_ms + 800)
        pressed_us = 5_000_000 + at_ms * 1000
        _check_stopped(world, pressed_us, [1])
        assert not [
            frame for frame in world.frames() if frame.ok and frame.start_us < pressed_us < frame.end_us - 9_000
        ]


def test_s06_one_sample_between_frames_is_enough():
    world = World()
    world.boot()
    world.pass_ms(1000)
    world.press(3, 11)  # the radio is quiet: the 5 ms task sees it
    world.pass_ms(500)
    assert latched(world)


@pytest.mark.parametrize("closed", (False, True))
@pytest.mark.parametrize("active", (False, True))
def test_s06_a_press_while_the_interpreter_is_busy_is_never_missed(closed, active):
    chance = random.Random(6)
    for _ in range(60):
        world = World({"estop.normally_closed": closed})
        world.pins[chip.STOP_PIN] = 0 if closed else 1
        world.boot()
        world.pass_ms(chance.uniform(300, 400))
        if active:
            world.act(ms=9000)
            world.pass_ms(chance.uniform(50, 200))
        since_us = world.time.now_us
        stall_ms = chance.uniform(150, 2000)
        from_ms = chance.uniform(1, stall_ms - 25)
        world.press(from_ms, from_ms + 20, pressed=int(closed))
        world.time.sleep(round(stall_ms * 1000))  # a handshake, a scan, a console that blocks: no Python runs
        assert not world.device.latch.latched, "nobody could have looked"
        world.pass_ms(1000)
        assert world.active(since_us) == [], "no frame begins behind it"
        if active:
            assert goodbye_ms(world.frames(since_us)) >= 300
        assert latched(world)


def test_s06_a_press_between_two_frames_stops_before_the_next_one():
    for n_turns in range(1, 5):
        world = World()
        world.boot()
        world.act(ms=9000)
        since_us = None

        async def busy(world=world, n_turns=n_turns):
            nonlocal since_us
            frames = world.device.frames_played()
            while world.device.frames_played() == frames:
                await asyncio.sleep(1e-9)
            for _ in range(n_turns):
                await asyncio.sleep(1e-9)
            since_us = world.time.now_us
            world.press(1, 21)
            world.time.sleep(60_000)  # eleven orders

        world.loop.create_task(busy())
        world.pass_ms(1000)
        assert since_us and world.active(since_us) == []
        assert latched(world)


def test_s06_an_edge_alone_stops_as_well_and_the_log_tells_it_from_a_press():
    for press_ms, words in ((0.01, "latched: an edge alone"), (40, "latched: button")):
        world = World()
        world.boot()
        world.act(ms=9000)
        world.pass_ms(300)
        world.device.dispatcher.halt("test")
        world.pass_ms(1000)
        world.press(12, 12 + press_ms)  # nothing is on the air: only the interrupt, or the 5 ms task, can see it
        world.pass_ms(200)
        assert words in " ".join(world.lines("estop"))
        assert latched(world)


def test_s06_what_bounces_neither_clears_nor_hinders_clearing():
    world = World()
    world.boot()
    world.obey(EMERGENCY, "hub")
    world.pass_ms(500)
    for at_ms in range(0, 7000, 30):  # noise: never pressed for more than 0.1 ms
        world.press(at_ms, at_ms + 0.1)
    world.pass_ms(7500)
    assert world.device.latch.latched, "edges hold nothing"
    world.press(0, 5_300)
    for at_ms in (3, 9, 2000, 4990):
        world.press(at_ms, at_ms + 2, pressed=1)  # the contact opens for a moment
    world.press(5_304, 5_306)  # and closes once more
    world.pass_ms(6_500)
    assert not latched(world)


def test_s06_boot_is_held_as_long_as_ever_whatever_its_contact_does():
    asked = []
    world = World()
    world.boot()
    world.device.buttons._request = lambda kind, detail: asked.append((kind, detail))
    world.pass_ms(200)
    world.press(0, 6_000, pin=chip.BOOT_PIN)
    for at_ms in (2, 7, 1500, 4000):
        world.press(at_ms, at_ms + 3, pin=chip.BOOT_PIN, pressed=1)
    world.pass_ms(7_000)
    assert asked == [(requests.OPEN_PORTAL, requests.ASKED)] and not latched(world)


def test_s06_a_fault_of_the_task_that_looks_loses_no_press():
    world = World()
    world.boot()
    world.pass_ms(100)
    real, Button.sample = Button.sample, None
    world.pass_ms(20)
    Button.sample = real
    world.press(5, 25)  # the task starts anew 50 ms later
    world.pass_ms(200)
    assert latched(world)


def test_s06_other_pins_of_the_set_up_are_looked_at_from_then_on():
    world = World()
    world.boot()
    world.pass_ms(100)
    world.store({"estop.pin": 14})
    world.device.device.rewire()
    world.pass_ms(50)
    world.press(20, 40)  # on the pin of before
    world.time.sleep(100_000)
    world.pass_ms(100)
    assert not world.device.latch.latched
    world.press(20, 40, pin=14)
    world.time.sleep(100_000)
    world.pass_ms(100)
    assert world.device.latch.latched


def test_s06_the_other_player_stops_as_well():
    for press_ms in (0.01, 12.5, 44.9, 45.3, 100.7, 300):
        world = World({"rf.player": "rmt"})
        world.time.look_us = 10
        world.boot()
        world.act(ms=2000)
        world.press(press_ms, press_ms + 600)
        pressed_us = world.time.now_us + round(press_ms * 1000)
        world.pass_ms(press_ms + 1000)
        _check_stopped(world, pressed_us, [1234] if world.active() else [])


def test_s06_a_storage_that_refuses_delays_nothing():
    world = World()
    world.boot()
    world.device.latch._store._store.commit = _refuse
    world.act(ms=5000)
    world.press(200, 300)
    world.pass_ms(1000)
    _check_stopped(world, 5_200_000, [1234])
    stop = next(frame for frame in world.frames() if silent(frame))
    assert stop.start_us - 5_200_000 < 12_000
    assert any("does not keep it" in line for line in world.lines("estop"))


def _refuse():
    raise OSError(-4353, "ESP_ERR_NVS_NOT_ENOUGH_SPACE")


# S7: the latch survives; only a deliberate local act clears it; clearing restarts nothing


def _by_button(world):
    world.press(50, 150)
    world.pass_ms(300)


def _from_afar(world):
    world.obey(EMERGENCY, "hub")


def _between(world):
    """While the settings are being saved, by somebody who was at it when the button was pressed."""
    settings = Settings("settings.json")
    settings.set("hostname", "other")
    world.obey(EMERGENCY, "button")
    settings.save()


@pytest.mark.parametrize("trip", (_by_button, _from_afar, _between))
def test_s07_latch_survives_reboot(trip):
    world = World()
    world.boot()
    world.act(ms=9000)
    trip(world)
    world.pass_ms(100)
    for _ in range(3):
        world.reboot()
        since_us = world.time.now_us
        assert latched(world)
        world.pass_ms(120_000)
        assert world.frames(since_us) == [], "nothing at all is sent, not even a keep-alive"


def test_s07_a_restart_by_order_keeps_it_and_so_does_a_change_of_settings():
    for settings in (
        {"estop.enabled": False},
        {"estop.pin": 14},
        {"estop.normally_closed": True},
        {"board": "generic-esp32c3"},
        {"rf.pin": 5},
    ):
        world = World(WIFI, Hub())
        world.boot(whole=True)
        world.pass_ms(1000)
        world.obey(EMERGENCY, "hub")
        world.obey(RESTART, "hub")
        world.pass_ms(3000)
        assert world.restarts == 1
        world.store({**WIFI, **settings})
        world.boot(whole=True)
        world.pass_ms(1000)
        assert world.device.latch.latched, settings
        world.act()
        assert world.device.refused() == {"estop": 1}


def test_s07_power_cut_at_each_write_leaves_the_old_or_the_new_never_less():
    ends = []
    for late in (False, True):
        for step in range(60):
            tripped = False
            with _Storage(step, PowerCut, late) as disk:
                world = World()
                try:
                    world.boot()  # a first start keeps what it finds, so power may go here as well
                    world.act(ms=9000)
                    world.pass_ms(100)
                    tripped = True
                    world.obey(EMERGENCY, "hub")
                except PowerCut:
                    pass
                assert not tripped or world.device.latch.latched, "in memory at once"
                world.cut_power()
                whole = step >= disk.steps
                disk._fails_at = -1
                world.boot()
                if tripped:
                    ends.append(world.device.latch.latched)
                assert world.device.latch.latched or not whole
                assert tripped or not world.device.latch.latched, "nobody has asked for it"
                world.cut_power()
            if whole:
                break
    assert set(ends) == {False, True} and ends[-1]


class _Storage(Disk):
    """The Disk of the rooms' tests under the chip's non-volatile storage; what the settings do is real."""

    def __enter__(self):
        self._real = esp32.os
        esp32.os, esp32.open = self, self.open
        return self

    def __exit__(self, *_):
        esp32.os = self._real
        del esp32.open


def test_s07_what_cannot_be_read_is_latched():
    for content in ('{"estop": 7}', '{"estop": -1}', '{"estop": 1}'):
        world = World()
        with open("nvs-safety.json", "w") as file:
            file.write(content)
        world.boot()
        assert latched(world), content


def test_s07_only_holding_for_five_seconds_and_letting_go_clears_it():
    held = {}
    for held_ms in (50, 1000, 4900, 5200, 9000):
        world = World()
        world.boot()
        world.obey(EMERGENCY, "hub")
        world.pass_ms(500)
        world.press(0, held_ms)
        world.pass_ms(held_ms - 1)
        assert world.device.latch.latched, "not before the finger leaves"
        world.pass_ms(500)
        held[held_ms] = latched(world)
    assert held == {50: True, 1000: True, 4900: True, 5200: False, 9000: False}


def test_s07_holding_on_from_the_press_that_tripped_clears_nothing():
    world = World()
    world.boot()
    world.act(ms=9000)
    world.press(100, 12_000)
    world.pass_ms(13_000)
    assert latched(world)
    world.press(0, 5_300)
    world.pass_ms(6_000)
    assert not latched(world)


def test_s07_holding_on_over_a_restart_clears_nothing():
    world = World()
    world.boot()
    world.obey(EMERGENCY, "hub")
    world.press(0, 8_000)  # a stuck button, or somebody who leans on it
    world.pass_ms(300)
    world.reboot()
    world.pass_ms(9_000)
    assert latched(world)


def test_s07_two_touches_with_a_stall_between_them_are_no_holding():
    world = World()
    world.boot()
    world.obey(EMERGENCY, "hub")
    world.pass_ms(500)
    world.press(0, 100)
    world.pass_ms(50)
    world.time.sleep(6_000_000)  # a handshake: nobody looked
    world.press(0, 100)
    world.pass_ms(1000)
    assert latched(world)


def test_s07_the_boot_button_clears_where_there_is_no_other_and_trips_nothing():
    world = World({"estop.enabled": False})
    world.boot()
    world.press(0, 300, pin=chip.BOOT_PIN)
    world.pass_ms(500)
    assert not latched(world)
    world.obey(EMERGENCY, "hub")
    world.pass_ms(200)
    world.reboot()
    world.press(0, 4_800, pin=chip.BOOT_PIN)
    world.pass_ms(6_000)
    assert latched(world)
    world.press(0, 5_200, pin=chip.BOOT_PIN)
    world.pass_ms(6_000)
    assert not latched(world)


def test_s07_clearing_restarts_nothing():
    for clear in (lambda world: world.device.dispatcher.clear_estop("console"), _hold):
        world = World()
        world.boot()
        world.act(ms=9500)
        world.pass_ms(100)
        world.obey(EMERGENCY, "hub")
        world.pass_ms(1500)
        since_us = world.time.now_us
        clear(world)
        world.pass_ms(3000)
        assert world.frames(since_us) == []
        assert not latched(world)
        world.reboot()
        assert not latched(world), "and cleared it stays"


def _hold(world):
    world.press(0, 5_100)
    world.pass_ms(5_400)


def test_s07_somebody_at_the_cable_may_clear_it_and_nothing_comes_back():
    world = World(WIFI, Hub())
    world.boot(whole=True)
    world.pass_ms(1500)
    world.act(ms=9500)
    world.pass_ms(100)
    world.obey(EMERGENCY, "hub")
    world.pass_ms(2500)
    since_us = world.time.now_us
    for words in (b"estop", b"estop clear please", b"rftransmit", b"\x00\xff\x80", b"estop cleat"):
        world.line.type(words + b"\r\n")
    world.pass_ms(1000)
    assert world.device.latch.latched
    world.line.type(b"estop clear\r\n")
    world.pass_ms(3000)
    assert world.frames(since_us) == [] and not latched(world)


def test_s07_a_button_that_bounces_when_it_leaves_does_not_latch_again_and_a_press_after_the_grace_does():
    world = World()
    world.boot()
    world.obey(EMERGENCY, "hub")
    world.pass_ms(200)
    world.press(0, 5_100)
    world.press(5_180, 5_190)  # 65 ms after it left it counts as released; the grace begins
    world.press(5_300, 5_310)
    world.pass_ms(5_800)
    assert not latched(world)
    world.press(0, 100)
    world.pass_ms(300)
    assert latched(world)


def test_s07_no_keep_alive_while_latched_and_again_when_cleared():
    for wanted in (True, False):
        world = World({"rf.keep_alive": wanted})
        world.boot()
        world.act(ms=100)
        world.pass_ms(1000)
        world.obey(EMERGENCY, "hub")
        since_us = world.time.now_us
        world.pass_ms(200_000)
        assert world.frames(since_us) == []
        world.device.dispatcher.clear_estop("console")
        world.pass_ms(62_000)
        assert bool(world.frames(since_us)) == wanted and world.active(since_us) == []


# S8: a remote emergency stop works without any button, and cannot be cleared remotely


@pytest.mark.parametrize("settings", ({}, {"estop.enabled": False}, {"board": "generic-esp32s2", "rf.pin": 4}))
def test_s08_a_remote_emergency_stop_needs_no_button(settings):
    hub = Hub()
    world = World({**WIFI, **settings}, hub)
    world.boot(whole=True)
    world.pass_ms(1000)
    hub.log(entry(1, SHOCK, 40, 9000), entry(2, SOUND, 40, 9000))
    world.pass_ms(500)
    assert len(kinds(world.active())) == 2
    hub.invoke("EmergencyStop", DEVICE)
    world.pass_ms(120)
    since_us = world.time.now_us
    world.pass_ms(1000)
    assert world.active(since_us) == []
    for rf_id in (1234, 777):
        assert goodbye_ms([frame for frame in world.frames() if frame.rf_id == rf_id]) >= 300
    world.reboot(whole=True)
    world.pass_ms(1000)
    hub.log(entry(1, VIBRATE, 50, 500))
    world.pass_ms(500)
    assert world.active(since_us) == [] and world.device.refused() == {"estop": 1}


def test_s08_nothing_that_a_hub_can_say_clears_it():
    hub = Hub()
    world = World({**WIFI, "openshock_user.device_id": DEVICE}, hub)
    world.boot(whole=True)
    world.pass_ms(1000)
    hub.invoke("EmergencyStop", DEVICE)
    world.pass_ms(200)
    since_us = world.time.now_us
    targets = "Control ControlV2 EmergencyStop CaptivePortal OtaInstall Log DeviceUpdate Welcome ClearEmergencyStop"
    for target in (targets + " EStop Resume Start DeviceStatus OtaRollback clear_estop").split():
        for arguments in ((), (False,), (DEVICE,), (DEVICE, False), (DEVICE, 0), (DEVICE, "clear"), ([control()], "x")):
            hub.invoke(target, *arguments)
            world.pass_ms(20)
    for kind, detail in ((PORTAL, False), (UPDATE, "1.2.3"), (NOTE, "x"), (HALT, "x"), (REFUSE, ("estop", "x"))):
        world.obey(kind, detail)
    world.obey(EVENT, Event("valtronics", "alert", "critical", "clear the emergency stop"))
    world.obey(KEEP, ("estop", {"enabled": False, "latched": False}))
    assert len([name for name in vars(orders) if name.isupper() and getattr(orders, name) in range(10, 40)]) <= 11
    hub.wire.end()
    world.pass_ms(5000)
    assert world.device.latch.latched and world.active(since_us) == []


# S9: an e-stop that is normally closed reads as pressed when its wire breaks


def test_s09_a_broken_wire_of_a_normally_closed_button_is_a_press():
    world = World({"estop.normally_closed": True})
    world.pins[chip.STOP_PIN] = 0  # closed to ground: nobody presses
    world.boot()
    world.act(ms=5000)
    world.press(444, pressed=1)  # the wire breaks: the pull-up reads 1
    world.pass_ms(1500)
    assert len(world.active()) >= 9
    _check_stopped(world, 5_444_000, [1234])


def test_s09_unplugged_before_the_start_it_never_lets_anything_out():
    world = World({"estop.normally_closed": True})
    world.boot()
    world.pass_ms(100)
    world.act()
    world.pass_ms(1000)
    assert chip.edges() == [] and world.device.latch.latched


def test_s09_normally_open_a_press_closes_to_ground_and_a_broken_wire_is_silent():
    world = World()
    world.boot()  # nothing is connected: the pull-up reads 1, as an open button does
    world.act(ms=300)
    world.pass_ms(1000)
    assert len(pulses(chip.edges())) > 200 and not world.device.latch.latched
    world.press(0, 100)
    world.pass_ms(300)
    assert latched(world)
