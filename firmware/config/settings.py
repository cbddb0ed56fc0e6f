"""Everything a person can set: a table of plain data, and what fits. A new setting is a row here and in setting_descriptions.py.

Only what differs from its default is stored. What is stored and makes no sense reads as the default, a cap as the strictest
(S23). Keys that this version does not know stay in the file: the other slot's version may know them. So no key ever gets
another meaning: what means something else has another name.
"""

from firmware import build_info
from firmware.command import whole
from firmware.config import validators
from firmware.config.validators import WORDS, is_base_url, is_text
from lib import json_file
from lib.tables import find

# key, kind, the least and the most (of a number's value, a text's bytes in UTF-8, a list's entries), default. A kind of names with
# | between them is a choice. A default () stands for an empty list, None for an empty table: both are made anew for who asks.
TABLE = (
    ("board", "text", 1, 40, "generic-esp32"),
    ("hostname", "text", 1, 32, "OpenShock"),
    ("wifi", "networks", 0, 8, ()),
    ("dns", "servers", 0, 3, ()),
    ("time.servers", "hosts", 0, 3, ()),
    ("rf.pin", "pin", -1, 48, -1),
    ("rf.player", "viper|rmt", 0, 0, "viper"),
    ("rf.keep_alive", "flag", 0, 0, True),
    ("rf.end_frames_998dr", "flag", 0, 0, True),
    ("estop.enabled", "flag", 0, 0, True),
    ("estop.pin", "pin", -1, 48, -1),
    ("estop.normally_closed", "flag", 0, 0, False),
    ("console.echo", "flag", 0, 0, True),
    ("led.brightness", "whole", 0, 100, 10),
    ("portal.key", "secret", 8, 63, ""),
    ("portal.open", "flag", 0, 0, False),
    ("portal.port", "whole", 1, 65535, 80),
    ("portal.dns_port", "whole", 1, 65535, 53),
    ("update.channel", "stable|beta|develop", 0, 0, "stable"),
    ("update.url", "url", 0, 200, ""),
    ("update.check_h", "whole", 0, 168, 24),
    ("remote.inputs", "inputs", 0, 4, ()),
    ("remote.dial", "dial", 0, 0, None),
    ("backend", "text", 1, 40, "openshock_user"),
    ("backend.second", "text", 0, 40, ""),
    ("openshock_user.url", "url", 1, 200, "https://api.openshock.app"),
    ("openshock_user.token", "secret", 1, 256, ""),
    ("openshock_user.device_id", "text", 0, 36, ""),
    ("openshock_user.negotiate", "flag", 0, 0, False),
    ("openshock_user.remote_name", "text", 1, 64, "remote"),
    ("openshock_user.stop_others", "flag", 0, 0, False),
    ("openshock_gateway.url", "url", 1, 200, "https://api.openshock.app"),
    ("openshock_gateway.token", "secret", 1, 256, ""),
    ("openshock_gateway.oldest_ms", "whole", 3000, 30000, 5000),
    ("openshock_share.url", "url", 1, 200, "https://api.openshock.app"),
    ("openshock_share.link", "text", 0, 200, ""),
    ("openshock_share.name", "text", 0, 128, ""),
    ("openshock_share.session", "secret", 1, 256, ""),
    ("valtronics.url", "wsurl", 1, 200, "ws://localhost:8000/ws"),
    ("valtronics.token", "secret", 1, 900, ""),
    ("valtronics.channels", "text", 0, 80, "alerts,devices,system"),
    ("valtronics.device_id", "text", 0, 80, ""),
    ("valtronics.filters", "filters", 0, 0, None),
    ("dsp_fleet.url", "url", 1, 200, "https://api.dsp.lol"),
    ("dsp_fleet.token", "secret", 1, 2000, ""),
    ("dsp_fleet.refresh", "secret", 1, 600, ""),
    ("dsp_fleet.endpoint", "wsurl", 0, 200, ""),
    ("dsp_fleet.device_id", "text", 0, 40, ""),
    ("dsp_fleet.account_id", "text", 0, 40, ""),
    ("dsp_fleet.name", "text", 0, 64, ""),
    ("dsp_fleet.device_guid", "text", 0, 36, ""),
    ("dsp_fleet.latitude", "degrees", 0, 90, ""),
    ("dsp_fleet.longitude", "degrees", 0, 180, ""),
    ("rules", "rules", 0, 8, ()),
    ("cap.shock_allowed", "flag", 0, 0, True),
    ("cap.unverified_shock", "flag", 0, 0, False),
    ("cap.shock", "whole", 0, 100, 100),
    ("cap.vibrate", "whole", 0, 100, 100),
    ("cap.sound", "whole", 0, 100, 100),
    ("cap.light", "whole", 0, 100, 100),
    ("cap.longest_ms", "whole", 1, 30000, 10000),
    ("cap.budget", "whole", 0, 6000, 3000),
    ("cap.rest_ms", "whole", 1000, 60000, 2000),
    ("cap.own", "receivers", 0, 16, ()),
)

# kind, what a person is told would fit: {0} is the least, {1} the most
_WORDS = (
    ("flag", "true or false"),
    ("pin", "a pin, or {0} for the board's own"),
    ("whole", "{0}-{1}"),
    ("text", "{0}-{1} characters"),
    ("secret", "none, or {0}-{1} characters"),
    ("url", "http:// or https://, a host, perhaps a path"),
    ("wsurl", "ws:// or wss:// (http:// and https:// mean the same), a host, perhaps a path"),
    (
        "receivers",
        "up to {1} tables with model (one of those that this firmware can drive), rf_id (0-65535) and caps of their own",
    ),
)

_OWN_CAPS = ("shock_allowed", "shock", "vibrate", "sound", "light", "longest_ms")  # what a single receiver may have
# the kinds of validators.py
_LISTS = ("networks", "servers", "hosts", "inputs", "dial", "rules", "filters", "degrees")


class Refused(Exception):
    """A value does not fit its setting; the text says what would."""


def names():
    """Return the names of all settings: a list, in the order of the table."""
    return [row[0] for row in TABLE]


def is_setting(key):
    """Return whether there is a setting of that name."""
    return any(row[0] == key for row in TABLE)


def _row(key):
    """Return (kind, least, most, default) of a setting. Raise KeyError for none."""
    for row in TABLE:
        if row[0] == key:
            return row[1:]
    raise KeyError(key)


def default(key):
    """Return what `key` is as long as nobody sets it. Raise KeyError for no setting."""
    if key == "board" and build_info.BOARD:
        return build_info.BOARD
    value = _row(key)[3]
    return [] if value == () else {} if value is None else value


def is_secret(key):
    """True for what must not be shown: tokens and keys, and the networks, which hold keys. KeyError for no setting."""
    return _row(key)[0] in ("secret", "networks")


def wanted(key):
    """What would fit `key`, in words for a person. KeyError for no setting."""
    kind, least, most, _ = _row(key)
    if "|" in kind:
        return kind.replace("|", " or ")
    if kind not in _LISTS:
        return find(_WORDS, kind).format(least, most)
    return find(WORDS, kind).format(least, most)


def fits(key, value):
    """True when `value` may be stored as `key`. KeyError for no setting."""
    kind, least, most, _ = _row(key)
    if kind == "flag":
        return type(value) is bool
    if kind in ("whole", "pin"):
        return whole(value, least, most)
    if kind in _LISTS:
        return validators.fits(kind, value, most, is_text)
    if kind == "receivers":
        return isinstance(value, list) and len(value) <= most and all(map(_is_receiver, value))
    if "|" in kind:
        return isinstance(value, str) and value in kind.split("|")
    if value == "" and (kind == "secret" or least == 0):
        return True
    return is_text(value, least, most) and (kind not in ("url", "wsurl") or is_base_url(value, kind))


def _is_receiver(entry):
    return validators.is_receiver(entry, _OWN_CAPS, lambda name, value: fits("cap." + name, value))


def seems_a_cap(key):
    """Return whether somebody may have meant a cap by `key`, which is no setting: it would bind nobody."""
    caps = [row[0][4:] for row in TABLE if row[0][:4] == "cap."]
    return validators.seems_a_cap(key, caps, [row[0].partition(".")[0] for row in TABLE])


def _is_cap(key):
    """True for what bounds commands, but for the caps of single receivers."""
    return key[:4] == "cap." and key != "cap.own"


def _strictest(key):
    """What a cap reads as when what is stored makes no sense: it lets the least through. The default of anything else."""
    if not _is_cap(key):
        return default(key)
    kind, least, most, _ = _row(key)
    return kind != "flag" and (most if key == "cap.rest_ms" else least)


def stricter(one, other):
    """Return the stored caps that bind as both of these tables of stored settings do: of each cap the stricter value."""
    bound = {}
    for row in TABLE:
        key = row[0]
        values = [table.get(key, default(key)) for table in (one, other)]
        if _is_cap(key):
            values = [value if fits(key, value) else _strictest(key) for value in values]
            bound[key] = max(values) if key == "cap.rest_ms" else min(values)
        elif key == "cap.own":
            bound[key] = values[0] if values[0] == values[1] else list(values[0]) + list(values[1])
    return bound


def copy_of(path):
    """Return where an update keeps the settings of the old version (ota/settings_backup.py)."""
    return path[:-5] + ".before.json"


class Settings:
    """The settings in the file `path`. `damaged` says why they cannot be read, "" when they can; saving sets the file aside.

    `doubts` names what is in the file as a cap and is none, or does not fit. What was meant nobody knows: caps are strictest then.
    """

    def __init__(self, path):
        self._path = path
        self._stored, self.damaged = {}, ""
        try:
            self._stored = json_file.load(path)
        except json_file.Damaged as fault:
            self.damaged = str(fault)
        # looked at once: a person's hand may have been in the file
        self._wrong = [key for key in self._stored if is_setting(key) and not fits(key, self._stored[key])]
        strays = [key for key in self._stored if not is_setting(key) and seems_a_cap(key)]
        self.doubts = ", ".join([key for key in self._wrong if key[:4] == "cap."] + [key[:40] for key in strays])
        for key in strays:
            del self._stored[key]
        if self.damaged or strays or "cap.own" in self._wrong:
            # nobody knows any more what the caps were, or whose: so they stay when they are saved, until somebody raises them
            for key in [row[0] for row in TABLE if _is_cap(row[0])]:
                self.set(key, _strictest(key))

    def get(self, key):
        """The value of `key`, or its default; for a cap that cannot be trusted its strictest value. KeyError for no setting."""
        if key not in self._stored:
            return default(key)
        return _strictest(key) if key in self._wrong else self._stored[key]

    def _keep(self, key, value):
        self._stored[key] = value
        if key in self._wrong:
            self._wrong.remove(key)

    def set(self, key, value):
        """None; `save` keeps it. Refused for a value that does not fit, or no setting of that name."""
        if not is_setting(key):
            raise Refused("there is no setting " + key)
        if not fits(key, value):
            raise Refused("%s: %s" % (key, wanted(key)))
        if key == "cap.own":
            value = [validators.named(entry) for entry in value]
        if value == default(key):
            self._stored.pop(key, None)
        else:
            self._keep(key, value)

    def lower(self, key, value):
        """None; as `set`, for orders from afar: a cap may become stricter that way, and nothing else may change (S20)."""
        now = self.get(key) if _is_cap(key) and is_setting(key) else None
        stricter = whole(value, 0, now) if type(now) is int and key != "cap.rest_ms" else value is False or value == now
        if now is None or not stricter:
            raise Refused(key + " can only be changed here, in person")
        self.set(key, value)

    def save(self):
        """None; the file holds the new settings, or the old ones. Refused when they cannot be written down; OSError."""
        try:
            if self.damaged:
                json_file.set_aside(self._path)
            self._bind_copy()
            json_file.save(self._path, self._stored)
        except ValueError as fault:
            raise Refused("all settings together: %s" % fault)
        self.damaged = ""

    def _bind_copy(self):
        """None; no looser cap comes back with the settings that an update has kept (S20)."""
        path = copy_of(self._path)
        try:
            copy = json_file.load(path)
            if copy:
                copy.update(stricter(copy, self._stored))
                json_file.save(path, copy)
        except (OSError, ValueError, json_file.Damaged):
            json_file.forget(path)

    def reset(self):
        """None; the file holds no settings any more: all are their defaults. OSError when the file system refuses."""
        json_file.forget_aside(self._path)  # no secret stays behind
        json_file.forget(copy_of(self._path))
        json_file.save(self._path, {})
        self._stored = {}
        self._wrong = []
        self.damaged = ""

    def section(self, name):
        """A dict of the settings whose keys begin with `name` and a dot, without that beginning."""
        start = name + "."
        return {row[0][len(start) :]: self.get(row[0]) for row in TABLE if row[0].startswith(start)}
