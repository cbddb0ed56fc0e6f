"""The last word on every command: what passes, how strong, how long. No I/O, no clock; time is an argument.

A rule is a line in `judge`, a reason in REASONS and a test that goes red without it.
Nothing here may make a command stronger or longer.
"""

from micropython import const

from firmware.command import LIGHT, SHOCK, SOUND, STOP, VIBRATE, Command, whole

LONGEST_MS = const(30000)  # whatever the settings say: nothing runs longer than this (S4)

# Why a command was refused, in the words of the log and of the status. The keys are counted.
REASONS = {
    "malformed": "not a whole command",
    "action": "no such action",
    "id": "no such receiver id",
    "level": "level outside 0-100",
    "duration": "duration outside 1-30000 ms",
    "shock": "shocks are switched off here",
    "cap": "the local cap is 0",
    "model": "unknown model",
    "unsupported": "this receiver cannot do that",
    "stale": "too old",
    "locked": "the radio is locked",
    "unknown": "unknown receiver",
    "full": "too many receivers at once",
}


class Caps:
    """The local bounds: `shock_allowed`, `levels` (action → highest level 0–100), `longest_ms` (1–30 000)."""

    def __init__(self, shock_allowed, levels, longest_ms):
        self.shock_allowed = shock_allowed
        self.levels = levels
        self.longest_ms = longest_ms


def strictest():
    """Caps that let nothing through: what damaged settings mean (S23)."""
    return Caps(False, {SHOCK: 0, VIBRATE: 0, SOUND: 0, LIGHT: 0}, 1)


class Safety:
    """Judges commands by `caps`; counts what it refused, by reason."""

    def __init__(self, caps):
        self.caps = caps
        self.refused = {}

    def refuse(self, reason):
        """(None, reason); counts one refusal. Rooms that refuse by themselves (unknown receiver, locked) count here too."""
        self.refused[reason] = self.refused.get(reason, 0) + 1
        return None, reason

    def judge(self, command):
        """(the command as it may be carried out, "") or (None, a key of REASONS).

        Wrong types and numbers outside their range are refused, never bent into it (S4). What is above a local cap is
        lowered to the cap, never raised (S20). A stop always passes when its receiver is named rightly (S5).
        """
        model, rf_id, action, level, duration_ms, channel, source = command
        if not whole(action, STOP, LIGHT):
            return self.refuse("action")
        if not whole(rf_id, 0, 65535):
            return self.refuse("id")
        if action == STOP:
            return command, ""
        if not whole(level, 0, 100):
            return self.refuse("level")
        if not whole(duration_ms, 1, LONGEST_MS):
            return self.refuse("duration")
        if action == SHOCK and not self.caps.shock_allowed:
            return self.refuse("shock")
        cap = self.caps.levels[action]
        if cap == 0 and level > 0:
            return self.refuse("cap")
        if level > cap or duration_ms > self.caps.longest_ms:
            duration_ms = min(duration_ms, self.caps.longest_ms)
            return Command(model, rf_id, action, min(level, cap), duration_ms, channel, source), ""
        return command, ""
