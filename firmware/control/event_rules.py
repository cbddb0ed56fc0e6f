"""Events of services that know no receivers become gentle commands: vibrate or sound, never a shock. No I/O, no clock.

The table is the setting `rules`; what fits it says config/validators.py. In memory only where somebody has set a rule.
"""

from firmware.command import SOUND, VIBRATE, Command
from lib.tables import find

_GENTLE = {"vibrate": VIBRATE, "sound": SOUND}  # there is no word here for anything else
# How grave the words of the services are; a word that is not here is of no known order, and only "" asks for it
_RANKS = (
    ("info", 1),
    ("low", 1),
    ("notice", 1),
    ("warning", 2),
    ("medium", 2),
    ("error", 3),
    ("high", 3),
    ("critical", 4),
    ("fatal", 4),
    ("emergency", 4),
)


class Rules:
    """`rows`: a list of tables as settings.fits takes it for `rules`. One that asks for more than vibrate or sound is left out.

    `notes`: why nothing, or less, came of the last event, in words (S25); at first, which rows were left out.
    """

    def __init__(self, rows):
        self.notes = []
        self._rows = []
        self._free_ms = {}  # number of a rule → when it may act again
        for at, row in enumerate(rows):
            action = _GENTLE.get(row["action"])
            if action is None:
                self.notes.append("rule %d is left out: vibrate or sound, nothing else" % (at + 1))
            else:
                self._rows.append((at + 1, action, row))

    def foretold(self, event, now):
        """[(number of the rule from 1, its Command, ms until it may act again)] of the rules that `event` meets. Pure."""
        return [
            (number, _command(row, action, event.backend), max(0, self._free_ms.get(number, now) - now))
            for number, action, row in self._rows
            if _meets(event, row)
        ]

    def commands(self, event, now):
        """The list of Commands that `event` (a command.Event) makes at `now`, in ms. `notes`: why it is shorter than it could be.

        A rule acts at most once in its seconds. They begin when it asks, even where safety refuses what it asks for: who is
        latched, locked or has had enough is not asked again and again.
        """
        self.notes = []
        made = []
        for number, action, row in self._rows:
            if not _meets(event, row):
                continue
            wait_ms = self._free_ms.get(number, now) - now
            if wait_ms > 0:
                self.notes.append("rule %d rests for another %d s" % (number, (wait_ms + 999) // 1000))
            else:
                self._free_ms[number] = now + row.get("once_in_s", 10) * 1000
                made.append(_command(row, action, event.backend))
        if not made and not self.notes:
            self.notes.append("no rule is for this")
        return made


def _meets(event, row):
    """True when `event` is what the rule waits for; a name that the rule leaves empty is any."""
    for name, said in (("backend", event.backend), ("kind", event.kind)):
        if row.get(name) and row[name] != said:
            return False
    least = find(_RANKS, row.get("severity"), 0)
    return find(_RANKS, event.severity.lower(), 0) >= least and row.get("text", "").lower() in event.text.lower()


def _command(row, action, source):
    return Command(
        row["model"], row["rf_id"], action, row["level"], row["duration_ms"], row.get("channel"), source, None
    )
