"""What fits the settings that are tables of things, seldom looked at: a row of WORDS and CHECKS, and a function each. No I/O.

In memory only while settings.py asks. A check gets one table and `is_text(value, least, most)` of settings.py (bytes in UTF-8, no
control characters), and gives True when it may be stored.
"""

from micropython import const

from firmware.command import ACTIONS, whole

_LONGEST_MS = const(30000)

# What a person is told would fit: {0} is the least, {1} the most
WORDS = {
    "inputs": "up to {1} buttons, each with pin, shocker (its name or id at the service), action (vibrate, sound, shock or stop), "
    "level (0-100), duration_ms (300-30000), and if you like pressed (low or high) and hold (true or false)",
    "dial": "a table with the pins a, b and press, shocker, action, step (1-50), duration_ms (300-30000), and if you like level "
    "(0-100, where it begins), clicks (1, 2 or 4 changes a detent) and pressed (low or high); {{}} for none",
    "rules": "up to {1} rules, each with model, rf_id, action (vibrate or sound), level (0-100), duration_ms (1-30000), and if you "
    "like channel, backend, kind, severity (info, warning, error, high or critical), text and once_in_s (1-86400)",
}


def fits(kind, value, most, is_text):
    """True when `value` may be stored in a setting of that kind (a key of CHECKS)."""
    check = CHECKS[kind]
    if kind == "dial":  # there is one, or none
        return isinstance(value, dict) and (not value or check(value, is_text))
    return isinstance(value, list) and len(value) <= most and all([check(entry, is_text) for entry in value])


# --- what remote.py reads


def _has(entry, needed, further):
    """True for a table with all names of `needed`, and beside them at most those of `further`."""
    if not isinstance(entry, dict):
        return False
    return all([name in entry for name in needed]) and all([name in needed + further for name in entry])


def _aims(entry, is_text):
    """True when shocker, action, duration and the level of a pressed pin make sense."""
    return (
        is_text(entry["shocker"], 1, 128)
        and entry["action"] in ACTIONS[:4]
        and whole(entry["duration_ms"], 300, _LONGEST_MS)
        and entry.get("pressed", "low") in ("low", "high")
    )


def _is_input(entry, is_text):
    """A button."""
    if not _has(entry, ("pin", "shocker", "action", "level", "duration_ms"), ("pressed", "hold")):
        return False
    flag = type(entry.get("hold", False)) is bool
    return flag and whole(entry["pin"], 0, 48) and whole(entry["level"], 0, 100) and _aims(entry, is_text)


def _is_dial(entry, is_text):
    """A rotary encoder with a button."""
    needed = ("a", "b", "press", "shocker", "action", "step", "duration_ms")
    if not _has(entry, needed, ("level", "clicks", "pressed")):
        return False
    clicks = entry.get("clicks", 4)
    return (
        all([whole(entry[name], 0, 48) for name in ("a", "b", "press")])
        and whole(entry["step"], 1, 50)
        and whole(entry.get("level", 0), 0, 100)
        and whole(clicks, 1, 4)
        and clicks != 3
        and _aims(entry, is_text)
    )


# --- what rules.py reads

# what a rule may want an event to be at least; rules.py knows more words for the same
_GRAVE = ("", "info", "warning", "error", "high", "critical")
_RULE = (
    "backend",
    "kind",
    "severity",
    "text",
    "model",
    "rf_id",
    "channel",
    "action",
    "level",
    "duration_ms",
    "once_in_s",
)


def _is_rule(entry, is_text):
    """One row of rules.py: what the event must be, the receiver, and vibrate or sound. Never a shock."""
    if not isinstance(entry, dict) or not all([name in _RULE for name in entry]):
        return False
    if entry.get("action") not in ("vibrate", "sound"):
        return False
    if not all([is_text(entry.get(name, ""), 0, most) for name, most in (("backend", 40), ("kind", 20), ("text", 60))]):
        return False
    receiver = is_text(entry.get("model"), 1, 40) and whole(entry.get("rf_id"), 0, 65535)
    channel = entry.get("channel")
    return (
        receiver
        and entry.get("severity", "") in _GRAVE
        and (channel is None or whole(channel, 0, 255))
        and whole(entry.get("level"), 0, 100)
        and whole(entry.get("duration_ms"), 1, _LONGEST_MS)
        and whole(entry.get("once_in_s", 10), 1, 86400)
    )


CHECKS = {"inputs": _is_input, "dial": _is_dial, "rules": _is_rule}
