"""The BOOT button held for too long, updates that cannot be, and a set-up that was opened from afar. In a virtual time."""

import json
from pathlib import Path

import pytest

from firmware import build_info
from firmware.command import PORTAL, UPDATE, VIBRATE
from firmware.config import build
from firmware.net.access_point import AccessPoint
from firmware.requests import AFAR
from host_tests.safety.hub import Hub, entry
from host_tests.safety.world import WIFI, World
from lib.nvs import Nvs
from tools.common.ports import free_port

BOOT_PIN = 0


@pytest.fixture(autouse=True)
def one_world():
    yield
    World.end()


def connected(settings=None):
    """A world whose device has greeted the hub."""
    world = World({**WIFI, **(settings or {})}, Hub())
    world.boot(whole=True)
    world.pass_ms(2000)
    assert world.lines("note")[-1] == "welcome"
    return world


# BOOT


def test_boot_held_for_longer_than_the_reset_takes_restarts_when_the_finger_leaves_it():
    world = connected()
    world.press(0, 15_000, pin=BOOT_PIN)
    world.pass_ms(14_900)
    device = world.device
    assert world.restarts == 0 and device.dispatcher.locked == "restart" and device.supervisor.waits_for == "release"
    assert build.read("settings.json").get("wifi") == [], "it has forgotten everything"
    assert world.time.now_us - world.meals[-1] < 2_000_000, "the watchdog is fed meanwhile"
    world.pass_ms(400)
    assert world.restarts == 1 and world.pins[BOOT_PIN] == 1


def test_a_reset_ends_an_update_that_was_ordered(monkeypatch):
    monkeypatch.setattr(build_info, "BOARD", "simulated")
    world = World({**WIFI, "update.url": "http://10.0.0.1/updates"}, Hub())
    Path("update.json").write_text(json.dumps({"stage": 1, "id": 5, "wanted": "1.2.3"}))
    device = world.boot()
    assert device._first == device.modes.updating
    world.press(100, 10_500, pin=BOOT_PIN)
    world.pass_ms(11_000)
    assert device.modes.ends.is_set()
    assert json.loads(Path("update.json").read_text())["stage"] == 0
    assert world.reboot()._first.__name__ != "updating"


def test_a_device_that_cannot_be_online_does_not_wait_for_an_update():
    world = World({}, Hub())
    Path("update.json").write_text(json.dumps({"stage": 1, "id": 5, "wanted": "1.2.3"}))
    device = world.boot()
    assert device._first == device.modes.setting_up
    assert ["OtaInstallFailed", 5, False, "no network is known"] in device.modes._news.events()
    assert json.loads(Path("update.json").read_text())["stage"] == 0


# orders to update


def told(world):
    """(name, arguments) of what the device told of updates."""
    calls = [
        (record.get("target"), record["arguments"]) for record in world.loop.peer.records if record.get("arguments")
    ]
    return [call for call in calls if (call[0] or "").startswith("Ota")]


@pytest.mark.parametrize("board", ("", "simulated"))
def test_an_impossible_update_costs_no_write_and_stops_nobody_and_is_answered(board, monkeypatch):
    world = connected()
    monkeypatch.setattr(build_info, "BOARD", board)
    world.loop.peer.log(entry(1, VIBRATE, 30, 9000))
    world.pass_ms(300)
    since_us, writes = world.time.now_us, len(world.time.stalls)
    for _ in range(100):
        world.obey(UPDATE, "1.2.3")
        world.pass_ms(20)
    world.pass_ms(1000)
    assert len(world.time.stalls) == writes and not Path("update.json").exists()
    assert len(world.active(since_us)) > 40, "what runs goes on"
    names = [name for name, _ in told(world)]
    assert names[:2] == ["OtaInstallStarted", "OtaInstallFailed"] and len(names) >= 8
    assert world.restarts == 0 and world.device.modes._news.events() == []


# the set-up, opened from afar


def test_an_order_from_afar_opens_no_set_up_while_the_emergency_stop_is_latched():
    world = connected()
    world.device.dispatcher.emergency("button")
    world.obey(PORTAL, True)
    world.pass_ms(3000)
    assert world.restarts == 0 and world.device.dispatcher.locked == "" and world.device.refused() == {"estop": 1}
    assert "the set-up, asked for from afar" in world.lines("refused")[-1]
    world.device.dispatcher.clear_estop("console")
    world.obey(PORTAL, True)
    world.pass_ms(3000)
    assert world.restarts == 1 and world.boot().modes._opens == AFAR


def opened(wish, guests, minutes):
    """Minutes after which a set-up with that wish was over; None: it was not. `guests`: (when, how many had joined), minutes."""
    world = World({**WIFI, "portal.port": free_port(), "portal.dns_port": free_port()}, Hub())
    Nvs("app").put("set-up", wish)
    world.boot(whole=True)
    world.pass_ms(5000)
    assert any("its page is" in line for _, line in world.told)
    for tenth in range(10 * minutes):
        if world.main is None:
            return tenth / 10
        joined = [0] + [many for at, many in guests if at * 10 <= tenth]
        world.device.modes.setup._point.clients = lambda many=joined[-1]: many
        world.pass_ms(6000)
    return None


def test_a_set_up_from_afar_ends_after_three_minutes_in_which_nobody_joins(monkeypatch):
    monkeypatch.setattr(AccessPoint, "address", lambda point: "127.0.0.1")
    assert 2.8 <= opened(AFAR, (), 5) <= 3.2
    assert 9.5 <= opened(1, (), 12) <= 10.2


def test_whoever_joins_has_as_long_as_ever(monkeypatch):
    monkeypatch.setattr(AccessPoint, "address", lambda point: "127.0.0.1")
    assert 11.5 <= opened(AFAR, ((2, 1), (3, 0)), 14) <= 12.3
