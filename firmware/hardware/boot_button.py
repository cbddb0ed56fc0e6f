"""The BOOT button while the device runs: held 5 s and released it opens the set-up, held 10 s it forgets all settings. No clock.

Who holds it while the device starts means boot.py (safe mode): until it was released once, it counts for nothing.
"""

from micropython import const

NOTHING = const(0)
OPEN = const(1)
RESET = const(2)

_CLEAN_MS = const(65)  # released: no pressed sample for so long
_OPEN_MS = const(5000)
_RESET_MS = const(10000)
_UNSEEN_MS = const(250)  # nobody looked for so long: what the button did meanwhile is no holding


class BootButton:
    """One button, from samples of its input."""

    def __init__(self):
        self._since = None  # when it was pressed; None: it must be released first
        self._pressed_ms = None  # the last pressed sample
        self._looked_ms = 0
        self._armed = False  # it was seen released

    def sample(self, pressed, now):
        """NOTHING; OPEN when it is released after 5 to 10 s; RESET once, as soon as it was held for 10 s."""
        stalled = now - self._looked_ms >= _UNSEEN_MS
        self._looked_ms = now
        if pressed:
            self._pressed_ms = now
        down = self._pressed_ms is not None and now - self._pressed_ms < _CLEAN_MS
        if not down:
            held_ms = 0 if self._since is None else self._pressed_ms - self._since
            self._since, self._armed = None, True
            return OPEN if held_ms >= _OPEN_MS else NOTHING
        if self._armed and (self._since is None or stalled):
            self._since = now
        if self._since is not None and now - self._since >= _RESET_MS:
            self._since, self._armed = None, False
            return RESET
        return NOTHING
