"""The last word on every command: what passes, how strong, how long, how often. No I/O, no clock; time is an argument.

A rule is a line in `judge`, a row of _REASONS and a test that goes red without it.
Nothing here may make a command stronger or longer.
"""

from micropython import const

from firmware.command import LIGHT, SHOCK, STOP, Command, means_stop, whole
from firmware.control.dose import FRAME_MS, STALE_MS, Page
from lib.tables import find

LONGEST_MS = const(30000)  # whatever the settings say: nothing runs longer than this (S4)
_MOST = const(64)  # receivers that are remembered …
_FEW = const(12)  # … so many have orders in any case, more where there is memory: a hub of OpenShock has 11
_MOST_STOPPED = const(16)  # … and so many while nobody but stops names them: a flood of those leaves room for who acts
_MOST_KEPT = const(40)  # receivers in `past`, which fits into 2 KB
NOTHING = "0 0"  # `Safety.past` where nothing was given lately
_STALE_US = const(2000000)

# Why a command was refused, in the words of the log and of the status. The reasons are counted.
_REASONS = (
    ("malformed", "not a whole command"),
    ("action", "no such action"),
    ("id", "no such receiver id"),
    ("level", "level outside 0-100"),
    ("duration", "duration outside 1-30000 ms"),
    ("shock", "shocks are switched off here"),
    ("unverified", "how strong this model shocks is not verified: only cap.unverified_shock allows it, at the device"),
    ("cap", "the local cap is 0"),
    ("rate", "more than 10 commands a second"),
    ("budget", "the minute's budget is spent"),
    ("rest", "rests after shocks of the longest length"),
    ("model", "unknown model"),
    ("unsupported", "this receiver cannot do that"),
    ("stale", "too old"),
    ("future", "asked for in the future: is a clock wrong"),
    ("repeated", "said twice"),
    ("overtaken", "a newer order, or a stop, came with it"),
    ("locked", "the radio is locked"),
    ("busy", "a connection is being made: in a second"),
    ("estop", "the emergency stop is latched"),
    ("unknown", "unknown receiver"),
    ("map", "the list of shockers has changed, and is being fetched"),
    ("full", "too many receivers at once"),
    ("event", "an event may vibrate or sound, and no more"),
    ("test", "a test is vibrate or sound, at most 30 for a second"),
)


def words(reason):
    """Return what a person is told of `reason`, None for none of ours."""
    return find(_REASONS, reason)


class Caps:
    """Local bounds: `shock_allowed`, `levels` (action → highest level 0–100), `longest_ms` (1–30 000)."""

    def __init__(self, shock_allowed, levels, longest_ms):
        self.shock_allowed = shock_allowed
        self.levels = levels
        self.longest_ms = longest_ms

    def and_also(self, other):
        """Caps of which each is the stricter of the two."""
        levels = {action: min(level, other.levels[action]) for action, level in self.levels.items()}
        return Caps(self.shock_allowed and other.shock_allowed, levels, min(self.longest_ms, other.longest_ms))


class Safety:
    """Judges commands, and keeps a page for each receiver. Counts what it refused, by reason.

    `caps` bind every receiver; `own` holds further ones for single receivers, (model, rf_id) → Caps. `budget` is the dose
    of a sliding minute in percent-seconds (S19); `rest_ms` how long a receiver rests after shocks that add up to the longest
    length: those closer together than the rest are one. `recall` says what was given before the start. `unverified(model)`
    is True for a model that may not shock, as nobody knows how strong it would; None: each may.
    """

    def __init__(self, caps, own, budget, rest_ms, unverified=None):
        self._unverified = unverified
        self._caps = caps
        self._own = {key: caps.and_also(further) for key, further in own.items()}
        self._budget = budget * 1000
        self._rest_ms = rest_ms
        self._pages = {}  # (model, rf_id) → Page
        self._before = 0, 0  # what a receiver without a page may have been given before the start: dose, ms of shocks
        self._started = 0
        self.is_short = bool  # tells whether there is too little memory for one more page
        self._all_stopped_us = 0  # the time of day at which everything was stopped last
        self.refused = {}

    def refuse(self, reason):
        """(None, reason); counts one refusal. Rooms that refuse by themselves (unknown receiver, locked) count here too."""
        self.refused[reason] = self.refused.get(reason, 0) + 1
        return None, reason

    def judge(self, command, now, unix_us=None):
        """(the command as it may be carried out, "") or (None, a reason). Books nothing.

        `unix_us`: the time of day, or None while nobody has set the clock; only the age of an order needs it (S16).
        Wrong types and numbers outside their range are refused, never bent into it (S4). What is above a local cap is
        lowered to the cap, never raised (S20). A stop passes when its receiver is named rightly, whatever else is wrong
        with it (S5).
        """
        model, rf_id, action, level, duration_ms, channel, source, asked_us = command
        if type(action) is not int and means_stop(action):
            action = STOP
            command = Command(model, rf_id, action, level, duration_ms, channel, source, asked_us)
        if not whole(action, STOP, LIGHT):
            return self.refuse("action")
        if not isinstance(model, str):
            return self.refuse("model")
        if not whole(rf_id, 0, 65535):
            return self.refuse("id")
        if action == STOP:
            return command, ""
        if asked_us is not None:
            reason = self._too_old(model, rf_id, asked_us, unix_us)
            if reason:
                return self.refuse(reason)
        if not whole(level, 0, 100):
            return self.refuse("level")
        if not whole(duration_ms, 1, LONGEST_MS):
            return self.refuse("duration")
        caps = self._own.get((model, rf_id), self._caps)
        if action == SHOCK and not caps.shock_allowed:
            return self.refuse("shock")
        if action == SHOCK and self._unverified and self._unverified(model):
            return self.refuse("unverified")
        if caps.levels[action] == 0:
            return self.refuse("cap")  # at level 0 as well: sound and light have no strength on the air
        level = min(level, caps.levels[action])
        page = self._pages.get((model, rf_id)) or self._blank(now)
        shocked_ms = page.shocked(self._rest_ms, now) if action == SHOCK else 0
        duration_ms = min(duration_ms, caps.longest_ms - shocked_ms)
        reason = self._too_much(page, action, level, duration_ms, now)
        if not reason and (model, rf_id) not in self._pages and self._is_full(now):
            reason = "full"
        if reason:
            return self.refuse(reason)
        return Command(model, rf_id, action, level, duration_ms, channel, source, asked_us), ""

    def _too_old(self, model, rf_id, asked_us, unix_us):
        """Nothing for a new order; "stale" for one of more than 2 s ago, or older than the last or than the last stop of all;
        "repeated" for the last one."""
        if type(asked_us) is not int:
            return "malformed"
        if unix_us is not None and (unix_us - asked_us > _STALE_US or asked_us <= self._all_stopped_us <= unix_us):
            return "stale"  # a stop later than now was timed by a clock that has been put right since
        if unix_us is not None and asked_us - unix_us > _STALE_US:
            return "future"  # remembered, it would make all later orders look old
        page = self._pages.get((model, rf_id))
        if page is None or page.asked_us is None or asked_us > page.asked_us:
            return ""
        return "repeated" if asked_us == page.asked_us else "stale"

    def _too_much(self, page, action, level, duration_ms, now):
        if not page.repeats(action, level, now) and page.often(now):
            return "rate"
        if duration_ms <= 0:
            return "rest"
        return "budget" if page.dose(now) + level * max(duration_ms, FRAME_MS) > self._budget else ""

    def _blank(self, now):
        """The page of a receiver that has none: what it may have been given before the start, nothing since."""
        if now - self._started >= STALE_MS:
            return Page(now)
        page = Page(self._started, *self._before)
        page.ends = now
        return page

    def _is_full(self, now):
        return len(self._pages) >= _FEW and self.is_short() or not self._room(now)

    def _room(self, now):
        """True when one more receiver can be remembered; one that has nothing to remember is forgotten for it."""
        if len(self._pages) < _MOST:
            return True
        for key, page in self._pages.items():
            if now - page.ends >= STALE_MS:
                del self._pages[key]
                return True
        return False

    def repeats(self, command, now):
        """True when `command`, as `judge` gave it, only says once more what that receiver is doing."""
        page = self._pages.get((command.model, command.rf_id))
        return bool(page) and page.repeats(command.action, command.intensity, now)

    def book(self, command, now):
        """None; `command`, as `judge` gave it, is on the air from now on."""
        model, rf_id, action, level, duration_ms, _, _, asked_us = command
        page = self._pages.get((model, rf_id))
        if page is None:
            page = self._pages[(model, rf_id)] = self._blank(now)
        page.asked_us = asked_us if asked_us is not None else page.asked_us
        page.book(action, level, duration_ms, self._rest_ms, now)

    def past(self, now):
        """Return what was given lately, a text for `recall` after a restart; what runs counts as given to its end."""
        rows = []
        before = self._blank(now).past(self._rest_ms, now)
        for (model, rf_id), page in self._pages.items():
            dose, shocked_ms = page.past(self._rest_ms, now)
            if len(rows) < _MOST_KEPT:
                if dose or shocked_ms or any(before):
                    rows.append("%s %d %d %d" % (model, rf_id, dose, shocked_ms))
            else:
                before = max(before[0], dose), max(before[1], shocked_ms)
        return "\n".join(["%d %d" % before] + rows)

    def recall(self, past, now):
        """Return whether `past` says what was given just before `now` (S19), as `past` does; None after a power cut.

        Where nobody knows it each receiver rests first as after shocks of the longest length, and half of its minute's budget is
        spent.
        """
        self._started = now
        try:
            before, *rows = past.split("\n")
            dose, shocked_ms = before.split()
            self._before = int(dose), int(shocked_ms)
            for row in rows:
                model, rf_id, dose, shocked_ms = row.split()
                self._pages[(model, int(rf_id))] = Page(now, int(dose), int(shocked_ms))
            return True
        except (AttributeError, ValueError):
            self._before = self._budget // 2, LONGEST_MS
            return False

    def overtake(self, command, now):
        """None; counts an order that a newer one, or a stop, beat; said once more it is as old as if it had been carried out."""
        self.refuse("overtaken")
        page = self._page(command.model, command.rf_id, now)
        if page and type(command.asked_us) is int and (page.asked_us is None or command.asked_us > page.asked_us):
            page.asked_us = command.asked_us

    def _page(self, model, rf_id, now, most=_MOST + 1):
        """The page of that receiver, made where there are fewer than `most` and room for one; else None."""
        page = self._pages.get((model, rf_id))
        if page is None and len(self._pages) < most and not self._is_full(now):
            page = self._pages[(model, rf_id)] = self._blank(now)
        return page

    def stopped(self, command, now, unix_us=None):
        """None; that receiver was stopped: what its command had still to give is not counted, and older orders come too late.

        Older than the stop was asked for, or than `unix_us` where nobody says when that was.
        """
        page = self._page(command.model, command.rf_id, now, _MOST_STOPPED)
        if page:
            page.settle(now)
            asked_us = command.asked_us if type(command.asked_us) is int else unix_us
            if asked_us is not None and (page.asked_us is None or asked_us > page.asked_us):
                page.asked_us = asked_us

    def stopped_all(self, now, unix_us=None):
        """None; every receiver was stopped. What was asked for before `unix_us` comes too late from now on (S5, S16)."""
        for page in self._pages.values():
            page.settle(now)
        if unix_us is not None:
            self._all_stopped_us = unix_us
