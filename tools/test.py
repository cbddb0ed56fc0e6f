"""`python3 -m tools test`: all tests, side by side. Arguments go to pytest (`-k safety`, a file, `-x`)."""

import os
import subprocess
import sys

from tools import Failure
from tools.common.environment import ROOT
from tools.sim import compiled

_MOST_WORKERS = 4
# With one of these, or a file by its name, the tests run one after another: they are few, or a person watches them.
_ONE_BY_ONE = (
    "-s",
    "--capture=no",
    "--pdb",
    "--trace",
    "-n",
    "--numprocesses",
    "--lf",
    "--last-failed",
    "--co",
    "--collect-only",
)

USAGE = """usage: python3 -m tools test [PYTEST ARGUMENTS …]

examples: -k safety, -x, host_tests/architecture/test_house.py, --last-failed
All tests, or those of -k, run side by side; -n 0 runs them one after another, as single files do."""


def main(argv):
    """Run pytest and return its exit code; where this process can become pytest it does, and never returns."""
    if argv and argv[0] in ("-h", "--help"):
        print(USAGE)
        return 0
    _prepare()
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    # A simulated device forgets modules and imports them again, ten thousand times: half of the time would go to compiling them.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-m", "pytest", *_workers(argv), *argv]
    if os.name == "nt":
        return subprocess.call(command, cwd=ROOT, env=environment)
    return _become(command, environment)


def _become(command, environment):
    """Replace this process by the command, so that a signal to it ends the tests. Never return."""
    sys.stdout.flush()
    os.chdir(ROOT)
    os.execve(command[0], command, environment)


def _workers(argv):
    """Return pytest's arguments for one worker more than there are CPUs; none where the tests are to run one after another."""
    paths = [argument.partition("::")[0] for argument in argv if argument[:1] != "-"]
    named = any(os.path.exists(ROOT / path) for path in paths)
    if named or any(argument.partition("=")[0] in _ONE_BY_ONE or argument in _ONE_BY_ONE for argument in argv):
        return []
    n_workers = min((os.cpu_count() or 1) + 1, _MOST_WORKERS)  # one more, as many tests only wait for a device
    return ["-n", str(n_workers), "--dist", "loadfile"]


def _prepare():
    """Compile once what every simulated device starts from, before several of them ask for it."""
    try:
        if compiled.interpreter():
            compiled.image()
            compiled.stubs()
    except Failure as failure:  # each test that needs it will report it
        print(f"python3 -m tools test: {failure}", file=sys.stderr)
