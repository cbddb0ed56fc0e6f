"""The tour's visits to the other services: a device that is set up for one, one thing that it does there, and what was heard.

A visit is a row of VISITS: the backend, what is done in words, its settings, and a coroutine of the world that tells what
was heard, or raises Wrong.
"""

import asyncio
import collections
import time

from tools.sim import world as worlds
from tools.sim.tour import Wrong, expect, words

_HEARD_S = 30.0
_PRESSED = 0
_RED_BUTTON = worlds.BUTTONS[0]

Visit = collections.namedtuple("Visit", ("backend", "what", "settings", "story"))


async def _felt(air, level):
    """The first burst of that level and what came behind it, once the air is quiet again. asyncio.TimeoutError.

    One frame is enough: how many a device finds the time for in half a second is a matter of what else this PC does.
    """
    await air.until(lambda: any(frame.intensity == level for frame in air.frames), _HEARD_S)
    await air.until(air.quiet, _HEARD_S)
    heard = air.events
    faults = [burst for burst in heard if burst["event"] != "rf"]
    expect(not faults, f"frames that no receiver understands: {faults}")
    expect(heard[-1]["intensity"] == 0, f"the last frames were no stop frames: {words(heard[-1])}")
    return "; ".join(map(words, heard))


async def _said(world, text):
    """None as soon as the device has said it. asyncio.TimeoutError."""
    until_s = time.monotonic() + _HEARD_S
    while not any(text in line for line in world.lines):
        if time.monotonic() >= until_s:
            raise asyncio.TimeoutError
        await asyncio.sleep(0.02)  # the line comes from another process: there is nothing to await


async def _live(world):
    """Live control, as the website's slider does it: a second of frames."""
    await world.hub.device_connected(timeout_s=_HEARD_S)
    for _ in range(10):
        world.hub.gateway.live.frame(world.hub.shockers[0], 2, 35)
        await asyncio.sleep(0.1)  # its pace
    return await _felt(world.air, 35)


async def _remote(world):
    """A finger on the device's button; the other device obeys its own hub."""
    await _said(world, "joined the share link")
    await world.hub.device_connected(timeout_s=_HEARD_S)  # the other device
    world.device.set_input(_RED_BUTTON["pin"], _PRESSED)
    try:
        heard = await _felt_level(world.partner.air, _RED_BUTTON["level"])
    finally:
        world.device.set_input(_RED_BUTTON["pin"], 1 - _PRESSED)
    await world.partner.air.until(world.partner.air.quiet, _HEARD_S)
    expect(not world.air.frames, "the remote itself sent something")
    return f"by the other device: {heard}"


async def _felt_level(air, level):
    await air.until(lambda: any(frame.intensity == level for frame in air.frames), _HEARD_S)
    frame = next(frame for frame in air.frames if frame.intensity == level)
    return f"{frame.action} {level} to {frame.model} {frame.rf_id}"


async def _alert(world):
    """An alert is raised; a rule of the device makes a vibration of it."""
    await world.hub.journal.wait("subscribed", timeout_s=_HEARD_S)
    world.hub.valtronics.alert("critical", "High temperature", "pump 7 is hot")
    return await _felt(world.air, worlds.RULES[0]["level"])


async def _message(world):
    """The device shows a code and is paired; a message comes, and a rule makes a sound of it."""
    fleet = world.hub.fleet
    await world.hub.journal.wait("fleet", lambda event: event["name"] == "ReportLocation", timeout_s=_HEARD_S)
    message = fleet.message("Please call the office")
    heard = await _felt(world.air, worlds.RULES[1]["level"])
    expect(message.received, "the message was not acknowledged")
    return f"paired; {heard}"


VISITS = [
    Visit("openshock_gateway", "live control at the gateway, for a second", {}, _live),
    Visit("openshock_share", "a remote in a share link: its button makes another device vibrate", {}, _remote),
    Visit("valtronics", "an alert becomes a vibration, by a rule of the device", {}, _alert),
    Visit("dsp_fleet", "a code is shown, and paired; a message becomes a sound, by a rule of the device", {}, _message),
]


def of(backend):
    """The visits to that backend, a list."""
    return [visit for visit in VISITS if visit.backend == backend]


async def make(visit, on_event, **options):
    """(what was heard, True), or (what went wrong, False). `options`: as World's."""
    world = worlds.World(on_event, settings={"backend": visit.backend, **visit.settings}, **options)
    async with world:
        try:
            return await visit.story(world), True
        except Wrong as wrong:
            return str(wrong), False
        except asyncio.TimeoutError:
            heard = "; ".join(map(words, world.air.events)) or "nothing"
            return f"{heard}; then nothing more, for too long; the device's log: {world.lines[-3:]}", False
