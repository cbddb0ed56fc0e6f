"""One run of the mode `updating` in a folder with a flash.bin, for its heap: a module, as the simulated device imports it.

`run` prints "stubs BYTES" (what no board has: the stubs, the image, this), "peak BYTES" (the most that lived after a collection,
at any block and before any connection, stubs included), "operations NUMBER" of the flash, "stage NUMBER" of the journal
afterwards: 3 when the switch was made, and "modules NAME …", what was imported.
"""

import asyncio
import gc
import sys

import simflash

_PIECE = 4096


class Network:
    """There, and every name is this machine's."""

    def __init__(self, beat):
        self._beat = beat

    async def wait_online(self):
        return

    async def resolve(self, host):
        self._beat()  # a connection is about to be made: of the manifest's checks all modules are here
        return "127.0.0.1"

    async def wait_known(self):
        return

    def doubt(self, why=None):
        return


class Peak:
    """The most that has lived; call it to look."""

    def __init__(self):
        self.bytes = 0

    def __call__(self):
        gc.collect()
        self.bytes = max(self.bytes, gc.mem_alloc())


def _in_pieces():
    """Return what keeps the free memory in pieces of _PIECE bytes: all of it is taken, every second piece is given back."""
    gc.collect()
    chain = crumbs = None
    while True:
        try:
            chain = [bytearray(_PIECE), chain]
        except MemoryError:
            break
    try:
        while True:
            crumbs = (crumbs,)
    except MemoryError:
        pass
    link, give_back = chain, False
    while link:
        if give_back:
            link[0] = None
        give_back = not give_back
        link = link[1]
    gc.collect()
    return chain, crumbs


def run(url, root, key, wanted, is_broken=False):
    """Update to `wanted` from `url`.

    `root`: a file with a DER certificate; `key`: in hex; `is_broken`: no piece of the free heap is larger than 4 KB.
    """
    import esp32  # noqa: F401
    import simota  # noqa: F401
    import simpartition  # noqa: F401

    flash = simflash.current()
    flash.slot = 0
    with open(root, "rb") as file:
        roots = [file.read()]
    gc.collect()
    print("stubs", gc.mem_alloc())

    from firmware.ota.download import Source
    from firmware.ota.installer import Updating
    from firmware.ota.manifest import Own
    from firmware.ota.settings_backup import File, keep
    from firmware.ota.state import Journal
    from lib.log import Log
    from lib.nvs import Nvs
    from lib.ota_slots import Slots

    peak = Peak()
    slots = Slots()
    journal = Journal(File("update.json"), Nvs("update"))
    if not journal.busy:
        journal.order(7, wanted)
    log = Log(int, print)
    network = Network(peak)
    source = Source(url, network, network, roots, "device/1", log)
    own = Own((bytes.fromhex(key),), "simulated", "", "sim", 1, "0.1.0", slots.size)
    updating = Updating(journal, slots, source, own, "stable", lambda: keep("settings.json"), peak, log)
    pieces = _in_pieces() if is_broken else None
    asyncio.run(updating.run())
    del pieces
    print("peak", peak.bytes)
    print("operations", flash.operations)
    print("stage", journal.stage)
    print("modules", " ".join([name for name in sys.modules]))
