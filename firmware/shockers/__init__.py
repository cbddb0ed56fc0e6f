"""The receiver models that the firmware can drive: one module each, and its name here, as frozen packages cannot be listed.

A new model is a module of this folder and its name in NAMES (docs/adding-a-receiver.md).
"""

NAMES = ("caixianlin", "d80", "petrainer", "petrainer998dr", "wellturnt330")
