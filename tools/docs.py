"""`python3 -m tools docs`: writes the pages of docs/ that are made from the firmware itself, so that they are never out of date."""

import os
import subprocess
import sys
from pathlib import Path

from tools import Failure, pages
from tools.common import arguments
from tools.common.environment import ROOT
from tools.pages import boards, checklists, console, drawings, lamp, safety, settings

FOLDER = Path("docs")
# whole pages, and pictures: file of docs/, and what makes its text
MADE = {
    "settings.md": settings.page,
    "console.md": console.page,
    "wiring-circuit.svg": drawings.circuit,
    "wiring-estop.svg": drawings.estop,
}
# parts of pages that are written by hand: name of the place, and what makes it
PARTS = {
    "boards": boards.table_of_boards,
    "pins": boards.table_of_pins,
    "safety": safety.table_of_rules,
    "lamp": lamp.table_of_signals,
}


def texts(root=ROOT):
    """Return {path: text} of all pages and pictures as they should be; those with parts as far as they are there."""
    folder = root / FOLDER
    wanted = {folder / name: make() for name, make in MADE.items()}
    for path in sorted(folder.glob("*.md")):
        if path not in wanted:
            text = path.read_text(encoding="utf-8")
            if pages.filled(text, PARTS) != text or "<!-- made: " in text:
                wanted[path] = pages.filled(text, PARTS)
    return wanted


def main(argv, root=ROOT):
    """Return 0. Raise Failure with --check when a page is not up to date."""
    parser = arguments.Parser(prog="python3 -m tools docs", description=(__doc__ or "").split(": ", 1)[1])
    parser.add_argument("--check", action="store_true", help="only say whether they are up to date")
    parser.add_argument("--pictures", action="store_true", help="also take the pictures of the pages anew, by Chromium")
    parser.add_argument(
        "--rows", action="store_true", help="also run the checklists of the backends, and write how they ended"
    )
    options = parser.parse_args(argv)
    if options.pictures:
        _take_pictures(root)
    if options.rows:
        checklists.write(root)
    for path, text in texts(root).items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        if options.check:
            name = path.relative_to(root).as_posix()
            raise Failure(f"{name} is not up to date: python3 -m tools docs writes it")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    return 0


def _take_pictures(root):
    """Write docs/pictures as the page looks now. Raise Failure when it cannot be shown."""
    command = [sys.executable, "-m", "pytest", "-q", "host_tests/portal/test_pictures.py", "-k", "is_taken"]
    done = subprocess.run(
        command,
        cwd=root,
        env={**os.environ, "DOCS_PICTURES": "1", "CI": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failure("the pictures could not be taken:\n" + done.stdout[-2000:])
