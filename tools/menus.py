"""The list of boards and backends that the set-up offers (firmware/menus.py), made of the plugs whenever the firmware is built."""

import ast
import json

from tools import Failure
from tools.environment import ROOT
from tools.rooms import room

SOURCES = ("boards", "backends")  # below firmware/


def made(root=ROOT):
    """The file's bytes, the same for the same plugs. Failure when a plug's data is not written out in its source."""
    boards = [[path.stem, value(path, "CHIP")] for path in _plugs(root, "boards")]
    backends = []
    paths = {path.stem: path for path in _plugs(root, "backends")}
    for path in map(paths.get, room("firmware.menus").in_order(list(paths))):
        label = value(path, "LABEL", path.stem.replace("_", " "))
        backends.append([path.stem, label, value(path, "FIELDS")])
    return json.dumps({"boards": boards, "backends": backends}, separators=(",", ":"), ensure_ascii=False).encode()


def _plugs(root, folder):
    return sorted(path for path in (root / "firmware" / folder).glob("*.py") if not path.name.startswith("_"))


def value(path, name, missing=None):
    """The literal that `name` is set to in the file, or `missing`."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and any(getattr(target, "id", None) == name for target in node.targets):
            return ast.literal_eval(node.value)
    if missing is None:
        raise Failure(f"{path.name} says no {name}")
    return missing
