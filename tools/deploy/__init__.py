"""`python3 -m tools deploy`: the loop of who works on the firmware: edit, deploy, see. The board was written by `flash` before.

Without options the firmware is compiled and packed as for a release, and those blocks of the running slot's app partition
that differ are written over the serial line. --mount writes nothing: the board imports the compiled files from this
computer. The flow is in cli.py, the programs that reach the board in ways.py, what runs there in scripts.py.
"""

from tools.deploy.cli import main

__all__ = ["main"]
