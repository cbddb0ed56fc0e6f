"""Starts the firmware where it is frozen into MicroPython, unless boot.py stays at the prompt. Frozen in the place of main.py.

What is frozen comes first: a folder of the flash called lib/ or firmware/ (mip makes the one, our data files lie in the other)
would hide it.
"""

import sys

import micropython

sys.path.insert(0, ".frozen")
if "rescue" not in sys.modules:
    micropython.kbd_intr(-1)  # packets on the console's line hold a Ctrl-C, too: the console says which is meant
    try:
        from firmware import app

        app.run()
    finally:
        micropython.kbd_intr(3)
