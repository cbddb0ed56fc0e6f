"""How the console answers: the lines of OpenShock's serial grammar, and what every command asks of its argument. No I/O.

In memory only while a line is carried out. An answer never repeats what was typed: it could be a key on the wrong line.
"""

from lib import plugins
from lib.strict_json import loads

SUCCESS = "$SYS$|Success|"
ERROR = "$SYS$|Error|"


class Wrong(Exception):
    """The command cannot be carried out; the text says why."""


def response(key, value):
    """The line that tells a program one value."""
    return "$SYS$|Response|%s|%s" % (key, value)


def truth(flag):
    """ "true" or "false"."""
    return "true" if flag else "false"


def board_of(settings):
    """The module of the board that the settings name. Wrong when there is none."""
    try:
        return plugins.load("firmware.boards", settings.get("board").lower().replace("-", "_"))
    except plugins.NoSuchPlugin:
        raise Wrong("the settings name a board that nobody knows")


def number(text):
    """The whole number that `text` is. Wrong for anything else."""
    digits = text[1:] if text[:1] == "-" else text
    if not 0 < len(digits) <= 9 or not all("0" <= digit <= "9" for digit in digits):
        raise Wrong("a whole number is wanted")
    return int(text)


def parsed(text):
    """The JSON value of `text`. Wrong, without any of the text, when it is none."""
    try:
        return loads(text.encode())
    except ValueError as fault:
        raise Wrong(str(fault))
