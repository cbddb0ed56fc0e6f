"""Where CPython finds the models of host_tests/stubs that the simulator shares with the device: its flash, its OTA rules."""

import importlib.util
import sys

from tools.common.environment import ROOT


def model(name):
    """The module of that name in host_tests/stubs; the same one as `import name` gives where that folder is on the path."""
    if name not in sys.modules:
        path = ROOT / "host_tests" / "stubs" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]
