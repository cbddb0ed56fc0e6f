"""Runs first on every start. Stable on purpose: roll-back does not cover this file. Nothing to do before main.py yet."""
