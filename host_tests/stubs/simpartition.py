"""`esp32.Partition` over the simulated flash: as strict as the real one (ports/esp32/esp32_partition.c), both interpreters.

On a board without a simulated flash there is one app, "factory", and no slots.
"""

import simflash
import simota

_APP, _DATA = 0, 1
_FACTORY = ("factory", _APP, 0x00, 0x10000, 0x1F0000)
_ALONE = (("nvs", _DATA, 0x02, 0x9000, 0x6000), ("phy_init", _DATA, 0x01, 0xF000, 0x1000), _FACTORY)
_REFUSED = {
    -0x1503: "ESP_ERR_OTA_VALIDATE_FAILED",
    -0x104: "ESP_ERR_INVALID_SIZE",
    -0x102: "ESP_ERR_INVALID_ARG",
    -1: "ESP_FAIL",
}


def _error(number):
    return OSError(number, _REFUSED[number])


def _rows():
    flash = simflash.current()
    return _ALONE if flash is None else simflash.table(flash)


def _row(label):
    for row in _rows():
        if row[0] == label:
            return row
    return None


class Partition:
    """One partition, by its label or as RUNNING or BOOT. OSError(2) when there is none."""

    BOOT, RUNNING = 0, 1
    TYPE_APP, TYPE_DATA = _APP, _DATA

    def __init__(self, which, block_size=4096):
        if isinstance(which, tuple):
            row = which
        elif isinstance(which, str):
            row = _row(which)
        elif which == Partition.RUNNING:
            row = _running()
        elif which == Partition.BOOT:
            row = _booting()
        else:
            raise ValueError("no such partition")
        if row is None:
            raise OSError(2)
        self._row = row
        self._at, self._size = row[3:]
        self._block_size = block_size

    @staticmethod
    def find(type=_APP, subtype=0xFF, label=None, block_size=4096):
        return [
            Partition(row, block_size)
            for row in _rows()
            if row[1] == type and subtype in (0xFF, row[2]) and label in (None, row[0])
        ]

    @staticmethod
    def mark_app_valid_cancel_rollback():
        flash, otadata = simflash.current(), _row("otadata")
        if flash is None or otadata is None:
            return
        if not simota.bless(flash, otadata[3]):
            raise _error(-1)

    def info(self):
        label, type_, subtype, offset, size = self._row
        return type_, subtype, offset, size, label, False

    def readblocks(self, block, buffer, offset=0):
        simflash.current().read_into(self._inside(block * self._block_size + offset, len(buffer)), buffer)

    def writeblocks(self, block, buffer, offset=None):
        at = self._inside(block * self._block_size + (offset or 0), len(buffer))
        if offset is None:
            if len(buffer) % simflash.SECTOR:
                raise _error(-0x104)
            for sector in range(0, len(buffer), simflash.SECTOR):
                simflash.current().erase(at + sector)
        simflash.current().write(at, buffer)

    def ioctl(self, command, argument):
        if command in (1, 2, 3):
            return 0
        if command == 4:
            return self._size // self._block_size
        if command == 5:
            return self._block_size
        if command == 6:
            simflash.current().erase(self._inside(argument * self._block_size, self._block_size))
            return 0
        return None

    def _inside(self, offset, many):
        if offset < 0 or offset > self._size:
            raise _error(-0x102)
        if offset + many > self._size:
            raise _error(-0x104)
        return self._at + offset

    def set_boot(self):
        flash, otadata = simflash.current(), _row("otadata")
        if self._row[1] != _APP or otadata is None:
            raise _error(-0x102)
        if not simota.whole(flash, self._at, self._size):
            raise _error(-0x1503)
        simota.take(flash, otadata[3], self._row[2] - 0x10)

    def get_next_update(self):
        slots = [row for row in _rows() if row[1] == _APP and row[2] & 0xF0 == 0x10]
        if not slots:
            raise OSError(2)
        return Partition(slots[(slots.index(self._row) + 1) % len(slots)] if self._row in slots else slots[0])


def _running():
    flash = simflash.current()
    return _FACTORY if flash is None else _row("factory" if flash.slot is None else "ota_" + str(flash.slot))


def _booting():
    flash, otadata = simflash.current(), _row("otadata")
    if flash is None or otadata is None:
        return _running()
    both = simota.entries(flash, otadata[3])
    now = simota.active(both)
    if now is None:
        return _row("factory") or _row("ota_0")
    return _row("ota_" + str((both[now][0] - 1) % 2))
