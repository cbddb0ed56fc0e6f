"""The emergency stop's latch: what it was before a restart it is after it (S7). Only a local act clears it (S8)."""


class Latch:
    """`store` keeps whole numbers over power loss (`lib/nvs.py`); anything but a clear 0 reads as latched."""

    def __init__(self, store):
        self._store = store
        self.latched = store.get("estop", 0) != 0

    def trip(self):
        """None; latched from now on. In memory first: a storage that fails must not delay the stop."""
        self.latched = True
        self._store.put("estop", 1)

    def clear(self):
        """None; for a deliberate local act alone. Restarts nothing: what was running has ended."""
        self._store.put("estop", 0)
        self.latched = False
