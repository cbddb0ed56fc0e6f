"""Between two frames whoever has something to say about the next one comes first, however many wake each other for it."""

import asyncio

from firmware.control.scheduler import Scheduler
from firmware.control.transmitter import Radio
from firmware.shockers import caixianlin
from host_tests.unit.rooms import Hand, command

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


class _Reader:
    """Somebody who reads: each turn of the loop a piece, until there is nothing left; the last one is a stop."""

    def __init__(self, radio, scheduler, clock, pieces, window=0):
        self.left = pieces
        self._radio = radio
        self._scheduler = scheduler
        self._clock = clock
        self._window = window

    async def read(self):
        begun = self.left
        while self.left:
            await asyncio.sleep_ms(0)
            self.left -= 1
            self._radio.attend()
            if self._window and (begun - self.left) % self._window == 0:
                await asyncio.sleep_ms(3)  # the network has more, and is on its way
        self._scheduler.stop_all(self._clock())


async def _flood(pieces, window=0):
    """What was said, when so many pieces of a flood are read before the stop, from the third frame on."""
    clock = Hand()
    scheduler = Scheduler(lambda model: caixianlin, keep_alive=False)
    scheduler.put(command(ms=20000), 0)
    tasks = []
    player = _Player(clock, lambda: tasks.append(asyncio.create_task(reader.read())))
    radio = Radio(scheduler, player, clock, lambda: None, lambda: None)
    reader = _Reader(radio, scheduler, clock, pieces, window)
    tasks.append(asyncio.create_task(radio.run()))
    while scheduler.busy():
        await asyncio.sleep_ms(0)
    for task in tasks:
        task.cancel()
    return player.said


def test_s27_nothing_active_goes_out_while_what_was_received_is_still_being_read():
    for pieces in (1, 2, 5, 40, 700):
        assert asyncio.run(_flood(pieces)) == "aaa" + "S" * 7, pieces


def test_s27_nor_while_the_network_has_more_behind_a_full_window():
    assert asyncio.run(_flood(60, 6)) == "aaa" + "S" * 7


def test_s27_what_was_received_is_carried_out_when_it_was_read_and_no_more_than_some_in_one_pause():
    clock = Hand()
    scheduler = Scheduler(lambda model: caixianlin, keep_alive=False)
    scheduler.put(command(ms=200), 0)
    waiting = [40]
    said = []

    def digest():
        if not waiting[0]:
            return False
        waiting[0] -= 1
        said.append(len(player.said))
        return True

    async def story():
        radio = Radio(scheduler, player, clock, lambda: None, lambda: None)
        radio.digest = digest
        task = asyncio.create_task(radio.run())
        while scheduler.busy():
            await asyncio.sleep_ms(0)
        task.cancel()

    player = _Player(clock, lambda: None)
    asyncio.run(story())
    assert not waiting[0] and said.count(0) == 16 and said.count(1) == 16 and said.count(2) == 8
