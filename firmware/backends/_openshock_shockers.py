"""The lists of shockers as OpenShock's API gives them: those of the account, and those of a share link. Seldom in memory. No I/O.

Facts: reference/openshock-api.md §a.2 (JSON), §a.6 (values), §c (the map of shockers), §e (what a link allows).
"""

from micropython import const

from firmware.command import whole
from lib.strict_json import loads
from lib.tables import find

_MOST = const(64)  # shockers that are remembered
_HUBS = const(16)
_LONGEST = const(64)  # characters of a name (48 at the real server), and of an id
_MISFITS = (AttributeError, IndexError, KeyError, TypeError, ValueError)  # what data of the wrong shape raises

# The names of the REST API and of FlatBuffers, lower case → files of firmware/shockers (reference/openshock-api.md §a.6)
_MODELS = (
    ("caixianlin", "caixianlin"),
    ("pettrainer", "petrainer"),
    ("petrainer", "petrainer"),
    ("pettrainer998dr", "petrainer998dr"),
    ("petrainer998dr", "petrainer998dr"),
    ("wellturnt330", "wellturnt330"),
    ("t330", "wellturnt330"),
    ("d80", "d80"),
)


def shockers_of(body, device_id, names=None, hubs=None, unfit=None):
    """guid → (model, RF id) of all hubs, or of the one that `device_id` names; None when `body` is not such a list.

    Unknown models and damaged entries are skipped: one of them must not keep the others from working. What a remote can reach
    goes to `names` (a dict: guid → name, of the shockers of all hubs) and `hubs` (a list: the ids of all hubs); `unfit` (a list)
    gets the ids of what is ours and was skipped.
    """
    found = {}
    try:
        data = loads(body)["data"]
        for hub in data:
            if not device_id or hub["id"].lower() == device_id:
                for shocker in hub["shockers"]:
                    if not _take_shocker(found, shocker) and unfit is not None:
                        _take_unfit(unfit, shocker)
    except _MISFITS:
        return None
    if names is not None:
        _take_names(data, {guid: guid for guid in found}, names, hubs)
    return found


def _take_shocker(found, shocker):
    """Return whether it was taken."""
    if not isinstance(shocker, dict) or len(found) >= _MOST:
        return False
    model = find(_MODELS, str(shocker.get("model")).lower())
    rf_id, guid = shocker.get("rfId"), shocker.get("id")
    if not model or not whole(rf_id, 0, 65535) or not isinstance(guid, str):
        return False
    found[guid.lower()] = model, rf_id
    return True


def _take_unfit(unfit, shocker):
    guid = shocker.get("id") if isinstance(shocker, dict) else None
    if isinstance(guid, str) and len(guid) <= _LONGEST and len(unfit) < _MOST:
        unfit.append(guid.lower())


def _take_names(data, same, names, hubs):
    """None; as far as the data goes on without damage. `same`: guid → the text that is kept for it already."""
    try:
        for hub in data:
            if len(hubs) < _HUBS and len(hub["id"]) <= _LONGEST:
                hubs.append(hub["id"].lower())
            for shocker in hub["shockers"]:
                guid, name = shocker["id"].lower(), shocker.get("name")
                if len(names) < _MOST and len(guid) <= _LONGEST:
                    names[same.get(guid, guid)] = name[:_LONGEST] if isinstance(name, str) else ""
    except _MISFITS:
        pass  # the receivers of this device do not depend on it


def digits_of(guid):
    """Return the 32 digits of an id however it is written, "" for what is none."""
    if not isinstance(guid, str):
        return ""
    digits = guid.strip(" {}").replace("-", "").lower()
    return digits if len(digits) == 32 and not digits.strip("0123456789abcdef") else ""


def spelt(guid):
    """Return an id as the service writes it, whatever its spelling; what is none as it is."""
    digits = digits_of(guid)
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])) if digits else guid


def shared_shockers_of(body):
    """guid → (name, [whether each action is allowed], level, ms, whether it is paused) of a share link; None for no such list."""
    found = {}
    try:
        for device in loads(body)["data"]["devices"]:
            for shocker in device["shockers"]:
                _take_shared(found, shocker)
    except _MISFITS:
        return None
    return found


def _take_shared(found, shocker):
    """None; what is damaged is skipped: nobody knows what it allows."""
    try:
        guid, name, can, limits = (shocker[key] for key in ("id", "name", "permissions", "limits"))
        level, ms = limits.get("intensity"), limits.get("duration")
        level, ms = 100 if level is None else level, 65535 if ms is None else ms
        allowed = [False] + [can.get(action) is True for action in ("shock", "vibrate", "sound")]
        if whole(level, 0, 100) and whole(ms, 300, 65535) and len(guid) <= _LONGEST and len(found) < _MOST:
            found[guid.lower()] = (
                name[:_LONGEST].strip(),
                allowed,
                level,
                ms,
                shocker.get("paused", 0) not in (0, False),
            )
    except _MISFITS:
        pass
