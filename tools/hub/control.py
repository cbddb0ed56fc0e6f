"""The one place that admits orders to shockers: checks, clamps, and says what `Log` tells of them (reference c, e)."""

from tools.hub import models, wire

MIN_DURATION_MS = 300
MAX_DURATION_MS = 65_535
MAX_INTENSITY = 100
NOT_FOUND, PAUSED, NO_PERMISSION, BAD_TYPE = "not found", "paused", "no permission", "unknown type"
_IMAGE = "https://www.gravatar.com/avatar/{}?d=https%3a%2f%2fopenshock.app%2fstatic%2fimages%2fIcon512.png"


class Refused(Exception):
    """An order was not admitted, and with it its whole batch: `reason` (a constant of this room), `shocker` its guid."""

    def __init__(self, reason, shocker):
        super().__init__(f"shocker {shocker}: {reason}")
        self.reason = reason
        self.shocker = shocker


def _checked(shockers, control, link):
    """The shocker and its part of the share link (None for the owner) of an order that may pass."""
    shocker = next((each for each in shockers if each.guid == control.id), None)
    share = link.shares.get(control.id) if link else None
    if shocker is None or (link and share is None):
        raise Refused(NOT_FOUND, control.id)
    if control.type >= len(models.CONTROL_TYPES):
        raise Refused(BAD_TYPE, control.id)
    if shocker.paused or (share and share.paused):
        raise Refused(PAUSED, control.id)
    if share and not share.allows(control.type):
        raise Refused(NO_PERMISSION, control.id)
    return shocker, share


def _clamped(value, low, high, limit):
    return max(low, min(value, high if limit is None else min(limit, high)))


def admit(shockers, controls, link, now) -> list:
    """The ControlLogs of a batch, ready for JSON. Refused: the first bad one ends all. Of equal ids the first counts."""
    executed_at = wire.iso(now)
    logs, seen = [], set()
    for control in controls:
        if control.id in seen:
            continue
        seen.add(control.id)
        shocker, share = _checked(shockers, control, link)
        logs.append(
            {
                "shocker": {"id": shocker.guid, "name": shocker.name},
                "type": control.type,
                "intensity": _clamped(control.intensity, 0, MAX_INTENSITY, share and share.max_intensity),
                "duration": _clamped(
                    control.duration, MIN_DURATION_MS, MAX_DURATION_MS, share and share.max_duration_ms
                ),
                "executedAt": executed_at,
            }
        )
    return logs


def stops(shockers, now) -> list:
    """ControlLogs that stop all of these, paused ones too: a stop of the person at the hub is never refused."""
    executed_at = wire.iso(now)
    entry = {"type": models.STOP, "intensity": 0, "duration": MIN_DURATION_MS, "executedAt": executed_at}
    return [{"shocker": {"id": shocker.guid, "name": shocker.name}, **entry} for shocker in shockers]


def owner_sender(config, connection_id, token=None, custom_name=None) -> dict:
    """The ControlLogSender of the owner; `token` is named when the order came through SignalR with one (a.6)."""
    return {
        "connectionId": connection_id,
        "additionalItems": {"openshock.apiTokenId": token.guid} if token else {},
        "id": config.owner_guid,
        "name": config.owner_name,
        "image": _IMAGE.format(config.owner_guid.replace("-", "")),
        "customName": custom_name,
    }


def visitor_sender(config, link, connection_id) -> dict:
    """The ControlLogSender of somebody who is signed in and came by a share link; here that is the owner (a.6)."""
    return owner_sender(config, connection_id) | {"additionalItems": {"shareLinkId": link.guid}}


def guest_sender(link, connection_id, name) -> dict:
    """The ControlLogSender of a guest of a share link."""
    return {
        "connectionId": connection_id,
        "additionalItems": {"shareLinkId": link.guid},
        "id": wire.ZERO_GUID,
        "name": "Guest",
        "image": _IMAGE.format(wire.ZERO_GUID.replace("-", "")),
        "customName": name,
    }
