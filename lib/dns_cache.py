"""The last good addresses of host names, for a router that forgets its name server. lib/resolver.py asks. No I/O, no clock.

Which addresses of several can be reached is not for a name server to know: lib/connect.py notes those that could not (`failed`).
"""

from micropython import const

_MOST_FAILED = const(8)
_failed = []  # addresses, the newest last


def failed(address):
    """Note that `address` could not be reached: another one of its name comes first now."""
    if address not in _failed:
        _failed.append(address)
        del _failed[:-_MOST_FAILED]


def first(addresses, again=False):
    """Return the first of `addresses` ("a.b.c.d e.f.g.h") that has not failed; None for none.

    `again`: they are as new as can be, so where all have failed this is forgotten, and the first is tried anew.
    """
    several = addresses.split(" ")
    for address in several:
        if address not in _failed:
            return address
    if not again:
        return None
    for address in several:
        _failed.remove(address)
    return several[0]


class Memory:
    """The last good addresses of a few hosts, "a.b.c.d e.f.g.h". Time is in ms, from a clock that never wraps."""

    def __init__(self, most=4, shortest_s=60, longest_s=3600):
        self._most = most
        self._shortest_s = shortest_s
        self._longest_s = longest_s
        self._known = {}  # host: (addresses, fresh until, ms)

    def put(self, host, addresses, ttl_s, now):
        """None; keeps `addresses` for `ttl_s` within our bounds, in place of the one that ends first when full."""
        if host not in self._known and len(self._known) >= self._most:
            del self._known[min(self._known, key=lambda known: self._known[known][1])]
        self._known[host] = addresses, now + 1000 * min(max(ttl_s, self._shortest_s), self._longest_s)

    def fresh(self, host, now):
        """The address that need not be asked for again yet, or None: all that are known have failed, or are old."""
        addresses, until = self._known.get(host, (None, 0))
        return first(addresses) if now < until else None

    def stale(self, host):
        """The last address known, however old, or None: for when nobody answers (TLS still proves who it is)."""
        addresses = self._known.get(host, (None, 0))[0]
        return addresses and first(addresses, again=True)
