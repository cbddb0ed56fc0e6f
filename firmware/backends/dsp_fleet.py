"""DSP Fleet (SignalR): what it says, messages and rescues, are events; this device tells how and where it is.

Without an account it pairs first, at another hub of the same server. It knows no receivers, so nothing here makes a command.
Without a socket: messages in, orders out. reference/seeds/002, reference/openshock-api.md §i.1; gaps filled in _dsp_messages.py.
"""

from array import array

from micropython import const

from firmware import command as orders
from firmware.backends import _dsp_messages
from firmware.backends._dsp_account import NAME, Account
from firmware.command import Event, Unasked, whole

_LANGUAGE = "en"  # of this firmware
_REMEMBERED = const(32)  # messages; the server repeats one until it hears that it arrived
_ID = const(128)  # characters of a message's id
_WORDS = const(200)  # characters of a text that is kept
_ANSWER = const(1000)  # characters of one that is sent
_LOCATION_MS = const(900000)
_HOUR_S = const(3600)  # the longest that a fast location may last, and its slowest pace
_SAMPLES = const(200)  # at that interval more than two days
_CALM_MS = const(10000)  # between two places of a peer that are told


class Backend(Account):
    """One device of a fleet. `settings`: url, latitude, longitude, and what the server gives; `agent` is the User-Agent."""

    EVENTS = (
        ("devicebound", "_bound"),
        ("receivemessage", "_message"),
        ("zonesync", "_zones"),
        ("zoneadded", "_zones"),
        ("zonedeleted", "_zone_deleted"),
        ("startfastlocation", "_start_fast"),
        ("stopfastlocation", "_stop_fast"),
        ("requesthistorysync", "_wants_history"),
        ("rescuesessionstarted", "_rescue"),
        ("rescuepeerlocation", "_rescue"),
        ("rescuesessionended", "_rescue"),
    )

    def __init__(self, settings, agent):
        super().__init__(settings, agent)
        self._version = agent.partition("/")[2].partition(" ")[0] or "0.0.0"
        place = settings["latitude"], settings["longitude"]
        self._place = [float(text) for text in place] if all(place) else None
        self._informed = self._located = False  # what this connection has told
        self._messages = []  # the ids of the last, the youngest behind
        self._said = ""  # the last, until somebody has seen it
        self._samples = array("I", [0] * _SAMPLES)  # a ring: when this device was at its place, s since the start
        self._sampled = 0
        self._sample_due = 0
        self._fast_ms = self._fast_until = 0
        self._hours = self._sent = 0  # of history that are wanted; and so many samples of it were sent
        self._rescues = {}  # session → (role, peer's id, peer's name)
        self._peer_due = 0
        self.zones = {}  # number → name, as the server last said

    def hello(self, now):
        """Messages to send first."""
        self._informed = self._located = False
        return super().hello(now)

    def _report(self, now):
        if not self._informed:
            self._informed = True
            self._tell("ReportDeviceInfo", [None, self._version, _LANGUAGE], now)
        self._locate(now)

    def shown(self):
        """As `Service`: the pairing code; what was said and not seen yet; or as whom this device is paired."""
        if self._pairing:
            return self._pairing.shown
        if self._said:
            return "message: " + self._said
        return "paired as " + (self._own["name"] or self._own["device_id"] or "somebody") if self._own["token"] else ""

    # --- what the server says

    def _message(self, _, arguments, now):
        name, body = arguments[0], arguments[1]
        if type(name) is not str or not 0 < len(name) <= _ID or type(body) is not str:
            raise ValueError
        self._tell("MessageReceived", [name], now)  # each time: until it hears that, the server repeats it
        if name in self._messages:
            return ()
        self._messages = self._messages[1 - _REMEMBERED :] + [name]
        self._said = body[:_WORDS]
        return [(orders.EVENT, Event(NAME, "message", "", self._said))]

    def ask(self, what, detail, now):
        """As `Service`: "seen" and "respond" to a message, the last one when none is named; "pair"."""
        if what == "pair":
            self._pair()
            return
        if what not in ("seen", "respond"):
            super().ask(what, detail, now)
        if self._pairing or not self._session or not self._informed:
            raise Unasked("there is no connection to the fleet yet")
        name, text = (detail, None) if what == "seen" else detail if isinstance(detail, tuple) else (None, detail)
        if not self._messages:
            raise Unasked("there was no message yet")
        last = self._messages[-1]
        name = name or last
        if name not in self._messages:
            raise Unasked("there was no message of that id lately")
        try:
            if text is None:
                self._call("MessageSeen", [name], now)
            else:
                self._call("MessageResponse", [name, text[:_ANSWER]], now)
        except ValueError:
            raise Unasked("that cannot be sent")
        if name == last:
            self._said = ""

    def _zones(self, target, arguments, now):

        if target.lower() == "zonesync":
            zones = {}
            count = _dsp_messages.take_zones(zones, arguments[0])
            self.zones = zones
            return [(orders.NOTE, "%d zones" % count)]
        _dsp_messages.take_zones(self.zones, [arguments[0]])
        return ()

    def _zone_deleted(self, _, arguments, now):
        self.zones.pop(arguments[0], None)
        return ()

    def _rescue(self, target, arguments, now):
        kind = target.lower()
        if kind == "rescuepeerlocation" and (now < self._peer_due or not self._rescues):
            return ()

        told = _dsp_messages.rescue(kind, arguments[0], self._own["device_id"], self._rescues)
        if told and kind == "rescuepeerlocation":
            self._peer_due = now + _CALM_MS
        return [(orders.EVENT, Event(NAME, "rescue", told[0], told[1][:_WORDS]))] if told else ()

    # --- where this device is

    def _start_fast(self, _, arguments, now):
        pace_s, length_s = arguments[0], arguments[1]
        if not whole(pace_s, 1, _HOUR_S) or not whole(length_s, 1, 2**31):
            raise ValueError
        self._fast_ms, self._fast_until = pace_s * 1000, now + min(length_s, _HOUR_S) * 1000
        self._sample_due = now
        return [(orders.NOTE, "a location every %d s" % pace_s)] if self._place else self._nowhere()

    def _stop_fast(self, _, arguments, now):
        if now < self._fast_until:
            self._fast_until = now
            self._sample_due = now + _LOCATION_MS
        return ()

    def _nowhere(self):
        return [(orders.NOTE, "nobody has set where this device is: dsp_fleet.latitude, dsp_fleet.longitude")]

    def _locate(self, now):
        """None; the place is told at its pace. A device that does not move was there as well while nobody could hear it."""
        if not self._place:
            return
        if now < self._sample_due and self._located:
            return
        while self._sample_due <= now:
            self._samples[self._sampled % _SAMPLES] = self._sample_due // 1000
            self._sampled += 1
            after = self._sample_due + self._fast_ms
            self._sample_due = (
                after if self._sample_due < after <= self._fast_until else self._sample_due + _LOCATION_MS
            )
        self._located = True
        self._tell("ReportLocation", self._place + [None, self._version, _LANGUAGE], now)

    def _wants_history(self, _, arguments, now):
        if not whole(arguments[0], 1, 2**31):
            raise ValueError
        if not self._place:
            return self._nowhere()
        self._hours, self._sent = arguments[0], 0
        return ()

    def _history(self, now):
        """The next part of the history that the server wants, as an errand; None."""
        if not self._hours or self.wall() is None:
            return None

        ago_s = self.wall() // 1000000 - now // 1000
        body, self._sent = _dsp_messages.history(
            self._samples, self._sampled, self._sent, self._hours, ago_s, now, self._place
        )
        if not body:
            self._hours = 0
            return None
        headers = [("Authorization", "Bearer " + self._own["token"]), ("Content-Type", "application/json")]
        return "POST", self._base + "/api/devices/history-sync", self._agent + headers, body

    def _taken(self, why):
        """Orders; the server has taken it, or not, for that reason."""
        if not why:
            return [(orders.NOTE, "the server took some of the history")]
        self._hours = 0  # it may ask again
        return [(orders.NOTE, "the server did not take the history: " + why)]
