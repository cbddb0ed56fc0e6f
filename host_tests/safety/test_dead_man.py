"""Live control: a short command five times a second runs on without a hole, and ends by itself when nobody repeats it.

The whole device with its link in a virtual time; judged by the decoder of tools/rf.
"""

import pytest

from host_tests.safety import hub as hubs
from host_tests.safety.world import FRAME_MS, WIFI, World, kinds, silent

REPEAT_MS, LASTS_MS = 200, 500  # as OpenShock's remotes do it: 500 ms, five times a second


@pytest.fixture(autouse=True)
def one_world():
    yield
    World.end()


def live(n, seconds):
    """(world, when the last repetition came): `n` shockers under live control for so long, then nothing more."""
    hub = hubs.Hub(tuple(("CaiXianlin", 100 + number) for number in range(n)))
    world = World({**WIFI, "cap.longest_ms": 30000, "cap.budget": 6000}, hub)
    world.boot(whole=True)
    world.pass_ms(1500)
    for _ in range(seconds * 1000 // REPEAT_MS):
        hub.log(*[hubs.entry(number, level=20, ms=LASTS_MS) for number in range(1, n + 1)])
        last_us = world.time.now_us
        world.pass_ms(REPEAT_MS)
    world.pass_ms(3000)
    return world, last_us


@pytest.mark.parametrize("n", [1, 3, 10])
def test_repeated_commands_are_one_smooth_vibration_that_ends_by_itself(n):
    world, last_us = live(n, 4)
    assert not world.device.refused(), "live control is no flood"
    for rf_id in range(100, 100 + n):
        frames = [frame for frame in world.frames() if frame.rf_id == rf_id]
        assert kinds(frames) == [("caixianlin", rf_id, "vibrate", 20), ("caixianlin", rf_id, "vibrate", 0)]
        active = [frame for frame in frames if not silent(frame)]
        gaps_us = [after.start_us - before.end_us for before, after in zip(active, active[1:])]
        assert max(gaps_us) <= (n - 1) * FRAME_MS * 1000 + 1500, "a hole in the vibration"
        assert active[-1].start_us >= last_us + (LASTS_MS - n * FRAME_MS) * 1000, "it ended too early"
        assert active[-1].end_us <= last_us + (LASTS_MS + FRAME_MS) * 1000, "it went on too long"


def test_what_is_no_repetition_counts_against_the_rate():
    hub = hubs.Hub((("CaiXianlin", 100),))
    world = World(WIFI, hub)
    world.boot(whole=True)
    world.pass_ms(1500)
    for level in range(20):
        hub.log(hubs.entry(1, level=level, ms=LASTS_MS))
        world.pass_ms(5)  # for a frame: or the newest alone would be carried out (S27)
    assert world.device.refused() == {"rate": 10}
