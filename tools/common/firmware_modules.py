"""Import of the firmware's own modules into tools, where a tool needs what the device itself would compute."""

import importlib
import sys

from tools.common.environment import ROOT


def load_module(name):
    """Return the module `name` ("firmware.command"), on a CPython that is prepared to run MicroPython code."""
    for folder in ("host_tests/stubs", "host_tests/cpython"):
        if str(ROOT / folder) not in sys.path:
            sys.path.insert(0, str(ROOT / folder))
    importlib.import_module("dress")  # host_tests/cpython/dress.py
    return importlib.import_module(name)
