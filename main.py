"""Starts the firmware, unless boot.py stays at the prompt. Frozen, so roll-back covers it."""

import sys

import micropython

if "rescue" not in sys.modules:
    micropython.kbd_intr(-1)  # packets on the console's line hold a Ctrl-C, too: the console says which is meant
    try:
        from firmware import app

        app.run()
    finally:
        micropython.kbd_intr(3)
