"""A simulated device as a guest of a share link, over TLS: its buttons reach the receivers of another simulated device."""

import asyncio

from sim_story import WAIT_S, kinds, lasted_ms, said, settled
from telling import as_test

from tools.hub import Config
from tools.sim.device import STOP_PIN
from tools.sim.world import World

RED, BLUE, HELD, A, B, PUSH = 14, 15, 16, 17, 18, 19
INPUTS = [
    {"pin": RED, "shocker": "red", "action": "vibrate", "level": 90, "duration_ms": 9000},
    {"pin": BLUE, "shocker": "BLUE", "action": "sound", "level": 20, "duration_ms": 500},
    {"pin": HELD, "shocker": "red", "action": "shock", "level": 5, "duration_ms": 500},
    {"pin": 4, "shocker": "red", "action": "stop", "level": 0, "duration_ms": 300},
]
DIAL = {
    "a": A,
    "b": B,
    "press": PUSH,
    "shocker": "green",
    "action": "vibrate",
    "step": 5,
    "duration_ms": 400,
    "level": 10,
}


def told(story):
    """Makes a test of `async def story(world)`: a device that has joined the link, and its partner, which is at the user hub.

    One of its buttons is held while it starts, and one is on the transmitter's pin.
    """

    async def tell():
        settings = {"backend": "openshock_share", "remote.inputs": INPUTS, "remote.dial": DIAL}
        world = World(settings=settings, config=Config.sample(faults=True))
        world.device.levels[HELD] = 0
        async with world:
            await world.hub.device_connected(timeout_s=WAIT_S)
            await said(world, "joined the share link as a guest")
            await asyncio.sleep(0.1)  # its buttons were seen released
            await story(world)
            for one in (world, world.partner):
                assert one.device.starts == 1 and not [line for line in one.lines if "Traceback" in line]
            assert not world.air.frames, "a remote sends nothing itself"

    return as_test(story, tell, 100)


async def press(world, pin, seconds=0.15):
    """None; a finger was on that button for so long."""
    world.device.set_input(pin, 0)
    await asyncio.sleep(seconds)  # a finger
    world.device.set_input(pin, 1)
    await asyncio.sleep(0.15)


@told
async def test_a_press_reaches_the_others_receiver_within_the_link_and_letting_go_ends_it(world):
    mark = world.hub.journal.mark()
    world.device.set_input(RED, 0)
    log = await world.hub.journal.wait("log", since=mark, timeout_s=WAIT_S)
    (entry,) = log["logs"]
    assert (entry["shocker"]["name"], entry["type"], entry["intensity"], entry["duration"]) == ("red", 2, 50, 5000)
    assert (log["sender"]["name"], log["sender"]["customName"]) == ("Guest", "simulated guest")
    await said(world, "the share link lowers it to 50, 5000 ms")
    air = world.partner.air
    await air.until(lambda: sum(each.intensity == 50 for each in air.frames) >= 3, WAIT_S)
    world.device.set_input(RED, 1)
    frames = await settled(world.partner)
    assert kinds(frames) == [("vibrate", 50), ("vibrate", 0)] and lasted_ms(frames) < 4500
    await press(world, BLUE)
    await air.until(lambda: ("sound", 20) in kinds(air.frames), WAIT_S)


@told
async def test_what_is_refused_is_told_and_nothing_is_sent_later(world):
    await said(world, "not used: button 4: GPIO4 is that of the transmitter")
    mark = world.hub.journal.mark()
    assert not world.hub.journal.events("log")  # the button that was held at the start
    await press(world, HELD)  # let go, at last
    await press(world, HELD)
    await said(world, "refused: the share link allows no shock for red")
    world.hub.edit_share(world.hub.config.shares[0], world.hub.shockers[0], paused=True)
    await said(world, "3 shockers in the share link, 1 of them paused")
    await press(world, RED)
    await said(world, "refused: red is paused")
    world.device.set_input(STOP_PIN, 0)
    await said(world, "latched: button")
    world.device.set_input(STOP_PIN, 1)
    await press(world, BLUE)
    await said(world, "refused: the emergency stop is latched")
    assert not world.hub.journal.events("log", mark) and not world.hub.journal.events("declined", mark)


@told
async def test_the_dial_the_console_and_a_connection_that_is_gone(world):
    for _ in range(3):
        for a, b in ((0, 1), (1, 1), (1, 0), (0, 0)):
            world.device.set_input(A, 1 - a)
            world.device.set_input(B, 1 - b)
            await asyncio.sleep(0.02)  # a hand
    await said(world, "green: the dial is at 25")
    await press(world, PUSH)
    await settled(world.partner)
    (log,) = world.hub.journal.events("log")
    (entry,) = log["logs"]
    assert (entry["shocker"]["name"], entry["intensity"], entry["duration"]) == ("green", 25, 400)
    mark = world.hub.journal.mark()
    world.device.type("remote blue vibrate 15 300")
    log = await world.hub.journal.wait("log", since=mark, timeout_s=WAIT_S)
    assert log["logs"][0]["intensity"] == 15
    lines = len(world.lines)
    world.hub.faults.refuse(503, times=2)
    for connection in [each for each in world.hub.connections if each.peer.link]:
        connection.out.cut()
    await said(world, "next try in", lines)
    mark = world.hub.journal.mark()
    await press(world, BLUE)
    await said(world, "refused: not connected", lines)
    await said(world, "joined the share link as a guest", lines)
    await asyncio.sleep(0.5)
    assert not world.hub.journal.events("log", mark), "a press that could not be sent is never sent later"
    await press(world, BLUE)
    await world.hub.journal.wait("log", since=mark, timeout_s=WAIT_S)
