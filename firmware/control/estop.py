"""The emergency stop: the button as it is pressed, held and released, and the latch that outlives a restart. No clock.

Only a deliberate local act clears the latch (S7, S8): the button held for 5 s and released, or the console over USB.
"""

from micropython import const

_CLEAN_MS = const(65)  # released: no pressed sample for so long (reference/openshock-firmware.md §c)
_HOLD_MS = const(5000)
_GRACE_MS = const(250)  # after clearing: a bouncing button must not latch again
_UNSEEN_MS = const(250)  # nobody looked for so long (a frame is 59 ms): what the button did meanwhile is no holding

NOTHING = const(0)
TRIP = const(1)
CLEAR = const(2)

# where a button can be: each state says what it waits for
_READY = const(0)  # a press trips
_TRIPPED = const(1)  # the finger must leave the button first
_WAITING = const(2)  # a new press begins to clear
_HOLDING = const(3)  # for 5 s
_HELD = const(4)  # the finger leaves: cleared
_CLEARED = const(5)  # the grace


class Latch:
    """`store` keeps whole numbers over power loss (`lib/nvs.py`); anything but a clear 0 reads as latched."""

    def __init__(self, store):
        self._store = store
        self._kept = False  # the storage knows that it is latched
        try:
            self.latched = store.get("estop", 0) != 0
        except OSError:
            self.latched = True  # nobody knows what it was

    def close(self):
        """None; latched from now on, in memory alone: it cannot fail. `trip` is due as soon as everything was stopped."""
        self.latched = True

    def trip(self):
        """None; latched from now on, over restarts too. OSError when the storage refuses; the next `trip` tries again."""
        self.latched = True
        if not self._kept:
            self._store.put("estop", 1)
            self._kept = True

    def clear(self):
        """None; for a deliberate local act alone. Restarts nothing: what was running has ended."""
        self._kept = False
        self._store.put("estop", 0)
        self.latched = False


class Button:
    """One button, from samples of its input. `trips`: False for a button that may clear but not stop (the BOOT button).

    Between two samples an interrupt may have seen an edge: it trips as a pressed sample does, and counts for nothing else:
    what bounces, or is noise, neither holds nor releases.
    """

    def __init__(self, trips=True, latched=False):
        self._trips = trips
        self._state = _TRIPPED if latched else _READY
        self._since = 0  # when this state began
        self._looked = 0  # the last sample
        self._pressed_at = None  # the last pressed sample; None: there was none

    def sample(self, pressed, latched, now, edge=False):
        """NOTHING, TRIP or CLEAR. `pressed`: the input now, a single sample trips; `latched`: the latch as it is.

        `edge`: the input was pressed at some moment since the last sample.

        The latch may have been set or cleared by somebody else: then this button follows.
        """
        if pressed:
            self._pressed_at = now
        looked, self._looked = self._looked, now
        down = self._pressed_at is not None and now - self._pressed_at < _CLEAN_MS
        state = self._state
        if latched and state in (_READY, _CLEARED):
            self._go(_TRIPPED, now)
        elif not latched and state not in (_READY, _CLEARED):
            self._go(_CLEARED, now)  # cleared elsewhere
        elif state == _CLEARED and now - self._since >= _GRACE_MS:
            self._go(_READY, now)
        elif state == _TRIPPED and not down:
            self._go(_WAITING, now)
        elif state == _WAITING and down:
            self._go(_HOLDING, now)
        elif state == _HOLDING:
            if not down:
                self._go(_WAITING, now)
            elif now - looked >= _UNSEEN_MS:
                self._go(_HOLDING, now)  # two short presses with a long stall between them look the same
            elif now - self._since >= _HOLD_MS:
                self._go(_HELD, now)
        elif state == _HELD and not down:
            self._go(_CLEARED, now)
            return CLEAR
        if (pressed or edge) and self.ready():
            self._go(_TRIPPED, now)
            return TRIP
        return NOTHING

    def ready(self):
        """True when the next press trips."""
        return self._trips and self._state == _READY

    def _go(self, state, now):
        self._state = state
        self._since = now

    def progress(self):
        """What the lamp shows: "latched", "clearing" or "release"; an empty text while all is well."""
        return ("", "latched", "latched", "clearing", "release", "")[self._state]
