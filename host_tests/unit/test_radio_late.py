"""Frames that came too late: the worst lateness is kept, a frame later than 60 µs is sent once more if it is still due.

The real radio and scheduler on a clock that only frames move on; the player says how late each of them was.
"""

import asyncio

from firmware.control.scheduler import Scheduler
from firmware.control.transmitter import Radio
from firmware.shockers import caixianlin
from host_tests.unit.rooms import Hand, command

_FRAME_MS = 45  # of CaiXianlin, which takes 45.15 ms


class _Player:
    """Takes `_FRAME_MS` for each frame. `late` is {number of the frame, from 0: its lateness in µs}."""

    def __init__(self, clock, late):
        self._clock = clock
        self._late = late
        self.played = []  # (when, train)

    def play(self, train, heed=True):
        number = len(self.played)
        self.played.append((self._clock(), train))
        self._clock.ms += _FRAME_MS
        return self._late.get(number, 3)


async def _run(world):
    task = asyncio.create_task(world.radio.run())
    while world.scheduler.busy() and not task.done():
        await asyncio.sleep_ms(0)
    over = task.done()
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass
    assert not over, "the radio's task ended"


class _World:
    """One radio; `tell` are the words for its frames: 'a' for receiver 1, 'b' for 2 …, capitals for their stop frames."""

    def __init__(self, late, *commands):
        self.clock = Hand()
        self.player = _Player(self.clock, late)
        self.scheduler = Scheduler(lambda model: caixianlin, keep_alive=False)
        self.cuts = 0
        self.radio = Radio(self.scheduler, self.player, self.clock, self._cut, lambda: None)
        for order in commands:
            self.scheduler.put(order, 0)

    def _cut(self):
        self.cuts += 1

    def run(self):
        """The words for all frames until the air was quiet."""
        asyncio.run(_run(self))
        return self.tell()

    def tell(self):
        said = ""
        for _, train in self.player.played:
            for rf_id in (1, 2, 3):
                if train == caixianlin.stop(rf_id):
                    said += ".ABC"[rf_id]
                elif train == caixianlin.encode(rf_id, 2, 50):
                    said += ".abc"[rf_id]
        assert len(said) == len(self.player.played)
        return said


def _pair(ms=180):
    return command(rf_id=1, ms=ms), command(rf_id=2, ms=ms)


def test_the_round_when_nothing_is_late():
    world = _World({}, *_pair())
    assert world.run() == "abab" + "ABABABAB"
    assert world.radio.late_frames == 0 and world.radio.worst_late_us == 3 and world.radio.frames == 12


def test_the_worst_lateness_is_kept():
    world = _World({1: 17, 2: 60, 3: 41}, *_pair())
    assert world.run() == "abab" + "ABABABAB", "60 µs are not too late"
    assert world.radio.worst_late_us == 60 and world.radio.late_frames == 0


def test_a_late_frame_is_sent_again_at_once():
    world = _World({1: 61}, *_pair(ms=200))
    assert world.run()[:5] == "abbab"
    assert world.radio.late_frames == 1 and world.radio.worst_late_us == 61


def test_it_is_repeated_once_and_no_more():
    world = _World({1: 500, 2: 900}, *_pair(ms=250))
    assert world.run()[:6] == "abbaba"
    assert world.radio.late_frames == 2 and world.radio.worst_late_us == 900


def test_when_every_frame_is_late_the_round_goes_on_all_the_same():
    world = _World({number: 70 for number in range(100)}, *_pair(ms=360))
    said = world.run()
    assert said[:8] == "aabbaabb"
    assert world.radio.late_frames == world.radio.frames == len(said)


def test_what_has_ended_meanwhile_is_not_repeated():
    world = _World({0: 200}, command(rf_id=1, ms=_FRAME_MS))  # its end is when the late frame ends
    said = world.run()
    assert said == "a" + "A" * 7, "no active frame begins after the end (S3)"
    started = [at for at, train in world.player.played if train == caixianlin.encode(1, 2, 50)]
    assert started == [0]


def test_what_was_replaced_meanwhile_is_not_repeated():
    world = _World({0: 200}, command(rf_id=1, ms=500))
    play = world.player.play

    def replaced(train, heed=True):
        late_us = play(train, heed)
        if len(world.player.played) == 1:
            world.scheduler.put(command(rf_id=1, level=20, ms=100), world.clock())
        return late_us

    world.player.play = replaced
    asyncio.run(_run(world))
    assert world.player.played[1][1] == caixianlin.encode(1, 2, 20)


def test_a_late_stop_frame_is_sent_again_too():
    world = _World({4: 100}, *_pair())
    assert world.run() == "abab" + "AABABABAB"
    assert world.radio.late_frames == 1


def test_the_goodbye_of_300_ms_counts_from_the_first_stop_frame_that_was_good():
    plain = _World({}, command(rf_id=1, ms=_FRAME_MS))
    assert plain.run() == "a" + "A" * 7  # 7 × 45.15 ms
    spoilt = _World({1: 100}, command(rf_id=1, ms=_FRAME_MS))
    assert spoilt.run() == "a" + "A" * 8


def test_the_last_stop_frame_is_sent_again_when_it_was_late():
    world = _World({7: 100}, command(rf_id=1, ms=_FRAME_MS))
    assert world.run() == "a" + "A" * 8


def test_a_first_stop_frame_overtakes_a_repetition_and_has_its_own():
    world = _World({0: 100, 1: 100, 2: 100}, *_pair(ms=2000), command(rf_id=3, ms=2000))
    play = world.player.play

    def stopped(train, heed=True):
        late_us = play(train, heed)
        if len(world.player.played) == 1:
            world.scheduler.stop("caixianlin", 3, None, world.clock())
        return late_us

    world.player.play = stopped
    assert world.run()[:7] == "aCCabCa", "a is late, C and its repetition are; then a's one repetition, and the round"


def test_a_frame_that_the_button_cut_is_not_repeated():
    world = _World({1: -20}, *_pair())
    world.run()
    assert world.cuts == 1 and world.radio.late_frames == 0
    assert world.tell()[:4] == "abab"
