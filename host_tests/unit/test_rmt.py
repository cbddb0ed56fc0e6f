"""The pulse generator's player: exact edges, one frame a call, a pin that is low the moment the button is pressed.

The generator is the stub of `esp32.RMT`, on a clock that the test turns: each look at the time takes 4 µs.
"""

from array import array

import esp32
import simboard
import simclock
from machine import Pin

from host_tests.unit.rooms import raised
from lib import rmt_player

_PIN = 4
_TRAIN = array("H", (1400, 750, 750, 250, 250, 750))
_EDGES = [
    (0, 1),
    (1400, 0),
    (2150, 1),
    (2900, 0),
    (3150, 1),
    (3400, 0),
]  # µs from the first one; the last low ends at 4150
_LOOK_US = simclock.POLL_US


class _World:
    """`with _World() as world`: a pin, a generator and a button; `edges()` is what the pad did."""

    def __init__(self, now_us=1_000_000):
        self.now_us = now_us
        self.press_at_us = None
        self.fails_at_us = None
        self.taken = 0  # how often the pin was taken from its owner
        self.asked = 0

    def __enter__(self):
        self._before = simclock._state[:2], simboard.levels, simboard.edges, simboard.keep_edges
        simclock.wind(self._ticks_us, self._sleep_us)
        simboard.levels, simboard.edges, simboard.keep_edges = {}, [], True
        esp32.RMT.made, esp32.RMT.stuck = [], False
        self.player = rmt_player.Player(self._low_pin, self._pressed)
        self.taken = 0
        return self

    def __exit__(self, *_):
        assert not simclock.masked(), "a generator is still busy"
        (ticks, sleep), simboard.levels, simboard.edges, simboard.keep_edges = self._before
        simclock.wind(ticks, sleep)
        esp32.RMT.made, esp32.RMT.stuck = [], False

    def _ticks_us(self):
        self.now_us += _LOOK_US
        return self.now_us

    def _sleep_us(self, delay_us):
        self.now_us += delay_us

    def _low_pin(self):
        self.taken += 1
        return Pin(_PIN, Pin.OUT, value=0)

    def _pressed(self):
        self.asked += 1
        now_us = simclock.peek_us()
        if self.fails_at_us is not None and now_us >= self.fails_at_us:
            raise OSError(5)
        return self.press_at_us is not None and now_us >= self.press_at_us

    def edges(self):
        """(µs since the first edge, level)"""
        return [(at_us - simboard.edges[0][0], level) for at_us, _, level in simboard.edges]

    def last_us(self):
        return simboard.edges[-1][0]

    def level(self):
        return simboard.levels.get(_PIN)


def test_every_edge_comes_when_it_should():
    with _World() as world:
        assert world.player.play(_TRAIN) == 0
        assert world.edges() == _EDGES
        assert world.level() == 0 and world.taken == 0


def test_it_returns_when_the_last_low_is_over():
    with _World() as world:
        begins_us = world.now_us
        world.player.play(_TRAIN)
        assert 4150 <= world.now_us - begins_us <= 4150 + 10 * _LOOK_US


def test_frame_after_frame_and_never_a_write_while_one_is_played():
    with _World() as world:
        trains = [array("H", (500, 500 + at)) for at in range(20)]  # more than are kept
        for train in trains + trains:
            assert world.player.play(train) == 0  # the stub raises when it is busy
        assert len(simboard.edges) == 80
        assert esp32.RMT.made == [world.player._rmt]


def test_a_frame_of_each_model_fits():
    from firmware.command import VIBRATE
    from firmware.shockers import caixianlin, d80, petrainer, petrainer998dr, wellturnt330

    for model in (caixianlin, d80, petrainer, petrainer998dr, wellturnt330):
        with _World() as world:
            train = model.encode(0xA55A, VIBRATE, 99)
            assert world.player.play(train) == 0
            ends, at_us = [], 0
            for pulse in train:
                ends.append(at_us)
                at_us += pulse
            assert [at_us for at_us, _ in world.edges()] == ends


def test_the_button_drops_the_pin_at_once_wherever_it_is_pressed():
    for after_us in range(20, 4150, 53):
        with _World() as world:
            world.press_at_us = world.now_us + after_us
            assert world.player.play(_TRAIN) == -2
            assert world.level() == 0
            assert world.last_us() <= world.press_at_us + 4 * _LOOK_US
            made = world.edges()
            whole = [edge for edge in _EDGES if edge[0] <= made[-1][0]]
            assert made[: len(whole)] == whole or made[:-1] == whole, "what came before the button is as it was"


def test_nothing_comes_out_of_the_pin_after_the_cut_although_the_generator_plays_on():
    with _World() as world:
        world.press_at_us = world.now_us + 700  # within the first high
        assert world.player.play(_TRAIN) == -2
        assert [level for _, level in world.edges()] == [1, 0]
        world.now_us += 50_000
        assert world.player._rmt.wait_done()
        assert len(simboard.edges) == 2 and esp32.RMT.made == [world.player._rmt]


def test_a_stop_frame_goes_out_right_after_while_the_button_is_held():
    with _World() as world:
        world.press_at_us = world.now_us + 700
        assert world.player.play(_TRAIN) == -2
        cut_us = world.last_us()
        asked = world.asked
        simboard.edges = []
        assert world.player.play(_TRAIN, False) == 0
        assert world.edges() == _EDGES
        assert simboard.edges[0][0] - cut_us <= 4150, "no later than one frame after the cut"
        assert world.asked == asked, "the button is not asked"
        assert world.player.play(_TRAIN) == -1, "only that one train did not heed it"


def test_a_button_that_was_pressed_before_lets_no_edge_out():
    with _World() as world:
        world.press_at_us = 0
        assert world.player.play(_TRAIN) == -1
        assert simboard.edges == [] and world.taken == 0


def test_a_generator_that_does_not_end_loses_the_pin():
    with _World() as world:
        esp32.RMT.stuck = True
        begins_us = world.now_us
        raised(rmt_player.Stuck, world.player.play, _TRAIN)
        assert world.now_us - begins_us < 4150 + 20_000 + 100
        assert world.level() == 0 and world.taken == 2
        esp32.RMT.stuck = False
        simboard.edges = []
        assert world.player.play(_TRAIN) == 0
        assert world.edges() == _EDGES, "a new one has taken over"


def test_what_the_button_raises_comes_out_with_the_pin_low():
    with _World() as world:
        world.fails_at_us = world.now_us + 300
        raised(OSError, world.player.play, _TRAIN)
        assert [level for _, level in world.edges()] == [1, 0] and world.last_us() <= world.fails_at_us + 20
        world.fails_at_us = None
        assert world.player.play(_TRAIN) == 0


def test_the_ticks_may_wrap_at_any_moment():
    for before_us in range(0, 5000, 97):
        with _World((1 << 30) - before_us) as world:
            assert world.player.play(_TRAIN) == 0
            assert world.edges() == _EDGES


def test_what_is_no_train_is_refused_before_any_edge():
    with _World() as world:
        for rubbish in (
            None,
            0,
            b"\x01\x00\x01\x00",
            bytearray(4),
            [100, 100],
            (100, 100),
            array("H"),
            array("H", (100,)),
            array("H", (100, 100, 100)),
            array("H", (100, 0)),
            array("H", (0, 100)),
            array("H", (32768, 100)),  # does not fit in the generator's 15 bits
            array("H", (100, 65535)),
            array("H", (100,) * 96),  # 48 pairs: no place for the mark of the end in the S3's and the C3's memory
            array("H", (30000, 30000, 30000, 30000)),  # longer than 100 ms
        ):
            raised(ValueError, world.player.play, rubbish)
        assert simboard.edges == [] and world.taken == 0
        assert world.player.play(array("H", (32767, 32767, 32767, 1))) == 0
        assert world.player.play(array("H", (100,) * 94)) == 0


class _Strict(esp32.RMT):
    """A generator that has nothing but what the player may use."""

    def __getattr__(self, name):
        raise AssertionError("the player asked for " + name)


def test_it_never_loops():
    with _World() as world:
        esp32.RMT.made = []
        real, rmt_player.esp32.RMT = esp32.RMT, _Strict
        try:
            player = rmt_player.Player(world._low_pin, world._pressed)
            assert player.play(_TRAIN) == 0
            world.press_at_us = world.now_us
            assert player.play(_TRAIN) == -1
        finally:
            rmt_player.esp32.RMT = real
            esp32.RMT.made = []
