"""The loops that play pulse trains, in machine code: executable memory is scarce, so only viper functions stand here.

How both players keep time. The clock reading that ends a wait is followed by the same few instructions whichever edge
comes next; that delay falls out when the first edge is treated like the others: zero is the reading that led to it, not
one taken apart before or after it. A wait ends up to one poll late, so it aims half a poll early (polls are counted
before the first edge), and an edge is off by half a poll at most. Deadlines are sums from zero: nothing adds up.
"""

import micropython
from micropython import const

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


@micropython.viper
def duration_us(train, halfwords: ptr16, count: int) -> int:
    """Return the sum of `train`, 0 when it cannot be played.

    That is: memory does not hold what Python reads (no `array("H")`), a pulse is 0, or all is too long.
    """
    total = 0
    for i in range(count):
        pulse = int(train[i])
        if pulse < 1 or pulse != halfwords[i] or total > _MAX_US:
            return 0
        total += pulse
    return total


# What viper's code generator asks of both loops: the first names live in registers (three on RISC-V, two on Xtensa),
# hence their order; no constant from 2**30 on (they come in `setup`); no `-x` and no `~x` of a variable (wrong before
# 1.29); no register as index (wrong before 1.28). A branch forward is dear on RISC-V, so a wait asks one question: the
# reasons to go on are joined by `&`, each has the bit `_BEFORE`.
@micropython.viper
def send(
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
    """Play by registers, as in lib/ook_player.py Registers; return the worst lateness in ticks, -1 - (edges made), or _STUCK."""
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
def call(late: int, early: int, calm: int, pin, ticks_us, pressed, train: ptr16, count: int) -> int:
    """Play by calls, as in lib/ook_player.py Portable; return the worst lateness in µs, or -1 - (edges made)."""
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
