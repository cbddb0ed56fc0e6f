"""The web flasher as files: for each board two manifests of ESP Web Tools, the parts that they name, one merged image.

The parts have their hash in their name: equal ones are there once, and what a browser has kept is what it is called. The page
checks each part against boards.json before it offers to install.
"""

import ast
import hashlib
import json
import re
from collections import namedtuple
from pathlib import Path

from tools import Failure
from tools.common.environment import ROOT
from tools.flash import chosen, official, pieces
from tools.images import layout
from tools.web import borrowed

# target: as tools/images/targets.py has it · image: for its slot (bytes) · official: where the boot loader is taken from
Board = namedtuple("Board", ("target", "image", "official"))

FAMILIES = {"esp32": "ESP32", "esp32s2": "ESP32-S2", "esp32s3": "ESP32-S3", "esp32c3": "ESP32-C3"}
PRODUCT = "OpenShock"  # as the firmware calls itself by Improv: a board that reports the same name is updated, not set up anew
SUMS, INDEX = "SHA256SUMS", "boards.json"
IMPROV_WAIT_S = 20  # for the first words of a board that has just been written
_NEW, _KEEP = "manifest.json", "manifest-keep.json"
_KEPT = {"nvs.bin", "phy_init.bin", "vfs.bin"}  # what an update leaves as it is
_PAGE = Path(__file__).resolve().parent / "page"
_M = 1024 * 1024


def merged(made, chip):
    """Return the bytes of all pieces in one, from the boot loader on, FF between them: what `esptool merge-bin` makes of them.

    It is written to the address of the boot loader, as the official images of MicroPython are.
    """
    begin = official.BOOT_LOADER_AT[chip]
    data = bytearray()
    for piece in sorted(made, key=lambda one: one.offset):
        data += b"\xff" * (piece.offset - begin - len(data))
        data += piece.data
    return bytes(data)


def board_pieces(board):
    """Return the Pieces of a Board, blank settings included. Raise Failure without a boot loader, and when one does not fit."""
    target = board.target
    if board.official.boot_loader is None:
        raise Failure(
            f"{target.title}: an .app-bin brings no boot loader; --image with MicroPython's .bin for an {target.chip}"
        )
    parts = {"boot": board.official.boot_loader, "ota_0": board.image, "vfs": chosen.files({})}
    try:
        return pieces.every(layout.table(target.layout), target.chip, layout.flash_size(target.layout), parts)
    except Failure as fault:
        raise Failure(f"{target.title}: {fault}")


def files(boards, version, date):
    """Return {path: bytes} of the whole page for these Boards, without what it borrows; the same for the same boards."""
    made, rows = {}, []
    for board in boards:
        rows.append(_one(board, version, made))
    index = {"version": version, "date": date, "boards": rows}
    made[INDEX] = json.dumps(index, indent=1, sort_keys=True).encode() + b"\n"
    for path in _PAGE.iterdir():
        made[path.name] = path.read_bytes().replace(b"\r\n", b"\n")
    return made


def _one(board, version, made):
    """Return the entry of a Board in boards.json; add its manifests, parts and merged image to `made`."""
    target = board.target
    todo = board_pieces(board)
    parts = []
    for piece in todo:
        digest = hashlib.sha256(piece.data).hexdigest()
        path = f"parts/{piece.file.removesuffix('.bin')}-{digest[:16]}.bin"
        made[path] = piece.data
        parts.append(
            {
                "path": path,
                "offset": piece.offset,
                "size": len(piece.data),
                "sha256": digest,
                "keep": piece.file in _KEPT,
            }
        )
    name = f"{PRODUCT} for {label(target)}"
    made[f"{target.title}/{_NEW}"] = _manifest(name, version, target.chip, parts)
    made[f"{target.title}/{_KEEP}"] = _manifest(
        PRODUCT, version, target.chip, [one for one in parts if not one["keep"]]
    )
    whole = merged(todo, target.chip)
    path = f"{target.title}/{target.title}-{version}.bin"
    made[path] = whole
    micropython = official.version(board.image)
    return {
        "title": target.title,
        "name": label(target),
        "chip": target.chip,
        "family": FAMILIES[target.chip],
        "flash_mb": layout.flash_size(target.layout) // _M,
        "micropython": ".".join(map(str, micropython)) if micropython else "",
        "parts": parts,
        "merged": {
            "path": path,
            "offset": official.BOOT_LOADER_AT[target.chip],
            "size": len(whole),
            "sha256": hashlib.sha256(whole).hexdigest(),
        },
    }


def _manifest(name, version, chip, parts):
    """Return the bytes of a manifest of ESP Web Tools; its paths begin in the folder of a board."""
    content = {
        "name": name,
        "version": version,
        "new_install_prompt_erase": True,  # without it everything is erased unasked
        "new_install_improv_wait_time": IMPROV_WAIT_S,
        "builds": [
            {
                "chipFamily": FAMILIES[chip],
                "parts": [{"path": f"../{one['path']}", "offset": one["offset"]} for one in parts],
            }
        ],
    }
    return json.dumps(content, indent=1).encode() + b"\n"


def label(target):
    """Return what people call the board: the first words of its file."""
    text = (ROOT / "firmware" / "boards" / f"{target.name}.py").read_text(encoding="utf-8")
    return re.split(r"[.:]|, which", ast.get_docstring(ast.parse(text)))[0]


def write(folder, boards, version, date, foreign=borrowed.files):
    """Write the page, what it borrows and SHA256SUMS into `folder`; return their paths, sorted. Nothing of an older page is left.

    Raise Failure for a folder that holds anything else, and for what does not fit.
    """
    old = _written(folder)
    made = {**files(boards, version, date), **foreign()}
    lines = [f"{hashlib.sha256(data).hexdigest()}  {path}\n" for path, data in sorted(made.items())]
    for path in old - made.keys():
        (folder / path).unlink(missing_ok=True)
    for path, data in made.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    (folder / SUMS).write_bytes("".join(lines).encode())
    for path in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        if not any(path.iterdir()):
            path.rmdir()
    return sorted(made)


def _written(folder):
    """Return the paths that an older page left in the folder, a set. Raise Failure when the folder has other files."""
    if not folder.exists() or not any(folder.iterdir()):
        return set()
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        raise Failure(f"{folder} holds something else than a web flasher; --web needs a folder of its own")
    paths = {line.partition("  ")[2] for line in lines}
    return {path for path in paths if path and not path.startswith("/") and ".." not in path.split("/")}
