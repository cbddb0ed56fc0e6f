"""What a simulated device runs: this machine's MicroPython, the firmware as a ROMFS that is run in place, the stubs compiled.

The heap of a device holds what it holds on a chip whose code lies in flash. What MicroPython's unix port has in it beside that is
added: the image, the stubs, and what the loader makes of each module (loader.py). That is not there until the module is imported,
and must not be room for anything else meanwhile: simstart.py makes the names at once, and a ballast that it lets go piece by piece.
"""

import functools
import hashlib
import os
import subprocess

from tools import Failure
from tools.common import environment
from tools.common.environment import ROOT
from tools.freeze import compiler
from tools.images import modules, romfs, targets
from tools.sim import loader

TARGET = ROOT / "build" / "sim"
# bytes that stubs and names take, less what texts and buffers, which are as large on a chip, would get twice (`tools bench memory`)
_BESIDE = 118 * 1024
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

    `heap_bytes`: the heap as a chip has it, whose words have 4 bytes. `path`: further folders of modules.
    """
    costs, names = _loaded()
    size = 2 * heap_bytes + _BESIDE + sum(costs.values()) + rom.stat().st_size
    words = [interpreter(), "-X", f"heapsize={size}", "-c", f"import simstart; {program}"]
    return words, {
        "MICROPYPATH": ":".join(map(str, [stubs(), *path, ".frozen"])),
        "SIM_IMAGE": str(rom),
        "SIM_NAMES": str(_kept("".join(f"{name}\n" for name in names).encode(), ".names")),
        "SIM_BALLAST": str(_kept("".join(f"{name} {cost}\n" for name, cost in costs.items()).encode(), ".ballast")),
    }


@functools.cache
def _loaded():
    """Return ({module: bytes that its import costs here, and on no chip}, the names that a chip has in flash)."""
    made = modules.compiled(targets.named(targets.SIMULATED))
    return loader.costs(made), loader.names(made)


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
