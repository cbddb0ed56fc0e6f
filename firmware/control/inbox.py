"""What the connections have received and nobody has carried out yet: the newest order for each receiver. No I/O, no clock.

A stop never waits here (S5): it is carried out as it is received, and what is older and still waits goes. So a flood costs no
more than one order for each receiver, however many came (S27).
"""

from micropython import const

from firmware.command import ACT, EVENT, LIGHT, NOTE, REFUSE, SHOCK, whole
from firmware.control.safety import LONGEST_MS

_MOST_ACTIONS = const(64)  # receivers: as many as the scheduler knows
_MOST_OTHERS = const(16)  # refusals, notes, events, and what another mode is for


class Inbox:
    """`put` what came, `next` gives it back: actions first, the one that waits longest before the others."""

    def __init__(self, refuse, overtake):
        """`refuse(reason)` counts what finds no room; `overtake(command)` is told of one that a newer one, or a stop, beat."""
        self._refuse = refuse
        self._tell_overtaken = overtake
        self._actions = []  # Commands, one for each receiver
        self._others = []  # (order, detail)
        self._left_out = 0  # refusals and notes that found no room, and events that a stop came for
        self._overtaken = 0  # actions that a newer order, or a stop, came for

    def put(self, order, detail):
        """None; an action takes the place of the one for the same receiver. Among too many others the oldest goes.

        What is no whole action takes no place: it will be refused with its reason.
        """
        if order == ACT and _is_whole(detail):
            order, detail = self._put_action(detail)
        if order is None:
            return
        if len(self._others) >= _MOST_OTHERS:
            self._make_room()
        self._others.append((order, detail))

    def _put_action(self, command):
        """(REFUSE, its detail) for one that is older than the one that waits, or the same, or finds no room; else (None, None)."""
        for at, waiting in enumerate(self._actions):
            if _receiver(waiting) == _receiver(command):
                reason = _too_old(command.asked_us, waiting.asked_us)
                if reason:
                    return REFUSE, (reason, "%s to %s %s" % (command.source, command.model, command.rf_id))
                self._actions[at] = command
                self._overtake(waiting)
                return None, None
        if len(self._actions) >= _MOST_ACTIONS:
            return REFUSE, ("full", "%s to %s %s" % (command.source, command.model, command.rf_id))
        self._actions.append(command)
        return None, None

    def _make_room(self):
        """None; a refusal or a note goes, counted; an event only where there is nothing else."""
        for kinds in ((NOTE, REFUSE), (EVENT,)):
            for at, entry in enumerate(self._others):
                if entry[0] in kinds:
                    self._leave_out(at)
                    return
        self._leave_out(0)

    def _leave_out(self, at):
        order, detail = self._others.pop(at)
        self._left_out += 1
        if order == REFUSE:
            self._refuse(detail[0])

    def _overtake(self, command):
        self._overtaken += 1
        try:
            self._tell_overtaken(command)
        except MemoryError:
            pass  # it goes all the same: a stop needs no memory (S5)

    def stop(self, model, rf_id, channel):
        """None; a stop for that receiver came, for all its channels where `channel` is None: what is older goes."""
        at = 0
        while at < len(self._actions):
            command = self._actions[at]
            if (command.model, command.rf_id) == (model, rf_id) and channel in (None, command.channel):
                self._overtake(self._actions.pop(at))
            else:
                at += 1

    def stop_all(self):
        """None; a stop for everything came: no action that is older is carried out, and no event makes one."""
        while self._actions:
            self._overtake(self._actions.pop())
        at = len(self._others)
        while at:
            at -= 1
            if self._others[at][0] == EVENT:
                self._others.pop(at)
                self._left_out += 1

    def next(self):
        """(order, detail) to be carried out next, or None."""
        if self._actions:
            return ACT, self._actions.pop(0)
        if self._others:
            return self._others.pop(0)
        return self._told()

    def _told(self):
        """A note of what was left out since the last one, or None."""
        if not self._overtaken and not self._left_out:
            return None
        overtaken, self._overtaken = self._overtaken, 0
        left_out, self._left_out = self._left_out, 0
        words = []
        if overtaken:
            words.append("%d orders came with a newer one for the same receiver, or with a stop" % overtaken)
        if left_out:
            words.append("%d refusals, notes and events came with too many others, or with a stop" % left_out)
        return NOTE, "; ".join(words)


def _receiver(command):
    return command.model, command.rf_id, command.channel


def _is_whole(command):
    whole_action = whole(command.action, SHOCK, LIGHT) and whole(command.intensity, 0, 100)
    return whole_action and whole(command.duration_ms, 1, LONGEST_MS)


def _too_old(asked_us, waiting_us):
    """A key of safety.REASONS for an order asked for no later than the one that waits (S17, S24); "" where it is newer."""
    if type(asked_us) is not int or type(waiting_us) is not int or asked_us > waiting_us:
        return ""
    return "repeated" if asked_us == waiting_us else "stale"
