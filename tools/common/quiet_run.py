"""Runs another program and drops its output."""

import subprocess


def run(words, time_s, **where):
    """Return the exit code of the program; 1 when there is none, or it takes longer than `time_s`. `where`: cwd, env."""
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    try:
        return subprocess.run(words, timeout=time_s, check=False, **silent, **where).returncode
    except (OSError, subprocess.TimeoutExpired):
        return 1
