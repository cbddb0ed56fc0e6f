"""The players on a clock and pins that the test holds in its hands: what goes in is a train, what comes out are edges.

On MicroPython viper is truly compiled here (x64). The register player meets chips that answer in `test_ook_registers.py`
and `test_machine_code.py` of `host_tests/`; here its registers are plain memory: a chip whose clock stands still.
"""

from array import array

import micropython

from lib import ook_player

_TRAIN = array("H", (1400, 750, 750, 250, 250, 750))
_EDGES = [(0, 1), (1400, 0), (2150, 1), (2900, 0), (3150, 1), (3400, 0)]  # µs from the first one


class _World:
    """A clock that moves on by `step_us` when it is read, a pin and a button. Lists are made before, as for a heap lock."""

    def __init__(self, step_us=1, now_us=0, wrap=1 << 30, n_edges=40):
        self.now_us = now_us
        self.step_us = step_us
        self.wrap = wrap
        self.times = [0] * n_edges
        self.levels = [0] * n_edges
        self.n_edges = 0
        self.level = 0
        self.reads = 0
        self.press_at_read = -1
        self.stall_at_read = -1
        self.stall_us = 0
        self.masked = 0
        self.player = ook_player.Portable(self.pin, self.ticks_us, self.disable_irq, self.enable_irq, self.pressed)

    def ticks_us(self):
        self.reads += 1
        self.now_us += self.stall_us if self.reads == self.stall_at_read else self.step_us
        return self.now_us % self.wrap

    def pin(self, level):
        if level != self.level:
            assert self.masked == 1, "an edge while interrupts were on"
            self.times[self.n_edges] = self.now_us
            self.levels[self.n_edges] = level
            self.n_edges += 1
            self.level = level

    def pressed(self):
        return 0 <= self.press_at_read <= self.reads

    def disable_irq(self):
        self.masked += 1
        return 7

    def enable_irq(self, state):
        assert state == 7
        self.masked -= 1

    def edges(self):
        """(µs since the first edge, level) of each edge."""
        return [(self.times[i] - self.times[0], self.levels[i]) for i in range(self.n_edges)]


def _off_by(edges, wanted):
    assert [level for _, level in edges] == [level for _, level in wanted]
    return [got - want for (got, _), (want, _) in zip(edges, wanted)]


def test_every_edge_comes_when_it_should():
    world = _World()
    assert world.player.play(_TRAIN) == 0
    assert world.edges() == _EDGES
    assert world.masked == 0


def test_a_slow_clock_is_met_half_a_poll_early_and_never_drifts():
    for step_us in (2, 3, 5, 7):
        world = _World(step_us)
        worst = world.player.play(_TRAIN)
        off = _off_by(world.edges(), _EDGES)
        assert 0 <= worst <= (step_us + 1) // 2 + 1
        assert max(off) <= worst and min(off) >= -(step_us // 2) - 1, (step_us, off)


def test_the_clock_may_wrap_at_any_moment():
    for wrap in (1 << 30, 1 << 62):
        for before_us in range(0, 3600, 37):
            world = _World(1, wrap - before_us, wrap)
            assert world.player.play(_TRAIN) == 0
            assert world.edges() == _EDGES


def test_the_half_way_mark_of_the_clock_is_no_wrap():
    for before_us in range(0, 3600, 101):
        world = _World(1, (1 << 29) - before_us)
        assert world.player.play(_TRAIN) == 0
        assert world.edges() == _EDGES


def test_a_stall_is_told_and_the_edges_after_it_are_on_time():
    world = _World()
    world.stall_at_read = 2000  # inside the third pulse
    world.stall_us = 900
    worst = world.player.play(_TRAIN)
    off = _off_by(world.edges(), _EDGES)
    assert off.count(0) == 5 and max(off) == worst and worst > 60, (worst, off)


def test_the_button_cuts_a_train_at_any_poll():
    whole = _World(10)
    whole.player.play(_TRAIN)
    seen = set()
    for read in range(1, whole.reads + 1):
        world = _World(10)
        world.press_at_read = read
        worst = world.player.play(_TRAIN)
        made = -1 - worst
        assert worst < 0 and world.level == 0 and world.masked == 0
        # an odd number of edges made means that one more was needed to drop the pin
        assert world.edges() == whole.edges()[:made] + ([(world.edges()[-1][0], 0)] if made & 1 else [])
        seen.add(made)
    assert seen == {0, 1, 2, 3, 4, 5, 6}


def test_what_says_stop_is_played_although_the_button_is_pressed():
    world = _World()
    world.press_at_read = 0
    assert world.player.play(_TRAIN, False) == 0
    assert world.edges() == _EDGES
    assert world.player.play(_TRAIN) == -1, "only that one train did not heed it"


def test_a_button_that_was_pressed_before_lets_no_edge_out():
    world = _World()
    world.press_at_read = 0
    assert world.player.play(_TRAIN) == -1
    assert world.n_edges == 0


def test_nothing_is_allocated():
    world = _World(5)
    play = world.player.play
    micropython.heap_lock()
    try:
        worst = play(_TRAIN)
    finally:
        micropython.heap_unlock()
    assert 0 <= worst <= 4
    assert world.n_edges == 6


def test_what_is_no_train_is_refused_before_any_edge():
    world = _World()
    registers = ook_player.Registers(
        "esp32", 5, world.disable_irq, world.enable_irq
    )  # real addresses: must not be touched
    for rubbish in (
        None,
        0x3FF44008,
        b"\x01\x00\x01\x00",
        bytearray(4),
        [100, 100],
        array("H"),
        array("H", (100,)),
        array("H", (100, 100, 100)),
        array("H", (100, 0)),
        array("H", (0, 100)),
        array("H", (50001, 50000)),
        array("H", (65535, 65535)),
        array("H", b"\xff" * 70000),  # on a board the sum of these would not fit in a machine word
    ):
        for player in (world.player, registers):
            try:
                player.play(rubbish)
            except ValueError:
                continue
            raise AssertionError(rubbish)
    assert world.n_edges == 0 and world.masked == 0


def test_the_longest_train_is_played():
    world = _World(25)
    assert world.player.play(array("H", (50000, 50000))) >= 0
    assert [level for _, level in world.edges()] == [1, 0]


def test_what_the_clock_raises_comes_out_with_the_pin_low():
    world = _World()

    def fails():
        if world.n_edges == 3:
            raise OSError(5)
        return world.ticks_us()

    player = ook_player.Portable(world.pin, fails, world.disable_irq, world.enable_irq)
    try:
        player.play(_TRAIN)
    except OSError:
        assert world.level == 0 and world.masked == 0 and world.n_edges == 4
        return
    raise AssertionError("the error was swallowed")


class _Memory:
    """Registers that are plain memory: what was last written stays, and nothing moves."""

    def __init__(self):
        self.words = {}

    def at(self, address):
        self.words[address] = array("I", (0, 0))
        return self.words[address]


def test_a_clock_that_stands_still_lets_no_edge_out():
    for chip in sorted(ook_player.CHIPS):
        memory, world = _Memory(), _World()
        player = ook_player.Registers(chip, 4, world.disable_irq, world.enable_irq, at=memory.at)
        gpio = ook_player.CHIPS[chip][1]
        memory.words[gpio + 8][0] = memory.words[gpio + 8][1] = 0
        try:
            player.play(_TRAIN)
        except ook_player.ClockStopped:
            assert list(memory.words[gpio + 8]) == [0, 1 << 4], "only the register that clears was written"
            assert world.masked == 0
            continue
        raise AssertionError(chip)


def test_the_stop_input_is_read_from_its_own_bit_and_level():
    for chip, stop_pin, pressed, word, worst in (
        ("esp32", 29, 1, 1 << 29, -1),
        ("esp32", 29, 0, 0xDFFFFFFF, -1),
        ("esp32", 39, 1, 1 << 7, -1),
        ("esp32s3", 0, 1, 1, -1),
        ("esp32s3", 0, 0, 0xFFFFFFFE, -1),
        ("esp32s2", 46, 0, 0xFFFFFFFF ^ 1 << 14, -1),
        ("esp32c3", 9, 0, 0, -1),  # a broken wire on a pull-down reads like a pressed, normally closed button
    ):
        memory, world = _Memory(), _World()
        player = ook_player.Registers(
            chip, 5, world.disable_irq, world.enable_irq, stop_pin=stop_pin, pressed=pressed, at=memory.at
        )
        memory.words[ook_player.CHIPS[chip][1] + (0x40 if stop_pin > 31 else 0x3C)][0] = word
        assert player.play(_TRAIN) == worst, (chip, stop_pin)
        memory.words[ook_player.CHIPS[chip][1] + (0x40 if stop_pin > 31 else 0x3C)][0] = word ^ 0xFFFFFFFF
        try:
            player.play(_TRAIN)
        except ook_player.ClockStopped:
            continue
        raise AssertionError("a released button cut the train")


def test_the_register_player_allocates_nothing():
    memory, world = _Memory(), _World()
    player = ook_player.Registers(
        "esp32c3", 5, world.disable_irq, world.enable_irq, stop_pin=9, pressed=0, at=memory.at
    )
    play = player.play
    micropython.heap_lock()
    try:
        worst = play(_TRAIN)
    finally:
        micropython.heap_unlock()
    assert worst == -1


def test_pins_and_levels_are_checked():
    for chip, pin, stop_pin, pressed in (
        ("esp8266", 5, None, 1),
        ("ESP32", 5, None, 1),
        ("esp32", 40, None, 1),
        ("esp32", -1, None, 1),
        ("esp32s2", 47, None, 1),
        ("esp32s3", 49, None, 1),
        ("esp32c3", 22, None, 1),
        ("esp32c6", 31, None, 1),
        ("esp32c3", 5, 22, 1),
        ("esp32c3", 5, -1, 1),
        ("esp32c3", 5, 5, 1),
        ("esp32c3", 5, 9, 2),
        ("esp32s3", 5, 30, 1),
        ("esp32s3", 5, 31, 1),
    ):
        try:
            ook_player.wiring(chip, pin, stop_pin, pressed)
        except ValueError:
            continue
        raise AssertionError((chip, pin, stop_pin, pressed))
