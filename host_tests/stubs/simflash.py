"""The simulated flash chip: NOR rules, a count of its operations, and what can go wrong. Both interpreters.

4 KiB are erased at once (all bits 1); writing turns bits from 1 to 0 and never back. Every erase, every write and every
commit of the NVS is one operation. `flash.bin` in the working folder is the chip of a device in a process of its own
(SIM_SLOT: the slot that the boot loader took); a test may `insert` one that lives in memory instead.

Faults come as a `Faults`, for the file from `flash.faults` beside it (JSON): "cuts" [[n, when], …] takes the power at the
n-th operation since the start (the boot loader's are the first): "before" it, in the "middle" of it (its first half is
done), "torn" (everywhere in it some bits have moved; "seed" chooses them) or "after" it; each happens once, then the next
one counts from the following start. "bad": numbers of sectors that do not keep what is written. "failing": sectors whose
operations are refused. "flips" [[n, bit], …]: a bit of what the n-th operation wrote is wrong. In memory a cut raises
PowerCut, and the chip does nothing until `power_on`; a process ends at once, with nobody's `finally`, and leaves
`power.cut` beside the chip.
"""

import json
import os
from hashlib import sha256

SECTOR = 4096
TABLE = 0x8000  # where the partition table lies
FILE = "flash.bin"
FAULTS = "flash.faults"
CUT = "power.cut"
POWER_CUT = 77  # exit code; on MicroPython, which cannot leave so, a signal

_CHUNK = 512
_BLANK = b"\xff" * _CHUNK
_STUCK = 17  # the byte of a bad sector that is wrong
_FAILED = -0x6001, "ESP_ERR_FLASH_OP_FAIL"


class PowerCut(BaseException):
    """The power is gone. No handler of the firmware may hold it up."""


class Faults:
    """What goes wrong, and when."""

    def __init__(self, cuts=(), bad=(), failing=(), flips=(), seed=0):
        self.cuts = [tuple(cut) for cut in cuts]
        self.bad = set(bad)
        self.failing = set(failing)
        self.flips = dict(flips)
        self.seed = seed

    def cut_at(self, number):
        """How the power goes at that operation, None when it stays."""
        return self.cuts[0][1] if self.cuts and self.cuts[0][0] == number else None

    def as_dict(self):
        """What a `flash.faults` holds."""
        flips = [[number, bit] for number, bit in self.flips.items()]
        return {
            "cuts": self.cuts,
            "bad": list(self.bad),
            "failing": list(self.failing),
            "flips": flips,
            "seed": self.seed,
        }


class Flash:
    """A chip in memory, over the bytearray `data`. `slot`: the running one; `nvs`: namespace → its numbers."""

    def __init__(self, data, slot=None, faults=None):
        self.data = data
        self.size = len(data)
        self.slot = slot
        self.faults = faults or Faults()
        self.nvs = {}
        self.operations = 0  # since power on
        self.dead = False

    def power_on(self):
        """None; power is there again."""
        self.operations = 0
        self.dead = False

    def _get(self, at, many):
        return self.data[at : at + many]

    def _put(self, at, data):
        self.data[at : at + len(data)] = data

    def read(self, at, many):
        """`many` bytes from `at`."""
        if self.dead:
            raise PowerCut()
        return bytes(self._get(at, many))

    def read_into(self, at, buffer):
        """None; fills `buffer`."""
        if self.dead:
            raise PowerCut()
        buffer[:] = self._get(at, len(buffer))

    def write(self, at, data):
        """None; an operation: the bits of `data` that are 0 are 0 from now on. OSError when the chip refuses."""
        when = self._begin(at)
        many = len(data) // 2 if when == "middle" else len(data)
        source = memoryview(data)
        for start in range(0, many, _CHUNK):
            piece = source[start : min(start + _CHUNK, many)]
            old = self._get(at + start, len(piece))
            new = piece if old == _BLANK[: len(piece)] else _both(old, piece)
            self._put(at + start, _either(new, _both(old, self._noise(start, len(old)))) if when == "torn" else new)
        self._spoil(at, many)
        self._end(when)

    def erase(self, at):
        """None; an operation: the sector at `at` is blank."""
        if at % SECTOR:
            raise OSError(-0x102, "ESP_ERR_INVALID_ARG")
        when = self._begin(at)
        for start in range(0, SECTOR // 2 if when == "middle" else SECTOR, _CHUNK):
            torn = when == "torn"
            self._put(
                at + start, _either(self._get(at + start, _CHUNK), self._noise(start, _CHUNK)) if torn else _BLANK
            )
        self._end(when)

    def commit(self, namespace, values):
        """None; an operation: these numbers of the NVS last."""
        when = self._begin(None)
        if when in (None, "after"):
            self.nvs[namespace] = dict(values)
        self._end(when)

    def stored(self, namespace):
        """The numbers of the NVS under `namespace`: key → number."""
        return dict(self.nvs.get(namespace, {}))

    def _begin(self, at):
        if self.dead:
            raise PowerCut()
        self.operations += 1
        when = self.faults.cut_at(self.operations)
        if when == "before":
            self._die()
        if at is not None and at // SECTOR in self.faults.failing:
            raise OSError(*_FAILED)
        return when

    def _end(self, when):
        if when:
            self._die()

    def _spoil(self, at, many):
        """None; what this write left wrong."""
        bit = self.faults.flips.get(self.operations)
        if bit is not None and bit // 8 < many:
            self._flip(at + bit // 8, 1 << bit % 8)
        for sector in self.faults.bad:
            if at <= sector * SECTOR + _STUCK < at + many:
                self._flip(sector * SECTOR + _STUCK, 1)

    def _flip(self, at, mask):
        self._put(at, bytes((self._get(at, 1)[0] ^ mask,)))

    def _noise(self, start, many):
        """The same bytes whenever the same happens."""
        salt = b"%d %d %d %d" % (self.operations, start, len(self.faults.cuts), self.faults.seed)
        return (sha256(salt).digest() * (many // 32 + 1))[:many]

    def _die(self):
        self.faults.cuts.pop(0)
        self.dead = True
        raise PowerCut()


class Chip(Flash):
    """The chip in `flash.bin` of the folder `path` ("" or ending in a slash): of a process, which a power cut ends."""

    def __init__(self, path="", slot=None, lethal=True):
        self._file = open(path + FILE, "r+b", buffering=0)  # noqa: SIM115  open as long as the process lives
        self._path = path
        self._lethal = lethal
        self.data = None
        self.size = self._file.seek(0, 2)
        self.slot = slot
        self.faults = Faults(**_load(path + FAULTS))
        self.operations = int(os.getenv("SIM_OPERATIONS") or 0)
        self.dead = False

    def close(self):
        """None; the file is free."""
        self._file.close()

    def _get(self, at, many):
        self._file.seek(at)
        return self._file.read(many)

    def _put(self, at, data):
        self._file.seek(at)
        self._file.write(data)

    def read_into(self, at, buffer):
        self._file.seek(at)
        self._file.readinto(buffer)

    def commit(self, namespace, values):
        when = self._begin(None)
        if when in (None, "after"):
            _save(self._path + "nvs-" + namespace + ".json", values)
        self._end(when)

    def stored(self, namespace):
        return _load(self._path + "nvs-" + namespace + ".json")

    def _die(self):
        self.faults.cuts.pop(0)
        _save(self._path + FAULTS, self.faults.as_dict())
        if self._lethal:
            _save(self._path + CUT, self.operations)
            if hasattr(os, "_exit"):
                os._exit(POWER_CUT)
            import uctypes

            uctypes.bytearray_at(0, 1)[0] = 0  # what no process survives: MicroPython has no other way out at once
        self.dead = True
        raise PowerCut()


_inserted = None


def insert(flash):
    """None; that chip is on the board from now on. None: the board has the one of its folder, if any."""
    global _inserted
    _inserted = flash


def current():
    """The chip of this board; None where nobody simulates one."""
    if _inserted is None and FILE in os.listdir():
        slot = os.getenv("SIM_SLOT")
        insert(Chip(slot=int(slot) if slot else None))
    return _inserted


def table(flash):
    """(label, type, subtype, offset, size) of every row of the partition table."""
    from struct import unpack

    rows = []
    at = TABLE
    while True:
        magic, type_, subtype, offset, size, label, _ = unpack("<HBBII16sI", flash.read(at, 32))
        if magic != 0x50AA:
            return rows
        rows.append((label.rstrip(b"\0").decode(), type_, subtype, offset, size))
        at += 32


def _both(one, other):
    return (int.from_bytes(one, "little") & int.from_bytes(other, "little")).to_bytes(len(one), "little")


def _either(one, other):
    return (int.from_bytes(one, "little") | int.from_bytes(other, "little")).to_bytes(len(one), "little")


def _load(path):
    try:
        with open(path) as file:
            return json.load(file)
    except OSError:
        return {}


def _save(path, content):
    with open(path + ".new", "w") as file:
        json.dump(content, file)
    os.rename(path + ".new", path)
