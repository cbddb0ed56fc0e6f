"""What DSP Fleet's objects mean: tokens, accounts, zones, rescues, history; their names in any case. No I/O, no clock.

In memory only while one of them is looked at. The seed (reference/seeds/002) gives no shape for what its REST endpoints take and
give, for a zone and for an AuthResponse: here is what is guessed, with every name that is taken for the same.
"""

import binascii

from micropython import const

from lib.iso8601 import iso
from lib.strict_json import dumps, loads
from lib.url import parse_url

_TOKEN = const(2000)  # characters
_REFRESH = const(600)
_ID = const(40)
_NAME = const(64)
_URL = const(200)
_ZONES = const(32)
_RESCUES = const(4)
_PIECE = const(32)  # samples in one request: 2 KB
_MISFITS = (AttributeError, IndexError, KeyError, TypeError, ValueError)
_TOKENS = ("accesstoken", "token", "jwt", "jwttoken")
_ROLES = ("rescuee", "rescuer")


def of(table, *names):
    """The value of `table` under one of `names` (lower case), which may be written in any case; None. AttributeError: no table."""
    for key, value in table.items():
        if key.lower() in names:
            return value
    return None


def _text(value, most):
    """`value`, a text or a whole number, as a text without control characters; "" for anything else, and beyond `most`."""
    text = str(value) if type(value) in (str, int) else ""
    return (
        text
        if len(text.encode()) <= most and all([letter >= " " and not "\x7f" <= letter <= "\x9f" for letter in text])
        else ""
    )


def _token_in(table, *names, most=_TOKEN):
    token = of(table, *names)
    return (
        token if type(token) is str and len(token) <= most and all(["!" <= letter <= "~" for letter in token]) else ""
    )


def claims(token):
    """(when a JWT ends in s since 1970 or None, the device's number in it or ""); unproved: the server alone can check it."""
    try:
        body = token.split(".")[1].replace("-", "+").replace("_", "/")
        table = loads(binascii.a2b_base64(body + "=" * (-len(body) % 4)))
        ends_s, device_id = of(table, "exp"), of(table, "deviceid", "device_id")
        good = type(ends_s) in (int, float) and 0 < ends_s < 2**40
        return int(ends_s) if good else None, _text(device_id, _ID)
    except _MISFITS:
        return None, ""


def tokens(answer, refresh):
    """{"token", "refresh"} of an AuthResponse, which may keep the old `refresh`; {} when there is no token in it."""
    try:
        token = _token_in(answer, *_TOKENS)
        return {"token": token, "refresh": _token_in(answer, "refreshtoken", most=_REFRESH) or refresh} if token else {}
    except _MISFITS:
        return {}


def bound(table, base):
    """The settings that DeviceBound gives. One of the usual errors when it gives no account.

    The speed unit, the time zone, the country and the airplane mode are of no use here.
    """
    token = _token_in(table, *_TOKENS)
    if not token:
        raise ValueError("no access token")
    return {
        "token": token,
        "refresh": _token_in(table, "refreshtoken", most=_REFRESH),
        "endpoint": _endpoint(of(table, "signalrendpoint"), base),
        "device_id": _text(of(table, "deviceid"), _ID),
        "account_id": _text(of(table, "accountid"), _ID),
        "name": _text(of(table, "name"), _NAME) or _text(of(table, "identifier"), _NAME),
        "device_guid": "",
    }


def _endpoint(text, base):
    """The whole URL of the hub; "" for the usual one: when there is none, or one that would lead out of TLS."""
    if type(text) is not str or not text:
        return ""
    url = base + text if text[:1] == "/" else text
    try:
        scheme = parse_url(url)[0]
    except ValueError:
        return ""
    secure = scheme in ("https", "wss") or parse_url(base)[0] not in ("https", "wss")
    return url if secure and len(url) <= _URL and "?" not in url and "#" not in url else ""


def begun(body):
    """(guid, code or "", seconds that it is good or 0) of the answer to /api/device/init; None when it makes no sense."""
    try:
        table = loads(body)
        table = of(table, "data") or table
        guid = of(table, "deviceguid", "guid", "id")
        digits = guid.replace("-", "").lower()
        if len(digits) != 32 or digits.strip("0123456789abcdef"):
            return None
        good_s = of(table, "expiresin", "expiresinseconds")
        code = _text(of(table, "pairingcode", "code"), 16)
        return guid, code, good_s if type(good_s) is int else 0
    except _MISFITS:
        return None


def take_zones(zones, entries):
    """How many there are; each of `entries` is in `zones` (number → name) now, as far as there is room and they make sense."""
    if not isinstance(entries, list):
        raise ValueError("no list")
    for entry in entries:
        try:
            number, name = of(entry, "id", "zoneid"), of(entry, "name", "zonename", "title")
        except AttributeError:
            continue
        if type(number) in (int, str) and len(str(number)) <= _ID and (number in zones or len(zones) < _ZONES):
            zones[number] = name[:_ID] if type(name) is str else ""
    return len(zones)


def rescue(kind, table, own, rescues):
    """(how grave, words) of an event; None when it is not about this device, number `own`, or was told before.

    `rescues`: session → (role, peer's number, peer's name) of those under way. Whoever needs help comes first: critical.
    """
    if kind == "rescuepeerlocation":
        peer = _text(of(table, "peerdeviceid"), _ID)
        names = [name for _, number, name in rescues.values() if number == peer]
        lat, lon = of(table, "lat", "latitude"), of(table, "lon", "longitude")
        if not names or type(lat) not in (int, float) or type(lon) not in (int, float):
            return None
        return "info", "%s is at %.5f %.5f" % (names[0] or "device " + peer, lat, lon)
    session = _text(of(table, "sessionid"), _ID)
    if kind == "rescuesessionended":
        role = rescues.pop(session, None)
        return role and ("info", "ended, %s: %s" % (role[0], _text(of(table, "endreason"), _NAME) or "no reason"))
    ids = [_text(of(table, name), _ID) for name in ("rescueedeviceid", "rescuerdeviceid")]
    role = of(table, "yourrole")
    if role not in _ROLES:
        role = _ROLES[ids.index(own)] if own and own in ids else None
    elif own and any(ids) and own not in ids:
        role = None
    name = _text(of(table, "peerdisplayname"), _NAME)
    if session in rescues and role and name:  # the account's copy, which knows no name, may come first
        rescues[session] = rescues[session][:2] + (name,)
    if not role or not session or session in rescues or len(rescues) >= _RESCUES:
        return None
    peer = _text(of(table, "peerdeviceid"), _ID) or ids[1 - _ROLES.index(role)]
    rescues[session] = role, peer, name
    return "critical" if role == "rescuee" else "high", "started, %s: %s" % (role, name or "device " + peer)


def history(samples, count, sent, hours, ago_s, now, place):
    """(a request's body, samples looked at with it) behind the `sent` ones; b"" when there are no more.

    `samples`: a ring of `count` moments in s since the start, which was at `ago_s` since 1970.
    """
    first = max(0, count - len(samples))
    since_s = now // 1000 - min(hours, 10000) * 3600
    entries = []
    at = max(first, sent)
    while at < count and len(entries) < _PIECE:
        moment_s = samples[at % len(samples)]
        if moment_s >= since_s:
            moment = iso(ago_s + moment_s)
            entries.append({"lat": place[0], "lon": place[1], "batteryPercent": None, "recordedAt": moment})
        at += 1
    return dumps({"samples": entries}) if entries else b"", at
