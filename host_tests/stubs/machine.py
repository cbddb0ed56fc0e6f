"""A stand-in for `machine`: as much of it as the firmware uses, over the simulated board.

tools/sim says by SIM_CAUSE what started the chip, and by SIM_WATCHDOG the file where it looks when the watchdog bites: the
moment in µs of CLOCK_MONOTONIC, 8 bytes little-endian, 0 before there is one.
"""

import os
import sys

import simboard
import simclock

PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5
RESET_EXIT = 42  # the process ends with it; tools/sim then starts the device anew
_TOLD_US = 50_000  # so often the watchdog's file is written
_watchdog_path = os.getenv("SIM_WATCHDOG")


class Pin:
    """A pin by number; outputs keep their level, inputs read the board's."""

    IN = 1
    OUT = 3
    OPEN_DRAIN = 7
    PULL_UP = 2
    PULL_DOWN = 1
    IRQ_RISING = 1
    IRQ_FALLING = 2

    _routed = {}

    def __init__(self, number, mode=-1, pull=-1, *, value=None):
        self._number = number
        self._floating = 1 if pull == Pin.PULL_UP else 0  # what it reads when nothing is connected
        self._output = mode in (Pin.OUT, Pin.OPEN_DRAIN)
        if self._output:
            Pin._routed[number] = self  # whoever drove the pad before drives it no longer
        if value is not None:
            simboard.write(number, value)

    def __call__(self, level=None):
        if level is None:
            return simboard.levels.get(self._number, 0) if self._output else simboard.read(self._number, self._floating)
        simboard.write(self._number, 1 if level else 0)
        return None

    value = __call__

    def irq(self, handler=None, trigger=IRQ_FALLING | IRQ_RISING):
        """As the ESP32's: always soft, and one edge at a time is all that the firmware asks for."""
        if handler is not None and trigger not in (Pin.IRQ_RISING, Pin.IRQ_FALLING):
            raise ValueError("this stub knows one edge or the other")
        call = None if handler is None else lambda: handler(self)
        simboard.on_edge(self._number, self._floating, call, int(trigger == Pin.IRQ_RISING))

    def drive(self, level, at_us):
        """What a peripheral that was given this pin does to the pad."""
        if Pin._routed.get(self._number) is self:
            simboard.write(self._number, level, at_us)

    def on(self):
        self(1)

    def off(self):
        self(0)


class PWM:
    """A pin that is on for a part of the time; its level is whether that part is more than nothing."""

    of_pin = {}  # number → the PWM that drives it

    def __init__(self, pin, *, freq=5000, duty_u16=0):
        self._pin = pin
        PWM.of_pin[pin._number] = self
        self.duty_u16(duty_u16)

    def duty_u16(self, duty=None):
        if duty is None:
            return self._duty
        if not 0 <= duty <= 65535:
            raise ValueError("duty_u16 must be from 0 to 65535")
        self._duty = duty
        self._pin(1 if duty else 0)
        return None


class WDT:
    """A watchdog that counts its meals; it bites where tools/sim looks."""

    _file = open(_watchdog_path, "r+b") if _watchdog_path else None  # noqa: SIM115
    _told_us = 0

    def __init__(self, id=0, timeout=5000):
        self.timeout = timeout
        self.fed = 0
        WDT._told_us = 0
        self._tell()

    def feed(self):
        self.fed += 1
        self._tell()

    def _tell(self):
        if WDT._file is None:
            return
        now_us = simclock.real_us()
        if now_us - WDT._told_us >= _TOLD_US:
            WDT._told_us = now_us
            WDT._file.seek(0)
            WDT._file.write((now_us + self.timeout * 1000).to_bytes(8, "little"))
            WDT._file.flush()


class Timer:
    """A timer that never fires: who uses one waits at the prompt, which the simulator does not have."""

    ONE_SHOT, PERIODIC = 0, 1

    def __init__(self, id):
        self.id = id

    def init(self, *, mode=PERIODIC, period=-1, callback=None):
        self.period, self.callback = period, callback


class RTC:
    """The clock's little memory, which outlives a reset: a file beside the device's own, until somebody cuts the power."""

    def memory(self, data=None):
        try:
            with open("rtc.memory", "rb" if data is None else "wb") as file:
                return file.read() if data is None else file.write(data) and None
        except OSError:
            return b""

    def datetime(self, when=None):
        return (2026, 1, 1, 0, 0, 0, 0, 0)


def disable_irq():
    simclock.mask()
    return 0


def enable_irq(state):
    simboard.flush()
    simclock.unmask()


def freq(hz=None):
    return 160_000_000


def reset_cause():
    return int(os.getenv("SIM_CAUSE") or PWRON_RESET)


def unique_id():
    return b"\x24\x0a\xc4\x00\x00\x01"


def reset():
    sys.exit(RESET_EXIT)


soft_reset = reset
