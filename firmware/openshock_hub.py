"""One connection to a SignalR hub of OpenShock: greeted, heard, kept alive, left; and what can be asked of it.

For every backend that speaks to one. A backend adds its handlers, its errands, and where to knock. Without a socket.
reference/openshock-api.md §a, reference/signalr.md.
"""

from micropython import const

from firmware import command as orders
from firmware.command import Leave, Service, Unasked
from firmware.openshock import MISFITS
from lib import signalr
from lib.websock import TEXT

_REFETCH_MS = const(10000)  # the list of shockers is asked for at most this often
_HEARD = const(32)
_GOING = const(1000)  # the WebSocket close code for a normal end (RFC 6455 §7.4.1)
_CLOSED_WAIT_MS = const(60000)  # after a close that does not invite back (reference/signalr.md §0.8)


class Talk(Service):
    """`_handlers` of the backend: name of an event in lower case → function(name, arguments, now) that gives orders."""

    OPCODE = TEXT
    _session = None
    _left = None  # the Leave that ends this connection, once what came before it was obeyed
    _heard = ()  # the last invocation ids
    _made = ()  # orders for the next `receive`
    _wanted = ()  # messages for the next `keepalive`
    _map_due = None  # when the list of shockers is to be asked for; None while it is good
    _map_free = 0  # before then it is not asked for again

    # --- the list of shockers

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

    def _no_map(self, status, wait_ms, now):
        """Orders; the list did not come, and is asked for again, but not before `wait_ms`."""
        self._map_due = self._map_free = now + max(_REFETCH_MS, wait_ms)
        return [(orders.NOTE, "the list of shockers did not come (%d)" % status)]

    # --- the connection

    def hello(self, now):
        """Messages to send first."""
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
                self._result(event, self._made)
            due = self._session.due(now)
        except signalr.Lost as lost:
            raise Leave(str(lost))
        wanted, self._wanted = tuple(self._wanted), []
        return wanted + self.news() + ((due,) if due else ())

    def news(self):
        """Further messages that are due: none."""
        return ()

    def goodbye(self):
        """Messages to send before the connection is closed by us."""
        return () if self._session.closed else (self._session.bye(),)

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
                self._result(event, made)
        if self._left and not made:
            raise self._left
        return made

    def _invoked(self, event, made, now):
        _, target, arguments, invocation_id = event
        repeated = invocation_id is not None and self._again(invocation_id)
        handler = self._handlers.get(target.lower())
        if handler is None:
            return
        try:
            asked = handler(target, arguments, now)
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

    def _result(self, event, made):
        """None; how one of our calls ended. A good end says nothing: the server refuses in silence (§a.3)."""
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
        """None; the method is called with the next `keepalive`. Unasked while there is no connection, or too many wait.

        What is urgent goes out even then, but nobody will hear how it ended.
        """
        session = self._session
        if not session:
            raise Unasked("not connected")
        try:
            try:
                message = session.invoke(target, arguments, now)[1]
            except signalr.Refused:
                if not urgent:
                    raise
                message = session.send(target, arguments)
        except signalr.Refused as no:
            raise Unasked(str(no))
        self._wanted.append(message)


class Calls(Talk):
    """What the user hub can be asked (reference/openshock-api.md §a.3), and what it is told of our updates.

    Each gives (call id, message bytes); signalr.Refused while there is no connection. A good answer does not mean that it
    was carried out: the server refuses in silence.
    """

    _untold = ()

    def report(self, event):
        """Nothing at once; `news` has it as soon as the server has greeted us."""
        self._untold = self._untold + (event,)
        return ()

    def news(self):
        """Messages that tell the server of our updates: the events of command.Service.report, under their own names."""
        due, self._untold = (self._untold, ()) if self._session.ready else ((), self._untold)
        return tuple([self._session.send(event[0], [self._device_id] + list(event[1:])) for event in due])

    def control(self, controls, now):
        """(call id, message); `controls` is a list of `openshock.control_entry`."""
        return self._session.invoke("Control", [controls], now)

    def control_v2(self, controls, custom_name, now):
        """(call id, message); `custom_name` is a text or None. A good answer does not mean that it was carried out."""
        return self._session.invoke("ControlV2", [controls, custom_name], now)

    def captive_portal(self, device_id, enabled, now):
        """(call id, message)"""
        return self._session.invoke("CaptivePortal", [device_id, enabled], now)

    def emergency_stop(self, device_id, now):
        """(call id, message)"""
        return self._session.invoke("EmergencyStop", [device_id], now)

    def ota_install(self, device_id, version, now):
        """(call id, message); `version` is a text such as 1.2.0."""
        return self._session.invoke("OtaInstall", [device_id, version], now)

    def reboot(self, device_id, now):
        """(call id, message)"""
        return self._session.invoke("Reboot", [device_id], now)
