"""Negotiated connection ids: given out, waited for, used once (reference signalr.md 1). Knows no socket."""

import secrets
import time

from tools.hub import wire

UNKNOWN, TAKEN, GOOD = "unknown", "taken", "good"
_TRANSPORTS = [{"transport": "WebSockets", "transferFormats": ["Text", "Binary"]}]
_MAX_WAITING = 1000


class Negotiations:
    """The ids that are waiting for their socket, or have it."""

    def __init__(self, lifetime_ms):
        self._lifetime_s = lifetime_ms / 1000
        self._waiting = {}  # token → end of its time
        self._taken = set()

    def _forget_old(self):
        now_s = time.monotonic()
        self._waiting = {token: end_s for token, end_s in self._waiting.items() if end_s > now_s}
        while len(self._waiting) >= _MAX_WAITING:
            del self._waiting[next(iter(self._waiting))]

    def answer(self, version) -> dict:
        """The body of the answer to a negotiate request of that version (text from the query, or None for 0)."""
        try:
            version = min(int(version or 0), 1)
        except ValueError:
            return {"error": "The client requested a non-integer protocol version."}
        if version < 0:
            return {"error": f"The client requested version '{version}', but the server does not support this version."}
        self._forget_old()
        connection_id = wire.new_connection_id()
        token = secrets.token_urlsafe(16) if version else connection_id
        self._waiting[token] = time.monotonic() + self._lifetime_s
        names = {"negotiateVersion": version, "connectionId": connection_id}
        if version:
            names["connectionToken"] = token
        return names | {"availableTransports": _TRANSPORTS}

    def take(self, token) -> str:
        """GOOD once for an id that was given out; TAKEN while it has a socket; UNKNOWN before and after."""
        if token in self._taken:
            return TAKEN
        self._forget_old()
        if self._waiting.pop(token, None) is None:
            return UNKNOWN
        self._taken.add(token)
        return GOOD

    def release(self, token):
        """Its socket is gone: the id is unknown from now on."""
        self._taken.discard(token)
