"""The programs that connect to the board: mpremote, or ampy where that does not work; each step is one call of them."""

import subprocess
import sys
import time
from pathlib import Path

from tools import Failure, console

_TIME_S = 600
_PROMPT = b">>> "
_ANSWER_S = 5.0
_BATCH = 4  # blocks in one file of ampy's: that much fits into every vfs beside the settings
_FILE = "deploy.bin"
_LAST_FACT = b"|Status|SetUp|"  # behind it there may be more, until the line is quiet


def quiet(port, limit_s=_ANSWER_S):
    """Stop the firmware, if it runs, so that the REPL is there. Return what it answered to `$status` before.

    It takes no Ctrl-C (packets on its line may hold one), but the command `repl`. Raise Failure when the port cannot be opened.
    """
    try:
        with console.opened(port) as line:
            line.reset_input_buffer()
            line.write(b"\r\n$status\r\n")
            answer = _read_until(line, limit_s, lambda received: received.endswith(_PROMPT) or _LAST_FACT in received)
            line.write(b"\r\n$repl\r\n")
            _read_until(line, limit_s, lambda received: received.endswith(_PROMPT))
    except OSError as fault:
        raise Failure(f"{port} cannot be opened ({fault}); is `tools console` still at it?")
    return answer.decode("utf-8", "replace")


def _read_until(line, limit_s, is_answer):
    """Return what comes until `is_answer(all of it)` holds and the line is quiet, or the time is over."""
    end, received = time.monotonic() + limit_s, b""
    while time.monotonic() < end:
        more = line.read(max(1, line.in_waiting))
        received += more
        if not more and is_answer(received):
            break
    return received


class Mpremote:
    """The board at `port` by mpremote; `folder` is where files for it may be put."""

    name = "mpremote"

    def __init__(self, port, folder):
        self._start = [sys.executable, "-m", "mpremote", "connect", port]
        self._folder = Path(folder)

    def run(self, script):
        """Return what the script prints."""
        return _done([*self._start, "run", str(_script(self._folder, script))], self.name)

    def write(self, numbers, blocks, script, progress):
        """Write the `blocks` (bytes) by `script(path, numbers)`."""
        (self._folder / _FILE).write_bytes(b"".join(blocks))
        path = _script(self._folder, script(f"/remote/{_FILE}", numbers))
        _done([*self._start, "mount", str(self._folder), "run", str(path)], self.name)
        progress(len(numbers))

    def serve(self, tree, script):
        """Return the exit code of a terminal in which the script runs, with the folder `tree` at /remote."""
        return subprocess.call([*self._start, "mount", str(tree), "exec", "--no-follow", script, "repl"])

    def reset(self):
        """Reset the board."""
        _done([*self._start, "reset"], self.name)


class Ampy:
    """The same by ampy, which copies files and runs scripts, and cannot mount."""

    name = "ampy"

    def __init__(self, port, folder):
        self._start = [sys.executable, "-m", "ampy.cli", "--port", port]
        self._folder = Path(folder)

    def run(self, script):
        """Return what the script prints."""
        return _done([*self._start, "run", str(_script(self._folder, script))], self.name)

    def write(self, numbers, blocks, script, progress):
        """Write the `blocks` (bytes) by `script(path, numbers)`, a few at a time through the board's file system."""
        for at in range(0, len(numbers), _BATCH):
            batch = numbers[at : at + _BATCH]
            (self._folder / _FILE).write_bytes(b"".join(blocks[at : at + _BATCH]))
            _done([*self._start, "put", str(self._folder / _FILE), _FILE], self.name)
            self.run(script(_FILE, batch))
            progress(at + len(batch))
        if numbers:
            _done([*self._start, "rm", _FILE], self.name)

    def serve(self, tree, script):
        """Raise Failure: ampy cannot mount a folder."""
        raise Failure("--mount needs mpremote")

    def reset(self):
        """Reset the board."""
        _done([*self._start, "reset", "--hard"], self.name)


WAYS = {way.name: way for way in (Mpremote, Ampy)}


def _script(folder, text):
    path = folder / "script.py"
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def _done(words, name):
    """Return what the program prints. Raise Failure with its last words when it fails."""
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
