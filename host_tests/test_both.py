"""The pure tests of host_tests/unit, each run on both interpreters: here under CPython, and as a child on MicroPython."""

import importlib

import pytest
from conftest import ROOT, run_micropython

FILES = sorted(path.stem for path in (ROOT / "host_tests" / "unit").glob("test_*.py"))
CASES = [
    pytest.param(name, test, id=f"{name}-{test}")
    for name in FILES
    for test in sorted(vars(importlib.import_module(f"host_tests.unit.{name}")))
    if test.startswith("test_")
]


@pytest.mark.parametrize(("name", "test"), CASES)
def test_on_cpython(name, test):
    getattr(importlib.import_module(f"host_tests.unit.{name}"), test)()
    assert True  # the plain asserts are in the function called


@pytest.mark.parametrize("name", FILES)
def test_on_micropython(name):
    # room for the compiler and for the test itself; what the product may use is measured in test_memory.py
    done = run_micropython("host_tests/unit/run.py", name, heap="768wK")
    assert done.returncode == 0, done.stdout + done.stderr
    wanted = sum(case.values[0] == name for case in CASES)
    assert done.stdout.count("ok test_") == wanted
