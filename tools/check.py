"""`python3 -m tools check`: lint, format, types, then all the tests (both architectures among them). The first failure ends it."""

import shutil
import subprocess
import sys
from pathlib import Path

from tools import Failure, test
from tools.common import arguments
from tools.common.environment import ROOT, program

_TYPINGS = ROOT / "typings"


def _announce(text):
    print(f"== {text}", flush=True)


def _typings():
    """Keep pyright's view of the device: micropython-esp32-stubs in a folder of their own, copied from the environment's."""
    site = next((Path(folder) for folder in sys.path if (Path(folder) / "machine.pyi").exists()), None)
    if site is None:
        raise Failure("micropython-esp32-stubs is not installed")
    stamp = _TYPINGS / "made-from"
    version = next(site.glob("micropython_esp32_stubs-*.dist-info")).name
    if stamp.exists() and stamp.read_text() == version:
        return
    shutil.rmtree(_TYPINGS, ignore_errors=True)
    _TYPINGS.mkdir()
    for distribution in site.glob("micropython_*_stubs-*.dist-info"):
        for line in (distribution / "RECORD").read_text().splitlines():
            name = line.split(",")[0]
            if name.endswith((".pyi", "VERSIONS")) and ".." not in name:
                target = _TYPINGS / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(site / name, target)
    stamp.write_text(version)


def main(argv):
    """Run the steps. Return the first exit code that is not 0, or 0."""
    parser = arguments.Parser(prog="python3 -m tools check", description=(__doc__ or "").split(": ", 1)[1])
    parser.add_argument("--no-tests", action="store_true", help="leave the tests out")
    options = parser.parse_args(argv)
    _typings()
    steps = [
        ("lint", [program("ruff"), "check", "."]),
        ("format", [program("ruff"), "format", "--check", "."]),
        ("types", [program("pyright"), "--pythonpath", sys.executable]),
    ]
    for name, command in steps:
        _announce(name)
        code = subprocess.call(command, cwd=ROOT)
        if code:
            return code
    if options.no_tests:
        return 0
    _announce("tests, compilation for xtensawin and rv32imc among them")
    return test.main([])
