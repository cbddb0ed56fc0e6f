"""The app image of one board: the compiled firmware with that board's facts, the keys it trusts and the TLS roots."""

import ast

from tools import Failure, layout
from tools.environment import ROOT
from tools.images import archive, content, pack, roots

_VERSION = "firmware/version.py"
_KEYS = "firmware/keys.py"
_IMAGE = "firmware/image.py"
_BOARDS = "firmware/boards/"
_FALLBACK = "generic_esp32"  # what firmware/fitting.py takes for a board that nobody knows
_MOST_KEYS = 2


def version(root=ROOT):
    """The version of the source tree."""
    return _literal(root / _VERSION, "VERSION")


def counter(root=ROOT):
    """The rollback counter of the source tree."""
    return _literal(root / _IMAGE, "COUNTER")


def counter_in(source):
    """The rollback counter in the text of a firmware/image.py."""
    return _value(source, "COUNTER", _IMAGE)


def image(target, trusted=(), changes=None, root=ROOT):
    """The image (bytes) for the app partitions of a Target, trimmed to the blocks in use.

    `trusted`: public keys (bytes), release and spare; without any the image takes no updates. `changes`: {path: source} for
    files of firmware/ and lib/, put in place or added; `versioned` makes those of another version. Failure when it does not
    compile or does not fit.
    """
    files = contents(target, trusted, changes, root)
    try:
        files = archive.packed(files, target.architecture)
        return pack.image(files, layout.row(layout.table(target.layout), "app_0").size)
    except Failure as failure:
        raise Failure(f"{target.title}: {failure}")


def contents(target, trusted=(), changes=None, root=ROOT):
    """{path: bytes}: what `image` packs."""
    if len(trusted) > _MOST_KEYS:
        raise Failure(f"an image trusts {_MOST_KEYS} keys at most, not {len(trusted)}")
    changes = dict(changes or {})
    told = counter_in(changes[_IMAGE]) if _IMAGE in changes else counter(root)
    files = content.files(target.architecture, changes, root)
    own = {
        _IMAGE: f"BOARD = {target.title!r}\nLAYOUT = {target.layout!r}\nCOUNTER = {told}\n",
        _KEYS: f"KEYS = {tuple(map(bytes, trusted))!r}\n",
    }
    for path, source in own.items():
        files[path.replace(".py", ".mpy")] = content.compiled(path, source, target.architecture)
    strangers = [path for path in files if path.startswith(_BOARDS) and not _fits(path, target, changes, root)]
    for path in strangers:
        del files[path]
    files.update(roots.files())
    return files


def versioned(number, rollback=None):
    """`changes` for `image`: the same firmware as version `number` (text), with another rollback counter if that is given."""
    changes = {_VERSION: f"VERSION = {number!r}\n"}
    if rollback is not None:
        changes[_IMAGE] = f"COUNTER = {rollback}\n"
    return changes


def _fits(path, target, changes, root):
    """Whether the board of a compiled file has the target's chip. On another chip it would drive registers that are not there."""
    name = path[len(_BOARDS) :].partition(".")[0]
    source = f"{_BOARDS}{name}.py"
    text = changes.get(source) or (root / source).read_text(encoding="utf-8")
    return name == _FALLBACK or _value(text, "CHIP", source) == target.chip


def _literal(path, name):
    return _value(path.read_text(encoding="utf-8"), name, path.name)


def _value(text, name, where):
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == name:
            return ast.literal_eval(node.value)
    raise Failure(f"{where} says no {name}")
