"""The firmware with shorter waits: a campaign of hundreds of reconnects would else take a day. Only waits are changed.

What a connection needs to come up (answers, handshakes, farewells) keeps its time: the machine is no faster.
"""

import re
import tempfile
from pathlib import Path

from tools.images import content
from tools.sim import compiled
from tools.sim.device import MAIN

_ROOMS = ("firmware/link.py", "firmware/reach.py", "firmware/backends/", "lib/signalr.py")
_FAMILIES = ("firmware/openshock", "firmware/valtronics", "firmware/fleet", "firmware/talk")
_WAIT = re.compile(r"^(_\w+_MS = const\()(\d+)(?=\))|(\b(?:ping_ms|timeout_ms)=)(\d+)", re.M)
_KEPT = ("_ANSWER_MS", "_FAREWELL_MS", "_SILENT_MS = const(2500", "_MOST_MS", "_LEAST_MS")
_LEAST_MS = 10
_MINUTES_MS = 200_000


def shorter(wait_ms):
    """A hundredth of a wait, a three-hundredth of one of minutes; never less than 10 ms."""
    return max(wait_ms // (300 if wait_ms >= _MINUTES_MS else 100), min(wait_ms, _LEAST_MS))


def hurried(source):
    """The source of a room with shorter waits."""

    def changed(found):
        if found.group(0).startswith(_KEPT):
            return found.group(0)
        name, number = (found.group(1), found.group(2)) if found.group(1) else (found.group(3), found.group(4))
        return f"{name}{shorter(int(number))}"

    return _WAIT.sub(changed, source)


class Firmware:
    """`with Firmware() as program`: the text of a program that is the hurried device; compiled for this machine."""

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="hurry-")
        folder = Path(self._folder.name)
        changes = {path: hurried(text) for path, text in _sources().items()}
        for path, data in content.files(compiled.interpreter()[1], changes).items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        return f"import sys; sys.path.insert(0, {str(folder)!r}); {MAIN}"

    def __exit__(self, *_):
        self._folder.cleanup()


def _sources():
    """{path: source} of the rooms that wait for servers."""
    found = {}
    for folder in ("firmware", "lib"):
        for path in sorted((content.ROOT / folder).rglob("*.py")):
            name = path.relative_to(content.ROOT).as_posix()
            if name.startswith(_ROOMS + _FAMILIES):
                found[name] = path.read_text(encoding="utf-8")
    return found
