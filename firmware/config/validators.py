"""What fits the settings that are tables of things, looked at now and then: a row of WORDS and CHECKS, and a function each. No I/O.

In memory only while settings.py asks. A check gets one table and `is_text`, and gives True when it may be stored.
"""

from micropython import const

from firmware.command import ACTIONS, whole
from firmware.shockers import called
from lib.strict_utf8 import is_utf8
from lib.url import parse_url

_LONGEST_MS = const(30000)
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"

# What a person is told would fit: {0} is the least, {1} the most
WORDS = (
    (
        "networks",
        "up to {1} networks with ssid (1-32 bytes), key (none, or 8-63 characters), hidden, security and address",
    ),
    ("servers", "up to {1} name servers, such as 1.1.1.1 or 192.168.0.1:53"),
    ("hosts", "up to {1} names or addresses, such as pool.ntp.org or 192.168.0.1:123"),
    (
        "inputs",
        "up to {1} buttons, each with pin, shocker (its name or id at the service), action (vibrate, sound, shock or stop), "
        "level (0-100), duration_ms (300-30000), and if you like pressed (low or high) and hold (true or false); or with pin "
        "and action seen: that says the last message was read",
    ),
    (
        "dial",
        "a table with the pins a, b and press, shocker, action, step (1-50), duration_ms (300-30000), and if you like level "
        "(0-100, where it begins), clicks (1, 2 or 4 changes a detent) and pressed (low or high); {{}} for none",
    ),
    (
        "filters",
        "a table of channels (alerts, devices, system, telemetry), each a table of filters: a text, a number, or a list of "
        "them; 400 bytes together",
    ),
    ("degrees", "none, or degrees from -{1} to {1}, such as 52.51628; south and west are below 0"),
    (
        "rules",
        "up to {1} rules, each with model, rf_id, action (vibrate or sound), level (0-100), duration_ms (1-30000), and if you "
        "like channel, backend, kind, severity (info, warning, error, high or critical), text and once_in_s (1-86400)",
    ),
)


def fits(kind, value, most, is_text):
    """True when `value` may be stored in a setting of that kind (a key of CHECKS)."""
    check = CHECKS[kind]
    if kind in ("dial", "filters"):  # there is one, or none
        return isinstance(value, dict) and (not value or check(value, is_text))
    if kind == "degrees":
        return value == "" or is_text(value, 1, 16) and check(value, most)
    return isinstance(value, list) and len(value) <= most and all([check(entry, is_text) for entry in value])


def is_text(value, least, most):
    """UTF-8 of `least` to `most` bytes without control characters."""
    if not isinstance(value, str):
        return False
    try:
        encoded = value.encode()
    except ValueError:
        return False
    if not least <= len(encoded) <= most or not is_utf8(encoded):  # half a surrogate pair is no text
        return False
    before = 0
    for byte in encoded:  # U+0080 to U+009F are C2 80 to C2 9F
        if byte < 0x20 or byte == 0x7F or before == 0xC2 and byte < 0xA0:
            return False
        before = byte
    return True


def is_base_url(text, kind):
    """http:// or https:// (of a wsurl ws:// or wss:// as well), a host, perhaps a port and a path; no query."""
    try:
        scheme = parse_url(text)[0]
    except ValueError:
        return False
    return (kind == "wsurl" or scheme in ("http", "https")) and "?" not in text and "#" not in text


def is_receiver(entry, caps, fits_cap):
    """True for {"model", "rf_id"} and caps of its own, each one of `caps`, and `fits_cap(name, value)` says yes.

    Whose caps they are must be beyond doubt: a model that nobody knows would never be bound by them.
    """
    if not isinstance(entry, dict) or not called(entry.get("model")) or not whole(entry.get("rf_id"), 0, 65535):
        return False
    good = [name in ("model", "rf_id") or name in caps and fits_cap(name, entry[name]) for name in entry]
    return all(good)


def named(entry):
    """A copy of a row of cap.own, its model by the name that commands have."""
    entry = entry.copy()
    entry["model"] = called(entry["model"])
    return entry


def seems_a_cap(key, caps, sections):
    """True for a key, none of ours, by which somebody may have meant a cap: "cap.shock_allowd", "Caps", "longest_ms".

    `caps` are the names of the caps without "cap.", `sections` what stands before the dot in our keys.
    """
    key = key.strip().lower()
    caps = [name.replace("_", "") for name in caps]
    plain = "".join([letter for letter in key if letter in _LETTERS])
    if key in ("cap", "caps") or key.replace("caps", "cap")[:4] in ("cap.", "cap_", "cap-", "cap ", "cap:"):
        return True
    section, _, name = key.partition(".")
    if section not in sections and name.replace("_", "") in caps:
        return True
    return plain in caps or plain[:3] == "cap" and (plain[3:] in caps or plain[3:4] == "s" and plain[4:] in caps)


# --- what net/station.py reads


def _is_network(entry, is_text):
    """{"ssid", "key"?: "", 8–63 bytes or 64 hexadecimal digits, "hidden"?, "security"?: in words, "address"?}"""
    if not isinstance(entry, dict) or not is_text(entry.get("ssid"), 1, 32):
        return False
    key, address = entry.get("key", ""), entry.get("address")
    if key != "" and not is_text(key, 8, 63) and (not is_text(key, 64, 64) or key.strip("0123456789abcdefABCDEF")):
        return False
    if address is not None:
        from firmware.net import static_address

        if static_address.problem(address):
            return False
    return type(entry.get("hidden", False)) is bool and is_text(entry.get("security", ""), 0, 16)


def _is_server(entry, is_text):
    """a.b.c.d or a.b.c.d:port"""
    host, mark, port = entry.partition(":") if isinstance(entry, str) else ("", "", "")
    return _is_ip(host) and (not mark or _is_decimal(port, 1, 65535))


def _is_host(entry, is_text):
    """A name or an address, with or without :port."""
    host, mark, port = entry.partition(":") if isinstance(entry, str) else ("", "", "")
    good = is_text(host, 1, 253) and not host.lower().strip("abcdefghijklmnopqrstuvwxyz0123456789-_.")
    return good and host.strip(".-") != "" and (not mark or _is_decimal(port, 1, 65535))


def _is_ip(text):
    parts = text.split(".") if isinstance(text, str) else ()
    return len(parts) == 4 and all([_is_decimal(part, 0, 255) for part in parts])


def _is_decimal(text, least, most):
    return 0 < len(text) <= len(str(most)) and not text.strip("0123456789") and least <= int(text) <= most


# --- what control/remote_control.py reads


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
    """A button. One that says a message was read needs no more than its pin."""
    if _has(entry, ("pin", "action"), ("pressed",)) and entry["action"] == "seen":
        return whole(entry["pin"], 0, 48) and entry.get("pressed", "low") in ("low", "high")
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


# --- what control/event_rules.py reads

# what a rule may want an event to be at least; control/event_rules.py knows more words for the same
_GRAVE = ("", "info", "warning", "error", "high", "critical")
# its texts and numbers: (name, the least and the most bytes of the text, or of the number; what a missing one is taken for)
_TEXTS = (("backend", 0, 40, ""), ("kind", 0, 20, ""), ("text", 0, 60, ""), ("model", 1, 40, None))
_NUMBERS = (
    ("rf_id", 0, 65535, None),
    ("channel", 0, 255, 0),
    ("level", 0, 100, None),
    ("duration_ms", 1, _LONGEST_MS, None),
    ("once_in_s", 1, 86400, 10),
)


def misfit(rule, is_text):
    """(name of a field, what would fit there) of a row of control/event_rules.py that cannot be stored; None when it can.

    A row says what the event must be, the receiver, and vibrate or sound. Never a shock.
    """
    if not isinstance(rule, dict):
        return "rules", "a table"
    if rule.get("action") not in ("vibrate", "sound"):
        return "action", "vibrate or sound, nothing else"
    if rule.get("severity", "") not in _GRAVE:
        return "severity", "info, warning, error, high or critical"
    known = ["action", "severity"]
    for name, least, most, missing in _TEXTS:
        known.append(name)
        if not is_text(rule.get(name, missing), least, most):
            return name, "%d-%d bytes without control characters" % (least, most)
    for name, least, most, missing in _NUMBERS:
        known.append(name)
        value = rule.get(name, missing)
        if not whole(value, least, most) and not (name == "channel" and value is None):  # None: as if it were missing
            return name, "%d-%d" % (least, most)
    for name in rule:
        if name not in known:
            return name, "a rule has no such field"
    return None


def _is_rule(entry, is_text):
    return misfit(entry, is_text) is None


# --- what backends/valtronics.py reads


def _are_filters(table, is_text):
    """{channel: {filter: a text, a whole number, or a list of them}}."""
    size = 0
    for channel, filters in table.items():
        if channel not in ("alerts", "devices", "system", "telemetry") or not isinstance(filters, dict):
            return False
        for name, wanted in filters.items():
            several = wanted if isinstance(wanted, list) else [wanted]
            if not is_text(name, 1, 40) or not all([is_text(one, 1, 40) or whole(one, 0, 2**30) for one in several]):
                return False
            size += len(name.encode()) + sum([len(str(one).encode()) + 3 for one in several])
    return size <= 400


# --- what backends/dsp_fleet.py reads


def _are_degrees(text, most):
    """-52.51628: digits, and digits behind a point if there is one."""
    whole_part, mark, part = text[text[:1] == "-" :].partition(".")
    digits = all(
        [number and not number.strip("0123456789") for number in ((whole_part, part) if mark else (whole_part,))]
    )
    return digits and abs(float(text)) <= most


CHECKS = {
    "networks": _is_network,
    "servers": _is_server,
    "hosts": _is_host,
    "inputs": _is_input,
    "dial": _is_dial,
    "rules": _is_rule,
    "filters": _are_filters,
    "degrees": _are_degrees,
}
