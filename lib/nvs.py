"""Small whole numbers that outlive power loss, in the chip's non-volatile storage. Wraps `esp32.NVS`."""

import esp32
from micropython import const

from lib.idle import TIMES

_NOT_FOUND = const(-4354)  # ESP_ERR_NVS_NOT_FOUND, 0x1102


class Nvs:
    """One namespace (≤ 15 characters) of the storage."""

    def __init__(self, namespace):
        self._store = esp32.NVS(namespace)

    def get(self, key, missing):
        """Return the 32-bit number kept under `key` (≤ 15 characters), or `missing` when there is none. Raise OSError."""
        try:
            return self._store.get_i32(key)
        except OSError as fault:
            if fault.args[0] != _NOT_FOUND:
                raise
            return missing

    def put(self, key, value):
        """Store `value`; it is kept when this returns. Raise OSError when the storage refuses."""
        TIMES.stop_first()
        self._store.set_i32(key, value)
        self._store.commit()
