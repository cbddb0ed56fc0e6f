"""This device as a remote: presses of buttons and a dial become wishes for the service. In memory only where settings name inputs.

One press is one command, sent at once or never: what is refused is told in the log, and nothing waits. Whoever lets go of a button
that `holds` ends what it began. Looked at with the other fingers (hardware/buttons.py), every 5 ms; acted on in a task of its own.
"""

import asyncio

from micropython import const

from firmware.command import ACTIONS, STOP, Wish

_CLEAN_MS = const(65)  # released: no pressed sample for so long (reference/openshock-firmware.md §c)
_SAMPLES = const(4)  # pressed: so many in a row. A spark on the wire is no press
_BETWEEN_MS = const(250)  # from one command of an input to its next
_STALE_MS = const(250)  # so old a press is too old
_REST_MS = const(300)  # the dial's level is told when nobody turns it any more
_STOP_MS = const(300)
_MOST = const(16)  # presses in hand

SEEN = "seen"  # the action of a button that tells the sender of the last message that it was read

NOTHING = const(0)
PRESSED = const(1)
RELEASED = const(2)
_TURNED = const(3)


class Button:
    """One button, from samples of its input. Who holds it while the device starts has to let go first."""

    def __init__(self, samples=_SAMPLES):
        self._samples = samples
        self._level = None
        self._since = 0  # when it became that level
        self._count = 0  # samples of it since then
        self._ready = False  # the next press counts
        self._is_down = False

    def sample(self, pressed, now):
        """NOTHING, PRESSED once a press, and RELEASED once behind it."""
        if pressed != self._level:
            self._level, self._since, self._count = pressed, now, 0
        self._count += 1
        if pressed:
            if self._ready and self._count >= self._samples:
                self._ready, self._is_down = False, True
                return PRESSED
        elif not self._ready and self._count >= _SAMPLES and now - self._since >= _CLEAN_MS:
            was, self._is_down, self._ready = self._is_down, False, True
            return RELEASED if was else NOTHING
        return NOTHING


class Knob:
    """A rotary encoder, from samples of its two contacts: closed in turn, so that a bounce goes there and back again.

    `clicks`: changes from one detent to the next. What happened while nobody looked is no turn.
    """

    def __init__(self, clicks=4):
        self._clicks = clicks
        self._state = None
        self._moved = 0

    def sample(self, a, b):
        """1 for a detent clockwise, -1 for one back, otherwise 0."""
        state = (2 if a else 0) + (1 if b else 0)
        state ^= state >> 1  # along 0 1 2 3 they close and open in turn
        before, self._state = self._state, state
        if before is None or state == before:
            return 0
        step = (state - before) & 3
        self._moved += (0, 1, 0, -1)[step]
        if self._clicks == 4 and state or self._clicks == 2 and state & 1:
            return 0  # between two detents
        moved, self._moved = self._moved, 0
        if abs(moved) * 2 < self._clicks:
            return 0
        return 1 if moved > 0 else -1


class Input:
    """What a press does: `entry` is one of the tables of `remote.inputs`, or `remote.dial`. The functions tell who is pressed.

    `turned` is a pair of them for a dial, None for a button.
    """

    def __init__(self, entry, pressed, turned=None):
        self.pressed = pressed
        self.turned = turned
        self.shocker = entry.get("shocker", "")
        self.action = None if entry["action"] == SEEN else ACTIONS.index(entry["action"])
        self.level = entry.get("level", 0)
        self.duration_ms = entry.get("duration_ms", 0)
        # a vibration is the finger's as long as nobody says otherwise; a dial's button is too short a way to hold
        self.holds = entry.get("hold", entry["action"] == "vibrate") and not turned
        self.button = Button(1 if self.action == STOP else _SAMPLES)
        self.knob = Knob(entry.get("clicks", 4)) if turned else None
        self.step = entry.get("step", 0)
        self.turned_ms = None  # when it was turned; None: that was told
        self.free_ms = 0  # when it may send again
        self.ends_ms = 0  # when what it sent is over


class Remote:
    """`inputs`: a list of Input. `ask(what, detail)`: as connections.Links.ask. `blocked()`: why nothing may be sent, or ""."""

    def __init__(self, inputs, ask, blocked, clock, log):
        self._inputs = inputs
        self._ask = ask
        self._blocked = blocked
        self._was_blocked = ""
        self._clock = clock
        self._log = log
        self._due = []  # (Input, what happened to it, when)
        self._event = asyncio.Event()
        self._last = {}  # shocker → the Input that commanded it last

    def look(self, now):
        """None; every input was looked at. Never raises for what the service says: that is not asked here."""
        for each in self._inputs:
            what = each.button.sample(each.pressed(), now)
            if what:
                self._happened(each, what, now)
            if each.knob:
                self._turn(each, now)
        blocked = self._blocked()
        if blocked != self._was_blocked:
            self._event.set()

    def _turn(self, each, now):
        a, b = each.turned
        step = each.knob.sample(a(), b())
        if step:
            each.level = min(max(each.level + step * each.step, 0), 100)
            each.turned_ms = now
        elif each.turned_ms is not None and now - each.turned_ms >= _REST_MS:
            each.turned_ms = None
            self._happened(each, _TURNED, now)

    def _happened(self, each, what, now):
        if len(self._due) < _MOST:
            self._due.append((each, what, now))
        self._event.set()

    async def run(self):
        """Never returns: asks the service for what happened."""
        while True:
            await self._event.wait()
            self._event.clear()
            self.act()

    def act(self):
        """None; the service was asked for what happened since the last look, or the log says why not."""
        blocked = self._blocked()
        before, self._was_blocked = self._was_blocked, blocked
        if blocked and not before:
            self._stop_all(blocked)
        due, self._due = self._due, []
        for each, what, at_ms in due:
            if what == _TURNED:
                self._log.info("remote", "%s: the dial is at %d" % (each.shocker, each.level))
            elif what == PRESSED:
                self._press(each, at_ms, blocked)
            elif each.holds:
                self._let_go(each)

    def _press(self, each, at_ms, blocked):
        now = self._clock()
        if each.action is None:  # nothing is sent to anybody's receiver: nothing blocks it
            self._log.info("remote", "read: " + (self._ask("seen", None) or "the sender will know"))
            return
        if each.action == STOP:
            self._send_stop(each, "pressed")
            return
        words = "%s %s %d, %d ms" % (each.shocker, ACTIONS[each.action], each.level, each.duration_ms)
        why = blocked
        if not why and now < each.free_ms:
            why = "too soon after the one before"
        if not why and now - at_ms >= _STALE_MS:
            why = "pressed too long ago"
        why = why or self._ask("control", Wish(each.shocker, each.action, each.level, each.duration_ms))
        if why:
            self._log.warning("remote", "%s: refused: %s" % (words, why))
            return
        each.free_ms = now + _BETWEEN_MS
        each.ends_ms = now + each.duration_ms
        self._last[each.shocker] = each
        self._log.info("remote", words)

    def _let_go(self, each):
        if self._last.get(each.shocker) is each and self._clock() < each.ends_ms:
            self._send_stop(each, "released")

    def _stop_all(self, why):
        """None; what our buttons began and is not over is told to stop: whoever stops this device means that, too."""
        for each in self._inputs:
            if self._last.get(each.shocker) is each and self._clock() < each.ends_ms:
                self._send_stop(each, why)

    def _send_stop(self, each, why):
        """None; a stop passes whatever is blocked here."""
        each.ends_ms = 0
        no = self._ask("control", Wish(each.shocker, STOP, 0, _STOP_MS))
        words = "%s stop, %s" % (each.shocker, why)
        if no:
            self._log.warning("remote", "%s: refused: %s" % (words, no))
        else:
            self._log.info("remote", words)
