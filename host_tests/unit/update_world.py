"""A device that updates itself, over a simulated flash, from power-on to rest, in one process. Both interpreters.

Its files are in a LittleFS on that same flash where the interpreter has one (MicroPython: every erase and write of it is a
point where the power may go), elsewhere in the flash's own store, which is whole or old. The network is a dict. What is not
here: the radio, the Wi-Fi, and how long anything takes.
"""

import asyncio
import gc
import json
import sys
from hashlib import sha256
from struct import pack, pack_into

import simflash
import simota

from firmware.config.settings import Settings
from firmware.control.estop import Latch
from firmware.ota import health
from firmware.ota.download import Failed
from firmware.ota.installer import Updating
from firmware.ota.manifest import Own
from firmware.ota.settings_backup import File, bring_back, keep
from firmware.ota.state import PROVE, UPDATE, Journal
from host_tests.unit import flashes, patches
from host_tests.unit.signer import Signer
from lib.binary_patch import Damaged
from lib.log import Log
from lib.nvs import Nvs
from lib.ota_slots import Slots

SIGNER = Signer(b"the release key of a test")
SLOT_SIZE = 0x14000  # 20 blocks: 16 are noted on the way
SLOTS = 0x10000, 0x24000
ROWS = flashes.ROWS[:2] + (
    ("ota_0", 0, 0x10, SLOTS[0], SLOT_SIZE),
    ("ota_1", 0, 0x11, SLOTS[1], SLOT_SIZE),
    ("vfs", 1, 0x81, 0x38000, 0x8000),
)
END = 0x40000
BLOCK = 4096
_GONE = -5  # EIO
_HEAD = 32  # bytes of an image before its first segment's own
_WORDS = 32  # bytes of that one: what the image says of itself
_REST = 120  # bytes of an image that are none of its second segment's
_CHIP = bytearray(END)  # one for all: a heap of MicroPython has no room for the next
_BLANK = b"\xff" * BLOCK
SETTINGS = {"hostname": "collar", "cap.shock": 20, "wifi": [{"ssid": "home", "key": "12345678"}]}
REAL_FILES = sys.implementation.name == "micropython"
if REAL_FILES:
    import vfs
else:
    gc.freeze()  # what pytest has made is not looked through at each of our collections


def _boot_loader():
    """Return the `start` of tools/sim/bootloader.py; MicroPython cannot import what lies in tools/, so it gets the text."""
    if not REAL_FILES:
        from tools.sim import bootloader

        return bootloader.start
    with open("tools/sim/bootloader.py") as file:
        source = file.read().replace("from tools.sim.chip import model", "model = __import__")
    source = source.replace("[*range(wanted, -1, -1), *range(wanted + 1, len(slots))]", "(wanted, 1 - wanted)")
    names = {}
    exec(source, names)
    return names["start"]


start = _boot_loader()


def image(version, size=9008, nature="good", like=None):
    """Return an image of `size` bytes, a multiple of 16: what it says of itself, and bytes that are like no other version's.

    `like`: the version whose bytes they are.
    """
    made = bytearray(size)  # filled in place: a heap of MicroPython has no room for a second one
    pack_into("<BBBBI15sBII", made, 0, 0xE9, 2, 0, 0, 0x40080000, b"", 1, 0x3F400000, _WORDS)
    words = ("%s %s|" % (version, nature)).encode()
    made[_HEAD : _HEAD + len(words)] = words
    rest = _HEAD + _WORDS + 8
    pack_into("<II", made, rest - 8, 0x3F400000, size - _REST)
    seed = sha256((like or version).encode()).digest()
    for at in range(rest, size - 48, 32):
        made[at : at + 32] = seed[: size - 48 - at]
    check = 0xEF
    for byte in words:
        check ^= byte
    for at in range(32):
        if (size - 48 - rest - at + 31) // 32 % 2:
            check ^= seed[at]
    made[size - 33] = check
    made[size - 32 :] = sha256(memoryview(made)[: size - 32]).digest()
    return made


OLD = image("0.1.0")


def release(version, image, **changes):
    """Return {path: bytes} of a tree with that version; `changes` are of its manifest."""
    told = {
        "board": "board",
        "chip": "",
        "counter": 1,
        "date": "2026-11-21",
        "layout": "sim",
        "product": "openshock-micropython",
        "schema": 2,
        "sha256": "".join(["%02x" % byte for byte in sha256(image).digest()]),
        "size": len(image),
        "version": version,
    }
    told.update(changes)
    line = (json.dumps(told) + "\n").encode()
    folder = version + "/board/"
    return {
        "version-stable.txt": version.encode() + b"\n",
        folder + "manifest.json": line,
        folder + "manifest.json.sig": SIGNER.sign(line),
        folder + "image.bin": image,
    }


def patched(size=9008, old=OLD):
    """Return a tree with version 0.2.0 and a patch to it, which sends less than a fifth of it."""
    new = image("0.2.0", size, like="0.1.0")
    tree = release("0.2.0", new)
    tree[PATCH] = patches.made(old, new)
    return tree


PATCH = "0.2.0/board/image.bin.from-0.1.0"


class Shelf:
    """A download.Source whose tree is a dict; `sent` counts the bytes of images and patches, `asked` lists the paths."""

    def __init__(self, tree):
        self.tree = tree
        self.sent = 0
        self.asked = []
        self.break_after = None  # blocks; then the network is gone for good

    async def get(self, path, most):
        self.asked.append(path)
        if path not in self.tree:
            raise Failed(path + ": the server said 404", True)
        if len(self.tree[path]) > most:
            raise Failed(path + ": another size than it should have")
        return self.tree[path]

    async def patch(self, path, most, patch, on_block):
        data = await self.get(path, most)
        patch.begin()
        for at in range(patch.start, len(data), 16):
            if self.break_after == 0:
                raise Failed(path + ": no answer")
            piece = data[at : at + 16]
            self.sent += len(piece)
            try:
                for _ in patch.feed(piece):
                    if self.break_after:
                        self.break_after -= 1
                    on_block()
                    await asyncio.sleep_ms(0)
            except Damaged as fault:
                raise Failed(path + ": the patch is none (%s)" % fault, True)
        if not patch.done:
            raise Failed(path + ": the patch ends too early", True)

    async def part(self, path, size, writer, on_block):
        data = await self.get(path, 1 << 30)
        if len(data) != size:
            raise Failed(path + ": another size than it should have")
        while writer.written < size:
            if self.break_after == 0:
                raise Failed(path + ": no answer")
            if self.break_after:
                self.break_after -= 1
            block = data[writer.written : writer.written + BLOCK]
            writer.write(block)
            self.sent += len(block)
            on_block()
            await asyncio.sleep_ms(0)


class _Store:
    """The journal in the flash's own store."""

    def __init__(self, flash, name="update.json"):
        self._flash = flash
        self._name = name

    def load(self):
        return self._flash.stored(self._name)

    def save(self, content):
        self._flash.commit(self._name, content)


class _Disk:
    """The vfs partition as a block device, as long as this power-on lasts: what an old file object still does goes nowhere."""

    def __init__(self, flash):
        self._flash = flash
        self.alive = True

    def readblocks(self, block, buffer, offset=0):
        if not self.alive:
            return _GONE
        return self._flash.read_into(ROWS[-1][3] + block * BLOCK + offset, buffer)

    def writeblocks(self, block, buffer, offset=None):
        if not self.alive:
            return _GONE
        if offset is None:
            self._flash.erase(ROWS[-1][3] + block * BLOCK)
        return self._flash.write(ROWS[-1][3] + block * BLOCK + (offset or 0), buffer)

    def ioctl(self, command, argument):
        if command == 4:
            return ROWS[-1][4] // BLOCK
        if command == 5:
            return BLOCK
        if command == 6:
            if not self.alive:
                return _GONE
            self._flash.erase(ROWS[-1][3] + argument * BLOCK)
        return 0


class World:
    """The one device, with version 0.1.0 in slot 0; `tree` is what the server has. `live` runs it until it is at rest."""

    def __init__(self, tree, wanted="0.2.0", override=False, old=OLD):
        self.old = old
        self.shelf = Shelf(tree)
        self.source = None  # made by `source(log)` when it is not the shelf
        self.whole_ms = 600000
        self.wanted = wanted
        self.override = override
        self.order_due = True
        self.lines = []
        self.starts = 0
        self.power_event = True
        self.keys = (SIGNER.public,)
        self.flash = self._made()
        self.disk = None
        self.said = []  # what the hub was told
        self.before = ()

    def _made(self):
        data = _CHIP
        for at in range(0, END, BLOCK):
            data[at : at + BLOCK] = _BLANK
        contents = {"ota_0": self.old}
        for number, (label, type_, subtype, offset, size) in enumerate(ROWS):
            row = pack("<HBBII16sI", 0x50AA, type_, subtype, offset, size, label.encode(), 0)
            data[simflash.TABLE + 32 * number : simflash.TABLE + 32 * number + 32] = row
            content = contents.get(label, b"")
            data[offset : offset + len(content)] = content
        flash = simflash.Flash(data, 0)
        simota.put(flash, flashes.OTADATA, 0, 1, simota.VALID)
        flash.commit("safety", {"estop": 1})
        simflash.insert(flash)
        if REAL_FILES:
            vfs.VfsLfs2.mkfs(_Disk(flash))
            self.flash = flash
            self._mount()
            settings = Settings("/sim/settings.json")
            for key, value in SETTINGS.items():
                settings.set(key, value)
            settings.save()
            self._unmount()
        else:
            flash.commit("settings.json", SETTINGS)
        flash.power_on()
        return flash

    # --- files

    def _mount(self):
        if REAL_FILES:
            self.disk = _Disk(self.flash)
            vfs.mount(vfs.VfsLfs2(self.disk), "/sim")

    def _unmount(self):
        if REAL_FILES and self.disk:
            self.disk.alive = False
            self.disk = None
            vfs.umount("/sim")

    def _journal(self):
        store = File("/sim/update.json") if REAL_FILES else _Store(self.flash)
        return Journal(store, Nvs("update"))

    def _keep(self):
        if REAL_FILES:
            keep("/sim/settings.json")
        else:
            self.flash.commit("settings.before.json", SETTINGS)

    # --- a life

    def live(self, most=60):
        """None once it is at rest: at work, with no update under way."""
        for _ in range(most):
            self.starts += 1
            rests = False
            try:
                rests = self._start()
            except simflash.PowerCut:
                pass
            if rests and not self.flash.dead:
                return
            self.power_event = self.flash.dead
            if self.flash.dead:
                self.flash.power_on()
        raise AssertionError("it never comes to rest: " + "; ".join(self.lines[-12:]))

    def _start(self):
        """True when it is at rest; False: it restarts."""
        assert start(self.flash) is not None, "the chip has nothing to start"
        assert self.running() in self.whole(), "it runs what nobody made"
        try:
            self._mount()
            return asyncio.run(self._run())
        finally:
            self._unmount()
            if REAL_FILES:
                asyncio.new_event_loop()

    async def _run(self):
        if not REAL_FILES:
            asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # a power cut in a task is no news
        slots = Slots()
        journal = self._journal()
        log = Log(int, self.lines.append)
        Latch(Nvs("safety"))
        restore = (lambda: bring_back("/sim/settings.json")) if REAL_FILES else bool
        way = journal.begin(slots, self.power_event, restore)
        if way == PROVE:
            return await self._prove(journal, slots, log)
        if way == UPDATE:
            await self._updating(journal, slots, log).run()
            return False
        if self.order_due and slots.running == 0:
            journal.order(7, self.wanted, self.before, self.override)
            self.order_due = False
            return False
        self.said += journal.events()
        journal.told(len(journal.events()))
        return True

    def _updating(self, journal, slots, log):
        own = Own(self.keys, "board", "", "sim", 1, self.version(), slots.size)
        source = self.source(log) if self.source else self.shelf
        return Updating(journal, slots, source, own, "stable", self._keep, int, log, self.whole_ms)

    async def _prove(self, journal, slots, log):
        """False: a restart, of a version that is good, after it has confirmed itself, or of a bad one."""
        nature = self.nature()
        if nature == "crash":
            return False
        gate = health.Gate(journal.before, 0)
        for name in health.CHECKS:
            if nature == "good" or name != nature:
                gate.well(name)
        now = [0]

        def clock():
            now[0] += 60000
            return now[0]

        slots_are = await health.prove(gate, journal, slots, clock, log) if nature == "good" else None
        if slots_are is None:
            now[0] = 300000
            await health.prove(gate, journal, slots, clock, log)
        return False

    # --- what is there

    def slot(self, number=None):
        """Return the bytes of a slot, the running one's without a number."""
        at = SLOTS[self.flash.slot if number is None else number]
        return memoryview(self.flash.data)[at : at + SLOT_SIZE]

    def _words(self):
        return bytes(self.slot()[_HEAD : _HEAD + _WORDS]).partition(b"|")[0].decode().split(" ")

    def version(self):
        """Return what the running image says of itself."""
        return self._words()[0]

    def nature(self):
        return self._words()[1]

    def running(self):
        """Return the image that runs, as far as it is one of `whole`."""
        there = self.slot()
        for one in self.whole():
            if there[: len(one)] == one:
                return one
        return None

    def whole(self):
        """Return the images that may ever run."""
        return [self.old] + [data for path, data in self.shelf.tree.items() if path.endswith("image.bin")]

    def settings(self):
        """Return the settings, as the version that runs reads them."""
        if not REAL_FILES:
            return self.flash.stored("settings.json")
        self._mount()
        read = Settings("/sim/settings.json")
        found = {} if read.damaged else {key: read.get(key) for key in SETTINGS}
        self._unmount()
        return found

    def check(self):
        """None; what must be true of every device at rest, whatever has happened to it."""
        assert self.running() in self.whole()
        assert not Slots().pending()
        assert Latch(Nvs("safety")).latched
        assert self.settings() == SETTINGS, self.settings()
