"""STAND-IN until the one of the branch `one-image` is here: the app image of one board, with the firmware linked in."""

import ast

from tools import Failure
from tools.environment import ROOT


def image(target, official, trusted=(), changes=None):
    """Return the app image (bytes) of a Target: the official MicroPython with the firmware frozen into it."""
    raise Failure(f"{target.title}: the linker is not here yet")


def versioned(version, counter=None):
    """Return `changes` for `image`: the same firmware as that version, with another rollback counter if that is given."""
    changes = {"firmware/version.py": f"VERSION = {version!r}\n"}
    if counter is not None:
        changes["firmware/image.py"] = f"COUNTER = {counter}\n"
    return changes


def version(root=ROOT):
    """Return the version of the source tree."""
    return _literal(root / "firmware" / "version.py", "VERSION")


def counter(root=ROOT):
    """Return the rollback counter of the source tree."""
    return _literal(root / "firmware" / "image.py", "COUNTER")


def _literal(path, name):
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == name:
            return ast.literal_eval(node.value)
    raise Failure(f"{path.name} says no {name}")
