"""What the hub is still to be told of updates, in memory; what is crossed off here is crossed off in the journal."""

import os

from firmware import image

_JOURNAL = "update.json"


def are_due():
    """Return True where there may be something to do about versions: in an image, and where an update left its journal."""
    if image.BOARD:
        return True
    try:
        os.stat(_JOURNAL)
        return True
    except OSError:
        return False


class News:
    """`events`: as `journal.Journal.events` gives them. `asks`: there may be a newer version, and nobody has looked yet."""

    def __init__(self, events=(), asks=False):
        self._events = list(events)
        self.asks = asks

    def events(self):
        """Return the events that nobody has been told yet, the oldest first."""
        return self._events

    def look(self):
        """Read the journal again: it may have more to tell."""
        from firmware import versions

        self._events = versions.open_journal().events()

    def told(self, count):
        """Cross off the first `count` of them: they have left. OSError: they may be told a second time."""
        self._events = self._events[count:]
        from firmware import versions

        versions.open_journal().told(count)
