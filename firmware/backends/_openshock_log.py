"""The shockers that a device obeys OpenShock's user hub for, and the orders that a list of commands for them makes. No I/O.

Facts: reference/openshock-api.md §a.4, §c.
"""

from micropython import const

from firmware.backends._openshock_hub import Talk, stop_of
from firmware.backends._openshock_shockers import spelt
from firmware.command import ACT, NOTE, REFUSE, STOP, Command, cut_ms, means_stop
from firmware.link.signalr_service import MISFITS
from lib.iso8601 import moment_us

_MOST = const(64)  # former shockers that can still be stopped


class Receivers(Talk):
    """As Talk, for those whose commands name the shockers of an account."""

    _names = (
        None  # an _openshock_shockers.Own: what a remote can reach, and what is obeyed for; None while nobody knows
    )
    _stopped = ()  # what the event that is obeyed has stopped

    def __init__(self):
        self._former = {}  # guid → (model, RF id) of those that left: by another RF id, or to another hub

    def _came_with(self, shockers):
        """Return orders; `shockers`, an Own, is the list from now on."""
        left = {}
        for guid, known in self._names.items() if self._names else ():
            if shockers.get(guid) != known:
                left[guid] = known
        self._names = shockers
        self._came()
        if len(self._former) + len(left) > _MOST:
            self._former = {}
        self._former.update(left)
        made = [(ACT, stop_of(known, "map")) for known in left.values()]  # nobody else can stop them any more
        return made + [(NOTE, "%d shockers known" % shockers.count)]

    def _commands(self, entries, guid_of, source, now, for_all=False):
        """Orders for `entries`, the newest last; a stop for a receiver outlives what stands beside it, fit or unfit.

        One is made when the one before it was obeyed: a hundred of them need no more memory than one. `for_all`: they may be
        for other hubs of the account, which is nothing to tell.
        """
        entries = iter((entries,) if isinstance(entries, dict) else entries)
        return self._each(entries, guid_of, str(source)[:32], now, for_all)

    def _each(self, entries, guid_of, source, now, for_all):
        stopped = self._stopped = self._stopped if self._session.goes_on else set()
        misfits = 0
        for entry in entries:
            try:
                guid, action = spelt(guid_of(entry).lower()), entry["type"]
            except MISFITS:
                misfits += 1
                continue
            known = self._names.get(guid) if self._names else None
            if means_stop(action):
                stopped.add(guid)
                action = STOP
                if guid in self._former:
                    yield ACT, stop_of(self._former[guid], source)
                    if known is None:
                        continue
            elif guid in stopped:
                continue
            if known is None:
                for order in self._unknown(guid, source, now, for_all):
                    yield order
            elif self._stale and action != STOP:
                yield REFUSE, ("map", "shocker %s of %s" % (guid[:36], source))
            else:
                yield ACT, _command(known, action, entry, source)
        if misfits:
            yield NOTE, "%d entries that do not fit" % misfits

    def _unknown(self, guid, source, now, for_all):
        """Orders for a shocker that is none of ours: where no other hub of the account has it, the list is asked for again."""
        if not self._names or guid not in self._names or self._names.is_unfit(guid):
            self._refetch(now, 0)
        elif for_all:
            return ()
        return ((REFUSE, ("unknown", "shocker %s of %s" % (guid[:36], source))),)


def _command(known, action, entry, source):
    model, rf_id = known
    asked_us = moment_us(entry.get("executedAt"))
    return Command(model, rf_id, action, entry.get("intensity"), cut_ms(entry.get("duration")), None, source, asked_us)
