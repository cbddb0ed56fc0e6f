"""What an Improv client asks of the device, and what it is told: Wi-Fi by cable. In memory only while it asks.

A network is tried before it is saved. Facts: reference/onboarding-ota-safety.md §B.
"""

import asyncio

from micropython import const

from firmware import requests
from firmware.config.settings import Refused, fits
from firmware.console.responses import Wrong, board_of
from firmware.version import VERSION
from lib import improv_messages as improv
from lib.improv import FAULT, SCAN, WIFI
from lib.log import INFO
from lib.strict_utf8 import is_utf8

_FIRMWARE = "OpenShock"
_JOIN_MS = const(28000)  # a client waits for 30 s
_NETWORKS = const(8)


async def answer(desk, command, payload):
    """None; the request (lib/improv.py) was answered, as soon as could be: networks are scanned and tried in between."""
    if command == FAULT:
        desk.send(improv.error(payload))
        return
    if command not in _ANSWERS:
        desk.send(improv.error(improv.UNKNOWN_RPC))
        return
    try:
        await _ANSWERS[command](desk, payload)
    except (Refused, Wrong, OSError):
        desk.send(improv.error(improv.UNKNOWN_ERROR))


def _state(desk):
    if desk.joining:
        return improv.PROVISIONING
    return improv.PROVISIONED if desk.rooms.settings().get("wifi") else improv.READY


async def _tell_state(desk, _):
    state = _state(desk)
    desk.send(improv.state(state))
    if state == improv.PROVISIONED:
        desk.send(improv.result(improv.STATE, _urls(desk)))


def _urls(desk):
    """Where the device's own page is, as it is reached from the network that it joined; none where it has no page there."""
    return desk.rooms.urls() if desk.rooms.wifi.online() else ()


async def _tell_info(desk, _):
    settings = desk.rooms.settings()
    chip = board_of(settings).CHIP.upper()
    family = chip[:5] + "-" + chip[5:] if len(chip) > 5 else chip or "simulated"
    desk.send(improv.result(improv.INFO, (_FIRMWARE, VERSION, family, settings.get("hostname"), "MicroPython")))


async def _scan(desk, _):
    """Two to three seconds in which nothing else happens: never while a receiver is on the air."""
    rooms = desk.rooms
    if rooms.dispatcher.busy() or desk.joining:
        desk.send(improv.error(improv.UNKNOWN_ERROR))
        return
    for ssid, rssi, security, _ in rooms.wifi.scan():
        if ssid:
            desk.send(improv.result(SCAN, (ssid, str(rssi), "NO" if security == "open" else "YES")))
            await asyncio.sleep_ms(0)
    desk.send(improv.result(SCAN))


async def _hostname(desk, payload):
    settings = desk.rooms.settings()
    if payload:
        if not _is_hostname(payload) or not fits("hostname", payload.decode()):
            desk.send(improv.error(improv.BAD_HOSTNAME))
            return
        settings.set("hostname", payload.decode())
        settings.save()  # it is used from the next start on: now would break off what the client has in hand
    desk.send(improv.result(improv.HOSTNAME, (settings.get("hostname"),)))


async def _device_name(desk, payload):
    """The device's name is its hostname: to be read here, and set there."""
    if payload:
        desk.send(improv.error(improv.UNKNOWN_RPC))
    else:
        desk.send(improv.result(improv.DEVICE_NAME, (desk.rooms.settings().get("hostname"),)))


def _is_hostname(name):
    """Letters, digits and hyphens, none of them first or last (RFC 1123 §2.1)."""
    good = all(48 <= byte <= 57 or 97 <= byte | 32 <= 122 or byte == 45 for byte in name)
    return good and name[0] != 45 and name[-1] != 45


async def _join(desk, payload):
    texts = improv.texts(payload)
    if texts is None or len(texts) != 2 or not is_utf8(texts[0]) or not is_utf8(texts[1]):
        desk.send(improv.error(improv.INVALID_RPC))
        return
    network = {"ssid": texts[0].decode(), "key": texts[1].decode()}
    good = fits("wifi", [network]) and await _try(desk, network)
    if not good:
        desk.send(improv.error(improv.UNABLE_TO_CONNECT))
        desk.send(improv.state(_state(desk)))
        return
    desk.send(improv.state(improv.PROVISIONED))
    desk.send(improv.result(WIFI, _urls(desk)))
    desk.rooms.request(requests.PROVISIONED, network["ssid"])


async def _try(desk, network):
    """True when the network took us, and is saved. The connection that was there is gone: so everything stops first (S10)."""
    rooms = desk.rooms
    rooms.dispatcher.halt("another network is tried")
    desk.joining = True
    desk.send(improv.state(improv.PROVISIONING))
    try:
        reason = await asyncio.wait_for_ms(rooms.wifi.try_join(network["ssid"], network["key"]), _JOIN_MS)
        if not reason:
            _save(rooms.settings(), network)
    except asyncio.TimeoutError:
        reason = "no answer in time"
    except (Refused, OSError) as fault:
        reason = "the radio or the storage refuses (%s)" % fault
    finally:
        desk.joining = False
    desk.rooms.log.line(INFO, "improv", "%s: %s" % (network["ssid"], reason or "joined and saved"))
    return not reason


def _save(settings, network):
    """None; the network is saved in the place of the one of its name, or behind the others. Refused, OSError: all is as it was."""
    before = settings.get("wifi")
    others = [known for known in before if known["ssid"] != network["ssid"]]
    try:
        settings.set("wifi", others[-(_NETWORKS - 1) :] + [network])
        settings.save()
    except (Refused, OSError):
        settings.set("wifi", before)
        raise


_ANSWERS = {
    improv.STATE: _tell_state,
    improv.INFO: _tell_info,
    SCAN: _scan,
    WIFI: _join,
    improv.HOSTNAME: _hostname,
    improv.DEVICE_NAME: _device_name,
}
