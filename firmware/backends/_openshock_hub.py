"""A connection to a hub of OpenShock: when the list of shockers that goes with it is asked for.

For every backend that speaks to one. Without a socket. reference/openshock-api.md §a.
"""

from micropython import const

from firmware import command as orders
from firmware.backends import _openshock_shockers
from firmware.link.signalr_service import Talk as Connection
from lib.http_response import refusal

LONGEST = const(128)  # characters of a text that is kept
_MOST = const(64)  # foreign devices that are remembered
_REFETCH_MS = const(10000)  # the list of shockers is asked for at most this often …
_UPDATE_MS = const(1000)  # … and at most this often when the service says that it has changed


class Talk(Connection):
    """As signalr_service.Talk, for those who need a list of shockers."""

    _map_due = None  # when the list of shockers is to be asked for; None while it is good
    _map_free = 0  # before then it is not asked for again …
    _map_update = 0  # … and before then not even when it has changed
    _stale = False  # it is known to be old (S16)
    _list = None  # the list that is asked for now, or was last, as _openshock_shockers has them

    def _refetch(self, now, settle_ms):
        """None; the list is asked for again, once it has settled."""
        if self._map_due is None:
            self._map_due = max(now + settle_ms, self._map_free)

    def _changed(self, now, settle_ms):
        """None; the list is known to be old until it has come, and is asked for as soon as it has settled."""
        self._stale = True
        due = max(now + settle_ms, self._map_update)
        self._map_due = due if self._map_due is None else min(due, self._map_due)

    def _came(self):
        """None; a list came: it is good unless it has changed since it was asked for."""
        self._stale = self._stale and self._map_due is not None

    def _asks_map(self, now):
        """True when the list is to be asked for now; it is then on its way."""
        if self._map_due is None or now < self._map_due:
            return False
        self._map_due = None
        self._map_free = now + _REFETCH_MS
        self._map_update = now + _UPDATE_MS
        return True

    def taker(self):
        """As `Service`."""
        return self._list

    def _listed(self, status, body, wait_ms, now):
        """Return orders where the answer to the request for the list brought none, as `_no_map`; None: `_list` is good.

        `body`: `_list` itself, which took it in pieces, or bytes.
        """
        if status != 200:
            return self._no_map(refusal(status), wait_ms, now)
        fault = _openshock_shockers.whole_list(self._list, body).fault
        return self._no_map(fault, wait_ms, now) if fault else None

    def _no_map(self, reason, wait_ms, now):
        """Orders; the list did not come, for `reason` in words, and is asked for again, but not before `wait_ms`."""
        self._map_due = self._map_free = self._map_update = now + max(_REFETCH_MS, wait_ms)
        return [(orders.NOTE, "the list of shockers did not come: " + reason)]


def stop_of(known, source):
    """Return the Command that stops `known`: (model, id)."""
    return orders.Command(known[0], known[1], orders.STOP, 0, 0, None, source, None)


def remember(table, key, value):
    """None; `table` has that, as long as there is room, and the key is none of an attacker's length."""
    if len(key) <= LONGEST and (key in table or len(table) < _MOST):
        table[key] = value


def short(value):
    """What may be kept of a value from outside: a text up to its bound, a number; None for all else."""
    return value[:LONGEST] if type(value) is str else value if type(value) in (int, float, bool) else None
