"""`python3 -m tools release VERSION`: everything that a version consists of, made from one clean commit, in one folder.

history.py asks git, changelog.py writes what is new, mip.py packs lib/ for other projects, cli.py puts it together.
"""

from tools.release.cli import main

__all__ = ["main"]
