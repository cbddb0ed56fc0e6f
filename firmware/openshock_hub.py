"""A connection to a hub of OpenShock: the list of shockers that goes with it, and what the user hub can be asked.

For every backend that speaks to one. Without a socket. reference/openshock-api.md §a.
"""

from micropython import const

from firmware import command as orders
from firmware.talk import Talk as Connection

_REFETCH_MS = const(10000)  # the list of shockers is asked for at most this often


class Talk(Connection):
    """As talk.Talk, for those who need a list of shockers."""

    _map_due = None  # when the list of shockers is to be asked for; None while it is good
    _map_free = 0  # before then it is not asked for again

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

    def news(self, now):
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
