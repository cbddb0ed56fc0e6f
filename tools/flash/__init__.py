"""`python3 -m tools flash`: writes MicroPython, the firmware in it, the flash map and chosen settings to a board, in one go.

The official image of MicroPython gives boot loader and runtime; everything else is made here. The flow is in cli.py, what
lies where in pieces.py, the device in device.py (esptool). `console` and `deploy` find their port by ports.py, too.
"""

from tools.flash.cli import main

__all__ = ["main"]
