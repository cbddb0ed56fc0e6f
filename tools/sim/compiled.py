"""What a simulated device runs: this machine's MicroPython, the firmware as a ROMFS that is run in place, the stubs compiled.

The heap of a device holds objects alone, as on a chip whose code lies in flash: the image, which MicroPython's unix port can
only keep in its heap, is added to it.
"""

import functools
import hashlib
import os
import subprocess

from tools import Failure, environment
from tools.environment import ROOT
from tools.freeze import compiler
from tools.images import modules, romfs, targets

TARGET = ROOT / "build" / "sim"
_STUBS = ROOT / "host_tests" / "stubs"
_PROBE = """
import sys, micropython
@micropython.viper
def probe(x: int) -> int:
    return x + 1
print("native", sys.implementation._mpy >> 10 & 15 if probe(1) == 2 else 0)
"""
_ARCHITECTURES = {2: "x64"}


@functools.cache
def interpreter():
    """Return the path of MicroPython, None where there is none that compiles viper and mounts a ROMFS."""
    path = environment.program("micropython")
    if path is None:
        return None
    done = subprocess.run([path, "-c", _PROBE], capture_output=True, text=True, check=False)
    words = done.stdout.split()
    if done.returncode or words[:1] != ["native"] or int(words[1]) not in _ARCHITECTURES:
        return None
    return path


def image(changes=None):
    """Return the path of the ROMFS with all modules of the simulated board; `changes` as modules.compiled. Raise Failure."""
    target = targets.named(targets.SIMULATED)
    return _kept(romfs.made(modules.compiled(target, changes=changes)), ".romfs")


def stubs():
    """Return the folder with the compiled stubs of the hardware: a board has them in its ROM, here they shall cost little."""
    target = targets.named(targets.SIMULATED)
    folder = TARGET / "stubs"
    for path in sorted(_STUBS.glob("*.py")):
        source = path.read_text(encoding="utf-8")
        made = folder / f"{path.stem}.mpy"
        stamp = folder / f"{path.stem}.{hashlib.sha256(source.encode()).hexdigest()[:16]}"
        if not (made.exists() and stamp.exists()):
            _write(made, compiler.compiled(path.name, source, target.architecture))
            for old in folder.glob(f"{path.stem}.[0-9a-f]*"):
                old.unlink(missing_ok=True)
            _write(stamp, b"")
    return folder


def command(program, heap_bytes, rom, path=()):
    """Return (words, environment variables) that run `program` (source) with the modules of the ROMFS `rom` (a path).

    `heap_bytes`: the heap without the image. `path`: further folders of modules.
    """
    words = [interpreter(), "-X", f"heapsize={heap_bytes + rom.stat().st_size}", "-c", f"import simstart; {program}"]
    return words, {"MICROPYPATH": ":".join(map(str, [stubs(), *path, ".frozen"])), "SIM_IMAGE": str(rom)}


def _kept(data, suffix):
    """Return the path of a file in build/ with these bytes."""
    path = TARGET / (hashlib.sha256(data).hexdigest()[:32] + suffix)
    if not path.exists():
        _write(path, data)
    return path


def _write(path, data):
    """Write the file in one step: others may read it meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    new.write_bytes(data)
    os.replace(new, path)


def required():
    """Return the path of MicroPython. Raise Failure where there is none."""
    path = interpreter()
    if path is None:
        raise Failure("there is no MicroPython with viper for this machine")
    return path
