"""The receiver models that the firmware can drive: one module each, and its name here, as frozen packages cannot be listed.

A new model is a module of this folder and its name in NAMES (docs/adding-a-receiver.md).
"""

NAMES = ("caixianlin", "d80", "petrainer", "petrainer998dr", "wellturnt330")


def called(name):
    """Return the one of NAMES that `name` means, None for none: spelt as services and people do, such as "CaiXianlin", "T330"."""
    if not isinstance(name, str):
        return None
    name = name.strip().lower().replace("-", "").replace("_", "").replace(" ", "").replace("pettrainer", "petrainer")
    name = "wellturnt330" if name == "t330" else name
    return name if name in NAMES else None
