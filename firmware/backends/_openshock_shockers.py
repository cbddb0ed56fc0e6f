"""The lists of shockers as OpenShock's API gives them, in pieces: that of the account, and what all have in common. No I/O.

The largest account's has 22.5 KB; nothing holds it whole, and of each entry no more is kept than is needed.

Facts: reference/openshock-api.md §a.2 (JSON), §a.6 (values), §c (the map of shockers), §e (what a link allows).
"""

from binascii import hexlify, unhexlify
from hashlib import sha256
from struct import pack, unpack_from

from micropython import const

from firmware.command import whole
from lib.jsonparts import Parts
from lib.strict_json import NoMemory
from lib.tables import find

_MOST = const(64)  # shockers that are remembered
_HUBS = const(16)
_LONGEST = const(64)  # characters of the id of a hub
ROW = const(24)  # bytes of a Table for each shocker
_GUID = const(16)
_WAITING = const(4096)  # bytes of a list that may wait for more: an entry has 600
_MISFITS = (AttributeError, IndexError, KeyError, TypeError, ValueError)  # what data of the wrong shape raises

# The names of the REST API and of FlatBuffers, lower case → files of firmware/shockers (reference/openshock-api.md §a.6)
_MODELS = (
    ("caixianlin", "caixianlin"),
    ("pettrainer", "petrainer"),
    ("petrainer", "petrainer"),
    ("pettrainer998dr", "petrainer998dr"),
    ("petrainer998dr", "petrainer998dr"),
    ("wellturnt330", "wellturnt330"),
    ("t330", "wellturnt330"),
    ("d80", "d80"),
)

_FILES = ("caixianlin", "petrainer", "petrainer998dr", "wellturnt330", "d80")  # a model is remembered by its place here


class Table:
    """A list of shockers that comes in pieces. Never raises: `fault` says what is wrong with it, "" for nothing.

    Each is kept in 24 bytes: guid, four bytes of a digest of the name, and three numbers.

    44 ids and names of 64 characters, as texts, have 14 KB. `len` of it is how many there are. An id may be spelt in any
    way; capital letters in a name are the same as small ones only where they are ASCII.
    """

    def __init__(self, depth):
        """`depth`: how many brackets deep a hub stands; its shockers stand two deeper."""
        self.fault = ""
        self.starved = False  # memory was lacking
        self._rows = bytearray()
        self._depth = depth
        self._parts = Parts((depth, depth + 2), _WAITING)

    def feed(self, piece):
        """Take in bytes of it."""
        self._try(self._feed, piece)

    def end(self):
        """Return `fault`, once all has come."""
        self._try(self._end)
        self._parts = None
        return self.fault

    def _try(self, step, *arguments):
        try:
            if not self.fault:
                step(*arguments)
        except (MemoryError, NoMemory):
            self.fault, self.starved = "no memory for the list", True
        except _MISFITS:
            self.fault = "the answer makes no sense"

    def _feed(self, piece):
        for depth, value in self._parts.feed(piece):
            if depth == self._depth:
                if not isinstance(value["shockers"], list):
                    raise ValueError  # no hub
                self._take_hub(value)
            else:
                try:
                    self._take(value)
                except _MISFITS:
                    pass  # one damaged entry must not keep the others from working

    def _take_hub(self, hub):
        pass

    def _end(self):
        for place in self._hubs_in(self._parts.rest()["data"]):
            if place is not None:
                raise ValueError  # no hub

    def __len__(self):
        return len(self._rows) // ROW

    def __contains__(self, guid):
        return self._find(_raw(guid), 0) >= 0

    def put(self, guid, name, word, byte, bits):
        """Remember a shocker: `word` is 0-65535, `byte` and `bits` 0-255. Raise ValueError for an id that is none."""
        raw = _raw(guid)
        if not raw:
            raise ValueError  # no guid
        at = self._find(raw, 0)
        if at < 0:
            at = len(self._rows)
        if at < _MOST * ROW:
            self._rows[at : at + ROW] = raw + _digest(name) + pack("<HBB", word, byte, bits)

    def numbers(self, guid):
        """Return (word, byte, bits) of a shocker, None for an unknown one."""
        at = self._find(_raw(guid), 0)
        return unpack_from("<HBB", self._rows, at + _GUID + 4) if at >= 0 else None

    def named(self, name):
        """Return the guids, a list of texts, of the shockers with that name."""
        digest = _digest(name)
        at = self._find(digest, _GUID)
        found = []
        while at >= 0:
            found.append(self._guid_at(at))
            at = self._find(digest, _GUID, at + ROW)
        return found

    def _guid_at(self, at):
        return spelt(str(hexlify(self._rows[at : at + _GUID]), "ascii"))

    def _find(self, part, offset, start=0):
        """Return where the first row from `start` on begins that has `part` at `offset`; -1 for none."""
        rows = memoryview(self._rows)
        for at in range(start, len(rows), ROW) if part else ():
            if rows[at + offset : at + offset + len(part)] == part:
                return at
        return -1


def digits_of(guid):
    """Return the 32 digits of an id however it is written, "" for what is none."""
    if not isinstance(guid, str):
        return ""
    digits = guid.strip(" {}").replace("-", "").lower()
    return digits if len(digits) == 32 and not digits.strip("0123456789abcdef") else ""


def spelt(guid):
    """Return an id as the service writes it, whatever its spelling; what is none as it is."""
    digits = digits_of(guid)
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])) if digits else guid


def _raw(guid):
    """Return the 16 bytes of an id, b"" for what is none."""
    return unhexlify(digits_of(guid))


def _digest(name):
    return sha256(name.strip().lower().encode()).digest()[:4]


class Own(Table):
    """The shockers of all hubs of an account: what a remote can reach. `hubs`: their ids.

    Of them `get` and `items` give those that are obeyed for, `count` is their number: of the hub that `device_id` names, or all.
    """

    def __init__(self, device_id):
        super().__init__(3)
        self.hubs = []
        self.count = 0
        self._device_id = device_id
        self._coming = 0  # where the rows of the hub that comes begin: its id stands behind its shockers

    def get(self, guid):
        """Return (model, RF id) of a shocker that is obeyed for, otherwise None."""
        numbers = self.numbers(guid)
        return (_FILES[numbers[1] - 1], numbers[0]) if numbers and numbers[1] and numbers[2] else None

    def items(self):
        """Yield (guid, (model, RF id)) of each shocker that is obeyed for."""
        for at in range(0, len(self._rows), ROW):
            guid = self._guid_at(at)
            known = self.get(guid)
            if known:
                yield guid, known

    def is_unfit(self, guid):
        """Return whether a shocker is ours and cannot be driven: its model is unknown here, or its RF id makes no sense."""
        numbers = self.numbers(guid)
        return bool(numbers) and numbers[2] > 0 and not numbers[1]

    def _hubs_in(self, data):
        return data

    def _take(self, shocker):
        guid, name, rf_id = shocker["id"], shocker.get("name"), shocker.get("rfId")
        model = find(_MODELS, str(shocker.get("model")).lower())
        known = model and whole(rf_id, 0, 65535)
        name = name if isinstance(name, str) else ""
        self.put(guid, name, rf_id if known else 0, 1 + _FILES.index(model) if known else 0, 0)

    def _take_hub(self, hub):
        hub_id = hub["id"].lower() if self._device_id else str(hub.get("id")).lower()
        if len(hub_id) <= _LONGEST and len(self.hubs) < _HUBS:
            self.hubs.append(hub_id)
        rows = self._rows
        if not self._device_id or hub_id == self._device_id:
            for at in range(self._coming, len(rows), ROW):
                rows[at + ROW - 1] = 1
                self.count += rows[at + ROW - 2] > 0
        self._coming = len(rows)


def whole_list(listed, body):
    """Return `listed`, a Table, with all that is in `body`: itself, or bytes. Of the latter it takes all at once."""
    if body is not listed:
        listed.feed(body)
    listed.end()
    return listed
