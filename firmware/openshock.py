"""OpenShock's words: what its API calls receivers, controls and moments. For every backend that speaks to it. No I/O.

Facts: reference/openshock-api.md §a.2 (JSON), §a.6 (values), §c (the map of shockers).
"""

from micropython import const

from firmware.command import SOUND, STOP, whole
from lib.jsontext import loads

_MOST = const(64)  # shockers that are remembered
_HUBS = const(16)
_LONGEST = const(64)  # characters of a name (48 at the real server), and of an id
MISFITS = (AttributeError, IndexError, KeyError, TypeError, ValueError)  # what data of the wrong shape raises

# The names of the REST API and of FlatBuffers, lower case → files of firmware/shockers (reference/openshock-api.md §a.6)
_MODELS = {
    "caixianlin": "caixianlin",
    "pettrainer": "petrainer",
    "petrainer": "petrainer",
    "pettrainer998dr": "petrainer998dr",
    "petrainer998dr": "petrainer998dr",
    "wellturnt330": "wellturnt330",
    "t330": "wellturnt330",
    "d80": "d80",
}


def shockers_of(body, device_id, names=None, hubs=None):
    """guid → (model, RF id) of all hubs, or of the one that `device_id` names; None when `body` is not such a list.

    Unknown models and damaged entries are skipped: one of them must not keep the others from working. What a remote can reach
    goes to `names` (a dict: guid → name, of the shockers of all hubs) and `hubs` (a list: the ids of all hubs).
    """
    found = {}
    try:
        data = loads(body)["data"]
        for hub in data:
            if not device_id or hub["id"].lower() == device_id:
                for shocker in hub["shockers"]:
                    _take_shocker(found, shocker)
    except MISFITS:
        return None
    if names is not None:
        _take_names(data, names, hubs)
    return found


def _take_shocker(found, shocker):
    if not isinstance(shocker, dict) or len(found) >= _MOST:
        return
    model = _MODELS.get(str(shocker.get("model")).lower())
    rf_id, guid = shocker.get("rfId"), shocker.get("id")
    if model and whole(rf_id, 0, 65535) and isinstance(guid, str):
        found[guid.lower()] = model, rf_id


def _take_names(data, names, hubs):
    """None; as far as the data goes on without damage."""
    try:
        for hub in data:
            if len(hubs) < _HUBS and len(hub["id"]) <= _LONGEST:
                hubs.append(hub["id"].lower())
            for shocker in hub["shockers"]:
                guid, name = shocker["id"].lower(), shocker.get("name")
                if len(names) < _MOST and len(guid) <= _LONGEST:
                    names[guid] = name[:_LONGEST] if isinstance(name, str) else ""
    except MISFITS:
        pass  # the receivers of this device do not depend on it


def moment_us(text):
    """Microseconds since 1970 of "2026-03-04T05:06:07.89Z" (0–7 digits of a second), or None for what is no such text."""
    if not isinstance(text, str) or len(text) < 20 or text[4] + text[7] + text[10] + text[13] + text[16] != "--T::":
        return None
    try:
        year, month, day = int(text[:4]), int(text[5:7]), int(text[8:10])
        second = (int(text[11:13]) * 60 + int(text[14:16])) * 60 + int(text[17:19])
        micro = int((text[20:-1] + "000000")[:6]) if text[19] == "." else 0
    except ValueError:
        return None
    if text[-1] != "Z" or not 1 <= month <= 12:
        return None
    # days since 1970 by the Gregorian rule, the year beginning in March so that the leap day is its last
    year -= month < 3
    days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * ((month + 9) % 12) + 2) // 5 + day - 719469
    return (days * 86400 + second) * 1000000 + micro


def control_entry(guid, action, intensity, duration_ms, exclusive=False):
    """A dict as Control wants it: enums as numbers, intensity 0–100, duration 300–65 535 ms. ValueError for anything else."""
    if not (whole(action, STOP, SOUND) and whole(intensity, 0, 100) and whole(duration_ms, 300, 65535)):
        raise ValueError("no such control")
    return {"id": guid, "type": action, "intensity": intensity, "duration": duration_ms, "exclusive": exclusive}
