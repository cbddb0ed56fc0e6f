"""What the page may ask of Wi-Fi: a scan, a network to be tried, one to be forgotten. In memory only while it asks.

An act is a function of the Setup (api.py) and the body of the call. It returns the answer, or None for the new state.
A network is tried before it is saved; until then the old ones are untouched.
"""

from micropython import const

from firmware.config.settings import fits, wanted
from firmware.portal.session import Wrong, store, text_of
from firmware.portal.wifi import added
from lib.log import INFO

_LONGEST = const(64)  # characters of a name or a key, before anybody counts bytes
_ADDRESS = ("ip", "mask", "gateway", "dns")


def scan(setup, body):
    """The networks after a new scan, which holds everything up for 2–3 s. Wrong while somebody feels something."""
    part = setup.wifi
    if part.rooms.dispatcher.busy():
        raise Wrong(409, "a receiver is on the air: scan again in a moment")
    if part.work.busy:
        raise Wrong(409, "something else is being tried; a moment, please")
    try:
        part.scan()
    except OSError as fault:
        raise Wrong(503, "the radio network could not be scanned (%s)" % fault)
    return part.heard()


def ask(setup, body):
    """An answer; the network in `body` is tried from now on, and saved if it takes us. Wrong when it cannot even be tried.

    Without a key a known network keeps the one that it has.
    """
    part = setup.wifi
    network = _network(part, body)
    if not fits("wifi", added(part.rooms.settings.get("wifi"), network)):
        raise Wrong(400, wanted("wifi"))
    part.put(network)
    return {"testing": True}


def forget(setup, body):
    """None; that network is known no longer. Wrong when it never was."""
    rooms = setup.wifi.rooms
    ssid = text_of(body, "ssid", _LONGEST)
    saved = rooms.settings.get("wifi")
    left = [known for known in saved if known["ssid"] != ssid]
    if len(left) == len(saved):
        raise Wrong(404, "no such network is saved", "ssid")
    store(rooms.settings, [("wifi", left, "ssid")])
    rooms.log.line(INFO, "setup", "forgot the network " + ssid)


def _network(part, body):
    """The network as the settings keep it. Wrong names the field that does not fit."""
    ssid = text_of(body, "ssid", _LONGEST)
    if not fits("wifi", [{"ssid": ssid}]):
        raise Wrong(400, "a name has 1-32 bytes", "ssid")
    heard = [each for each in part.networks if each[0] == ssid]
    network = {"ssid": ssid, "key": _key(part, body, ssid, heard)}
    if heard:
        network["security"] = heard[0][2]  # nobody less safe may take its name later
    if type(body.get("hidden", False)) is not bool:
        raise Wrong(400, "true or false", "hidden")
    if body.get("hidden"):
        network["hidden"] = True
    address = body.get("address")
    if address is not None:
        if not isinstance(address, dict) or not all(name in _ADDRESS for name in address):
            raise Wrong(400, "an address has ip, mask, gateway and dns", "address")
        network["address"] = address
        from firmware.net import static_address

        words = static_address.problem(address)
        if words:
            raise Wrong(400, words, "address")
    return network


def _key(part, body, ssid, heard):
    if heard and heard[0][2] == "enterprise":
        raise Wrong(400, "this network wants a user name and a certificate (enterprise): that cannot be done", "ssid")
    if "key" not in body:
        if heard and heard[0][2] in ("open", "owe"):
            return ""  # the page asks for none, and an old one would be refused
        for known in part.rooms.settings.get("wifi"):
            if known["ssid"] == ssid:
                return known.get("key", "")
    key = text_of(body, "key", _LONGEST)
    if not fits("wifi", [{"ssid": ssid, "key": key}]):
        raise Wrong(400, "a key has 8-63 characters, or 64 hexadecimal digits; an open network has none", "key")
    return key
