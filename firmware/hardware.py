"""Pins, transmitter, restart. Door to `machine`: nobody else imports it."""

from time import gmtime, ticks_us

import machine
from machine import Pin

from lib import ook


class NoPin(Exception):
    """The board has no such pin, and the settings name none."""


class Hardware:
    """One board's hardware. `board` is a module of firmware/boards; a pin of the settings outranks the board's (-1: board's)."""

    def __init__(self, board, rf_pin=-1, estop_pin=-1):
        self._chip = board.CHIP
        self._rf_pin = board.RF_PIN if rf_pin < 0 else rf_pin
        self._estop_pin = board.ESTOP_PIN if estop_pin < 0 else estop_pin

    def transmitter(self):
        """A player of lib/ook on the transmitter's pin, which is low from here on.

        NoPin when nobody said which it is; ValueError for a pin that the chip does not have. The e-stop button connects
        its pin to ground (reference/openshock-firmware.md §c); the player reads it while it plays.
        """
        if self._rf_pin is None:
            raise NoPin("no pin for the transmitter")
        pin = Pin(self._rf_pin, Pin.OUT, value=0)
        stop = None if self._estop_pin is None else Pin(self._estop_pin, Pin.IN, Pin.PULL_UP)
        irq = machine.disable_irq, machine.enable_irq
        if self._chip in ook.CHIPS:
            return ook.Registers(self._chip, self._rf_pin, *irq, stop_pin=self._estop_pin, pressed=0)
        if stop is None:
            return ook.Portable(pin, ticks_us, *irq)
        return ook.Portable(pin, ticks_us, *irq, pressed=lambda: not stop())

    def set_clock(self, now_s):
        """None; the chip's clock shows `now_s`, in seconds since where `time.time()` begins."""
        year, month, day, hour, minute, second, weekday, _ = gmtime(now_s)[:8]
        machine.RTC().datetime((year, month, day, weekday, hour, minute, second, 0))

    def restart(self):
        """Never returns: the chip starts anew."""
        machine.reset()
