"""A connection to a hub of OpenShock: when the list of shockers that goes with it is asked for.

For every backend that speaks to one. Without a socket. reference/openshock-api.md §a.
"""

from micropython import const

from firmware import command as orders
from firmware.backends import _openshock_shockers
from firmware.link.signalr_service import Talk as Connection
from lib.http_response import refusal

_REFETCH_MS = const(10000)  # the list of shockers is asked for at most this often


class Talk(Connection):
    """As talk.Talk, for those who need a list of shockers."""

    _map_due = None  # when the list of shockers is to be asked for; None while it is good
    _map_free = 0  # before then it is not asked for again

    def _refetch(self, now, settle_ms):
        """None; the list is asked for again, once it has settled."""
        if self._map_due is None:
            self._map_due = max(now + settle_ms, self._map_free)

    def _asks_map(self, now):
        """True when the list is to be asked for now; it is then on its way."""
        if self._map_due is None or now < self._map_due:
            return False
        self._map_due = None
        self._map_free = now + _REFETCH_MS
        return True

    _list = None  # the list that is asked for now, or was last, as openshock_map has them

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
        self._map_due = self._map_free = now + max(_REFETCH_MS, wait_ms)
        return [(orders.NOTE, "the list of shockers did not come: " + reason)]
