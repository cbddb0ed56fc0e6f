"""Plays a pulse train on a pin: absolute deadlines, e-stop read at every poll (ook_loops.py). Imports no hardware module.

A train is `array("H")` of µs: high, low, high, low … Facts: reference `micropython-esp32.md` §a, §b, §k.
"""

from array import array

from micropython import const

from lib import ook_loops

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
_STUCK = const(-0x10000000)  # as in lib/ook_loops.py


class ClockStopped(Exception):
    """The chip's clock stood still while a train was played; the pin is low."""


def _count(train):
    """Return how many pulses `train` has. Raise ValueError unless it may be played: a wrong pointer would stop the whole device."""
    count = len(train) if isinstance(train, array) else 0
    if count < 2 or count & 1 or not 0 < ook_loops.duration_us(train, train, count) <= _MAX_US:
        raise ValueError("no pulse train")
    return count


def wiring(chip, pin, stop_pin=None, pressed=1, at=int):
    """Return the arguments of the loop between its three counters and the train, as a tuple; the last is `setup`.

    `at(address)` is what viper takes as a pointer: the address itself on the device, anything with `[0]` elsewhere.
    Raise ValueError: unknown chip, level not 0 or 1, no such pin. Stop inputs 30 and 31 count as such: their bits lie above
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
    `disable_irq` gave. Raise ValueError as `wiring` does.
    """

    def __init__(self, chip, pin, disable_irq, enable_irq, stop_pin=None, pressed=1, at=int):
        wires = wiring(chip, pin, stop_pin, pressed, at)
        self._update, self._ready, self._value, self._stop_in, self._out, self._setup = wires
        self._heedless = array("I", self._setup)
        self._heedless[2] = 0  # no stop input
        self._disable_irq = disable_irq
        self._enable_irq = enable_irq

    def play(self, train, heed=True):
        """Return the worst lateness of an edge in µs (≥ 0), or -1 - (edges made) when the e-stop input cut the train.

        Without `heed` that input is not looked at: stop frames go out while it is pressed. The pin is low afterwards, nothing
        is allocated, interrupts are off meanwhile: one frame a call. Raise ValueError before any edge: not an `array("H")` of
        pairs, or not 1–100 000 µs long. Raise ClockStopped: see there.
        """
        count = _count(train)
        setup = self._setup if heed else self._heedless
        state = self._disable_irq()
        try:
            worst = ook_loops.send(
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
        """Play as `Registers.play`; what `pin`, `ticks_us` or `pressed` raises comes out, with the pin low."""
        count = _count(train)
        pressed = self._pressed if heed else bool
        state = self._disable_irq()
        try:
            return ook_loops.call(self._ticks_us(), 0, 0, self._pin, self._ticks_us, pressed, train, count)
        finally:
            self._pin(0)
            self._enable_irq(state)
