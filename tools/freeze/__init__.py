"""Freezing without a C compiler: compiled modules are linked into an official MicroPython image for the ESP32 family.

`linker.link` is the entry point of other tools, `cli` the command `python3 -m tools freeze`. Nothing in this package knows of any
particular firmware: a module that does belongs elsewhere. docs/freezing.md explains the method.
"""


def main(argv):
    """Run the command; return its exit code."""
    from tools.freeze import cli

    return cli.main(argv)
