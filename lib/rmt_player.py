"""Plays pulse trains by the chip's pulse generator, `esp32.RMT`, as lib/ook_player.py does by its loops.

One frame a call and never a loop, so a program that hangs means silence. What is avoided, version by version, is in
reference/micropython-esp32.md §b: trains longer than a memory block, writing while busy, stopping a long train.
"""

from array import array
from time import ticks_add, ticks_diff, ticks_us

import esp32
from micropython import const

_MAX_US = const(100_000)
_MAX_PULSE_US = const(32_767)  # 15 bits
# One memory block of the S3 and the C3 holds 48 pairs, and the mark of the end takes one place: what is longer depends on
# an interrupt, which a write to the flash delays.
_MAX_PULSES = const(94)
_SPARE_US = const(20_000)
_DIVIDER = const(80)  # 80 MHz / 80: a tick is 1 µs, on every version
_KEPT = const(8)  # trains whose tuples are kept: a command's frame and its stop frame come again and again


class Stuck(Exception):
    """The generator did not end in time; the pin was taken from it, is low, and belongs to a new one."""


class Player:
    """`low_pin()` gives the transmitter's pin as an output that is low, detached from any other use.

    `pressed()` is True while the e-stop is pressed.
    """

    def __init__(self, low_pin, pressed):
        self._low_pin = low_pin
        self._pressed = pressed
        self._kept = []  # (train, its pulses as a tuple, its length in µs): RMT takes no array
        self._rmt = None
        self._begin(0)

    def _begin(self, until_us):
        """Give the pin to a new generator, low. `until_us`: the ticks when the old one must have ended."""
        self._low_pin()  # from this line on, whatever the generator does
        if self._rmt:
            # The rest of a cut frame goes nowhere. It is waited for here, where interrupts are on: from 1.27 on the ESP32's
            # `deinit` waits with interrupts off, and up to 1.26 it does not end the frame, which a new owner would send on.
            while not self._rmt.wait_done() and ticks_diff(until_us, ticks_us()) > 0:
                pass
            self._rmt.deinit()
        # the pin once more: from 1.27 on `deinit` leaves it without a driver
        self._rmt = esp32.RMT(0, pin=self._low_pin(), clock_div=_DIVIDER, idle_level=False)

    def _pulses(self, train):
        for known, pulses, total_us in self._kept:
            if known is train:
                return pulses, total_us
        pulses = tuple(train) if isinstance(train, array) else ()
        if not pulses or len(pulses) & 1 or len(pulses) > _MAX_PULSES:
            raise ValueError("not a train of pairs, or too many")
        total_us = sum(pulses)
        if min(pulses) < 1 or max(pulses) > _MAX_PULSE_US or total_us > _MAX_US:
            raise ValueError("a pulse of nothing, or too long")
        if len(self._kept) >= _KEPT:
            self._kept.pop(0)
        self._kept.append((train, pulses, total_us))
        return pulses, total_us

    def play(self, train, heed=True):
        """Return 0, or -2 when the e-stop input cut the train (-1: before its first edge). The pin is low afterwards.

        After a cut this returns when the generator has come to its end, a frame later at most: the pin is low all that time.

        Without `heed` the e-stop input is not looked at. Raise ValueError before any edge for what is no train. Raise Stuck: see
        there. What `pressed` raises comes out, with the pin low.
        """
        pulses, total_us = self._pulses(train)
        if heed and self._pressed():
            return -1
        whole = False
        until_us = ticks_add(ticks_us(), total_us + _SPARE_US)
        try:
            self._rmt.write_pulses(pulses, 1)
            while not self._rmt.wait_done():
                if heed and self._pressed():
                    return -2
                if ticks_diff(until_us, ticks_us()) < 0:
                    raise Stuck
            whole = True
            return 0
        finally:
            if not whole:
                self._begin(until_us)
