"""The register player on chips made of Python: each access to a register moves the time on, each edge is recorded."""

from array import array

import pytest
from conftest import run_micropython
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tests.machine_code.chip import SILICON, Chip, Pointer, errors_us
from lib import ook_player

_SHORT = array("H", (40, 25, 30, 20))
_ACCESS_NS = 130  # four accesses are a poll: 0.52 µs
_WORST_US = 0.85  # half a poll, a tick of the slowest clock (0.5 µs), and what the way between two accesses takes


class _Board:
    """A chip, a player on it, and interrupts that are counted."""

    def __init__(self, name="esp32c3", pin=5, stop_pin=None, pressed=1, **chip):
        self.chip = Chip(name, pin, stop_pin, pressed, access_ns=_ACCESS_NS, **chip)
        self.masked = 0
        self.masks = 0
        self.player = ook_player.Registers(
            name, pin, self._disable_irq, self._enable_irq, stop_pin, pressed, lambda at: Pointer(self.chip, at)
        )

    def _disable_irq(self):
        assert not self.chip.edges
        self.masked += 1
        self.masks += 1
        return "what it was"

    def _enable_irq(self, state):
        assert state == "what it was"
        self.masked -= 1

    def play(self, train, heed=True):
        worst = self.player.play(train, heed)
        assert (self.masked, self.masks) == (0, 1)
        assert self.chip.writes[-1][1] == 0, "the pin is not low at the end"
        return worst


def _pins():
    for name, silicon in SILICON.items():
        for pin in (0, 5, 21) + ((32, 33) if len(silicon.set) > 1 and name != "esp32c6" else ()):
            for stop_pin in (None, 9) + ((34,) if len(silicon.set) > 1 and name != "esp32c6" else ()):
                for pressed in (0, 1):
                    yield name, pin, stop_pin, pressed


@pytest.mark.parametrize(("name", "pin", "stop_pin", "pressed"), list(_pins()))
def test_every_chip_pin_and_stop_input(name, pin, stop_pin, pressed):
    board = _Board(name, pin, stop_pin, pressed)
    assert board.play(_SHORT) in (0, 1)
    assert max(map(abs, errors_us(board.chip.edges, _SHORT))) <= _WORST_US
    end_us = (board.chip.writes[-1][0] - board.chip.edges[0][0]) / 1000
    assert abs(end_us - sum(_SHORT)) <= 1, "the last low lasts as long as it should"


def test_the_table_of_chips_is_that_of_the_silicon():
    assert sorted(ook_player.CHIPS) == sorted(SILICON)
    for name, silicon in SILICON.items():
        seen = ook_player.wiring(name, 3, 4, at=lambda at: at)
        assert seen[2:5] == (silicon.value, silicon.input[0], silicon.set[0]), name
        assert seen[0] == silicon.update and silicon.clear[0] == silicon.set[0] + 4
        assert seen[5][5] == silicon.ticks_per_us
    assert ook_player.wiring("esp32s3", 40, 41, at=lambda at: at)[3:5] == (0x60004040, 0x60004014)


@pytest.mark.parametrize("name", SILICON)
def test_pressed_at_any_poll(name):
    whole = _Board(name, stop_pin=4)
    whole.play(_SHORT)
    seen = set()
    for read in range(whole.chip.stop_reads):
        board = _Board(name, stop_pin=4)
        board.chip.press_at_read = read
        made = -1 - board.play(_SHORT)
        seen.add(made)
        assert board.chip.stop_reads == read + 1, "it looked again after it had seen the button"
        expected = [1, 0, 1, 0][:made] + ([0] if made & 1 else [])
        assert [level for _, level in board.chip.edges] == expected
    assert seen == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("pressed", (0, 1))
def test_pressed_before_means_no_edge(pressed):
    board = _Board("esp32s3", stop_pin=35, pressed=pressed)
    board.chip.press_at_ns = 0
    assert board.play(_SHORT) == -1
    assert board.chip.edges == []


@pytest.mark.parametrize("name", SILICON)
def test_what_says_stop_is_played_although_the_button_is_pressed(name):
    board = _Board(name, stop_pin=4)
    board.chip.press_at_ns = 0
    assert board.play(_SHORT, heed=False) in (0, 1)
    assert max(map(abs, errors_us(board.chip.edges, _SHORT))) <= _WORST_US
    board.chip.edges.clear()
    assert board.player.play(_SHORT) == -1 and not board.chip.edges, "only that one train did not heed it"


@pytest.mark.parametrize("wrap", (2**32, 2**31, 2**30, 2**29))
@pytest.mark.parametrize("name", ("esp32", "esp32c3"))
def test_the_clock_wraps_anywhere_in_a_train(name, wrap):
    ticks = SILICON[name].ticks_per_us * 250
    for before in range(0, ticks, 7 if name == "esp32" else 97):
        board = _Board(name, first_tick=wrap - before)
        assert board.play(_SHORT) in (0, 1), before
        assert max(map(abs, errors_us(board.chip.edges, _SHORT))) <= _WORST_US, before


def test_a_part_of_a_microsecond_counts_as_one():
    board = _Board()
    assert board.play(array("H", (101, 53) * 10)) == 1
    assert 0 < max(errors_us(board.chip.edges, (101, 53) * 10)) < 0.5


@pytest.mark.parametrize("first_tick", (0, 2**32 - 4000, 2**30 - 4000, 2**29 - 4000))
def test_a_stall_is_told_and_later_edges_are_on_time(first_tick):
    train = array("H", (100,) * 8)
    plain = _Board()
    plain.play(train)
    third_ns = plain.chip.edges[2][0]
    board = _Board(first_tick=first_tick)  # 250 µs before a wrap, which is before the stall
    board.chip.stall_at_ns, board.chip.stall_ns = third_ns + 60_000, 75_000  # 35 µs beyond the fourth edge
    worst = board.play(train)
    late = errors_us(board.chip.edges, train)
    assert 34 <= late[3] <= 37 and late[3] - 1 <= worst <= late[3] + 2
    assert max(abs(us) for us in late[:3] + late[4:]) <= _WORST_US


def test_a_stall_over_several_edges_lets_them_catch_up():
    train = array("H", (20,) * 30)
    board = _Board()
    board.chip.stall_at_ns, board.chip.stall_ns = 200_000, 110_000
    assert 80 <= board.play(train) <= 112
    assert max(abs(us) for us in errors_us(board.chip.edges, train)[-8:]) <= _WORST_US


@pytest.mark.parametrize("name", SILICON)
def test_a_dead_clock_lets_no_edge_out(name):
    board = _Board(name)
    board.chip.dead_at_ns = 0
    with pytest.raises(ook_player.ClockStopped):
        board.play(_SHORT)
    assert board.chip.edges == [] and board.masked == 0


@pytest.mark.parametrize("name", SILICON)
def test_a_clock_that_dies_under_way_drops_the_pin(name):
    board = _Board(name)
    train = array("H", (1000, 1000))
    board.chip.dead_at_ns = 500_000
    with pytest.raises(ook_player.ClockStopped):
        board.play(train)
    assert [level for _, level in board.chip.edges] == [1, 0] and board.masked == 0
    assert board.chip.edges[1][0] - board.chip.edges[0][0] < 8_000_000  # milliseconds, where the watchdog takes 300


def test_a_clock_that_is_never_valid_lets_no_edge_out():
    board = _Board("esp32s2")
    board.chip.mute = True
    with pytest.raises(ook_player.ClockStopped):
        board.play(_SHORT)
    assert board.chip.edges == [] and board.masked == 0


@pytest.mark.parametrize("latch_ns", (0, 300, 1500, 4000))
@pytest.mark.parametrize("name", ("esp32", "esp32s2", "esp32c6"))
def test_a_clock_that_takes_its_time(name, latch_ns):
    board = _Board(name, latch_ns=latch_ns)
    train = array("H", (300, 200, 100, 400))
    assert board.play(train) <= 3
    assert max(map(abs, errors_us(board.chip.edges, train))) <= 0.8 + latch_ns / 1000


def test_interrupts_come_back_when_a_register_faults():
    board = _Board()
    board.player._update = None  # what Python calls a wild pointer
    with pytest.raises(TypeError):
        board.player.play(_SHORT)
    assert board.masked == 0 and board.chip.edges == []


_PULSES = st.lists(st.integers(5, 400), min_size=1, max_size=6).map(lambda pulses: array("H", pulses + pulses))


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(SILICON)),
    st.integers(0, 21).filter(lambda pin: pin != 4),
    _PULSES,
    st.integers(0, 2**32 - 1),
    st.floats(50, 250),
)
def test_any_train_on_any_chip(name, pin, train, first_tick, access_ns):
    board = _Board(name, pin, 4, first_tick=first_tick)
    board.chip.access_ns = access_ns
    worst = board.play(train)
    late = errors_us(board.chip.edges, train)
    poll_us = access_ns * 4 / 1000
    assert max(map(abs, late)) <= poll_us * 0.8 + 0.6
    assert 0 <= worst <= poll_us + 1.5


@settings(max_examples=100, deadline=None)
@given(_PULSES, st.floats(0, 3_000_000), st.integers(0, 1))
def test_pressed_at_any_time(train, press_at_ns, pressed):
    board = _Board("esp32s3", 33, 34, pressed)
    board.chip.press_at_ns = press_at_ns
    worst = board.play(train)
    after = [(ns, level) for ns, level in board.chip.edges if ns > press_at_ns]
    if worst < 0:
        assert all(ns - press_at_ns < 2000 for ns, level in after)
        assert len(board.chip.edges) == -1 - worst + (-1 - worst & 1)
    else:
        assert press_at_ns > board.chip.writes[-1][0] - 2000


_OTHER_ARRAYS = """
from array import array
from lib import ook_player as ook
edges = []
player = ook.Portable(edges.append, None, int, int)
refused = 0
for code in "bBiIlLqQfd":
    for items in ((100, 100), (100, 100, 100, 100), (1, 1), (7, 120)):
        try:
            player.play(array(code, items))
        except (ValueError, TypeError):
            refused += 1
try:
    player.play(array("h", (100, -100)))
except ValueError:
    refused += 1
print(refused, edges)
"""


def test_micropython_refuses_arrays_of_other_widths(tmp_path):
    """MicroPython's arrays do not tell their type: memory is compared with what Python reads."""
    script = tmp_path / "arrays.py"
    script.write_text(_OTHER_ARRAYS)
    done = run_micropython(script)
    assert (done.stdout, done.stderr) == ("41 []\n", "")
