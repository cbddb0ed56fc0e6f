"""The modules that a person wants to freeze: found in folders and compiled for a chip."""

import concurrent.futures
import os
from pathlib import Path

from tools import Failure
from tools.freeze import compiler, machine_code

_SKIPPED = ("__pycache__",)


def modules(places, architecture, optimise, image_mpy):
    """Return {name: .mpy bytes} of all modules in `places`: folders, whose content is named from there on, and single files.

    `.py` files are compiled, `.mpy` files are taken as they are. Those with machine code end up in one module of their own,
    machine_code.MODULE, if the image runs them (`image_mpy`: its object_types.Types.mpy). Raise Failure for a name twice, a
    folder without modules, and what does not compile.
    """
    files = {}
    for place in map(Path, places):
        for name, path in _found(place):
            if name in files:
                raise Failure(f"{name} is there twice: {files[name]} and {path}")
            files[name] = path
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as workers:
        waiting = {name: workers.submit(_compiled, name, path, architecture, optimise) for name, path in files.items()}
        compiled = {name: one.result() for name, one in waiting.items()}
    native = {name: mpy for name, mpy in compiled.items() if compiler.is_native(mpy)}
    if native:
        if machine_code.MODULE in compiled:
            raise Failure(
                f"{machine_code.MODULE} is the name of the module that is made for machine code; rename yours"
            )
        for name, mpy in native.items():
            machine_code.check(name, mpy, image_mpy)
        source = machine_code.module_source(native)
        compiled = {name: mpy for name, mpy in compiled.items() if name not in native}
        compiled[machine_code.MODULE] = compiler.compiled(machine_code.MODULE, source, architecture, optimise)
    return compiled


def _found(place):
    """Return [(name of the module, path)] of a folder, or of a single file."""
    if place.is_file() and place.suffix in (".py", ".mpy"):
        return [(f"{place.stem}.py", place)]
    if not place.is_dir():
        raise Failure(f"{place} is no folder, and no .py or .mpy file")
    found = []
    for path in sorted(place.rglob("*")):
        inside = path.relative_to(place)
        hidden = any(part in _SKIPPED or part.startswith(".") for part in inside.parts)
        if path.suffix in (".py", ".mpy") and path.is_file() and not hidden:
            found.append((inside.with_suffix(".py").as_posix(), path))
    if not found:
        raise Failure(f"{place} holds no .py or .mpy files")
    return found


def _compiled(name, path, architecture, optimise):
    if path.suffix == ".mpy":
        return path.read_bytes()
    try:
        source = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Failure(f"{path} is not UTF-8")
    return compiler.compiled(name, source, architecture, optimise)
