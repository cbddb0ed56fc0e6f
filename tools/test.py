"""`python3 -m tools test`: all tests. Arguments go to pytest (`-k safety`, a file, `-x`)."""

import os
import subprocess
import sys

from tools.environment import ROOT


def main(argv):
    """pytest's exit code."""
    if argv and argv[0] in ("-h", "--help"):
        print("usage: python3 -m tools test [PYTEST ARGUMENTS …]\n\nexamples: -k safety, -x, host_tests/test_house.py")
        return 0
    return subprocess.call(
        [sys.executable, "-m", "pytest", *argv], cwd=ROOT, env=dict(os.environ, PYTHONPATH=str(ROOT))
    )
