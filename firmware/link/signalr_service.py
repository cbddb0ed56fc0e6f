"""One connection to a SignalR hub: greeted, heard, kept alive, left; and how it is called. For every backend that speaks to one.

A backend adds its handlers, its errands, and where to knock. Without a socket. reference/signalr.md.
"""

from micropython import const

from firmware import command as orders
from firmware.command import Leave, Service, Unasked
from lib import signalr
from lib.tables import find
from lib.websocket import TEXT, Pieces

MISFITS = (AttributeError, IndexError, KeyError, TypeError, ValueError)  # what data of the wrong shape raises
_HEARD = const(32)
_LONGEST = const(64)  # characters of a name that goes to the log
_GOING = const(1000)  # the WebSocket close code for a normal end (RFC 6455 §7.4.1)
_CLOSED_WAIT_MS = const(60000)  # after a close that does not invite back (reference/signalr.md §0.8)


class Talk(Service):
    """`EVENTS` of the backend: (name of an event in lower case, name of the method (name, arguments, now) that gives orders)."""

    OPCODE = TEXT
    FRAMES = Pieces  # a server packs many records into one message, and cuts it where it likes
    EVENTS = ()
    SPLIT = ""  # the event whose list may be long: it comes as several, as signalr.Session says
    _session = None
    _left = None  # the Leave that ends this connection, once what came before it was obeyed
    _heard = ()  # the last invocation ids
    _called = None  # what was asked by each call under way: call id → words
    _made = ()  # orders for the next `receive`
    _wanted = ()  # messages for the next `keepalive`

    def hello(self, now):
        """Messages to send first."""
        self._session = None
        self._session = signalr.Session(now, split=self.SPLIT)
        self._left = None
        self._heard = []
        self._called = {}
        self._made = []
        self._wanted = []  # what could not go out belongs to a connection that is gone
        return [self._session.hello()]

    def keepalive(self, now):
        """Messages due now: pings, and answers to what was received. Leave when the server has closed, or fallen silent."""
        if self._left:
            raise self._left
        try:
            for event in self._session.expired(now):
                self._result(event, self._made, now)
            due = self._session.due(now)
        except signalr.Lost as lost:
            raise Leave(str(lost))
        news = self.news(now)
        wanted, self._wanted = tuple(self._wanted), []
        return wanted + news + ((due,) if due else ())

    def news(self, now):
        """Further messages that are due: none."""
        return ()

    def goodbye(self):
        """Messages to send before the connection is closed by us."""
        session = self._session  # None where `hello` had no memory for one
        return (session.bye(),) if session and not session.closed else ()

    def receive(self, piece, now):
        """Yield the orders that `piece` (bytes of WebSocket messages, cut anywhere) makes. Leave when the connection cannot go on.

        Each record is read when the orders of those before it have been obeyed; nothing holds more than one.
        """
        made, self._made = self._made, []
        for order in made:
            yield order
        for event in self._session.feed(piece, now):
            for order in self._orders(event, now):
                yield order
        if self._left:
            raise self._left

    def _orders(self, event, now):
        """Return the orders that one event of the session makes."""
        kind = event[0]
        if kind == signalr.INVOCATION:
            return self._invoked(event, now)
        if kind == signalr.SKIPPED:
            return self._unread(event[1])
        made = []
        if kind == signalr.CLOSED:
            self._left = self._farewell(event[1] or "no reason", event[2])
        elif kind == signalr.RESULT:
            self._result(event, made, now)
        return made

    def _unread(self, why):
        """Return the orders for something that could not be read: it may have been a stop, so everything stops (S5)."""
        return [(orders.HALT, why), (orders.NOTE, why + " was not read: everything stops")]

    def _invoked(self, event, now):
        _, target, arguments, invocation_id = event
        repeated = invocation_id is not None and self._again(invocation_id)
        method = find(self.EVENTS, target.lower())
        if method is None:
            return ()
        try:
            made = getattr(self, method)(target, arguments, now)
        except MISFITS:
            return [(orders.NOTE, "%s came with arguments that do not fit" % target)]
        except MemoryError:
            made = self._unread("no memory for what came: " + target[:_LONGEST])
        if repeated:
            # a stop may be said as often as one likes (S5)
            made = [order for order in made if orders.stops(order)] + [(orders.REFUSE, ("repeated", target))]
        if invocation_id is not None:
            self._session.complete(invocation_id, error="said twice" if repeated else None)
        return made

    def _farewell(self, reason, again):
        """The Leave that a close makes, or a record that breaks the rules (then with its WebSocket code)."""
        if self._session.code != _GOING:
            return Leave("the server broke the protocol: " + reason, 0, self._session.code)
        return Leave("closed by the server: " + reason, 0 if again else _CLOSED_WAIT_MS)

    def lost(self, reason, now):
        """As Service: each call under way ends with that error."""
        made, self._made = list(self._made), []
        if self._session:
            for event in self._session.lost(reason):
                self._result(event, made, now)
        return made

    def _result(self, event, made, now):
        """None; how one of our calls ended. A good end says nothing."""
        _, call_id, _, error = event
        words = self._called.pop(call_id, "a call")
        if error:
            made.append((orders.NOTE, "%s failed: %s" % (words, error)))

    def _again(self, invocation_id):
        """True when that id was heard before on this connection (S17)."""
        if invocation_id in self._heard:
            return True
        self._heard.append(invocation_id)
        if len(self._heard) > _HEARD:
            self._heard.pop(0)
        return False

    def _call(self, target, arguments, now, urgent=False, words=None):
        """The id of the call, which goes out with the next `keepalive`. Unasked while there is no connection, or too many wait.

        What is urgent goes out even then, but nobody will hear how it ended: None. `words` say what it is for, where the
        name of the method does not.
        """
        session = self._session
        if not session:
            raise Unasked("not connected")
        try:
            try:
                call_id, message = session.invoke(target, arguments, now)
                self._called[call_id] = words or target
            except signalr.Refused:
                if not urgent:
                    raise
                call_id, message = None, session.send(target, arguments)
        except signalr.Refused as no:
            raise Unasked(str(no))
        self._wanted.append(message)
        return call_id
