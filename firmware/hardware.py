"""Pins, transmitter, restart. Door to `machine`: nobody else imports it."""

import machine

from lib import ook


class NoPin(Exception):
    """The board has no such pin, and the settings name none."""


class Hardware:
    """One board's hardware. `board` is a module of firmware/boards; a pin of the settings outranks the board's (-1: board's)."""

    def __init__(self, board, rf_pin=-1, estop_pin=-1):
        self._board = board
        self._rf_pin = board.RF_PIN if rf_pin < 0 else rf_pin
        self._estop_pin = board.ESTOP_PIN if estop_pin < 0 else estop_pin

    def transmitter(self):
        """A player of lib/ook on the transmitter's pin, which is low from here on. NoPin when nobody said which it is."""
        if self._rf_pin is None:
            raise NoPin("no pin for the transmitter")
        pin = machine.Pin(self._rf_pin, machine.Pin.OUT, value=0)
        stop = None
        if self._estop_pin is not None:
            stop = machine.Pin(self._estop_pin, machine.Pin.IN, machine.Pin.PULL_UP)
        return self._player(pin, stop)

    def _player(self, pin, stop):
        raise NotImplementedError

    def restart(self):
        """Never returns: the chip starts anew."""
        machine.reset()
