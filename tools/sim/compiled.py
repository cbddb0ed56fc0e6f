"""The firmware compiled for this machine's MicroPython, as a board has it compiled for its chip: in build/, only what changed."""

import concurrent.futures
import os
import subprocess

from tools import environment, menus
from tools.environment import ROOT
from tools.images import content

TARGET = ROOT / "build" / "unix"
_NEW = ".new"
STUBS = "stubs"  # the folder in it for what a board has in its ROM: here that shall cost as little as may be
_PAGE = "firmware/www/index.html"
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


def firmware(architecture, public=True):
    """The folder for the device's path: firmware/ and lib/ as .mpy, the page gzipped, its menus; and STUBS.

    Without `public` its rooms can be called by their names, by a program that is not compiled with them. Raises Failure with
    the compiler's words.
    """
    folder = TARGET / (architecture if public else architecture + "-named")
    texts = folder.with_name(f"source-{folder.name}")
    wanted = {_written(folder / content.MENUS, menus.made())}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as workers:
        waiting = [
            workers.submit(_made, folder, texts, path, text, architecture) for path, text in _sources(public).items()
        ]
        wanted.update(one.result() for one in waiting)
    page = _written(texts / _PAGE, (ROOT / _PAGE).read_bytes())
    target = folder / f"{_PAGE}.gz"
    if not _newer(target, page):
        _written(target, content.page(page.read_bytes()), always=True)
    for old in folder.rglob("*.*"):
        if old.is_file() and old not in wanted | {target} and old.suffix != _NEW:
            old.unlink(missing_ok=True)  # a room that was renamed or removed must not live on here
    return folder


def _sources(public):
    """{path in the folder: source} of everything that is compiled."""
    sources = content.rooms(public=public)
    for stub in sorted((ROOT / "host_tests" / "stubs").glob("*.py")):
        sources[f"{STUBS}/{stub.name}"] = stub.read_text(encoding="utf-8")
    return sources


def _made(folder, texts, path, text, architecture):
    """The .mpy of a source; it is compiled only when that has changed."""
    source = _written(texts / path, text.encode())
    target = (folder / path).with_suffix(".mpy")
    if not _newer(target, source):
        _written(target, content.compiled(path, text, architecture), always=True)
    return target


def _newer(target, source):
    return target.exists() and target.stat().st_mtime_ns > source.stat().st_mtime_ns


def _written(path, data, always=False):
    """`path`, which holds `data`, in one step: others may read it meanwhile. An equal file stays, unless `always`."""
    if always or not path.exists() or path.read_bytes() != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f"{path.name}.{os.getpid()}{_NEW}")
        new.write_bytes(data)
        os.replace(new, path)
    return path
