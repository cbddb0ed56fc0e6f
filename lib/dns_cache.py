"""The last good addresses of host names, for a router that forgets its name server. lib/resolver.py asks. No I/O, no clock."""


class Memory:
    """The last good address of a few hosts. Time is in ms, from a clock that never wraps."""

    def __init__(self, most=4, shortest_s=60, longest_s=3600):
        self._most = most
        self._shortest_s = shortest_s
        self._longest_s = longest_s
        self._known = {}  # host: (address, fresh until, ms)

    def put(self, host, address, ttl_s, now):
        """None; keeps `address` for `ttl_s` within our bounds, in place of the one that ends first when full."""
        if host not in self._known and len(self._known) >= self._most:
            del self._known[min(self._known, key=lambda known: self._known[known][1])]
        self._known[host] = address, now + 1000 * min(max(ttl_s, self._shortest_s), self._longest_s)

    def fresh(self, host, now):
        """The address that need not be asked for again yet, or None."""
        address, until = self._known.get(host, (None, 0))
        return address if now < until else None

    def stale(self, host):
        """The last address known, however old, or None: for when nobody answers (TLS still proves who it is)."""
        return self._known.get(host, (None, 0))[0]
