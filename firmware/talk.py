"""One connection to a SignalR hub: greeted, heard, kept alive, left; and how it is called. For every backend that speaks to one.

A backend adds its handlers, its errands, and where to knock. Without a socket. reference/signalr.md.
"""

from micropython import const

from firmware import command as orders
from firmware.command import Leave, Service, Unasked
from lib import signalr
from lib.tables import find
from lib.websock import TEXT

MISFITS = (AttributeError, IndexError, KeyError, TypeError, ValueError)  # what data of the wrong shape raises
_HEARD = const(32)
_GOING = const(1000)  # the WebSocket close code for a normal end (RFC 6455 §7.4.1)
_CLOSED_WAIT_MS = const(60000)  # after a close that does not invite back (reference/signalr.md §0.8)


class Talk(Service):
    """`EVENTS` of the backend: (name of an event in lower case, name of the method (name, arguments, now) that gives orders)."""

    OPCODE = TEXT
    EVENTS = ()
    _session = None
    _left = None  # the Leave that ends this connection, once what came before it was obeyed
    _heard = ()  # the last invocation ids
    _made = ()  # orders for the next `receive`
    _wanted = ()  # messages for the next `keepalive`

    def hello(self, now):
        """Messages to send first."""
        self._session = None
        self._session = signalr.Session(now)
        self._left = None
        self._heard = []
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

    def receive(self, message, now):
        """Orders that `message` (bytes of one WebSocket message) makes. Leave when the connection cannot go on.

        What came before a close is obeyed: its orders are given, and the next `receive` or `keepalive` raises Leave.
        """
        made, self._made = self._made, []
        for event in self._session.feed(message, now):
            kind = event[0]
            if kind == signalr.INVOCATION:
                self._invoked(event, made, now)
            elif kind == signalr.CLOSED:
                self._left = self._farewell(event[1] or "no reason", event[2])
            elif kind == signalr.RESULT:
                self._result(event, made, now)
        if self._left and not made:
            raise self._left
        return made

    def _invoked(self, event, made, now):
        _, target, arguments, invocation_id = event
        repeated = invocation_id is not None and self._again(invocation_id)
        method = find(self.EVENTS, target.lower())
        if method is None:
            return
        try:
            asked = getattr(self, method)(target, arguments, now)
            if repeated:
                # a stop may be said as often as one likes (S5)
                asked = [order for order in asked if orders.stops(order)]
                asked.append((orders.REFUSE, ("repeated", target)))
            made += asked
        except MISFITS:
            made.append((orders.NOTE, "%s came with arguments that do not fit" % target))
            return
        if invocation_id is not None:
            self._session.complete(invocation_id, error="said twice" if repeated else None)

    def _farewell(self, reason, again):
        """The Leave that a close makes, or a record that breaks the rules (then with its WebSocket code)."""
        if self._session.code != _GOING:
            return Leave("the server broke the protocol: " + reason, 0, self._session.code)
        return Leave("closed by the server: " + reason, 0 if again else _CLOSED_WAIT_MS)

    def _result(self, event, made, now):
        """None; how one of our calls ended. A good end says nothing."""
        _, call_id, _, error = event
        if error:
            made.append((orders.NOTE, "call %s failed: %s" % (call_id, error)))

    def _again(self, invocation_id):
        """True when that id was heard before on this connection (S17)."""
        if invocation_id in self._heard:
            return True
        self._heard.append(invocation_id)
        if len(self._heard) > _HEARD:
            self._heard.pop(0)
        return False

    def _call(self, target, arguments, now, urgent=False):
        """The id of the call, which goes out with the next `keepalive`. Unasked while there is no connection, or too many wait.

        What is urgent goes out even then, but nobody will hear how it ended: None.
        """
        session = self._session
        if not session:
            raise Unasked("not connected")
        try:
            try:
                call_id, message = session.invoke(target, arguments, now)
            except signalr.Refused:
                if not urgent:
                    raise
                call_id, message = None, session.send(target, arguments)
        except signalr.Refused as no:
            raise Unasked(str(no))
        self._wanted.append(message)
        return call_id
