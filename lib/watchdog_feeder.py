"""Feeds a watchdog only when everyone who must be alive has said so since the last meal. No I/O, no clock."""


class Heartbeats:
    """`names` are those who must be alive; `feed()` is called once all of them have beaten."""

    def __init__(self, names, feed):
        self._heard = dict.fromkeys(names, False)  # it keeps its size: a beat allocates nothing
        self._n_heard = 0
        self._feed = feed

    def beat(self, name):
        """None; `name` is alive. KeyError for somebody who was not expected."""
        if self._heard[name]:
            return
        self._heard[name] = True
        self._n_heard += 1
        if self._n_heard == len(self._heard):
            for known in self._heard:
                self._heard[known] = False
            self._n_heard = 0
            self._feed()

    def missing(self):
        """Those who have not beaten since the last meal, a list."""
        return [name for name, heard in self._heard.items() if not heard]
