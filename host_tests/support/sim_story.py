"""What the tests of a whole simulated device share: an order to it, and what its receivers then heard."""

import asyncio

from tools.rf.decode import Receiver
from tools.rf.trace import unpack

WAIT_S = 30.0  # for what comes at once; a busy PC may take its time


async def order(world, name, level, duration_ms, action=2):
    """None; the hub orders one shocker, by its name."""
    shocker = next(each for each in world.hub.shockers if each.name == name)
    entry = {"id": shocker.guid, "type": action, "intensity": level, "duration": duration_ms}
    await world.hub.control([entry], name="story")


async def sounding(world, level):
    """None as soon as a frame of that level was heard, from now on.

    One: how many a device finds the time for is a matter of what else this PC does.
    """
    seen = len(world.air.frames)
    await world.air.until(lambda: any(each.intensity == level for each in world.air.frames[seen:]), WAIT_S)


async def settled(world, since=0, stopped=True):
    """The frames heard from the `since`-th on, once nothing more comes; the last is a stop frame (unless not `stopped`).

    A device that this PC keeps from running is silent, too: it is asked whether it has anything to do.
    """
    air = world.air

    def done():
        frames = air.frames[since:]
        return air.silent_for(0.6) and world.device.waits() and (not stopped or frames and is_stop(frames[-1]))

    await air.until(done, WAIT_S)
    return air.frames[since:]


def kinds(frames):
    """The different (action, intensity) of these frames in their order; None for one that nobody understood."""
    return list(dict.fromkeys((each.action, each.intensity) if each.ok else None for each in frames))


def lasted_ms(frames):
    """From the beginning of the first to the end of the last."""
    return (frames[-1].end_us - frames[0].start_us) / 1000


async def said(world, text, since=0):
    """The first line of the device's log since then that holds `text`, once it is there."""
    for _ in range(int(WAIT_S / 0.02)):
        for line in world.lines[since:]:
            if text in line:
                return line
        await asyncio.sleep(0.02)  # lines come from another process: there is nothing to await
    raise AssertionError(f"the device did not say '{text}': {world.lines[since:]}")


async def typed(world, line):
    """None once the console has taken `line`: while a connection is being made it may have no memory for it, and says so."""
    while True:
        since = len(world.lines)
        world.device.type(line)
        answer = await said(world, "$SYS$|", since)
        if "not enough memory" not in answer:
            assert "|Error|" not in answer, answer
            return


async def restarted(world):
    """None; the power was cut, came back, and the device is greeted again."""
    starts = world.device.starts
    await world.device.power_cut()
    while world.device.starts == starts:
        await asyncio.sleep(0.01)  # a process ends: there is nothing to await
    since = world.hub.journal.mark()
    await world.hub.device_connected(since=since, timeout_s=WAIT_S)


def trace(world):
    """(edges, frames) of the whole recording so far."""
    edges = unpack(world.device.trace_path.read_bytes())
    receiver = Receiver()
    return edges, receiver.feed(edges) + receiver.flush()


def is_stop(frame):
    """True for a good frame that tells its receiver to be still."""
    return frame.ok and frame.action == "vibrate" and frame.intensity == 0
