"""A device whose NVS or file system is full, unreadable or gone: it starts, works, and changes its mode all the same.

What cannot be known reads as the safest: the latch as set, the caps as the strictest.
"""

import asyncio
import errno
from pathlib import Path

import pytest
import simboard
from sim_story import WAIT_S, said

from firmware.command import PORTAL, RESTART, UPDATE, VIBRATE
from firmware.requests import FACTORY_RESET
from host_tests.safety.hub import Hub, entry
from host_tests.safety.world import WIFI, World
from lib import json_file
from lib.nvs import Nvs
from tools.sim.phone import Phone
from tools.sim.world import World as Simulated

REFUSALS = ("gone", "unreadable", "full")


@pytest.fixture(autouse=True)
def one_world():
    yield
    World.end()


def started(*refusals, settings=None):
    """A whole device at its hub, whose storage has refused from its first start on."""
    world = World({**WIFI, **(settings or {})}, Hub())
    for refusal in refusals:
        Path("nvs." + refusal).touch()
    world.boot(whole=True)
    world.pass_ms(2000)
    assert world.lines("note")[-1] == "welcome"
    return world


@pytest.mark.parametrize("refusal", REFUSALS)
def test_it_starts_and_is_at_its_hub(refusal):
    world = started(refusal)
    assert world.device.latch.latched is (refusal != "full"), "nobody knows what it was"
    world.loop.peer.log(entry(1, VIBRATE, 30, 500))
    world.pass_ms(1000)
    assert bool(world.active()) is (refusal == "full")
    assert world.device.refused() == ({} if refusal == "full" else {"estop": 1})
    world.pass_ms(120_000)
    assert world.restarts == 0 and not [line for line in world.lines("wifi") if "lost" in line]


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("files", (False, True))
def test_a_restart_by_order_and_a_factory_reset(refusal, files, monkeypatch):
    for what in ("restart", "factory reset"):
        world = started(refusal)
        if files:
            monkeypatch.setattr(json_file, "open", _full, raising=False)
        if what == "restart":
            world.obey(RESTART, "hub")
        else:
            world.device.request(FACTORY_RESET, "BOOT was held")
        world.pass_ms(3000)
        assert world.restarts == 1, what


def _full(path, mode="r"):
    if "w" in mode:
        raise OSError(errno.ENOSPC, "full")
    return open(path, mode)


@pytest.mark.parametrize("refusal", REFUSALS)
def test_an_update_that_cannot_be_ordered_is_refused_and_nothing_else_ends(refusal):
    world = started(refusal)
    world.obey(UPDATE, "1.2.3")
    world.pass_ms(3000)
    assert world.restarts == 0 and world.device.dispatcher.locked == ""
    assert [line for line in world.lines("update") if "1.2.3" in line]


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("how", ("asked for here", "networks lost"))
def test_the_set_up_opens_behind_a_restart(refusal, how):
    world = started(refusal)
    if how == "asked for here":
        world.line.type(b"portal\r\n")
        world.pass_ms(3000)
    else:
        world.pins[simboard.WIFI_BYTE] = 0
        world.pass_ms(120_000)
    assert world.restarts == 1
    assert world.boot().modes._opens == (1 if how == "asked for here" else 2)
    assert world.boot().modes._opens == 0, "once"


def test_a_note_does_not_outlive_a_loss_of_power():
    world = started("full")
    world.obey(PORTAL, True)
    world.pass_ms(3000)
    assert world.restarts == 1 and world.reboot().modes._opens == 0


def test_a_wish_that_cannot_be_crossed_off_does_not_come_back_at_each_start():
    world = World(WIFI, Hub())
    Nvs("app").put("set-up", 1)
    Path("nvs.full").touch()
    world.boot(whole=True)
    world.pass_ms(2000)
    assert world.lines("note")[-1] == "welcome" and world.device.modes.setup is None


def test_a_latch_that_cannot_be_cleared_for_good_stays():
    world = started()
    world.device.dispatcher.emergency("button")
    Path("nvs.full").touch()
    world.line.type(b"estop clear\r\n")
    world.pass_ms(500)
    assert world.device.latch.latched
    assert [line for line in world.lines("estop") if "stays latched" in line]
    Path("nvs.full").unlink()
    world.line.type(b"estop clear\r\n")
    world.pass_ms(500)
    assert not world.device.latch.latched


def test_on_micropython_the_page_opens_with_a_full_storage_and_the_device_works_behind_it():
    async def story():
        async with Simulated() as world:
            await world.hub.device_connected(timeout_s=WAIT_S)
            (world.device.folder / "nvs.full").touch()
            since = world.hub.journal.mark()
            await world.hub.captive_portal(True)
            await said(world, "its page is")
            assert world.device.starts == 2
            async with Phone(world.portal_port) as phone:
                assert (await phone.state())["step"]
                await phone.post("done")
            await world.hub.device_connected(since=since, timeout_s=WAIT_S)
            assert world.device.starts == 3 and not [line for line in world.lines if "MemoryError" in line]

    asyncio.run(story())
