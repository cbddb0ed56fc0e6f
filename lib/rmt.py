"""Plays pulse trains by the chip's own pulse generator, `esp32.RMT`: the same face as the players of lib/ook.py. Door to `esp32`.

One frame a call and never a loop, so a program that hangs means silence. What is avoided, version by version, is in
reference/micropython-esp32.md §b: trains longer than a memory block, writing while busy, stopping a long train.
"""

from array import array
from time import ticks_diff, ticks_us

import esp32
from micropython import const

_MAX_US = const(100_000)
_MAX_PULSES = const(
    96
)  # one memory block of the S3 and the C3; longer trains depend on an interrupt that flash writes delay
_SPARE_US = const(20_000)
_DIVIDER = const(80)  # 80 MHz / 80: a tick is 1 µs, on every version
_KEPT = const(8)  # trains whose tuples are kept: a command's frame and its stop frame come again and again


class Stuck(Exception):
    """The generator did not end in time; the pin was taken from it, is low, and belongs to a new one."""


class Player:
    """`low_pin()` gives the transmitter's pin as an output that is low, taken from whoever had it.

    `pressed()` is True while the e-stop is pressed.
    """

    def __init__(self, low_pin, pressed):
        self._low_pin = low_pin
        self._pressed = pressed
        self._kept = []  # (train, its pulses as a tuple, its length in µs): RMT takes no array
        self._rmt = None
        self._begin()

    def _begin(self):
        """None; the pin is the generator's, and low."""
        if self._rmt:
            self._rmt.deinit()  # waits for the rest of a cut frame, 100 ms at most: far from the 300 that would reset the chip
        self._rmt = esp32.RMT(0, pin=self._low_pin(), clock_div=_DIVIDER, idle_level=False)

    def _pulses(self, train):
        for known, pulses, total_us in self._kept:
            if known is train:
                return pulses, total_us
        pulses = tuple(train) if isinstance(train, array) else ()
        total_us = sum(pulses)
        if not pulses or len(pulses) & 1 or len(pulses) > _MAX_PULSES or min(pulses) < 1 or total_us > _MAX_US:
            raise ValueError("not a train of pairs, or too long")
        if len(self._kept) >= _KEPT:
            self._kept.pop(0)
        self._kept.append((train, pulses, total_us))
        return pulses, total_us

    def play(self, train, heed=True):
        """0, or -2 when the e-stop input cut the train (-1: before its first edge). The pin is low afterwards.

        Without `heed` the e-stop input is not looked at. ValueError before any edge for what is no train. Stuck: see there.
        """
        pulses, total_us = self._pulses(train)
        if heed and self._pressed():
            return -1
        start = ticks_us()
        self._rmt.write_pulses(pulses, 1)
        while not self._rmt.wait_done():
            cut = heed and self._pressed()
            if cut or ticks_diff(ticks_us(), start) > total_us + _SPARE_US:
                self._low_pin()  # the pad is low from this line on, whatever the generator does
                self._begin()
                if not cut:
                    raise Stuck
                return -2
        return 0
