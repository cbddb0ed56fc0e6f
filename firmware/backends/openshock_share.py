"""OpenShock's share links (SignalR): this device as a remote, a guest or the owner, for the shockers that a link shares.

Nothing here makes a command for a receiver of our own: the service has none for those who joined a link. Without a socket:
messages in, orders out. reference/openshock-api.md §a.5, §b, §e, §j.
"""

from micropython import const

from firmware import command as orders
from firmware.backends import _openshock_control, _openshock_link
from firmware.backends._openshock_hub import Talk
from firmware.backends._openshock_shared import Shared
from firmware.command import STOP, Leave, Unasked, whole

_SETTLE_MS = const(500)  # after an Updated more of them follow
_OLD_MS = const(60000)  # a list may be, when somebody presses: the service tells of no change
_LONG_WAIT_MS = const(300000)  # a link that lets nobody in
_TRIES = const(3)  # connections in a row that ended before their Welcome: fewer of them may be the network's
_ROLES = ("a signed-in visitor", "a guest")  # AuthType (§a.6)
_ACTIONS = ("", "shock", "vibrate", "sound")  # the permission for each action


class Backend(Talk):
    """One share link. `settings`: url, link (its id, or an address that holds it), name, session; `agent` is the User-Agent."""

    EVENTS = (("welcome", "_welcome"), ("updated", "_updated"))

    def __init__(self, settings, agent):

        base = settings["url"].rstrip("/")
        self._missing, link, query, session = _openshock_link.read(settings)
        self._list_url = "%s/1/public/shares/links/%s" % (base, link)
        self._url = "%s/1/hubs/share/link/%s%s" % (base, link, query)
        self._agent = [("User-Agent", agent)]
        self._headers = self._agent + session
        self._shockers = None  # an _openshock_shared.Shared; None while nobody knows
        self._listed_ms = 0  # when the list came
        self._welcomed = False
        self._shut = 0  # connections in a row that ended between the handshake and their Welcome
        self._words = ""  # why the link does not let us in

    # --- errands: HTTP requests that the link runs, before the socket is open and while it is

    def begin(self, now):
        """None; a new connection is about to be tried."""
        self._session = None
        self._welcomed = False
        self._map_due = max(now, self._map_free)

    def errand(self, now):
        """What to fetch now, (method, url, headers), or None. Leave when the settings lack something."""
        if self._missing:
            self._words = self._missing
            raise Leave(self._missing, _LONG_WAIT_MS)
        if not self._asks_map(now):
            return None
        self._list = Shared()
        return "GET", self._list_url, self._agent

    def fetched(self, status, body, wait_ms, now):
        """Orders; takes the answer to the last errand. Leave when there is no such link.

        `wait_ms`: how long the server asked to be left alone (Retry-After), or 0.
        """
        if status == 404:
            self._words = "there is no such share link, or its time is over"
            raise Leave(self._words, _LONG_WAIT_MS)
        missing = self._listed(status, body, wait_ms, now)
        if missing:
            return missing
        self._shockers, self._list = self._list, None
        self._listed_ms = now
        counted = len(self._shockers), self._shockers.count_paused()
        return [(orders.NOTE, "%d shockers in the share link, %d of them paused" % counted)]

    def unfetched(self, reason, now):
        """As Service; without the list it connects all the same."""
        return self._no_map(reason, 0, now)

    # --- the connection

    def request(self):
        """(url, headers): where to knock."""
        return self._url, self._headers

    def pause_ms(self, status, reason):
        """As `Service`; long when the link lets nobody in. Then `shown` says why it may be.

        Whom the hub lets in it greets at once, whom it does not it cuts off, without a reason (reference/openshock-api.md
        §a.5). A network may fail just then, too: only a Close that does not invite back, or the third such end in a row, counts.
        """
        session = self._session
        if not session or not session.ready or self._welcomed:
            return 0
        self._shut += 1
        if self._shut < _TRIES and not (self._left and self._left.wait_ms):
            return 0
        self._words = (
            "the share link was closed as soon as it was open: it is unknown or its time is over, the name is refused"
        )
        if len(self._headers) > 1:
            self._words += ", or the session is no longer good"
        return _LONG_WAIT_MS

    def shown(self):
        """As `Service`: why the link does not let us in; "" while it does."""
        return self._words

    def _welcome(self, _, arguments, now):
        self._welcomed = True
        self._shut = 0
        self._words = ""
        role = arguments[0] if arguments else None
        return [(orders.NOTE, "joined the share link as %s" % (_ROLES[role] if whole(role, 0, 1) else "somebody"))]

    def _updated(self, _, arguments, now):
        self._refetch(now, _SETTLE_MS)
        return []

    # --- as a remote

    def ask(self, what, detail, now):
        """As `Service`: "control" of a shocker of the link, within what the link allows. A stop passes whatever it says."""
        if what != "control":
            super().ask(what, detail, now)
        if not self._welcomed:
            raise Unasked("the share link has not let us in yet")

        if now - self._listed_ms >= _OLD_MS:
            self._refetch(now, 0)  # this press is judged by what is known, the next by what comes
        shockers = self._shockers
        try:
            guid = _openshock_control.guid_of(shockers, detail.shocker)
            paused, allowed, level, ms = shockers.shocker(guid)
            if detail.action != STOP:
                if paused:
                    raise Unasked(detail.shocker + " is paused")
                if whole(detail.action, 1, 3) and not allowed >> detail.action & 1:
                    raise Unasked("the share link allows no %s for %s" % (_ACTIONS[detail.action], detail.shocker))
        except Unasked:
            self._refetch(now, 0)  # the server does not tell of changes: perhaps it is otherwise by now
            raise
        entry = _openshock_control.entry(shockers, detail, level, ms)
        self._call("Control", [[entry]], now, detail.action == STOP, _openshock_control.words(detail))
        if detail.action != STOP and (entry["intensity"], entry["duration"]) != (detail.intensity, detail.duration_ms):
            self._made.append((orders.NOTE, "the share link lowers it to %(intensity)d, %(duration)d ms" % entry))
