"""All settings in one JSON document, as OpenShock's jsonconfig reads and writes it, with ours behind theirs.

In memory only while the console carries it out. Facts: reference/openshock-firmware.md §d.
"""

from firmware.config.settings import is_setting, names, seems_a_cap
from firmware.console.responses import SUCCESS, Wrong, response
from firmware.console.settings_commands import SECRETS, change, host_of, kept, mine, shown, url_of, written
from lib.strict_json import check, loads

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
    """The lines that answer jsonconfig; one may be given in pieces. What means nothing here is left out. Wrong, Refused, OSError.

    `argument`: a text, or [the bytes of a long one]. It is read entry by entry: there is no memory for all of it at once.
    """
    settings = desk.rooms.settings()
    if argument in ("", SECRETS):
        return (_document(settings, argument == SECRETS),)
    text = argument.encode() if isinstance(argument, str) else argument.pop()
    changes, same, left = [], [], False
    try:
        check(text)
        for section, at, _ in _members(text, 0):
            for name, start, end in _members(text, at):
                key = _key_of(settings, section, name)
                if key is None:
                    left = True
                    continue
                value = _value(settings, key, section, name, loads(bytes(text[start:end])))
                if value == settings.get(key):
                    same = [(key, value)]
                else:
                    changes.append((key, value))
    except ValueError as fault:
        raise Wrong(str(fault))
    text = None
    changes = changes or same
    lines = change(desk, changes) if changes else (SUCCESS + "Nothing to change",)
    return ("Names that mean nothing here were left out.",) + lines if left else lines


def _value(settings, key, section, name, value):
    return kept(settings, key, url_of(value) if (section, name) == ("backend", "domain") else value)


def _members(text, at):
    """Yield (name, where its value begins, where it ends) of the object at `at` in `text`, JSON that was checked. Raise Wrong."""
    at = _behind(text, at, b" \t\r\n")
    if text[at] != 123:
        raise Wrong('sections of names and values are wanted: {"rf":{"txPin":15}}')
    while text[at] != 125:
        start = _behind(text, at + 1, b" \t\r\n")
        if text[start] == 125:
            return
        colon = _end(text, start, 58)
        at = _end(text, colon + 1, 44)
        yield loads(bytes(text[start:colon])), colon + 1, at


def _behind(text, at, blanks):
    while text[at] in blanks:
        at += 1
    return at


def _end(text, at, mark):
    """Return where the value that begins at `at` ends: at the next `mark`, a byte, or closing bracket around it."""
    depth = 0
    in_text = False
    while in_text or depth or text[at] not in (mark, 93, 125):
        byte = text[at]
        if byte == 34:
            in_text = not in_text
        elif in_text:
            at += byte == 92  # whatever is escaped is no end
        elif byte in (91, 123):
            depth += 1
        elif byte in (93, 125):
            depth -= 1
        at += 1
    return at


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
    """Yield the line with the document in pieces. Its order counts: readers look for two closing braces at the end."""
    yield response("JsonConfig", "")
    told = []
    mark = "{"
    for section in _SECTIONS:
        yield '%s"%s":' % (mark, section)
        mark = "{"
        for theirs, name, key in _THEIRS:
            if theirs == section:
                key = _ours(settings, key)
                told.append(key)
                value = shown(settings, key, secrets)
                yield '%s"%s":' % (mark, name)
                yield from _written(host_of(value) if name == "domain" else value)
                mark = ","
        yield "}"
        mark = ","
    mark = '%s"%s":{' % (mark, _OURS)
    for key in names():
        if key not in told:
            yield '%s"%s":' % (mark, key)
            yield from _written(shown(settings, key, secrets))
            mark = ","
    yield "}}"


def _written(value):
    """Yield `value` as JSON, a list entry by entry."""
    if not isinstance(value, list) or not value:
        yield written(value)
        return
    mark = "["
    for entry in value:
        yield mark + written(entry)
        mark = ","
    yield "]"
