"""Starts the firmware, unless boot.py stays at the prompt. Frozen, so roll-back covers it."""

import gc
import sys

import micropython
import network

if "rescue" not in sys.modules:
    micropython.kbd_intr(-1)  # packets on the console's line hold a Ctrl-C, too: the console says which is meant
    gc.threshold(4096)  # collected that often, the heap stays in one piece: what lives long lies among its like
    network.WLAN(network.WLAN.IF_STA).active(True)  # its driver takes 42 KB: before Python's heap could grow into them
    try:
        from firmware import app

        app.run()
    finally:
        micropython.kbd_intr(3)
