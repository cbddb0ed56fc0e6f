"""Feeds a watchdog only when every supervised task has reported since the last feed. No I/O, no clock."""


class WatchdogFeeder:
    """`names` are the tasks that must be alive; `feed()` is called once all of them have reported."""

    def __init__(self, names, feed):
        self._seen = dict.fromkeys(names, False)  # it keeps its size: a report allocates nothing
        self._n_seen = 0
        self._feed = feed

    def alive(self, name):
        """Note that `name` is alive. Raise KeyError for a name that was not expected."""
        if self._seen[name]:
            return
        self._seen[name] = True
        self._n_seen += 1
        if self._n_seen == len(self._seen):
            for known in self._seen:
                self._seen[known] = False
            self._n_seen = 0
            self._feed()

    def missing(self):
        """Return the names that have not reported since the last feed, a list."""
        return [name for name, seen in self._seen.items() if not seen]
