"""The simulated board under the rooms: pins whose levels follow a script, a fast player, a watchdog that is watched."""

import simboard

from firmware.hardware import board_io
from lib import ook_player

RF_PIN, STOP_PIN, BOOT_PIN = 4, 13, 0  # firmware/boards/simulated.py
POLL_US = 4
_NEVER = 1 << 62


class Restarted(BaseException):
    """The chip was told to restart."""


class Pins(dict):
    """What `simboard.levels` is made of here: outputs keep their level, inputs follow their script."""

    def __init__(self, time):
        super().__init__()
        self._time = time
        self._scripts = {}  # pin → [(µs, level)] still to come
        self._counts = {}  # pin → how often it changed

    def script(self, pin, changes):
        """None; at each (µs, level) of `changes` that input changes."""
        self._scripts[pin] = sorted(self._scripts.get(pin, []) + list(changes))

    def __setitem__(self, pin, level):
        if dict.get(self, pin, 1) != level:
            self._counts[pin] = self._counts.get(pin, 0) + 1
        super().__setitem__(pin, level)

    def changes(self, pin):
        """How often that pin changed until now."""
        self.get(pin)
        return self._counts.get(pin, 0)

    def get(self, pin, default=None):
        coming = self._scripts.get(pin)
        while coming and coming[0][0] <= self._time.now_us:
            self[pin] = coming.pop(0)[1]
        return dict.get(self, pin, default)

    def next_change_us(self, pin):
        """When that input changes next."""
        coming = self._scripts.get(pin)
        return coming[0][0] if coming else _NEVER


class Line:
    """The REPL's line as lib/repl_stdio.py finds it in `sys.stdin`, with somebody at its other end."""

    def __init__(self):
        self._typed = b""
        self.buffer = self

    def type(self, data):
        """None; the device will read `data`."""
        self._typed += data

    def ready(self):
        """True when there is something to read."""
        return bool(self._typed)

    def readinto(self, buffer):
        """How many bytes it gave."""
        data, self._typed = self._typed[: len(buffer)], self._typed[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)


class Uart:
    """The console as the ESP32 has it: what its FIFO cannot take holds up the interpreter, 87 µs a byte (115 200 baud)."""

    FIFO = 128
    BYTE_US = 87

    def __init__(self, time):
        self._time = time
        self._until_us = 0  # when its FIFO is empty
        self.out = b""

    def write(self, data):
        """None; takes as long as it does."""
        self.out += bytes(data)
        now_us = self._time.now_us
        self._until_us = max(self._until_us, now_us) + len(data) * self.BYTE_US
        late_us = self._until_us - now_us - self.FIFO * self.BYTE_US
        if late_us > 0:
            self._time.stall(late_us)


class DeafUsb:
    """The console on native USB while a host holds the port open and reads nothing: each write waits, and is in vain."""

    WAIT_US = 500_000  # MICROPY_HW_USB_CDC_TX_TIMEOUT

    def __init__(self, time):
        self._time = time
        self.out = b""

    def write(self, data):
        """None, after half a second."""
        self._time.stall(self.WAIT_US)


class LinePoll:
    """As much of MicroPython's poll object as a Line needs."""

    def register(self, line, events):
        self._line = line

    def ipoll(self, timeout_ms):
        return [(self._line, 1)] if self._line.ready() else []


class Player(ook_player.Portable):
    """The real portable player. Polls at which nothing can happen are left out: the clock jumps over them.

    `at_poll`, once set, is called at each poll: it may raise, or let time pass. Then none is left out.
    """

    def __init__(self, world, pin, pressed):
        self._world = world
        self._time = world.time
        self._due_us = []
        self._level = pin
        self.masked = 0
        self.at_poll = None
        super().__init__(self._edge, self._ticks_us, self._mask, self._unmask, pressed)

    def play(self, train, heed=True):
        self._due_us = None
        self._train = train
        return super().play(train, heed)

    def _edge(self, level):
        now_us = self._time.now_us
        if level and self._due_us is None:
            self._due_us = []
            at_us = now_us
            for pulse in self._train:
                at_us += pulse
                self._due_us.append(at_us)
        self._level(level)

    def _ticks_us(self):
        """A poll takes POLL_US. Polls before the next edge and the next change of the button would see nothing new."""
        now_us = self._time.now_us
        while self._due_us and self._due_us[0] <= now_us:
            self._due_us.pop(0)
        if self.at_poll:
            self.at_poll()
        elif self._due_us:
            quiet_us = min(self._due_us[0], self._world.pins.next_change_us(self._world.stop_pin)) - 3 * POLL_US
            if quiet_us > now_us:
                now_us += (quiet_us - now_us) // POLL_US * POLL_US
        self._time.now_us = max(now_us, self._time.now_us) + POLL_US
        return self._time.now_us & (1 << 30) - 1

    def _mask(self):
        self.masked += 1
        return 0

    def _unmask(self, state):
        self.masked -= 1


def hardware_of(world):
    """What App takes as `hardware`: the real room, but for the player and what would end the test."""

    class Board(board_io.Hardware):
        def transmitter(self):
            if self._player == "rmt":
                return super().transmitter()
            world.stop_pin = self._stop_pin
            pin = board_io.Pin(self._rf_pin, board_io.Pin.OUT, value=0)
            world.player = Player(world, pin, self.stop_input() or bool)
            return world.player

        def start_watchdog(self, timeout_ms):
            world.watchdog_ms = timeout_ms
            super().start_watchdog(timeout_ms)
            return lambda: world.meals.append(world.time.now_us)

        def restart(self):
            raise Restarted

    return Board


def edges(pin=RF_PIN):
    """(µs, level) of each edge of that pin so far."""
    return [(at_us, level) for at_us, number, level in simboard.edges if number == pin]
