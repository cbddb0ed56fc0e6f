"""Two services at once: what each of the two links has for a dispatcher, so that what both tell of is done once (S24).

In memory only where two backends are set. The newest order wins whoever gave it, and a stop from either stops.
"""

from micropython import const

from firmware.command import ACT, EVENT, REFUSE, means_stop, whole
from firmware.control.safety import LONGEST_MS
from lib.url import parse_url

_PLENTY_BYTES = const(1000000)  # so much is free only where there is more memory than the chip's own
_ECHO_MS = const(2000)  # so long after the one service the other may still tell of the same action
_MOST = const(16)  # actions that are remembered meanwhile


def why_not(settings, first, second, known, free_bytes):
    """Why backend `second` cannot be had beside `first`, in words; "" when it can.

    `known`: the names of all backends, or an empty list where nobody knows; `free_bytes`: of memory.
    """
    if second == first:
        return "it is the first one"
    if known and second not in known:
        return "there is no '%s' among the backends" % second
    if free_bytes >= _PLENTY_BYTES:
        return ""
    for name in (first, second):
        scheme, host, _, _ = parse_url(settings.get(name + ".url"))
        if scheme in ("http", "ws") and _is_near(host):
            return ""
    return "this board has memory for one encrypted connection; one of the two must be http:// in your own network"


def _is_near(host):
    """True for a host in one's own network: a private address, or a name without dots or below .local (RFC 1918, RFC 6762)."""
    parts = host.split(".")
    if len(parts) != 4 or not host.replace(".", "").isdigit():
        return len(parts) == 1 and ":" not in host or parts[-1] == "local"
    first, second = int(parts[0]), int(parts[1])
    return first in (10, 127) or (first, second) in ((192, 168), (169, 254)) or first == 172 and 16 <= second < 32


def ears(dispatcher, clock):
    """One Ear for each of the two links."""
    heard = []
    return Ear(dispatcher, heard, clock), Ear(dispatcher, heard, clock)


class Ear:
    """What one link of two obeys through. `heard` is the list that both share; `clock()` gives ms.

    An action that the other service has told of is refused once for each time it was told. Stops, and all other orders,
    pass as they come.
    """

    def __init__(self, dispatcher, heard, clock):
        self._dispatcher = dispatcher
        self._heard = heard  # (action as a tuple, the Ear that heard it, when), the oldest first
        self._clock = clock
        self._until_ms = 0  # what this service asked for has ended by then
        self._acted = False  # it has asked for something since it last stopped everything

    def attend(self):
        """As Dispatcher.attend."""
        self._dispatcher.attend()

    def compare(self, ahead_us):
        """As Dispatcher.compare: of two services one at most says when its orders were asked for."""
        self._dispatcher.compare(ahead_us)

    def receive(self, order, detail):
        """As Dispatcher.receive, unless the other service's link has told of the same already."""
        if order == ACT and not means_stop(detail.action):
            now = self._clock()
            if self._is_echo(detail, now):
                words = "%s %s: both services told of it" % (detail.model, detail.rf_id)
                self._dispatcher.receive(REFUSE, ("repeated", words))
                return
            self._acted = True
            if whole(detail.duration_ms, 1, 65535):
                self._until_ms = max(self._until_ms, now + detail.duration_ms)
        if order == EVENT and self._dispatcher.rules:  # what a rule makes of it was asked for by this service as well
            self._acted = True
            self._until_ms = max(self._until_ms, self._clock() + LONGEST_MS)
        self._dispatcher.receive(order, detail)

    def _is_echo(self, command, now):
        heard = self._heard
        while heard and now - heard[0][2] > _ECHO_MS:
            heard.pop(0)
        action = command[:5]  # model, id, action, intensity, duration
        for index, (known, ear, _) in enumerate(heard):
            if known == action and ear is not self:
                heard.pop(index)
                return True
        if len(heard) >= _MOST:
            heard.pop(0)
        heard.append((action, self, now))
        return False

    def halt(self, why):
        """None; everything stops: whoever could have ended what this service began is gone (S10). Nothing, if it began nothing."""
        if self._acted:
            self._acted = False
            self._dispatcher.halt(why)

    def busy(self):
        """True while something may be on the air that this service has asked for."""
        return self._clock() < self._until_ms and self._dispatcher.busy()
