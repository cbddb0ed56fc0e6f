"""Small whole numbers that outlive power loss, in the chip's non-volatile storage. Wraps `esp32.NVS`."""

import esp32
from micropython import const

from lib.idle import TIMES

_NOT_FOUND = const(-4354)  # ESP_ERR_NVS_NOT_FOUND, 0x1102


class Nvs:
    """One namespace (≤ 15 characters) of the storage. It is opened when it is used: where it cannot be, that raises OSError."""

    def __init__(self, namespace):
        self._namespace = namespace
        self._store = None

    def _opened(self):
        if self._store is None:
            self._store = esp32.NVS(self._namespace)
        return self._store

    def get(self, key, missing):
        """Return the 32-bit number kept under `key` (≤ 15 characters), or `missing` when there is none. Raise OSError."""
        try:
            return self._opened().get_i32(key)
        except OSError as fault:
            if fault.args[0] != _NOT_FOUND:
                raise
            return missing

    def put(self, key, value):
        """Store `value`; it is kept when this returns. Raise OSError when the storage refuses."""
        TIMES.stop_first()
        store = self._opened()
        store.set_i32(key, value)
        store.commit()
