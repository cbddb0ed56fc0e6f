"""Between two frames whoever has something to say about the next one comes first, however many wake each other for it."""

import asyncio

from firmware.radio import Radio
from firmware.scheduler import Scheduler
from firmware.shockers import caixianlin
from host_tests.mp.rooms import Hand, command

_ACTIVE = caixianlin.encode(1234, 2, 50)


class _Player:
    """A frame takes 45 ms of the test's clock. During the third one `during()` is called."""

    def __init__(self, clock, during):
        self._clock = clock
        self._during = during
        self.said = ""

    def play(self, train, heed=True):
        self._clock.ms += 45
        self.said += "a" if train == _ACTIVE else "S"
        if len(self.said) == 3:
            self._during()
        return 0


async def _story(n_hops):
    """What was said, when the last of `n_hops` tasks that wake each other stops everything."""
    clock = Hand()
    scheduler = Scheduler(lambda model: caixianlin, keep_alive=False)
    scheduler.put(command(ms=400), 0)
    events = [asyncio.Event() for _ in range(n_hops)]

    async def hop(at):
        await events[at].wait()
        if at + 1 < n_hops:
            events[at + 1].set()
        else:
            scheduler.stop_all(clock())

    player = _Player(clock, lambda: events[0].set())
    radio = Radio(scheduler, player, clock, lambda: None, lambda: None)
    tasks = [asyncio.create_task(hop(at)) for at in range(n_hops)]
    await asyncio.sleep_ms(0)
    tasks.append(asyncio.create_task(radio.run()))
    while scheduler.busy():
        await asyncio.sleep_ms(0)
    for task in tasks:
        task.cancel()
    return player.said


def test_a_task_that_became_ready_during_a_frame_comes_before_the_next():
    assert asyncio.run(_story(1)) == "aaa" + "S" * 7


def test_so_do_those_that_it_wakes():
    # from a lost connection to `halt`: who reads, who waits for the first to end, those who are ended, and he again
    for n_hops in (2, 3, 4):
        assert asyncio.run(_story(n_hops)) == "aaa" + "S" * 7, n_hops
