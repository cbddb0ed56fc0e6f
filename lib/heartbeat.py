"""Feeds a watchdog only when everyone who must be alive has said so since the last meal. No I/O, no clock."""


class Heartbeats:
    """`names` are those who must be alive; `feed()` is called once all of them have beaten."""

    def __init__(self, names, feed):
        self._names = names
        self._feed = feed
        self._heard = set()

    def beat(self, name):
        """None; `name` is alive. KeyError for somebody who was not expected."""
        if name not in self._names:
            raise KeyError(name)
        self._heard.add(name)
        if len(self._heard) == len(self._names):
            self._heard.clear()
            self._feed()

    def missing(self):
        """Those who have not beaten since the last meal, a list."""
        return [name for name in self._names if name not in self._heard]
