"""The OTA slots: which pair runs, writing the idle pair, switching to it, confirming, going back. Door to `esp32.Partition`.

A slot is a pair of partitions: ota_N with MicroPython itself ("runtime") and app_N with a LittleFS image of our files
("app"). The next start is told by otadata, two sectors that the boot loader reads and rolls back
(reference/micropython-esp32.md §c). What takes long is a generator that yields after every block, so that its caller can
feed the watchdog; its value is what it returns.
"""

from binascii import crc32, hexlify
from hashlib import sha256
from struct import unpack_from

from esp32 import Partition
from micropython import const

BLOCK = 4096  # bytes: what the flash erases at once
NEW, PENDING, VALID, INVALID, ABORTED = 0, 1, 2, 3, 4  # what otadata says of a slot

_PIECE = const(512)
_HEAD = const(24)  # bytes of an image's header, and 8 of each segment's
_MAGIC = const(0xE9)
_MOST_SEGMENTS = const(16)
_DIGEST = const(32)


class NotNow(Exception):
    """The idle pair must not be touched; says why."""


class BadFlash(Exception):
    """A block that does not keep what was written, tried twice. `args[0]` is its number in the partition."""


class Slots:
    """The two slots of this board. `problem`: "" or why it cannot swap; then `running` is None and nothing else works."""

    def __init__(self):
        kinds = ("runtime", Partition.TYPE_APP, "ota_"), ("app", Partition.TYPE_DATA, "app_")
        self._parts = {kind: [_find(type_, name + digit) for digit in "01"] for kind, type_, name in kinds}
        self._otadata = _find(Partition.TYPE_DATA, "otadata")
        self._buffer = None
        self.problem = self._fault()
        self.running = None if self.problem else self._slot_of(Partition.RUNNING)
        if self.running is None and not self.problem:
            self.problem = "the running firmware is in no slot"
        self.idle = None if self.problem else 1 - self.running

    def _fault(self):
        if None in self._parts["runtime"] or self._otadata is None:
            return "this board has room for one firmware only"
        if None in self._parts["app"]:
            return "this board has no app_0 and app_1"
        for pair in self._parts.values():
            if pair[0].info()[3] != pair[1].info()[3]:
                return "the slots differ in size"
        return ""

    def _slot_of(self, which):
        """0 or 1 for Partition.RUNNING or BOOT; None when that is no slot."""
        try:
            address = Partition(which).info()[2]
        except OSError:
            return None
        for slot, part in enumerate(self._parts["runtime"]):
            if part.info()[2] == address:
                return slot
        return None

    @property
    def booting(self):
        """The slot that the next start takes, as far as otadata goes: 0, 1 or None."""
        return None if self.problem else self._slot_of(Partition.BOOT)

    @property
    def app_size(self):
        """Bytes of the idle app partition; 0 without one."""
        return self._size("app")

    @property
    def runtime_size(self):
        """Bytes of the idle runtime partition; 0 without one."""
        return self._size("runtime")

    def _size(self, kind):
        return 0 if self.problem else self._parts[kind][self.idle].info()[3]

    def _entries(self):
        """[(sequence, state), …]: the entries of otadata that are whole, the newest last."""
        found = []
        entry = bytearray(32)
        for sector in range(2):
            self._otadata.readblocks(sector, entry, 0)
            sequence, _, state, check = unpack_from("<I20sII", entry)
            if check == crc32(entry[:4], 0xFFFFFFFF) and sequence not in (0, 0xFFFFFFFF):
                found.append((sequence, state))
        return sorted(found)

    def state(self, slot):
        """What otadata says of a slot: NEW … ABORTED, or None when it says nothing."""
        said = [state for sequence, state in self._entries() if (sequence - 1) % 2 == slot]
        return said[-1] if said and said[-1] <= ABORTED else None

    def pending(self):
        """True while the running slot is on trial: unless it is confirmed, any restart goes back to the other one."""
        if self.problem:
            return False
        standing = self._standing()
        return bool(standing) and standing[-1][1] == PENDING and (standing[-1][0] - 1) % 2 == self.running

    def _standing(self):
        return [entry for entry in self._entries() if entry[1] not in (INVALID, ABORTED)]

    # --- the idle pair

    def writer(self, kind):
        """A Writer over the idle partition of that kind, "app" or "runtime". NotNow while it must not be touched."""
        self._hold()
        return Writer(self._parts[kind][self.idle])

    def _hold(self):
        """None; the next start takes the running slot, whatever happens to the other from here on.

        NotNow where there is no pair, and on trial: then the idle pair is what a failure falls back to. Otadata may also
        name the idle slot (its image was bad, so the boot loader took ours in silence; or `switch` was called).
        """
        if self.problem:
            raise NotNow(self.problem)
        if self.pending():
            raise NotNow("the running version has not proved itself yet")
        if self.booting != self.running:
            self._keep()

    def _keep(self):
        """None; otadata names the running slot, for good."""
        self._parts["runtime"][self.running].set_boot()
        Partition.mark_app_valid_cancel_rollback()

    def sha256(self, kind, length, slot=None):
        """Generator → the SHA-256, in hex, of the first `length` bytes of a slot's partition (default: the idle one's)."""
        part = self._parts[kind][self.idle if slot is None else slot]
        view = self._view()
        digest = sha256()
        for block in range((length + BLOCK - 1) // BLOCK):
            piece = view[: min(BLOCK, length - block * BLOCK)]
            part.readblocks(block, piece, 0)
            digest.update(piece)
            yield
        return hexlify(digest.digest()).decode()

    def runtime_length(self, slot):
        """Bytes of the runtime image in a slot, from its own headers: segments, padding, checksum, SHA-256. None: no image."""
        part = self._parts["runtime"][slot]
        size = part.info()[3]
        head = bytearray(_HEAD)
        part.readblocks(0, head, 0)
        if head[0] != _MAGIC or not 0 < head[1] <= _MOST_SEGMENTS:
            return None
        at = _HEAD
        for _ in range(head[1]):
            if at + 8 > size:
                return None
            part.readblocks(at // BLOCK, memoryview(head)[:8], at % BLOCK)
            at += 8 + unpack_from("<I", head, 4)[0]
        at = (at + 16) // 16 * 16 + (_DIGEST if _hashed(part) else 0)
        return at if at <= size else None

    def same_runtime(self):
        """Generator → True when the idle runtime image is, byte for byte, the running one."""
        length = self.runtime_length(self.running)
        if length is None or length != self.runtime_length(self.idle):
            return False
        running, idle = self._parts["runtime"][self.running], self._parts["runtime"][self.idle]
        ours, others = memoryview(bytearray(_PIECE)), memoryview(bytearray(_PIECE))
        for at in range(0, length, _PIECE):
            many = min(_PIECE, length - at)
            running.readblocks(at // BLOCK, ours[:many], at % BLOCK)
            idle.readblocks(at // BLOCK, others[:many], at % BLOCK)
            if ours[:many] != others[:many]:
                return False
            if at % BLOCK == 0:
                yield
        return True

    def copy_runtime(self):
        """Generator → the bytes copied: the running runtime image, to the idle slot. NotNow, BadFlash as `writer`."""
        length = self.runtime_length(self.running)
        if length is None:
            raise NotNow("the running firmware has no header that can be read")
        writer = self.writer("runtime")
        part = self._parts["runtime"][self.running]
        view = self._view()
        while writer.written < length:
            piece = view[: min(BLOCK, length - writer.written)]
            part.readblocks(writer.written // BLOCK, piece, 0)
            writer.write(piece)
            yield
        return length

    def _view(self):
        if self._buffer is None:
            self._buffer = memoryview(bytearray(BLOCK))
        return self._buffer

    # --- which pair starts

    def switch(self):
        """None; the next start takes the idle pair, on trial. NotNow on trial; OSError with ESP-IDF's words for a bad image.

        ESP-IDF checks the runtime image (checksum, SHA-256, chip). Nobody but the caller checks the app.
        """
        if self.problem or self.pending():
            raise NotNow(self.problem or "the running version has not proved itself yet")
        self._parts["runtime"][self.idle].set_boot()

    def confirm(self):
        """True once the running slot stays; False when otadata names another one, which it would bless instead."""
        if self.problem or self.booting != self.running:
            return False
        if self._standing():
            Partition.mark_app_valid_cancel_rollback()
        else:
            self._keep()  # both have failed before, and ota_0 runs because something must
        return self.state(self.running) == VALID

    def revert(self):
        """True when a restart now goes back to the other slot. A `switch` that was not yet followed by a restart is undone."""
        if self.pending():
            return True
        self._hold()
        return False


class Writer:
    """Writes a partition from its beginning, block by block; every block is read back. `written`: bytes so far."""

    def __init__(self, part):
        self._part = part
        self._back = memoryview(bytearray(_PIECE))
        self.size = part.info()[3]
        self.written = 0

    def resume(self, written):
        """Bytes, rounded down to a block: from there on it goes on. What lies before is taken for granted until it is hashed."""
        self.written = min(written, self.size) // BLOCK * BLOCK
        return self.written

    def write(self, data):
        """None; the next 1 … 4096 bytes are in the flash. Fewer than 4096: they are the last ones.

        ValueError for more than fits, or after the last ones; BadFlash when a block failed twice.
        """
        if not 0 < len(data) <= BLOCK or self.written % BLOCK:
            raise ValueError("not the next block")
        if self.written + len(data) > self.size:
            raise ValueError("more than the partition holds")
        block = self.written // BLOCK
        if not self._put(block, data) and not self._put(block, data):
            raise BadFlash(block)
        self.written += len(data)

    def _put(self, block, data):
        """True when `data` can be read back."""
        source = memoryview(data)
        try:
            self._part.ioctl(6, block)
            self._part.writeblocks(block, data, 0)
            for at in range(0, len(data), _PIECE):
                piece = source[at : at + _PIECE]
                back = self._back[: len(piece)]
                self._part.readblocks(block, back, at)
                if back != piece:
                    return False
        except OSError:
            return False
        return True


def _find(type_, label):
    found = Partition.find(type_, label=label)
    return found[0] if found else None


def _hashed(part):
    """True when the image's header says that a SHA-256 follows its checksum."""
    flag = bytearray(1)
    part.readblocks(0, flag, _HEAD - 1)
    return flag[0] == 1
