"""Everything a person can set: one table with defaults and limits. A new setting is a row of TABLE.

Only what differs from its default is stored. What is stored and makes no sense reads as the default, a cap as the strictest
(S23). Keys that this version does not know stay in the file: the other slot's version may know them.
"""

from firmware.command import whole
from lib import jsonfile
from lib.utf8 import is_utf8


def _flag(value):
    return type(value) is bool


def _number(low, high):
    return lambda value: whole(value, low, high)


def _text(most, least=0):
    """UTF-8 of `least` to `most` bytes without control characters."""

    def fits(value):
        if not isinstance(value, str) or any(letter < " " or "\x7f" <= letter <= "\x9f" for letter in value):
            return False
        try:
            encoded = value.encode()
        except ValueError:
            return False
        return least <= len(encoded) <= most and is_utf8(encoded)  # half a surrogate pair is no text

    return fits


def _base_url(value):
    """http:// or https://, a host, perhaps a port and a path; no query."""
    if not _text(200, 10)(value) or "?" in value or "#" in value:
        return False
    from lib.url import parse_url  # a guest: it need not stay in memory for a look at one setting

    try:
        return parse_url(value)[0] in ("http", "https")
    except ValueError:
        return False


def _network(value):
    """{"ssid": 1–32 bytes, "key": "" or 8–63 characters or 64 hexadecimal digits}"""
    if not isinstance(value, dict) or not _text(32, 1)(value.get("ssid")):
        return False
    key = value.get("key", "")
    return key == "" or _text(63, 8)(key) or _text(64, 64)(key) and _all_in("0123456789abcdef", key.lower())


def _name_server(value):
    """a.b.c.d or a.b.c.d:port"""
    if not isinstance(value, str):
        return False
    host, mark, port = value.partition(":")
    parts = host.split(".")
    good = len(parts) == 4 and all(_decimal(part, 0, 255) for part in parts)
    return good and (not mark or _decimal(port, 1, 65535))


def _decimal(text, low, high):
    return 0 < len(text) <= 5 and _all_in("0123456789", text) and low <= int(text) <= high


def _all_in(alphabet, text):
    return all(letter in alphabet for letter in text)


def _list_of(check, most):
    return lambda value: isinstance(value, list) and len(value) <= most and all(check(item) for item in value)


def _one_of(*names):
    return lambda value: value in names


def _own_caps(value):
    """{"model": …, "rf_id": …} and any of the caps below, under their names without "cap."; they can only be stricter."""
    if not isinstance(value, dict) or not _text(40, 1)(value.get("model")) or not whole(value.get("rf_id"), 0, 65535):
        return False
    return all(name in ("model", "rf_id") or name in _OWN and TABLE["cap." + name][1](value[name]) for name in value)


_OWN = ("shock_allowed", "shock", "vibrate", "sound", "light", "longest_ms")

# key: (default, check, what a person is told when the check says no)
TABLE = {
    "board": ("generic-esp32", _text(40, 1), "the name of a board, 1-40 characters"),
    "hostname": ("OpenShock", _text(32, 1), "1-32 characters"),
    "wifi": ([], _list_of(_network, 8), "up to 8 networks with ssid (1-32 bytes) and key (none, or 8-63 characters)"),
    "dns": ([], _list_of(_name_server, 3), "up to 3 name servers, such as 1.1.1.1 or 192.168.0.1:53"),
    "rf.pin": (-1, _number(-1, 48), "a pin, or -1 for the board's own"),
    "rf.player": ("viper", _one_of("viper", "rmt"), "viper or rmt"),
    "rf.keep_alive": (True, _flag, "true or false"),
    "estop.enabled": (True, _flag, "true or false"),
    "estop.pin": (-1, _number(-1, 48), "a pin, or -1 for the board's own"),
    "estop.normally_closed": (False, _flag, "true or false"),
    "console.echo": (True, _flag, "true or false"),
    "led.brightness": (10, _number(0, 100), "0-100; 0 is dark, but for the emergency stop"),
    "backend": ("openshock_user", _text(40, 1), "the name of a backend"),
    "openshock_user.url": ("https://api.openshock.app", _base_url, "http:// or https://, a host, perhaps a path"),
    "openshock_user.token": ("", _text(256), "at most 256 characters"),
    "openshock_user.device_id": ("", _text(36), "at most 36 characters"),
    "openshock_user.negotiate": (False, _flag, "true or false"),
    "openshock_gateway.url": ("https://api.openshock.app", _base_url, "http:// or https://, a host, perhaps a path"),
    "openshock_gateway.token": ("", _text(256), "at most 256 characters"),
    "cap.shock_allowed": (True, _flag, "true or false"),
    "cap.shock": (100, _number(0, 100), "0-100"),
    "cap.vibrate": (100, _number(0, 100), "0-100"),
    "cap.sound": (100, _number(0, 100), "0-100"),
    "cap.light": (100, _number(0, 100), "0-100"),
    "cap.longest_ms": (10000, _number(1, 30000), "1-30000 ms"),
    "cap.budget": (3000, _number(0, 6000), "0-6000 percent-seconds a minute"),
    "cap.rest_ms": (2000, _number(1000, 60000), "1000-60000 ms"),
    "cap.own": ([], _list_of(_own_caps, 16), "up to 16 tables with model, rf_id and caps of their own"),
}

SECRET = ("wifi", "openshock_user.token", "openshock_gateway.token")

# What a cap reads as when its stored value makes no sense, and what all of them read as when the file is damaged
_STRICTEST = {
    "cap.shock_allowed": False,
    "cap.shock": 0,
    "cap.vibrate": 0,
    "cap.sound": 0,
    "cap.light": 0,
    "cap.longest_ms": 1,
    "cap.budget": 0,
    "cap.rest_ms": 60000,
}


class Refused(Exception):
    """A value does not fit its setting; the text says what would."""


class Settings:
    """The settings in the file `path`. `damaged` is True when the file was there and could not be read."""

    def __init__(self, path):
        self._path = path
        self.damaged = False
        try:
            self._stored = jsonfile.load(path)
        except jsonfile.Damaged:
            self._stored = dict(_STRICTEST)  # and so they stay when it is saved again, until somebody raises them
            self.damaged = True
        if not TABLE["cap.own"][1](self._stored.get("cap.own", [])):
            self._stored.update(_STRICTEST)  # nobody knows any more whose caps these were

    def get(self, key):
        """The value of `key`, or its default; for a cap that cannot be trusted its strictest value. KeyError for no setting."""
        default, fits, _ = TABLE[key]
        value = self._stored.get(key, default)
        return value if fits(value) else _STRICTEST.get(key, default)

    def set(self, key, value):
        """None; `save` keeps it. Refused for a value that does not fit, or no setting of that name."""
        if key not in TABLE:
            raise Refused("there is no setting " + key)
        default, fits, words = TABLE[key]
        if not fits(value):
            raise Refused("%s: %s" % (key, words))
        if value == default:
            self._stored.pop(key, None)
        else:
            self._stored[key] = value

    def lower(self, key, value):
        """None; as `set`, for orders from afar: a cap may become stricter that way, and nothing else may change (S20)."""
        now = self.get(key) if key in _STRICTEST else None
        stricter = whole(value, 0, now) if type(now) is int and key != "cap.rest_ms" else value is False or value == now
        if now is None or not stricter:
            raise Refused(key + " can only be changed here, in person")
        self.set(key, value)

    def save(self):
        """None; the file holds the new settings, or the old ones. Refused when they are larger than a file may be."""
        try:
            jsonfile.save(self._path, self._stored)
        except ValueError:
            raise Refused("all settings together are larger than 8 KiB")
        self.damaged = False

    def reset(self):
        """None; the file holds no settings any more: all are their defaults. OSError when the file system refuses."""
        jsonfile.save(self._path, {})
        self._stored = {}
        self.damaged = False

    def section(self, name):
        """A dict of the settings whose keys begin with `name` and a dot, without that beginning."""
        start = name + "."
        return {key[len(start) :]: self.get(key) for key in TABLE if key.startswith(start)}
