"""How the board is reached: mpremote, or ampy where that does not work. Both are programs of their own, run one call at a time."""

import subprocess
import sys
import time
from pathlib import Path

from tools import Failure, console

_TIME_S = 300
_PROMPT = b">>> "
_LEAVE_S = 5.0
_BATCH = 8  # blocks in one file of ampy's: settings and that much fit into every vfs
_FILE = "deploy.bin"


def quiet(port, limit_s=_LEAVE_S):
    """None; the firmware, if it runs, has stopped and given way to the REPL. Failure when the port cannot be opened.

    It takes no Ctrl-C (packets on its line may hold one), but the command `repl`.
    """
    try:
        with console.opened(port) as line:
            line.write(b"\r\n$repl\r\n")
            end, heard = time.monotonic() + limit_s, b""
            while time.monotonic() < end and not heard.endswith(_PROMPT):
                heard = (heard + line.read(max(1, line.in_waiting)))[-100:]
    except OSError as fault:
        raise Failure(f"{port} cannot be opened ({fault}); is `tools console` still at it?")


class Mpremote:
    """The board at `port` by mpremote; `folder` is where files for it may be put."""

    name = "mpremote"

    def __init__(self, port, folder):
        self._start = [sys.executable, "-m", "mpremote", "connect", port]
        self._folder = Path(folder)

    def run(self, script):
        """What the script prints."""
        return _done([*self._start, "run", str(_script(self._folder, script))], self.name)

    def write(self, numbers, blocks, script, progress):
        """None; the `blocks` (bytes) are on the board by `script(path, numbers)`."""
        (self._folder / _FILE).write_bytes(b"".join(blocks))
        path = _script(self._folder, script(f"/remote/{_FILE}", numbers))
        _done([*self._start, "mount", str(self._folder), "run", str(path)], self.name)
        progress(len(numbers))

    def serve(self, tree, script):
        """The exit code of a terminal in which the script runs, with the folder `tree` at /remote."""
        return subprocess.call([*self._start, "mount", str(tree), "exec", "--no-follow", script, "repl"])

    def reset(self):
        """None; the board starts anew."""
        _done([*self._start, "reset"], self.name)


class Ampy:
    """The same by ampy, which copies files and runs scripts, and cannot mount."""

    name = "ampy"

    def __init__(self, port, folder):
        self._start = [sys.executable, "-m", "ampy.cli", "--port", port]
        self._folder = Path(folder)

    def run(self, script):
        """What the script prints."""
        return _done([*self._start, "run", str(_script(self._folder, script))], self.name)

    def write(self, numbers, blocks, script, progress):
        """None; the `blocks` (bytes) are on the board by `script(path, numbers)`, a few at a time through its file system."""
        for at in range(0, len(numbers), _BATCH):
            batch = numbers[at : at + _BATCH]
            (self._folder / _FILE).write_bytes(b"".join(blocks[at : at + _BATCH]))
            _done([*self._start, "put", str(self._folder / _FILE), "/" + _FILE], self.name)
            self.run(script("/" + _FILE, batch))
            progress(at + len(batch))
        if numbers:
            _done([*self._start, "rm", "/" + _FILE], self.name)

    def serve(self, tree, script):
        raise Failure("--mount needs mpremote")

    def reset(self):
        """None; the board starts anew."""
        _done([*self._start, "reset", "--hard"], self.name)


WAYS = {way.name: way for way in (Mpremote, Ampy)}


def _script(folder, text):
    path = folder / "script.py"
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def _done(words, name):
    """What the program prints. Failure with its last words when it fails."""
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIME_S, check=False)
    except subprocess.TimeoutExpired:
        raise Failure(f"the board did not answer {name} within {_TIME_S} s")
    text = done.stdout.decode("utf-8", "replace")
    if done.returncode:
        lines = [line.strip() for line in (text + done.stderr.decode("utf-8", "replace")).splitlines() if line.strip()]
        other = " Perhaps `--via ampy` works." if name == "mpremote" else ""
        raise Failure(f"{name}: {lines[-1] if lines else 'failed'}; press RESET and try again.{other}")
    return text
