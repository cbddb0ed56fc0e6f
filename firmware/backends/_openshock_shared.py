"""The lists of shockers that others share, as OpenShock's API gives them: with an account, and by a share link. No I/O.

In memory only where one is asked for. Facts: reference/openshock-api.md §e (what a link allows).
"""

from firmware.backends._openshock_shockers import ROW, Table
from firmware.command import whole


class Lent(Table):
    """The shockers that others share with an account (GET /1/shockers/shared)."""

    def __init__(self):
        super().__init__(5)

    def _hubs_in(self, data):
        return [hub for owner in data for hub in owner["devices"]]

    def _take(self, shocker):
        name = shocker.get("name")
        self.put(shocker["id"], name if isinstance(name, str) else "", 0, 0, 0)


class Shared(Table):
    """The shockers of a share link: `shocker` gives (whether it is paused, bits 1 << action of what is allowed, level, ms)."""

    def __init__(self):
        super().__init__(4)

    def shocker(self, guid):
        """Return what the link says of a shocker that is in it."""
        ms, level, bits = self.numbers(guid) or (0, 0, 0)
        return bits & 1, bits, level, ms

    def count_paused(self):
        """Return how many of them are paused."""
        return sum([self._rows[at] & 1 for at in range(ROW - 1, len(self._rows), ROW)])

    def _hubs_in(self, data):
        return data["devices"]

    def _take(self, shocker):
        guid, name, can, limits = (shocker[key] for key in ("id", "name", "permissions", "limits"))
        level, ms = limits.get("intensity"), limits.get("duration")
        level, ms = 100 if level is None else level, 65535 if ms is None else ms
        bits = shocker.get("paused", 0) not in (0, False)
        for action, word in ((1, "shock"), (2, "vibrate"), (3, "sound")):
            bits |= (can.get(word) is True) << action
        if whole(level, 0, 100) and whole(ms, 300, 65535):
            self.put(guid, name, ms, level, bits)
