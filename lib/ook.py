"""Plays a pulse train on a pin by viper: absolute deadlines, e-stop read at every poll. Knows no receiver, imports no door.

A train is `array("H")` of µs: high, low, high, low … Facts: reference `micropython-esp32.md` §a, §b, §k.

How both players keep time. The clock reading that ends a wait is followed by the same few instructions whichever edge
comes next; that delay falls out when the first edge is treated like the others: zero is the reading that led to it, not
one taken apart before or after it. A wait ends up to one poll late, so it aims half a poll early (polls are counted
before the first edge), and an edge is off by half a poll at most. Deadlines are sums from zero: nothing adds up.
"""

from array import array

import micropython
from micropython import const

# chip: pins, GPIO base, clock's "update" register, from there to its value, bit that asks, bit "valid", ticks per µs
CHIPS = {
    "esp32": (40, 0x3FF44000, 0x3FF5F080, -8, 1, 0, 2),
    "esp32s2": (47, 0x3F404000, 0x3F423038, 8, 1 << 31, 1 << 30, 80),
    "esp32s3": (49, 0x60004000, 0x60023004, 0x40, 1 << 30, 1 << 29, 16),
    "esp32c3": (22, 0x60004000, 0x60023004, 0x40, 1 << 30, 1 << 29, 16),
    "esp32c6": (31, 0x60091000, 0x6000A004, 0x40, 1 << 30, 1 << 29, 16),
}
_OUT = const((0x08, 0x14))  # set, then clear; offsets from the GPIO base, equal on all five: pins 0–31, from 32 on
_IN = const((0x3C, 0x40))

_MAX_US = const(100_000)  # interrupts are off for a whole frame; the chip resets itself after 300 000
_WRAP = const(0x3FFFFFFF)  # times count modulo 2**30: ticks_us wraps there (on a PC at 2**62), the registers at 2**32
_BEFORE = const(0x20000000)  # so this bit of a difference says "not yet"
_WAKE = const(40)  # the ESP32's clock has no "valid" bit and hands out old values at first
_MEASURE = const(-2)  # in this pass count the polls of a while; then comes a pause, then the first edge
_MEASURE_US = const(64)
_PAUSE_US = const(16)
_POLLS_PER_US = const(8)  # no chip polls as fast; a wait with more polls than this has a dead clock
_SPARE_POLLS = const(600)
_STUCK = const(-0x10000000)


class ClockStopped(Exception):
    """The chip's clock stood still while a train was played; the pin is low."""


@micropython.viper
def _total(train, halfwords: ptr16, count: int) -> int:
    """Sum of `train` in µs; 0 when memory does not hold what Python reads (no `array("H")`), a pulse is 0, or too long."""
    total = 0
    for i in range(count):
        pulse = int(train[i])
        if pulse < 1 or pulse != halfwords[i] or total > _MAX_US:
            return 0
        total += pulse
    return total


def _count(train):
    """How many pulses `train` has. ValueError unless it may be played: a wrong pointer would stop the whole device."""
    count = len(train) if isinstance(train, array) else 0
    if count < 2 or count & 1 or not 0 < _total(train, train, count) <= _MAX_US:
        raise ValueError("no pulse train")
    return count


# What viper's code generator asks of both loops: the first names live in registers (three on RISC-V, two on Xtensa),
# hence their order; no constant from 2**30 on (they come in `setup`); no `-x` and no `~x` of a variable (wrong before
# 1.29); no register as index (wrong before 1.28). A branch forward is dear on RISC-V, so a wait asks one question: the
# reasons to go on are joined by `&`, each has the bit `_BEFORE`.
@micropython.viper
def _send(
    polls: int,  # counts up to 0, which a working clock never lets it reach
    early: int,  # the clock's reading that is waited for
    calm: int,  # -1 while the e-stop input is released
    update: ptr32,
    ready: ptr32,
    value: ptr32,
    stop_in: ptr32,
    out: ptr32,  # [0] sets the pin, [1] clears it
    setup: ptr32,
    train: ptr16,
    count: int,
) -> int:
    mask = setup[0]
    released = setup[1]
    stop_mask = setup[2]
    ask = setup[3]
    valid = setup[4]
    per_us = setup[5]
    late = lead = worst = due = pulse = 0
    for _ in range(_WAKE):
        update[0] = ask
        early = value[0]
    for i in range(_MEASURE, count):
        if i >= 0:
            if i & 1:
                out[1] = mask
            else:
                out[0] = mask
        calm = ((stop_in[0] ^ released) & stop_mask) - 1  # also here and below: from edge to edge it is a long way
        if calm & _BEFORE:
            if i <= 0:
                due = early + late
            elif (late & _WRAP) - lead > worst:
                worst = (late & _WRAP) - lead
            if i >= 0:
                pulse = train[i]
                due += pulse * per_us
            elif i == _MEASURE:
                due += per_us * _MEASURE_US
            else:
                polls += _SPARE_POLLS
                while lead < per_us and (lead + 1) * 2 * polls <= per_us * _MEASURE_US:
                    lead += 1
                due += per_us * _PAUSE_US
            polls = 0 - _SPARE_POLLS - pulse * _POLLS_PER_US
            early = due - lead
            late = -1
            calm = ((stop_in[0] ^ released) & stop_mask) - 1
        while late & calm & polls & _BEFORE:
            update[0] = ask
            while not ready[0] & valid:
                polls += 1
                if polls >= 0:
                    break
            late = value[0] - early
            polls += 1
            calm = ((stop_in[0] ^ released) & stop_mask) - 1
        if not calm & polls & _BEFORE:
            out[1] = mask
            if calm & _BEFORE:
                return _STUCK
            return -2 - i if i >= 0 else -1
    out[1] = mask
    return worst


@micropython.viper
def _call(late: int, early: int, calm: int, pin, ticks_us, pressed, train: ptr16, count: int) -> int:
    polls = lead = worst = due = 0
    for i in range(_MEASURE, count):
        if i >= 0:
            pin(1 - (i & 1))
            if i == 0:
                due = early + late
            elif (late & _WRAP) - lead > worst:
                worst = (late & _WRAP) - lead
            due += train[i]
        else:
            due = early + late
            if i == _MEASURE:
                due += _MEASURE_US
            elif i > _MEASURE:
                lead = (_MEASURE_US >> 1) // polls
                due += _PAUSE_US
            polls = 0
        early = due - lead
        late = calm = -1
        while late & calm & _BEFORE:
            late = int(ticks_us()) - early
            calm = 0 if pressed() else -1
            polls += 1
        if calm >= 0:
            return -2 - i if i >= 0 else -1
    return worst


def wiring(chip, pin, stop_pin=None, pressed=1, at=int):
    """The arguments of the loop between its three counters and the train, as a tuple; the last is `setup`.

    `at(address)` is what viper takes as a pointer: the address itself on the device, anything with `[0]` elsewhere.
    ValueError: unknown chip, level not 0 or 1, no such pin. Stop inputs 30 and 31 count as such: their bits lie above
    `_BEFORE`, and on all five chips they are flash or not there.
    """
    if chip not in CHIPS:
        raise ValueError("no registers known for %s" % chip)
    pins, gpio, update, to_value, ask, valid, per_us = CHIPS[chip]
    stop = pin if stop_pin is None else stop_pin  # where there is none, something is read all the same
    if not (0 <= pin < pins and 0 <= stop < pins) or stop_pin in (pin, 30, 31) or pressed not in (0, 1):
        raise ValueError("no such pin or level")
    mask = 1 << (pin & 31)
    stop_mask = 0 if stop_pin is None else 1 << (stop & 31)
    setup = array("I", (mask, 0 if pressed else stop_mask, stop_mask, ask, valid or mask, per_us))
    return (
        at(update),
        at(update) if valid else setup,  # no "valid" bit: the loop looks at its own mask, which is never 0
        at(update + to_value),
        at(gpio + _IN[stop >> 5]),
        at(gpio + _OUT[pin >> 5]),
        setup,
    )


class Registers:
    """Plays trains by the chip's registers: half a microsecond to one a poll, all in RAM, no call in the loop.

    `pin` must be an output already; `stop_pin` at the level `pressed` cuts the train; `enable_irq` takes what
    `disable_irq` gave. ValueError: see `wiring`.
    """

    def __init__(self, chip, pin, disable_irq, enable_irq, stop_pin=None, pressed=1, at=int):
        wires = wiring(chip, pin, stop_pin, pressed, at)
        self._update, self._ready, self._value, self._stop_in, self._out, self._setup = wires
        self._heedless = array("I", self._setup)
        self._heedless[2] = 0  # no stop input
        self._disable_irq = disable_irq
        self._enable_irq = enable_irq

    def play(self, train, heed=True):
        """The worst lateness of an edge in µs (≥ 0), or -1 - (edges made) when the e-stop input cut the train.

        Without `heed` that input is not looked at: what tells receivers to stop goes out while it is pressed. The pin
        is low afterwards, nothing is allocated, interrupts are off meanwhile: one frame a call. ValueError before any
        edge: not an `array("H")` of pairs, or not 1–100 000 µs long. `ClockStopped`: see there.
        """
        count = _count(train)
        setup = self._setup if heed else self._heedless
        state = self._disable_irq()
        try:
            worst = _send(
                0, 0, 0, self._update, self._ready, self._value, self._stop_in, self._out, setup, train, count
            )
        finally:
            self._enable_irq(state)
        if worst == _STUCK:
            raise ClockStopped
        return worst if worst < 0 else -(-worst // setup[5])


class Portable:
    """Plays trains by calls where no registers are known: `pin(level)`, `ticks_us()`, `pressed()`; some µs a poll.

    `pressed` is left out where there is no stop input (`bool()` is False). A clock that stands still is not noticed.
    """

    def __init__(self, pin, ticks_us, disable_irq, enable_irq, pressed=bool):
        self._pin = pin
        self._ticks_us = ticks_us
        self._disable_irq = disable_irq
        self._enable_irq = enable_irq
        self._pressed = pressed

    def play(self, train, heed=True):
        """As `Registers.play`; what `pin`, `ticks_us` or `pressed` raises comes out, with the pin low."""
        count = _count(train)
        pressed = self._pressed if heed else bool
        state = self._disable_irq()
        try:
            return _call(self._ticks_us(), 0, 0, self._pin, self._ticks_us, pressed, train, count)
        finally:
            self._pin(0)
            self._enable_irq(state)
