"""Devices under load in virtual time: live control for many receivers at 10 Hz, in front of consoles that hold up whoever writes.

For the tests of S6, S26 and S27, and for `bench safety`: what the one holds, the other measures.
"""

from firmware.command import STOP, VIBRATE
from host_tests.safety import chip
from host_tests.safety.hub import DEVICE, Hub, entry
from host_tests.safety.world import WIFI, World

MANY = tuple(("CaiXianlin", 100 + number) for number in range(16))
S3 = {"board": "generic-esp32s3", "rf.pin": 4, "estop.pin": 13}
# name: (its kind, the settings that bring it): 87 µs a byte, the same where the board has USB, a host that reads nothing
CONSOLES = {
    "115 200 baud": (chip.Uart, {}),
    "115 200 baud beside USB": (chip.Uart, S3),
    "USB that nobody reads": (chip.DeafUsb, S3),
}
REPEAT_MS = 100
PRESS_MS = 20
NOTICED_US = 20  # no active frame begins later than that after the press


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


def cause(kind, world, hub, after_ms):
    """Return the time in µs, `after_ms` from now, at which everything is told to stop: by a "stop", an "estop" or the "button"."""
    at_us = world.time.now_us + round(after_ms * 1000)
    if kind == "button":
        world.press(after_ms, after_ms + PRESS_MS)
    elif kind == "stop":
        entries = [entry(number, STOP, 0, 300) for number in range(1, len(hub.shockers) + 1)]
        world.loop.call_at(at_us / 1_000_000, lambda: hub.log(*entries))
    else:
        world.loop.call_at(at_us / 1_000_000, lambda: hub.invoke("EmergencyStop", DEVICE))
    return at_us


def stopped(kind, n, console, settings, chance):
    """Return (world, µs of the cause, µs of the end of the last active frame) of `n` receivers under load that are told to stop."""
    world, hub = at_work(n, console, settings)
    live(world, hub, 1500, lambda: chance.randrange(1, 100))
    live(world, hub, chance.randrange(200, 700))
    assert len({frame.rf_id for frame in world.active()}) == n
    cause_us = cause(kind, world, hub, chance.uniform(0, 60))
    world.pass_ms(600 + 160 * n)
    return world, cause_us, max((frame.end_us for frame in world.active()), default=0)


def pressed(n, console, settings, chance):
    """Return (world, µs of the press) of a device whose button is pressed for 20 ms in the middle of such a load."""
    world, hub = at_work(n, console, settings)
    live(world, hub, chance.randrange(300, 1000), lambda: chance.randrange(1, 100))
    pressed_us = cause("button", world, hub, chance.uniform(0, 200))
    live(world, hub, 400, lambda: chance.randrange(1, 100))
    return world, pressed_us
