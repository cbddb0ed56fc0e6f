"""What may be asked of the device: the five actions, the Command, the orders. All that a backend and a radio have in common.

No I/O, no clock. Only what both sides of the stair must name belongs here.
"""

from collections import namedtuple

from micropython import const

STOP = const(0)
SHOCK = const(1)
VIBRATE = const(2)
SOUND = const(3)
LIGHT = const(4)

# By number, for people and for settings; the numbers are OpenShock's (reference/openshock-api.md §a.6, light is ours).
ACTIONS = ("stop", "shock", "vibrate", "sound", "light")

# model: a file of firmware/shockers · rf_id: 0–65535 · action: one of the five · intensity: 0–100 · duration_ms: 1–30 000
# channel: what the model calls so, or None · source: who asked, for the log · asked_us: when it was asked for by the
# service's clock, µs since 1970, or None where the service does not say
Command = namedtuple(
    "Command", ("model", "rf_id", "action", "intensity", "duration_ms", "channel", "source", "asked_us")
)

# Something that a service says which knows no receivers, for control/event_rules.py. All are texts: the backend, what kind
# ("alert", "message"), how grave ("" where the service does not say), and its words, 200 characters at most.
Event = namedtuple("Event", ("backend", "kind", "severity", "text"))

# What somebody at the device wants done elsewhere: `shocker` as the service names it · one of the five actions · 0–100 · ms
Wish = namedtuple("Wish", ("shocker", "action", "intensity", "duration_ms"))

# What a backend makes of a message: (one of these, its detail). `control/dispatcher.py` has one duty for each.
ACT = const(10)  # a Command
REFUSE = const(11)  # (a reason of control/safety.py, what was refused in words)
HALT = const(12)  # stop everything; who asked, in words
EMERGENCY = const(13)  # stop everything and latch; who asked, in words
PORTAL = const(14)  # open the set-up page: True or False
UPDATE = const(15)  # install this version (text)
RESTART = const(16)  # restart; who asked, in words
NOTE = const(17)  # a line for the log
LEAVE = const(18)  # the last order of a connection: a Leave, for the link
EVENT = const(19)  # an Event
KEEP = const(20)  # (the backend's name, {key: value}): settings of its own section that the service gave, to be stored


_MOST_MS = const(30000)


class Leave(Exception):
    """This connection cannot go on: `reason` in words, `wait_ms` to wait at least before the next, `code` to close it with.

    `status` is the HTTP status that refused it, or the code of the server's close frame; 0 when there was none.
    `meant`: it has done what it was for, and the next one shall come soon: no failure.
    """

    def __init__(self, reason, wait_ms=0, code=1000, status=0, meant=False):
        super().__init__(reason)
        self.reason = reason
        self.wait_ms = wait_ms
        self.code = code
        self.status = status
        self.meant = meant


class Unasked(Exception):
    """The service takes no such thing, or cannot now; the text says which."""


class Service:
    """What a backend may leave as it is here: most services want none of it. The link asks. `rssi()` and `wall()` are gifts.

    `PROOF_MS`: so often the link asks for a proof that what comes is fresh, by a WebSocket ping, one at a time; 0: never.
    """

    PROOF_MS = 0

    TIMED = False  # its orders say when they were asked for
    TLS_FIRST = False  # True: an address with ws:// is tried by TLS first, and without it where TLS is not spoken

    def rssi(self):
        """How strong the network is, in dBm. 0: nobody has told."""
        return 0

    def wall(self):
        """The time of day in µs since 1970. None, as here: nobody has set the clock."""

    def answered(self, sent_ms, took_ms):
        """Take note that what arrives from now on was sent after `sent_ms`: a ping of that time was answered, after `took_ms`."""

    def pause_ms(self, status, reason):
        """How long to wait at least before the next connection; `status` as a Leave has it, `reason` in words."""
        return 0

    def ask(self, what, detail, now):
        """None; what somebody at the device wants of the service goes out with the next `keepalive`. Unasked when it cannot.

        `what` and its detail: "control" a Wish · "emergency" None, the e-stop was pressed here · "seen" a message's id, or
        None for the last · "respond" (id or None, text) · "pair" None: this device shall get a new account.
        """
        raise Unasked("this service takes no such thing")

    def taker(self):
        """Return what takes a good answer (200) to the last errand in pieces, by `feed(bytes)`; `fetched` gets it as the body.

        `starved`: it found no memory.

        None, as here: the answer is wanted whole.
        """

    def unfetched(self, reason, now):
        """Return orders: there was no answer to the last errand, for `reason` in words. Leave, as here, when there is no way on."""
        raise Leave(reason)

    def lost(self, reason, now):
        """Return orders: the connection has ended, for `reason` in words, and whatever waits for an answer has none."""
        return ()

    def pairs(self):
        """True while it waits for somebody to enter a code elsewhere: the lamp says so."""
        return False

    def shown(self):
        """What a person should see now, such as a pairing code: one line of text; "" for nothing."""
        return ""

    def report(self, event):
        """Messages that tell the service of an update, to be sent behind `hello`.

        `event` is one of ("OtaInstallStarted", update id, version), ("OtaInstallProgress", id, task 0-6, 0.0-1.0),
        ("OtaInstallFailed", id, fatal, why in words), ("OtaRollback", id) and ("OtaInstallSucceeded", id).
        """
        return ()


def means_stop(action):
    """True for whatever somebody may say who means stop: 0 in any form, the word, nothing. Its spelling is no matter (S5)."""
    if isinstance(action, str):
        return action.strip().lower() in ("stop", "0", "")
    return action is None or type(action) in (int, float, bool) and action == STOP


def stops(order):
    """True for an order, (what, detail), that can only stop something."""
    what, detail = order
    return what in (HALT, EMERGENCY) or what == ACT and means_stop(detail.action)


def whole(value, low, high):
    """True when `value` is a whole number from `low` to `high`; a bool, a float or a text is not."""
    return type(value) is int and low <= value <= high


def cut_ms(duration_ms):
    """Return a duration of OpenShock, which takes up to 65 535 ms, as safety.py judges it: 30 000 ms at most; all else as it is."""
    return _MOST_MS if whole(duration_ms, _MOST_MS, 65535) else duration_ms


def carried(rf_id, action, intensity):
    """The intensity as an encoder may carry it: 0–100, clamped.

    ValueError for an id outside 0–65535, or an action or level that is no whole number. Every encoder asks this first,
    before it scales to what its model can say (reference/openshock-firmware.md §a, D80).
    """
    if not whole(rf_id, 0, 65535):
        raise ValueError("id must be 0-65535")
    if type(action) is not int or type(intensity) is not int:
        raise ValueError("action and intensity must be whole numbers")
    return min(max(intensity, 0), 100)
