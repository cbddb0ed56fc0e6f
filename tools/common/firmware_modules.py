"""The door from the tools to the firmware's own rooms, where a tool needs what the device itself would say."""

import importlib
import sys

from tools.common.environment import ROOT


def room(name):
    """The module `name` ("firmware.command"), on a CPython that is dressed as MicroPython."""
    for folder in ("host_tests/stubs", "host_tests/cpython"):
        if str(ROOT / folder) not in sys.path:
            sys.path.insert(0, str(ROOT / folder))
    importlib.import_module("dress")
    return importlib.import_module(name)
