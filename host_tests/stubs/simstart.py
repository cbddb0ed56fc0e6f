"""How a simulated board starts: its image is mounted when this is imported; `boot` runs boot.py, main.py, then the prompt.

MicroPython only. SIM_IMAGE is the file with the ROMFS of the modules that a chip has frozen. main.py runs after a boot.py that
failed, too: some versions of the ESP32's port do that, so main.py must see it by itself. At the prompt nobody is there: it ends
with AT_PROMPT when boot.py stays there and feeds the watchdog, and with BITTEN when nobody does, without the wait until the
watchdog bites.
"""

import builtins
import gc
import os
import sys

import simclock
import vfs

AT_PROMPT, BITTEN = 43, 44


def _mount(path):
    """Mount the ROMFS; its modules run in place, from this one piece of the heap."""
    image = bytearray(os.stat(path)[6])
    with open(path, "rb") as file:
        file.readinto(image)
    vfs.mount(vfs.VfsRom(image), "/image")
    sys.path.insert(0, "/image")


_ballast = {}
_import = builtins.__import__
_ENTRY = 128  # bytes of a row of `_ballast`: name, its text, place in the dict, the object of its bytes


def _make_names(path):
    """Intern the names in the file, one a line: their tables, which grow by doubling, are then as large as they ever get."""
    with open(path) as file:
        for line in file:
            hasattr(sys, line[:-1])


def _take_ballast(path):
    """Take the memory that importing modules will cost here, and on no chip: SIM_BALLAST, a line "module bytes" each."""
    with open(path) as file:
        for line in file:
            name, size = line.split()
            _ballast[name] = bytearray(max(0, int(size) - _ENTRY))


def _imported(name, globals_=None, locals_=None, wanted=None, level=0):
    """Import as ever; what the loader needs for it is let go before."""
    if name not in sys.modules:
        parts = name.split(".")
        for count in range(len(parts)):
            _ballast.pop(".".join(parts[: count + 1]), None)
    return _import(name, globals_, locals_, wanted, level)


def start():
    """Run the firmware as main.py does, without boot.py: a device without a flash. Never returns."""
    load_machine_code()
    __import__("main")


def load_machine_code():
    """Import what boot.py does: for programs that use modules of the firmware without it."""
    __import__("_machine_code")
    del sys.modules["_machine_code"]


def boot():
    """Run boot.py and main.py as the ESP32's port does, and end at the prompt. Never returns."""
    code = AT_PROMPT if _failed("boot") else BITTEN
    _failed("main")
    sys.exit(code)


def _failed(name):
    """Return True when it ended with an exception, which the prompt shows."""
    try:
        __import__(name)
    except Exception as fault:
        sys.print_exception(fault)
        return True
    return False


simclock.POLL_US = 8  # half as many looks for a PC that has other work; edges are off by 4 µs at most
_mount(os.getenv("SIM_IMAGE"))
gc.threshold(4096)  # what stays from here on lies close together
if os.getenv("SIM_NAMES"):
    for name in (
        "machine",
        "neopixel",
        "network",
        "simpartition",
    ):  # a chip has them in flash, so they are always there
        __import__(name)

    _make_names(os.getenv("SIM_NAMES"))
if os.getenv("SIM_BALLAST"):
    _take_ballast(os.getenv("SIM_BALLAST"))
    builtins.__import__ = _imported
gc.collect()
gc.threshold(-1)
