"""Starts the firmware, unless boot.py stays at the prompt. Stable on purpose: roll-back does not cover this file."""

import sys

if "rescue" not in sys.modules:
    from firmware import app

    app.run()
