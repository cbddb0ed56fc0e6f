"""Runs every `test_*` function of the file named on the command line; exit 1 at the first failure."""

import sys

sys.path.insert(0, ".")


def main():
    """None; prints a line per test. What a test raises is shown with its traceback, and ends the run with 1."""
    # `run.py test_name` imports host_tests/unit/test_name.py: sys.path[0] was this folder
    name = sys.argv[1]
    module = __import__("host_tests.unit." + name, None, None, ("*",))
    tests = sorted(test for test in dir(module) if test.startswith("test_"))
    if not tests:
        raise ValueError("no test in " + name)
    for test in tests:
        getattr(module, test)()
        print("ok", test)


main()
