"""Runs first on every start: pin low, watchdog, safe mode, boot record, app. Stable on purpose: roll-back does not cover it.

Which pin is the transmitter's only the firmware knows: it keeps "rf_pin" and "boot_pin" in the NVS, under "boot". Before
its first start every pin is an input, which drives nothing. There too: "starts" (since somebody put 0) and "reason".
"""

import sys
from time import sleep_ms, time

import machine
import vfs
from esp32 import NVS, Partition


class App:  # a partition as vfs wants it, in blocks of `size` bytes; nobody can write it
    def __init__(self, part, size):
        self.ioctl = lambda command, _: {4: part.info()[3] // size, 5: size}.get(command, 0)
        self.readblocks = lambda block, buffer, offset=0: part.readblocks(0, buffer, block * size + offset)


def kept(key, missing=-1, new=None):  # a number of the NVS; nothing once a new one is there
    try:
        return store.get_i32(key) if new is None else store.set_i32(key, new)
    except OSError:  # there is none, or the storage is full: that keeps nobody from starting
        return missing


def stay(why):  # never returns: the prompt on the serial line, no firmware (see main.py), and a watchdog that is fed
    sys.modules["rescue"] = why
    machine.Timer(0).init(period=5000, callback=lambda timer: dog.feed())
    raise RuntimeError("rescue: " + why)


store, cause, looks, entry = NVS("boot"), machine.reset_cause(), 0, bytearray(8192)
if kept("rf_pin") >= 0:
    machine.Pin(kept("rf_pin"), machine.Pin.OUT, value=0)
dog = machine.WDT(timeout=600000 if cause == machine.SOFT_RESET else 30000)  # after Ctrl-D somebody is at the cable
while kept("boot_pin") >= 0 and not machine.Pin(kept("boot_pin"), machine.Pin.IN, machine.Pin.PULL_UP)():
    sleep_ms(50)
    looks += 1 if looks < 60 else stay("safe mode, as BOOT was held for 3 s")
bites = kept("bites", 0) + 1 if cause == machine.WDT_RESET and 0 <= time() - kept("at", 0) < 120 else 0
for key, number in ("starts", kept("starts", 0) + 1), ("reason", cause), ("at", int(time())), ("bites", bites):
    kept(key, new=number)
store.commit()
if bites >= 5:
    stay("the watchdog has bitten five times in a row")
for part in Partition.find(Partition.TYPE_DATA, label=Partition(Partition.RUNNING).info()[4].replace("ota", "app")):
    for size in (256, 512, 1024, 2048, 4096):  # an image knows in which blocks it was made, and mounts in no others
        try:
            vfs.mount(vfs.VfsLfs2(App(part, size)), "/app", readonly=True)
            break
        except OSError as fault:
            why = fault
    else:
        Partition("otadata").readblocks(0, entry)
        if 1 in (entry[24], entry[4120]):  # a slot on trial: the boot loader gives it up and takes the other one
            machine.reset()
        stay("the app cannot be mounted, " + repr(why))
    sys.path.insert(0, "/app")
