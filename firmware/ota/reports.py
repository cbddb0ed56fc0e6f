"""What the hub is still to be told of updates, in memory; what is crossed off here is crossed off in the journal."""

from micropython import const

from firmware import build_info
from lib import json_file
from lib.idle import TIMES
from lib.nvs import Nvs
from lib.otadata import on_trial

_JOURNAL = "update.json"
_MOST_ANSWERS = const(8)


def are_due():
    """Return whether there is something to do or to tell about versions: an update is under way, on trial, or has just ended."""
    try:
        kept = json_file.load(_JOURNAL)
        return bool(kept.get("stage") or kept.get("tell")) or bool(build_info.BOARD) and on_trial()
    except (OSError, json_file.Damaged):
        return True


def wants_check(settings, now_s):
    """Return whether the update server is to be asked what the channel offers: at most once in update.check_h."""
    every_s = settings.get("update.check_h") * 3600
    if not settings.get("update.url") or not every_s or not now_s:
        return False
    try:
        checked_s = Nvs("update").get("checked", 0)
    except OSError:
        return False  # nobody knows: it would be asked for at each start
    return not checked_s <= now_s < checked_s + every_s


class News:
    """`events`: as `state.Journal.events` gives them. `asks`: there may be a newer version, and nobody has looked yet."""

    def __init__(self, events=(), asks=False):
        self._events = list(events)
        self._answers = []
        self.asks = asks

    def events(self):
        """Return the events that nobody has been told yet, the oldest first."""
        return self._events + self._answers

    def answer(self, events):
        """Tell these as well, without a write to the flash: the answer to an order that is none, said as often as it comes."""
        self._answers = (self._answers + events)[-_MOST_ANSWERS:]

    def look(self):
        """Read the journal again: it may have more to tell."""
        from firmware.ota import boot_state

        self._events = boot_state.open_journal().events()

    def told(self, count):
        """Cross off the first `count` of them: they have left. What cannot be crossed off in the journal is told a second time."""
        kept = min(count, len(self._events))
        self._events = self._events[kept:]
        self._answers = self._answers[count - kept :]
        if kept:
            TIMES.later(lambda: _cross_off(kept))


def _cross_off(count):
    from firmware.ota import boot_state

    try:
        boot_state.open_journal().told(count)
    except OSError:
        pass  # the next start tells it once more
