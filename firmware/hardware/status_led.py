"""What the device is doing, as a blink: one table for a plain lamp and for a coloured pixel, and the task that shows it.

A state is a row of the table. The patterns are OpenShock's where it has the state (reference/openshock-firmware.md §k).
`level`, `colour` and `state_of` are pure: time is an argument.
"""

import asyncio

from micropython import const

# The states: the first that is true is shown. Their numbers are their rows below, and their names in console/commands.py.
_ERROR = const(0)
_RELEASE = const(1)  # the e-stop is cleared as soon as the finger leaves the button
_CLEARING = const(2)  # the button is held, on the way to clear
_LATCHED = const(3)
_SENDING = const(4)  # a receiver is on the air
_UPDATING = const(5)
_SETTING_UP = const(6)
_CONNECTED = const(7)
_NO_HUB = const(8)  # there is an address, and no hub
_NO_WIFI = const(9)
_PAIRING = const(10)  # a code is to be entered elsewhere

_TICK_MS = const(50)
_SHOW_MS = const(2000)  # each state, in the test
_NIGHT = const(20)  # percent: errors and the emergency stop show at least so brightly, whatever the setting says
_RED = const((255, 0, 0))
_GREEN = const((0, 255, 0))
_BLUE = const((0, 0, 255))
_ORANGE = const((255, 110, 0))
_PURPLE = const((170, 0, 255))
_CYAN = const((0, 200, 255))
_WHITE = const((255, 255, 255))

_TWICE = const((100, 100, 100, 700))
_THRICE = const((100, 100, 100, 100, 100, 700))
_LONG_SHORT = const((600, 200, 200, 200))

# by state: (the lamp: ms on, off, on, off …; the pixel: the same, or how long a breath takes; its colour)
_PATTERNS = (
    ((100, 100), (100, 100), _RED),
    ((100, 100), (150, 150), _GREEN),
    ((200, 200), 400, _ORANGE),
    ((500, 500), (500, 500), _RED),
    ((50, 50), (50, 50), _WHITE),
    ((900, 100), 1600, _PURPLE),
    ((1500, 500), 3200, _CYAN),
    ((100, 10000), (100, 10000), _GREEN),
    (_TWICE, _TWICE, _ORANGE),
    (_THRICE, _THRICE, _BLUE),
    (_LONG_SHORT, _LONG_SHORT, _CYAN),
)


def state_of(estop, connected, online, setting_up=False, updating=False, failed=False, sending=False, pairing=False):
    """The state to show. `estop`: what `Button.progress` says, or "latched" while the latch is; "" while all is well."""
    if failed:
        return _ERROR
    if estop:
        return _RELEASE if estop == "release" else _CLEARING if estop == "clearing" else _LATCHED
    if sending:
        return _SENDING
    if updating:
        return _UPDATING
    if setting_up:
        return _SETTING_UP
    if pairing and online:
        return _PAIRING
    return _CONNECTED if connected else _NO_HUB if online else _NO_WIFI


def level(state, now):
    """1 while a plain lamp is on, else 0."""
    return _on(_PATTERNS[state][0], now)


def colour(state, now):
    """(red, green, blue), 0–255 each, of the pixel at full brightness."""
    return _tinted(state, _glow(state, now), 100)


def _on(times, now):
    at = now % sum(times)
    on = 1
    for length in times:
        if at < length:
            break
        at -= length
        on = 1 - on
    return on


def _glow(state, now):
    """How bright the pixel is, 0–4 quarters. A breath is eight steps, up and down."""
    times = _PATTERNS[state][1]
    if type(times) is not int:
        return 4 * _on(times, now)
    step = now % times * 8 // times
    return min(step, 7 - step) + 1


def _tinted(state, glow, percent):
    red, green, blue = _PATTERNS[state][2]
    share = glow * percent
    return red * share // 400, green * share // 400, blue * share // 400


class Lamp:
    """`led(percent)` sets the plain lamp, 0 is off; `pixel(red, green, blue)` the pixel; each None where there is none.

    `state()` gives the state to show, `clock()` ms; `brightness` is 0–100. `swapped`: the board's pixel takes green for red.
    A board with both shows states by the pixel; its lamp is on while all is well (reference/openshock-firmware.md §k).
    """

    def __init__(self, led, pixel, state, clock, brightness, swapped=False):
        self._led = led
        self._pixel = pixel
        self._state = state
        self._clock = clock
        self._brightness = brightness
        self._swapped = swapped
        self._test_ms = None  # when the test began
        self._shown = None

    def test(self):
        """None; from now on all states are shown one after the other, for two seconds each, unless there is an emergency."""
        self._test_ms = self._clock()

    async def run(self):
        """Never returns; when it is cancelled, the lamps go out."""
        try:
            while True:
                self.show(self._clock())
                await asyncio.sleep_ms(_TICK_MS)
        finally:
            self._dark()

    def _dark(self):
        self._shown = None
        if self._pixel:
            self._pixel(0, 0, 0)
        if self._led:
            self._led(0)

    def show(self, now):
        """None; the lamps show what is due at `now`. Nothing is written or allocated while nothing changes."""
        state = self._state()
        percent = self._brightness
        if state > _LATCHED and self._test_ms is not None:
            showing, ago_ms = divmod(now - self._test_ms, _SHOW_MS)
            if showing < len(_PATTERNS):
                state, now = showing, ago_ms  # each pattern from its beginning
                percent = max(percent, _NIGHT)
            else:
                self._test_ms = None
        if state <= _LATCHED:
            percent = max(percent, _NIGHT)
        glow = _glow(state, now) if self._pixel else 0
        lit = int(state == _CONNECTED) if self._pixel else level(state, now)
        shown = (percent << 8) + (state << 4) + (glow << 1) + lit if percent else 0
        if shown == self._shown:
            return
        self._shown = shown
        if self._pixel:
            red, green, blue = _tinted(state, glow, percent)
            self._pixel(*((green, red, blue) if self._swapped else (red, green, blue)))
        if self._led:
            self._led(percent * lit)
