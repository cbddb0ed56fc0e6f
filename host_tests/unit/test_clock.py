"""Milliseconds that never wrap, out of ticks that do: the clock is shown ticks as a chip counts them."""

from lib import monotonic
from lib.monotonic import Clock

PERIOD = 1 << 30  # of ticks_ms on the chip


class Ticks:
    """The chip's counter, turned by hand; `with` puts it in place of the real one."""

    def __init__(self, ticks):
        self.ticks = ticks

    def __enter__(self):
        self._real = monotonic.ticks_ms, monotonic.ticks_diff
        monotonic.ticks_ms = lambda: self.ticks
        monotonic.ticks_diff = lambda later, earlier: ((later - earlier + PERIOD // 2) & (PERIOD - 1)) - PERIOD // 2
        return self

    def __exit__(self, *_):
        monotonic.ticks_ms, monotonic.ticks_diff = self._real

    def go(self, ms):
        self.ticks = (self.ticks + ms) & (PERIOD - 1)


def test_it_counts_from_its_own_start():
    with Ticks(987654321) as ticks:
        now = Clock().now
        assert now() == 0
        ticks.go(7)
        assert now() == 7
        assert now() == 7


def test_it_goes_on_where_the_ticks_wrap():
    with Ticks(PERIOD - 5) as ticks:
        now = Clock().now
        ticks.go(4)
        assert now() == 4
        ticks.go(1)
        assert ticks.ticks == 0 and now() == 5
        ticks.go(1000)
        assert now() == 1005


def test_it_counts_months_when_it_is_read_every_six_days():
    with Ticks(1) as ticks:
        now = Clock().now
        six_days_ms = 6 * 86400000
        for count in range(1, 40):
            ticks.go(six_days_ms)
            assert now() == count * six_days_ms
        assert now() > 3 * PERIOD


def test_it_never_goes_back():
    with Ticks(5000) as ticks:
        now = Clock().now
        ticks.go(100)
        assert now() == 100
        ticks.go(-60)  # a counter that jitters back
        assert now() == 100
        ticks.go(61)
        assert now() == 101


def test_two_clocks_do_not_disturb_each_other():
    with Ticks(0) as ticks:
        first = Clock().now
        ticks.go(10)
        second = Clock().now
        ticks.go(1)
        assert (first(), second()) == (11, 1)


def test_the_real_ticks_move_it():
    now = Clock().now
    before = now()
    while now() == before:
        pass
    assert before < now() < before + 10000
