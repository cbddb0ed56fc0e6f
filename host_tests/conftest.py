"""What all tests share: where the interpreters are, and how a test asks for a program that no one here wrote."""

import gc
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEERS = ROOT / "host_tests" / "interop"


def pytest_collection_modifyitems(config, items):
    """A worker of several begins with what takes longest."""
    if hasattr(config, "workerinput"):
        from side_by_side import in_order

        in_order(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """`--dist loadfile` is ours: which tests stay together is told in side_by_side.py."""
    if config.getvalue("dist") != "loadfile":
        return None
    from side_by_side import Scheduler

    return Scheduler(config, log)


_module = None  # of the last test


def pytest_runtest_setup(item):
    """A device collects its garbage often: with each file, what earlier ones have loaded stops being looked at for that."""
    global _module
    if item.module is not _module:
        _module = item.module
        gc.collect()
        gc.freeze()


def pytest_runtest_teardown():
    """What one test puts on the simulated board is not there for the next one."""
    if "simflash" in sys.modules:
        sys.modules["simflash"].insert(None)


def _missing(what):
    """Ends the test: a failure where everything must be there (CI), a skip with its reason elsewhere."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is missing, and CI is set")
    pytest.skip(f"{what} is not installed")


def peer_program(name):
    """The path of a program on this machine; the test is skipped (or fails under CI) where there is none."""
    return shutil.which(name) or _missing(f"the program {name}")


def peer_module(name):
    """The name of a Python module that is installed; otherwise as `peer_program`."""
    return name if importlib.util.find_spec(name) else _missing(f"the Python package {name}")


def peer_npm(name):
    """The folder of an npm package below host_tests/interop; otherwise as `peer_program`. Needs node as well."""
    peer_program("node")
    folder = PEERS / "node_modules" / name
    return folder if folder.is_dir() else _missing(f"the npm package {name} (cd host_tests/interop && npm ci)")


def micropython():
    """The path of MicroPython's unix port in this environment; otherwise as `peer_program`."""
    beside = pathlib.Path(sys.executable).parent / "micropython"
    return str(beside) if beside.exists() else peer_program("micropython")


def run_micropython(*arguments, heap="128wK", timeout_s=60, **options):
    """A finished `subprocess` of MicroPython with the stubs on its path; stdout and stderr are text."""
    environment = dict(os.environ, MICROPYPATH=f"{ROOT / 'host_tests' / 'stubs'}:{ROOT}:.frozen")
    command = [micropython(), "-X", f"heapsize={heap}", *map(str, arguments)]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=timeout_s, check=False, **options
    )
