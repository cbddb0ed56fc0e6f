"""`python3 -m tools deploy`: edit, deploy, see. Brings the firmware as it is here onto a board that `flash` has written before.

Without --mount the image is linked as for a release, and those of its blocks that differ from the slot that does not run are
written there over the serial line; the board starts it on trial, as after an update. --mount writes nothing: the board
imports source files from this computer in the place of the frozen modules. The flow is in cli.py, which blocks have to be
sent in blocks.py, what makes a trial of it in trial.py, the programs that connect to the board in ways.py, what runs on the
board in scripts.py.
"""

from tools.deploy.cli import main

__all__ = ["main"]
