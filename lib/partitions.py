"""The OTA slots: which pair runs, which starts next, confirming, going back. Door to `esp32.Partition`.

A slot is a pair of partitions: ota_N with MicroPython itself ("runtime") and app_N with a LittleFS image of our files
("app"). The next start is told by otadata, two sectors that the boot loader reads and rolls back
(reference/micropython-esp32.md §c). What is done to the idle pair is in lib/flashcopy.py, loaded when it is needed. What
takes long is a generator that yields after every block, so that its caller can feed the watchdog; its value is what it
returns.
"""

from binascii import crc32
from struct import unpack_from

from esp32 import Partition

NEW, PENDING, VALID, INVALID, ABORTED = 0, 1, 2, 3, 4  # what otadata says of a slot


class NotNow(Exception):
    """The idle pair must not be touched; says why."""


class Slots:
    """The two slots of this board. `problem`: "" or why it cannot swap; then `running` is None and nothing else works."""

    def __init__(self):
        kinds = ("runtime", Partition.TYPE_APP, "ota_"), ("app", Partition.TYPE_DATA, "app_")
        self._parts = {kind: [_find(type_, name + digit) for digit in "01"] for kind, type_, name in kinds}
        self._otadata = _find(Partition.TYPE_DATA, "otadata")
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
            if check == crc32(entry[:4], 0xFFFFFFFF):  # a blank one's is not
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
        """A flashcopy.Writer over the idle partition of that kind, "app" or "runtime". NotNow while it must not be touched."""
        from lib.flashcopy import Writer

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

    def read_app(self, at, buffer):
        """None; `buffer` has the bytes of the running app's partition from `at` on."""
        self._parts["app"][self.running].readblocks(0, buffer, at)

    def sha256(self, kind, length, slot=None):
        """Generator → the SHA-256, in hex, of the first `length` bytes of a slot's partition (default: the idle one's)."""
        from lib import flashcopy

        return flashcopy.digest(self._parts[kind][self.idle if slot is None else slot], length)

    def runtime_length(self, slot):
        """Bytes of the runtime image in a slot, from its own headers; None where there is no image."""
        from lib import flashcopy

        return flashcopy.image_length(self._parts["runtime"][slot])

    def same_runtime(self):
        """Generator → True when the idle runtime image is, byte for byte, the running one."""
        from lib import flashcopy

        return flashcopy.same_image(self._parts["runtime"][self.running], self._parts["runtime"][self.idle])

    def copy_runtime(self):
        """Generator → the bytes copied: the running runtime image, to the idle slot. NotNow, BadFlash as `writer`."""
        from lib import flashcopy

        length = self.runtime_length(self.running)
        if length is None:
            raise NotNow("the running firmware has no header that can be read")
        return flashcopy.copy(self._parts["runtime"][self.running], self.writer("runtime"), length)

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


def _find(type_, label):
    found = Partition.find(type_, label=label)
    return found[0] if found else None
