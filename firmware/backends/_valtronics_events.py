"""What Valtronics tells, in both of its dialects, as events for control/event_rules.py: alerts, states, values. No I/O, no clock.

For valtronics.py, which holds the connection. reference/seeds/003, reference/openshock-api.md §i.2.
"""

from micropython import const

from firmware.command import EVENT, NOTE, Event

_SEEN = const(32)  # alerts that are remembered, beyond a lost connection
_TWICE_MS = const(2000)  # the public server tells a subscriber everything twice
_CALM_MS = const(10000)  # what is measured comes all the time, and the log shall hold more than that
_MEASURED = const(16)
_VALUES = const(8)  # of one message
_NAME = const(40)  # characters of a name or an id
_LONGEST = const(200)  # characters of an event
_GRAVE = ("warning", "error", "critical")  # states that are severities as well


class Teller:
    """Remembers which alerts it has told, and when it told last what is measured all the time."""

    def __init__(self):
        self._seen = []
        self._last = ""  # the last event, and when it came
        self._last_ms = 0
        self._measured = {}  # what was measured → when it may be told again
        self._kinds = {
            "alert": self._alert,
            "device_status_update": self._device,
            "device_update": self._device,
            "device_status": self._device,
            "system_status_update": self._system,
            "system_notification": self._system,
            "telemetry_update": self._telemetry,
            "subscription_confirmed": _confirmed,
            "unsubscription_confirmed": _confirmed,
        }

    def tell(self, kind, said, now):
        """Orders for the message `said` (a dict) of type `kind`; None for a type that is not told here."""
        told = self._kinds.get(kind)
        return told and told(said, now)

    def _alert(self, said, now):
        body = _inside(said, "alert")  # the public server packs it once more
        name = body.get("alert_id", body.get("id"))
        if isinstance(name, str) or type(name) is int:
            name = str(name)[:_NAME]
            if name in self._seen:
                return [(NOTE, "alert %s came again" % name)]
            self._seen = self._seen[1 - _SEEN :] + [name]
        return self._event("alert", body, body.get("device_id"), now, body.get("title"), body.get("message"))

    def _device(self, said, now):
        body = _inside(said, "updates")
        new = text_of(body.get("new_status", body.get("status")))
        old, reason = text_of(body.get("old_status")), text_of(body.get("reason"))
        words = (old + " -> " if old else "") + new + (" (%s)" % reason if reason else "")
        if new in _GRAVE and "severity" not in body:
            body["severity"] = new
        return self._event("device", body, said.get("device_id"), now, words or _row(body))

    def _system(self, said, now):
        metrics = said.get("metrics")
        if isinstance(metrics, dict):
            return self._event("system", said, None, now, _row(metrics)) if self._is_news("system", now) else ()
        body = _inside(_inside(said, "data"), "notification")
        words = body.get("message", body.get("notification"))
        return self._event("system", body, body.get("device_id"), now, body.get("title"), words)

    def _telemetry(self, said, now):
        values, single = said.get("telemetry"), said.get("data")
        if isinstance(values, dict):
            values = {name: _value(of, "value") for name, of in values.items()}
        elif isinstance(single, dict):
            values = {text_of(single.get("metric_name")): _value(single, "metric_value")}
        else:
            return [(NOTE, "telemetry that makes no sense")]
        device = said.get("device_id")
        what = text_of(device)[:_NAME] + " " + ",".join(sorted(values))[:_NAME]
        return self._event("telemetry", said, device, now, _row(values)) if self._is_news(what, now) else ()

    def _is_news(self, what, now):
        """True when that was not told for a while."""
        measured = self._measured
        if now < measured.get(what, now):
            return False
        if len(measured) >= _MEASURED:
            for old in [name for name, until in measured.items() if until <= now]:
                del measured[old]
        if len(measured) >= _MEASURED:
            return False
        measured[what] = now + _CALM_MS
        return True

    def _event(self, kind, body, device, now, *texts):
        parts = [] if device is None else ["device " + text_of(device)[:_NAME]]
        text = ": ".join(parts + [text_of(part) for part in texts if part])[:_LONGEST]
        again = self._last == kind + text and now - self._last_ms < _TWICE_MS
        self._last, self._last_ms = kind + text, now
        if again and kind != "alert":
            return ()
        severity = text_of(body.get("severity"))[:_NAME].lower()
        return [(EVENT, Event("valtronics", kind, severity, text))]


def _confirmed(said, now):
    return [(NOTE, "%s device %s" % (text_of(said["type"]).split("_")[0], text_of(said.get("device_id"))[:_NAME]))]


def text_of(value):
    """What a person reads of `value`, 200 characters at most; "" for what is no text and no number."""
    return str(value)[:_LONGEST] if isinstance(value, (str, int, float)) else ""


def _inside(said, name):
    """The table `name` of a message, or the message itself: both forms are about."""
    inner = said.get(name)
    return inner if isinstance(inner, dict) else said


def _value(of, name):
    """ "23.5 °C": a measured value with its unit."""
    if not isinstance(of, dict):
        return of
    return (text_of(of.get(name)) + " " + text_of(of.get("unit"))).strip()


def _row(values):
    return ", ".join([name[:_NAME] + " " + text_of(value) for name, value in list(values.items())[:_VALUES]])
