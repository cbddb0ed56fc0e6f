"""A simulated device at the user hub that is a remote as well: its button, its own receivers, and the e-stop of the others."""

import asyncio

from sim_story import WAIT_S, kinds, lasted_ms, said, settled
from telling import as_test

from tools.hub import Config, Device
from tools.sim.device import STOP_PIN
from tools.sim.world import World

RED, SHOUTS = 14, 15
INPUTS = [
    {"pin": RED, "shocker": "red", "action": "vibrate", "level": 35, "duration_ms": 5000},
    {"pin": SHOUTS, "shocker": "green", "action": "sound", "level": 20, "duration_ms": 400, "pressed": "high"},
]


def told(**more):
    """Makes a test of `async def story(world)`: a connected device with two buttons; the owner has another hub."""

    def dress(story):
        async def tell():
            config = Config.sample(faults=True)
            config.devices.append(Device("other hub"))
            world = World(settings={"remote.inputs": INPUTS, **more}, config=config)
            world.device.levels[SHOUTS] = 0
            async with world:
                await said(world, "welcome")
                await asyncio.sleep(0.1)  # its buttons were seen released
                await story(world)
                assert world.device.starts == 1 and not [line for line in world.lines if "Traceback" in line]

        return as_test(story, tell, 100)

    return dress


@told()
async def test_a_button_moves_our_own_receiver_once_by_way_of_the_hub(world):
    mark = world.hub.journal.mark()
    world.device.set_input(RED, 0)
    log = await world.hub.journal.wait("log", since=mark, timeout_s=WAIT_S)
    assert (log["sender"]["name"], log["sender"]["customName"]) == ("owner", "remote")
    await world.air.until(lambda: len(world.air.frames) >= 3, WAIT_S)
    world.device.set_input(RED, 1)
    frames = await settled(world)
    assert kinds(frames) == [("vibrate", 35), ("vibrate", 0)] and lasted_ms(frames) < 4500
    assert [entry["type"] for event in world.hub.journal.events("log", mark) for entry in event["logs"]] == [2, 0]
    world.device.set_input(SHOUTS, 1)
    await world.air.until(lambda: any(frame.action == "sound" for frame in world.air.frames), WAIT_S)
    world.device.set_input(SHOUTS, 0)
    await settled(world, len(frames))
    assert len(world.hub.journal.events("log", mark)) == 3, "what comes back is sent no second time"


@told(**{"openshock_user.stop_others": True})
async def test_the_emergency_stop_stops_the_owners_other_hub_and_what_a_button_began(world):
    mark = world.hub.journal.mark()
    world.device.set_input(RED, 0)
    await world.air.until(lambda: len(world.air.frames) >= 3, WAIT_S)
    world.device.set_input(STOP_PIN, 0)
    event = await world.hub.journal.wait("invoked", since=mark, timeout_s=WAIT_S)
    assert (event["target"], event["arguments"]) == ("EmergencyStop", [world.hub.devices[1].guid])
    await said(world, "remote] red stop, the emergency stop is latched")
    world.device.set_input(STOP_PIN, 1)
    whole = [kind for kind in kinds(await settled(world)) if kind]  # the press may have cut a frame in two
    assert whole == [("vibrate", 35), ("vibrate", 0)]
    world.device.set_input(RED, 1)
    await asyncio.sleep(0.15)  # a hand
    world.device.set_input(RED, 0)
    await said(world, "refused: the emergency stop is latched")
    assert len(world.hub.journal.events("invoked", mark)) == 1
    types = [entry["type"] for event in world.hub.journal.events("log", mark) for entry in event["logs"]]
    assert types == [2, 0], "a stop, and nothing behind it"
