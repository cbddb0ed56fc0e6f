"""The console's commands for the services: what somebody at the device wants done elsewhere, or answers. Loaded while one runs."""

from firmware.command import ACTIONS, Wish
from firmware.console.responses import SUCCESS, Wrong, number


def _remote(desk, argument):
    words = argument.split()
    if len(words) < 4 or words[-3].lower() not in ACTIONS:
        raise Wrong("remote SHOCKER ACTION LEVEL MILLISECONDS")
    shocker = " ".join(words[:-3])  # a name may have blanks
    wish = Wish(shocker, ACTIONS.index(words[-3].lower()), number(words[-2]), number(words[-1]))
    return _asked(desk, "control", wish, "It is on its way; the service decides")


def _seen(desk, argument):
    return _asked(desk, "seen", argument or None, "The sender will know")


def _respond(desk, argument):
    if not argument:
        raise Wrong("respond TEXT")
    return _asked(desk, "respond", (None, argument), "It is on its way")


def _pair(desk, argument):
    return _asked(desk, "pair", None, "status shows the code")


def _asked(desk, what, detail, words):
    why = desk.rooms.ask(what, detail)
    if why:
        raise Wrong(why)
    return (SUCCESS + words,)


COMMANDS = {"remote": _remote, "seen": _seen, "respond": _respond, "pair": _pair}
