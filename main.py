"""Starts the firmware. Stable on purpose: roll-back does not cover this file."""

from firmware import app

app.run()
