"""The firmware with shorter waits: a campaign of hundreds of reconnects would else take a day. Only waits are changed.

What a connection needs to come up (answers, handshakes, close handshakes) keeps its time: the machine is no faster.
"""

import re

from tools.common.environment import ROOT

_MODULES = (
    "firmware/link/connection.py",
    "firmware/link/http_and_websocket.py",
    "firmware/backends/",
    "lib/signalr.py",
)
_FAMILIES = ("firmware/link/signalr_service.py",)
_WAIT = re.compile(r"^(_\w+_MS = const\()(\d+)(?=\))|(\b(?:ping_ms|timeout_ms)=)(\d+)", re.M)
_KEPT = ("_ANSWER_MS", "_FAREWELL_MS", "_SILENT_MS = const(2500", "_MOST_MS", "_LEAST_MS")
_LEAST_MS = 10
_MINUTES_MS = 200_000


def shorter(wait_ms):
    """Return a hundredth of a wait, a three-hundredth of one of minutes; never less than 10 ms."""
    return max(wait_ms // (300 if wait_ms >= _MINUTES_MS else 100), min(wait_ms, _LEAST_MS))


def shortened(source):
    """Return the source of a module with shorter waits."""

    def changed(found):
        if found.group(0).startswith(_KEPT):
            return found.group(0)
        name, number = (found.group(1), found.group(2)) if found.group(1) else (found.group(3), found.group(4))
        return f"{name}{shorter(int(number))}"

    return _WAIT.sub(changed, source)


def changes():
    """Return {path: source} of the modules that wait for servers, with shorter waits."""
    return {path: shortened(text) for path, text in _sources().items()}


def _sources():
    """Return {path: source} of the modules that wait for servers."""
    found = {}
    for folder in ("firmware", "lib"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if name.startswith(_MODULES + _FAMILIES):
                found[name] = path.read_text(encoding="utf-8")
    return found
