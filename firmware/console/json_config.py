"""All settings in one JSON document, as OpenShock's jsonconfig reads and writes it, with ours behind theirs.

In memory only while the console carries it out. Facts: reference/openshock-firmware.md §d.
"""

from firmware.config.settings import is_setting, names, seems_a_cap
from firmware.console.responses import SUCCESS, Wrong, parsed, response
from firmware.console.settings_commands import SECRETS, change, host_of, kept, mine, shown, url_of, written

# (section, name there, our setting; one that begins with a dot is the backend's in use)
_THEIRS = (
    ("rf", "txPin", "rf.pin"),
    ("rf", "keepAliveEnabled", "rf.keep_alive"),
    ("wifi", "hostname", "hostname"),
    ("wifi", "credentials", "wifi"),
    ("backend", "domain", ".url"),
    ("backend", "authToken", ".token"),
    ("serialInput", "echoEnabled", "console.echo"),
    ("estop", "enabled", "estop.enabled"),
    ("estop", "gpioPin", "estop.pin"),
)
_SECTIONS = ("rf", "wifi", "backend", "serialInput", "estop")
_OURS = "settings"  # one section more, for all that has no place in theirs


def json_config(desk, argument):
    """The lines that answer jsonconfig. What means nothing here is left out. Wrong, Refused, OSError."""
    settings = desk.rooms.settings()
    if argument in ("", SECRETS):
        return (response("JsonConfig", _document(settings, argument == SECRETS)),)
    given = parsed(argument)
    if not isinstance(given, dict) or not all(isinstance(entries, dict) for entries in given.values()):
        raise Wrong('sections of names and values are wanted: {"rf":{"txPin":15}}')
    changes = []
    left = False
    for section, entries in given.items():
        for name, value in entries.items():
            key = _key_of(settings, section, name)
            if key is None:
                left = True
                continue
            if (section, name) == ("backend", "domain"):
                value = url_of(value)
            changes.append((key, kept(settings, key, value)))
    lines = change(desk, changes) if changes else (SUCCESS + "Nothing to change",)
    return ("Names that mean nothing here were left out.",) + lines if left else lines


def _key_of(settings, section, name):
    """Our setting for a name of the document; None for what has no meaning here. Wrong for a mistyped one of ours."""
    if section == _OURS:
        if not is_setting(name):
            raise Wrong("there is no such setting")
        return name
    for theirs, their_name, key in _THEIRS:
        if (theirs, their_name) == (section, name):
            return _ours(settings, key)
    if seems_a_cap(section) or seems_a_cap(name):
        raise Wrong('a cap is set so: {"settings":{"cap.shock":20}}')
    return None


def _ours(settings, key):
    return mine(settings, key[1:]) if key[0] == "." else key


def _document(settings, secrets):
    """The document, a text. Its order counts: readers look for two closing braces at the end."""
    parts = []
    told = []
    for section in _SECTIONS:
        entries = {}
        for theirs, name, key in _THEIRS:
            if theirs == section:
                key = _ours(settings, key)
                told.append(key)
                value = shown(settings, key, secrets)
                entries[name] = host_of(value) if name == "domain" else value
        parts.append('"%s":%s' % (section, written(entries)))
    ours = {key: shown(settings, key, secrets) for key in names() if key not in told}
    return '{%s,"%s":%s}' % (",".join(parts), _OURS, written(ours))
