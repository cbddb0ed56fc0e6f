"""Who this device is at DSP Fleet: paired or not, and by which tokens. A connection that knows that; dsp_fleet.py is made of it.

Without a socket: messages in, orders out. reference/openshock-api.md §i.1; what the seed leaves open is in _dsp_messages.py.
"""

from micropython import const

from firmware.backends import _dsp_messages
from firmware.command import KEEP, NOTE, Leave, Unasked
from firmware.link.signalr_service import Talk
from lib.http_response import refusal
from lib.url import quoted

NAME = "dsp_fleet"
_BLIND_S = const(43200)  # until a new token where nobody knows when the old one ends
_MARGIN_MS = const(300000)
_AGAIN_MS = const(60000)  # between two tries to get a new one


class Account(Talk):
    """`settings` are the backend's own: what the server gives is written there, and goes out as a KEEP. `agent`: the User-Agent.

    The heir's part, while there is an account: `_report(now)` calls what is due, `_history(now)` is its errand, `_taken(why)`
    hears how that ended: why badly, in words, or "".
    """

    def __init__(self, settings, agent):
        self._own = settings
        self._base = settings["url"].rstrip("/")
        self._agent = [("User-Agent", agent)]
        self._kept = {}  # what the settings are still to learn
        self._pairing = None  # a _dsp_pairing.Pairing while there is no account
        self._ways = []  # how to knock: True with the token, False without it, to get a new one
        self._then = {}  # call id → what takes its answer: function(result, error, now)
        self._welcome = False  # the token was good for this connection
        self._refresh_due = None

    # --- the way in

    def begin(self, now):
        """None; a new connection is about to be tried: as whom, is decided here."""
        self._session = None
        if self._welcome:
            self._welcome, self._ways = False, []
        if not self._own["token"]:
            if not self._pairing:
                from firmware.backends._dsp_pairing import Pairing

                self._pairing = Pairing(self._base, self._own["device_guid"], self._agent)
            self._pairing.begin()
        elif not self._ways:
            self._ways = [True]
            if self._own["refresh"]:
                # a token that seems to be over may yet be good, where the clock is wrong
                self._ways.insert(0 if self._left_s() < 0 else 1, False)

    def _left_s(self):
        """Seconds until the token ends, below 0 when it seems to have; twelve hours when nobody knows."""
        moment_us = self.wall()

        ends_s, device_id = _dsp_messages.claims(self._own["token"])
        self._own["device_id"] = self._own["device_id"] or device_id
        return _BLIND_S if ends_s is None or moment_us is None else ends_s - moment_us // 1000000

    def _left_ms(self):
        """How long from now a new token is asked for: before the end by five minutes, or a quarter of what is left."""
        left_ms = min(self._left_s(), _BLIND_S) * 1000
        return max(left_ms - min(left_ms // 4, _MARGIN_MS), 1000)

    def errand(self, now):
        """What to fetch now, (method, url, headers, body), or None. The answer goes to `fetched`."""
        if self._pairing:
            return self._pairing.errand()
        return self._history(now)

    def fetched(self, status, body, wait_ms, now):
        """Orders; takes the answer to the last errand. Leave when there is no way on.

        `wait_ms`: how long the server asked to be left alone (Retry-After), or 0.
        """
        if self._pairing:
            return self._pairing.fetched(status, body, wait_ms, now, self._kept)
        return self._taken("" if 200 <= status < 300 else refusal(status))

    def unfetched(self, reason, now):
        """As Service."""
        return self._pairing.unfetched(reason) if self._pairing else self._taken(reason)

    def request(self):
        """(url, headers): where to knock."""
        if self._pairing:
            return self._base + "/hubs/pairing", self._agent
        if not self._ways:
            raise Leave("pairing anew", meant=True)  # somebody wanted that in this very moment
        url = self._own["endpoint"] or self._base + "/hubs/fleet"
        if self._ways[0]:
            url += ("&" if "?" in url else "?") + "access_token=" + quoted(self._own["token"])
        return url, self._agent

    def pause_ms(self, status, reason):
        """As `Service`; the link waits by itself where it is refused. Who is refused on each way needs another account."""
        if status in (401, 403) and not self._pairing:
            self._ways = self._ways[1:]
            if not self._ways:
                self._forget()
        return 0

    def _forget(self):
        """None; the account is gone: the next connection pairs."""
        for key in ("token", "refresh", "endpoint", "device_guid"):
            self._own[key] = self._kept[key] = ""
        self._ways = []

    def hello(self, now):
        """Messages to send first."""
        self._then = {}
        self._refresh_due = None
        if not self._pairing and self._own["refresh"]:
            self._refresh_due = now + (self._left_ms() if self._ways[0] else 0)
        return super().hello(now)

    def receive(self, piece, now):
        """As Talk.receive; what the server gave in other ways is handed on to be stored first."""
        if self._kept:
            self._made = self._keeping(self._made)
        return super().receive(piece, now)

    def _orders(self, event, now):
        """As Talk._orders; what the server gave is handed on to be stored."""
        made = super()._orders(event, now)
        return self._keeping(made) if self._kept else made

    def _keeping(self, made):
        """Return the orders `made`, and behind them the one that stores what the server gave."""
        kept, self._kept = self._kept, {}
        return list(made) + [(KEEP, (NAME, kept))]

    # --- calls of ours

    def news(self, now):
        """No messages of its own; what is due now is called."""
        if not self._session.ready:
            return ()
        if self._pairing:
            call = self._pairing.due(now)
            if call:
                self._tell(call[0], call[1], now, self._pairing.answered)
            return ()
        if not self._ways:
            raise Leave("pairing anew", meant=True)
        if self._refresh_due is not None and now >= self._refresh_due:
            self._refresh_due = now + _AGAIN_MS
            self._tell("RequestTokenRefresh", [self._own["refresh"]], now, self._refreshed)
        if self._ways[0]:
            self._welcome = True
            self._report(now)
        return ()

    def _tell(self, target, arguments, now, then=None):
        """None; the method is called. `then` takes the answer; without one the call goes out even while many wait."""
        try:
            call_id = self._call(target, arguments, now, not then)
        except Unasked:
            return
        if then:
            self._then[call_id] = then

    def lost(self, reason, now):
        """As Talk: nothing follows from the end of a call but a note, as the next connection begins anew."""
        self._then = {}
        return super().lost(reason, now)

    def _result(self, event, made, now):
        _, call_id, result, error = event
        then = self._then.pop(call_id, None)
        if then:
            self._called.pop(call_id, None)
            made += then(result, error, now)
        else:
            super()._result(event, made, now)

    def _refreshed(self, result, error, now):
        if not self._ways:
            return ()
        if error:
            return [(NOTE, "no new token: " + error)]
        if result is None:
            self._forget()
            self._left = Leave("the server has no new token for this device, which pairs anew")
            return [(NOTE, "the refresh token is no longer good")]

        table = _dsp_messages.tokens(result, self._own["refresh"])
        if not table:
            return [(NOTE, "a new token that makes no sense")]
        self._own.update(table)
        self._kept.update(table)
        left_ms = self._left_ms()
        self._refresh_due = now + (
            left_ms if left_ms > 1000 else _BLIND_S * 1000
        )  # with a wrong clock each is over at once
        if not self._ways[0]:
            self._left = Leave("there is a new token", meant=True)
            self._ways = [True]
        return [(NOTE, "there is a new token")]

    # --- pairing

    def pairs(self):
        """As `Service`."""
        return self._pairing is not None

    def _bound(self, _, arguments, now):
        if not self._pairing:
            return ()

        table = _dsp_messages.bound(arguments[0], self._base)
        self._own.update(table)
        self._kept.update(table)
        self._pairing = None
        self._then = {}
        self._left = Leave("paired", meant=True)
        return [(NOTE, self.shown())]

    def _pair(self):
        if self._pairing:
            self._pairing.renew()
        else:
            self._forget()
            self._left = Leave("pairing anew", meant=True)
