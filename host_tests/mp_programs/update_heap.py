"""One run of the mode `updating` in a folder with a flash.bin, for its heap: `update_heap.py URL ROOT.der KEY-in-hex WANTED`.

Prints "stubs BYTES" (what no board has), "peak BYTES" (the most that lived after a collection, at any block
and before any connection, stubs included) and
"stage NUMBER" of the journal afterwards: 3 when the switch was made.
"""

import gc
import sys

import machine  # noqa: F401
import simboard  # noqa: F401
import simflash

gc.collect()
bare = gc.mem_alloc()

import esp32  # noqa: E402, F401
import simota  # noqa: E402, F401
import simpartition  # noqa: E402, F401

flash = simflash.current()
flash.slot = 0
gc.collect()
print("stubs", gc.mem_alloc())

import asyncio  # noqa: E402

from firmware.download import Source  # noqa: E402
from firmware.journal import Journal  # noqa: E402
from firmware.keepsake import File, keep  # noqa: E402
from firmware.update import Updating  # noqa: E402
from lib.log import Log  # noqa: E402
from lib.nvs import Nvs  # noqa: E402
from lib.partitions import Slots  # noqa: E402


class Network:
    """There, and every name is this machine's."""

    async def wait_online(self):
        return

    async def resolve(self, host):
        beat()  # a connection is about to be made: of the manifest's checks all rooms are here
        return "127.0.0.1"

    async def wait_known(self):
        return


peak = 0


def beat():
    """None; remembers the most that has lived."""
    global peak
    gc.collect()
    peak = max(peak, gc.mem_alloc())


def main(url, root, key, wanted):
    """None; see above."""
    with open(root, "rb") as file:
        roots = [file.read()]
    slots = Slots()
    journal = Journal(File("update.json"), Nvs("update"))
    if not journal.busy:
        journal.order(7, wanted)
    log = Log(int)
    network = Network()
    source = Source(url, network, network, roots, "device/1", log)
    own = ((bytes.fromhex(key),), "simulated", "", "sim", 1, "0.1.0", slots.app_size, slots.runtime_size)
    running = esp32.Partition("app_0")
    read_app = None if "whole" in sys.argv else lambda at, buffer: running.readblocks(0, buffer, at)
    updating = Updating(journal, slots, source, own, "stable", lambda: keep("settings.json"), beat, log, read_app)
    asyncio.run(updating.run())
    print("peak", peak)
    print("operations", flash.operations)
    print("stage", journal.stage)


main(*sys.argv[1:5])
