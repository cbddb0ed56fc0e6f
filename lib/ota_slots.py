"""The two OTA slots: which runs, which starts next, switching, confirming. Wraps `esp32.Partition` and otadata; nothing else here.

A slot (ota_0, ota_1) holds one image. The next start is decided by otadata, two sectors that the boot loader reads and rolls
back (reference/micropython-esp32.md §c; esp_ota_ops.c of ESP-IDF). What is done to the bytes of a slot is in
lib/partition_io.py.
"""

from binascii import crc32
from struct import unpack_from

from esp32 import Partition

NEW, PENDING, VALID, INVALID, ABORTED = 0, 1, 2, 3, 4  # esp_ota_img_states_t, as otadata keeps them

_ON_TRIAL = "the running version has not proved itself yet"


class NotNow(Exception):
    """The idle slot must not be touched; the text has the reason."""


class Slots:
    """The two slots of this board.

    `problem` is "" or the reason why this board cannot update itself; then `running` and `idle` (0 or 1) are None.
    """

    def __init__(self):
        self._parts = [_find(Partition.TYPE_APP, "ota_" + digit) for digit in "01"]
        self._otadata = _find(Partition.TYPE_DATA, "otadata")
        self.problem = self._fault()
        self.running = None if self.problem else self._slot_of(Partition.RUNNING)
        if self.running is None and not self.problem:
            self.problem = "the running firmware is in no slot"
        self.idle = None if self.problem else 1 - self.running

    def _fault(self):
        if None in self._parts or self._otadata is None:
            return "this board has room for one firmware only"
        if self._parts[0].info()[3] != self._parts[1].info()[3]:
            return "the slots differ in size"
        return ""

    def _slot_of(self, which):
        """Return 0 or 1 for Partition.RUNNING or BOOT; None when that is no slot."""
        try:
            address = Partition(which).info()[2]
        except OSError:
            return None
        for slot, part in enumerate(self._parts):
            if part.info()[2] == address:
                return slot
        return None

    @property
    def booting(self):
        """Return the slot that the next start takes, as far as otadata goes: 0, 1 or None."""
        return None if self.problem else self._slot_of(Partition.BOOT)

    @property
    def size(self):
        """Return the bytes of a slot; 0 without slots."""
        return 0 if self.problem else self._parts[0].info()[3]

    def _entries(self):
        """Return [(sequence, state), …]: the entries of otadata that are whole, the newest last."""
        found = []
        entry = bytearray(32)
        for sector in range(2):
            self._otadata.readblocks(sector, entry, 0)
            sequence, _, state, check = unpack_from("<I20sII", entry)
            if check == crc32(entry[:4], 0xFFFFFFFF):  # a blank one's is not
                found.append((sequence, state))
        return sorted(found)

    def state(self, slot):
        """Return the state that otadata has of a slot: NEW … ABORTED, or None when it has none."""
        states = [state for sequence, state in self._entries() if (sequence - 1) % 2 == slot]
        return states[-1] if states and states[-1] <= ABORTED else None

    def pending(self):
        """Return True while the running slot is on trial: unless it is confirmed, any restart goes back to the other one."""
        if self.problem:
            return False
        standing = self._standing()
        return bool(standing) and standing[-1][1] == PENDING and (standing[-1][0] - 1) % 2 == self.running

    def _standing(self):
        return [entry for entry in self._entries() if entry[1] not in (INVALID, ABORTED)]

    # --- the bytes

    def writer(self):
        """Return a partition_io.Writer over the idle slot; from here on the next start takes the running one, whatever happens.

        Raise NotNow where there are no slots, and on trial: then the idle slot is what a failure falls back to. Otadata may
        also name the idle slot (its image was bad, so the boot loader took ours in silence; or `switch` was called).
        """
        from lib.partition_io import Writer

        self._require_settled()
        if self.booting != self.running:
            self._keep_running()
        return Writer(self._parts[self.idle])

    def _require_settled(self):
        """Raise NotNow without slots and on trial."""
        if self.problem or self.pending():
            raise NotNow(self.problem or _ON_TRIAL)

    def _keep_running(self):
        """Make otadata name the running slot, for good."""
        self._parts[self.running].set_boot()
        Partition.mark_app_valid_cancel_rollback()

    def read(self, at, buffer):
        """Fill `buffer` with bytes of the running slot, from byte `at` on."""
        self._parts[self.running].readblocks(0, buffer, at)

    def sha256(self, length):
        """Return a generator → the SHA-256, in hex, of the idle slot's first `length` bytes; it yields after every block."""
        from lib.partition_io import digest

        return digest(self._parts[self.idle], length)

    # --- which slot starts

    def switch(self):
        """Make the next start take the idle slot, on trial.

        Raise NotNow on trial, OSError with ESP-IDF's words for a bad image: it checks the checksum, the SHA-256 and the
        chip (esp_image_format.c).
        """
        self._require_settled()
        self._parts[self.idle].set_boot()

    def confirm(self):
        """Return True once the running slot stays; False when otadata names another one, which ESP-IDF would confirm instead."""
        if self.problem or self.booting != self.running:
            return False
        if self._standing():
            Partition.mark_app_valid_cancel_rollback()
        else:
            self._keep_running()  # both have failed before; the boot loader then runs ota_0
        return self.state(self.running) == VALID


def _find(type_, label):
    found = Partition.find(type_, label=label)
    return found[0] if found else None
