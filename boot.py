"""Runs first on every start: pin low, watchdog, safe mode, boot record, machine code. Frozen, so roll-back covers it.

Which pin is the transmitter's only the firmware knows: it keeps "rf_pin" and "boot_pin" in the NVS, under "boot". Before
its first start every pin is an input, which drives nothing. There too: "starts" (since somebody put 0) and "reason".
"""

import gc
import sys
from time import sleep_ms, time

import machine
from esp32 import NVS, Partition


def kept(key, missing=-1, new=None):
    """Return a number of the NVS, or keep a `new` one."""
    try:
        return store.get_i32(key) if new is None else store.set_i32(key, new)
    except (OSError, AttributeError):  # none, or the storage is full, or gone: that keeps nobody from starting
        return missing


def opened():
    """Return the storage, None where there is none."""
    try:
        return NVS("boot")
    except OSError:
        return None


def stay(why):
    """Never return: the prompt on the serial line, no firmware (see main.py), and a watchdog that is fed."""
    sys.modules["rescue"] = why
    machine.Timer(0).init(period=5000, callback=lambda timer: dog.feed())
    raise RuntimeError("rescue: " + why)


def on_trial():
    """Return whether this image is on trial: otadata (ESP-IDF esp_ota_select_entry_t) says PENDING_VERIFY in byte 24."""
    entry = bytearray(32)
    for sector in range(2):
        Partition("otadata").readblocks(sector, entry, 0)
        if entry[24] == 1:
            return True
    return False


store, cause, looks = opened(), machine.reset_cause(), 0
if kept("rf_pin") >= 0:
    machine.Pin(kept("rf_pin"), machine.Pin.OUT, value=0)
dog = machine.WDT(timeout=600000 if cause == machine.SOFT_RESET else 30000)  # after Ctrl-D somebody is at the cable
while kept("boot_pin") >= 0 and not machine.Pin(kept("boot_pin"), machine.Pin.IN, machine.Pin.PULL_UP)():
    sleep_ms(50)
    looks += 1 if looks < 60 else stay("safe mode, as BOOT was held for 3 s")
bites = kept("bites", 0) + 1 if cause == machine.WDT_RESET and 0 <= time() - kept("at", 0) < 120 else 0
for key, number in ("starts", kept("starts", 0) + 1), ("reason", cause), ("at", int(time())), ("bites", bites):
    kept(key, new=number)
try:
    store.commit()
except (OSError, AttributeError):
    pass
if bites >= 5:
    stay("the watchdog has bitten five times in a row")
gc.threshold(4096)  # before the first imports, or the heap is in pieces behind them
sys.path.insert(0, ".frozen")  # before a folder lib/ or firmware/ that somebody has put on the file system
try:
    import _machine_code  # noqa: F401  # pyright: ignore[reportMissingImports]  the linker writes it; first, while there is memory for it

    del _machine_code, sys.modules["_machine_code"]  # it has done its work
except Exception as fault:
    if on_trial():
        machine.reset()  # the boot loader gives this image up, and takes the other one
    stay("the machine code cannot be loaded, " + repr(fault))
