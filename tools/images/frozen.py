"""What frozen firmware cannot have in itself, for the file system of its board: the page, the menus, the roots, names of plugs."""

from tools import menus
from tools.environment import ROOT
from tools.images import content, roots

_PAGE = "firmware/www/index.html"
_PLUGS = ("boards", "backends", "shockers")


def files(root=ROOT):
    """{path: bytes}. The empty files are there for their names: a folder of frozen code cannot be listed (lib/plugs.py)."""
    made = dict(roots.files())
    made[_PAGE + ".gz"] = content.page((root / _PAGE).read_bytes().replace(b"\r\n", b"\n"))
    made[content.MENUS] = menus.made(root)
    for folder in _PLUGS:
        for path in (root / "firmware" / folder).glob("[!_]*.py"):
            made[f"firmware/{folder}/{path.name}"] = b""
    return dict(sorted(made.items()))
