"""Pins, transmitter, restart. Door to `machine`: nobody else imports it."""

from binascii import crc32
from time import gmtime, ticks_us

import machine
from machine import Pin

from firmware.hardware import gpio_rules
from lib import ook_player

_NOTE = b"set-up "  # in front of a number, in front of what is remembered


class NoPin(Exception):
    """The board has no such pin, and the settings name none."""


class Edges:
    """Whether an input was pressed since the last `take`, however short and whatever the interpreter did meanwhile (S6).

    On the ESP32 the hardware keeps an edge while C code runs or interrupts are off; the handler runs as soon as Python goes on
    (machine_pin.c, reference/micropython-esp32.md §b). An edge says less than a level: noise on a long wire makes one, too.
    """

    def __init__(self, pin, pressed_level):
        self.seen = False
        self._pin = pin
        pin.irq(self._note, Pin.IRQ_RISING if pressed_level else Pin.IRQ_FALLING)

    def _note(self, pin):
        self.seen = True  # nothing else: no task may be woken from here

    def take(self):
        """True when there was an edge; from now on only the next one counts."""
        if not self.seen:
            return False
        self.seen = False
        return True

    def close(self):
        """None; no edge is noted any more."""
        self._pin.irq(None)


class Hardware:
    """One board's hardware. `board` is a module of firmware/boards; `rf` and `estop` are those sections of the settings.

    A pin of the settings outranks the board's (-1: the board's). The e-stop's input is pulled up: a button that closes to
    ground reads 0 when pressed; one that is normally closed reads 1 when pressed, and when its wire breaks (S9).
    Pins that cannot be used (gpio_rules.py) are never touched: the file may have been written by hand, and GPIO6 is the flash.
    """

    def __init__(self, board, rf, estop):
        self._board = board
        self._player = rf["player"]
        self._rf_pin = board.RF_PIN if rf["pin"] < 0 else rf["pin"]
        self._stop_pin = board.ESTOP_PIN if estop["pin"] < 0 else estop["pin"]
        if not estop["enabled"]:
            self._stop_pin = None
        self._pressed_level = 1 if estop["normally_closed"] else 0

        self._refused = gpio_rules.refused(board, self._rf_pin, self._stop_pin)
        if self._refused:
            self._rf_pin = self._stop_pin = None

    def pins(self):
        """(transmitter's pin, BOOT button's pin), -1 for none: what boot.py must know before there are settings."""
        return [-1 if pin is None else pin for pin in (self._rf_pin, self._board.BOOT_PIN)]

    def transmitter(self):
        """A player (lib/ook_player.py, lib/rmt_player.py) on the transmitter's pin, which is low from here on.

        NoPin when nobody said which it is; ValueError for pins that cannot be used, in words.
        """
        if self._refused:
            raise ValueError(self._refused)
        if self._rf_pin is None:
            raise NoPin("no pin for the transmitter")
        pin = Pin(self._rf_pin, Pin.OUT, value=0)
        chip = self._board.CHIP
        irq = machine.disable_irq, machine.enable_irq
        pressed = self.stop_input() or bool
        if self._player == "rmt":
            from lib import rmt_player

            return rmt_player.Player(lambda: Pin(self._rf_pin, Pin.OUT, value=0), pressed)
        if chip in ook_player.CHIPS:
            return ook_player.Registers(chip, self._rf_pin, *irq, stop_pin=self._stop_pin, pressed=self._pressed_level)
        return ook_player.Portable(pin, ticks_us, *irq, pressed=pressed)

    def rehearse(self, train):
        """The worst lateness of an edge in µs, as `play`, of a train that is played to nobody (lib/dry_run_player.py)."""
        from lib import dry_run_player

        irq = machine.disable_irq, machine.enable_irq
        return dry_run_player.worst_us(train, self._board.CHIP, self._rf_pin, ticks_us, *irq)

    def has_usb(self):
        """True when the console may be on native USB, where a write can block: on every chip but the ESP32."""
        return self._board.CHIP not in ("", "esp32")

    def chip(self):
        """The chip's name, "" for none that is known."""
        return self._board.CHIP

    def stop_input(self):
        """A function that is True while the e-stop is pressed; None where there is no e-stop."""
        return None if self._stop_pin is None else _input(self._stop_pin, self._pressed_level)

    def stop_edges(self):
        """An Edges of the e-stop's input; None where there is no e-stop."""
        if self._stop_pin is None:
            return None
        return Edges(Pin(self._stop_pin, Pin.IN, Pin.PULL_UP), self._pressed_level)

    def input(self, pin, pressed_level):
        """A function that is True while what is wired to `pin` is pressed: it closes to ground (0), or to 3.3 V (1)."""
        return _input(pin, pressed_level, Pin.PULL_DOWN if pressed_level else Pin.PULL_UP)

    def boot_input(self):
        """A function that is True while the board's BOOT button is pressed; None where there is none."""
        return None if self._board.BOOT_PIN is None else _input(self._board.BOOT_PIN, 0)

    def led(self):
        """A function that sets the plain lamp to 0–100 percent; None where there is none."""
        if self._board.LED_PIN is None:
            return None
        dark = 65535 if self._board.LED_INVERTED else 0  # of the time that the pin is high
        pwm = machine.PWM(Pin(self._board.LED_PIN, Pin.OUT, value=1 if dark else 0), freq=4000, duty_u16=dark)
        return lambda percent: pwm.duty_u16(abs(dark - percent * 65535 // 100))

    def pixel(self):
        """A function that sets the coloured pixel: red, green, blue, 0–255 each; None where there is none."""
        if self._board.PIXEL_PIN is None:
            return None
        from neopixel import NeoPixel

        strip = NeoPixel(Pin(self._board.PIXEL_PIN, Pin.OUT), 1)

        def show(*colour):
            strip[0] = colour
            strip.write()

        return show

    def swaps_colours(self):
        """True when the board's pixel takes green for red."""
        return self._board.PIXEL_SWAPPED

    def start_watchdog(self, timeout_ms):
        """A function to call at least every `timeout_ms`, from now on for ever: otherwise the chip resets."""
        return machine.WDT(timeout=timeout_ms).feed

    def set_clock(self, now_us):
        """None; the chip's clock shows `now_us`, in microseconds since where `time.time()` begins."""
        now_s, micro = divmod(now_us, 1000000)
        year, month, day, hour, minute, second, weekday, _ = gmtime(now_s)[:8]
        machine.RTC().datetime((year, month, day, weekday, hour, minute, second, micro))

    def remember(self, text):
        """None; `remembered` gives `text` (ASCII, 2000 characters at most) after any restart but one by a lack of power."""
        data = text.encode()
        _keep(_kept()[0], b"%08x" % crc32(data) + data)

    def remembered(self):
        """What `remember` was given last, None where it is lost or damaged."""
        data = _kept()[1]
        text = data[8:]
        return text.decode() if data[:8] == b"%08x" % crc32(text) and text else None

    def restart(self):
        """Never returns: the chip starts anew."""
        machine.reset()


def note(number):
    """Make `noted` return `number` (0–255) after any restart but one by a lack of power."""
    _keep(_NOTE + bytes((number,)) if number else b"", _kept()[1])


def noted():
    """Return the number that `note` was given last, 0 where there is none."""
    found = _kept()[0]
    return found[len(_NOTE)] if found else 0


def _kept():
    """Return (the note, what was remembered) of the clock's memory: RTC_NOINIT in MicroPython, no flash and no wear."""
    data = machine.RTC().memory()
    size = len(_NOTE) + 1 if data[: len(_NOTE)] == _NOTE and len(data) > len(_NOTE) else 0
    return data[:size], data[size:]


def _keep(noted_bytes, remembered):
    machine.RTC().memory(noted_bytes + remembered)


def _input(number, pressed_level, pull=Pin.PULL_UP):
    pin = Pin(number, Pin.IN, pull)
    return lambda: pin() == pressed_level
