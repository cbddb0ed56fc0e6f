"""The way into a network: one attempt, a round of all known ones, a trial of a new one. In memory only meanwhile.

`station` is the station.Station. Its driver tries once and then says why it failed; when to try again is decided in station.py.
"""

import asyncio
import binascii

from micropython import const

from firmware.net import networks
from lib.log import INFO, WARNING
from lib.strict_utf8 import is_utf8

_LOOK_MS = const(100)
_SETTLE_MS = const(100)  # what `disconnect` sets off in the driver is over by then
_OFF_MS = const(300)
_WEAK_DBM = const(-75)  # whoever is joined so has perhaps a stronger access point of that name in reach
_POWER_CYCLE = const(2)  # rounds that failed, after which the radio is switched off and on: a driver may be stuck
_PM_NONE = const(0)  # power saving costs 100–300 ms for each message
_LAST = "last"  # in the storage: a sum of the name of the network that took us, inverted where a scan is to come first


async def one_round(station):
    """True when one of the known networks took us: the one of the last time at once, else all of them, best first."""
    _recall(station)
    wlan = station.wlan
    await quiet(station)
    if station.failed_rounds and station.failed_rounds % _POWER_CYCLE == 0:
        wlan.active(False)
        await asyncio.sleep_ms(_OFF_MS)
    order = networks.ranked(station.networks, None, station.record)
    first = order[0] if order and _is_plain(station, order[0]) else None
    if first:
        if await _joins(station, first, None):
            return True
        if len(order) == 1:
            return False
    await quiet(station)
    return await _best_first(station, _scan(wlan), first)


def _is_plain(station, known):
    """True when that network can be tried without a scan, which holds everything up for 2–3 s."""
    return known["ssid"] == station.alone and not networks.needs_scan(known)


async def _best_first(station, scan, tried):
    strengths, points = {}, {}
    for known in station.networks:
        ssid = known["ssid"]
        rssi, _, bssid, words = networks.access_point(scan, known, station.record.get(ssid, 0))
        points[ssid] = bssid, networks.names(scan, ssid), words
        if rssi is not None:
            strengths[ssid] = rssi
    del scan
    for known in networks.ranked(station.networks, strengths, station.record):
        bssid, names, words = points[known["ssid"]]
        if known is tried:
            continue
        if words:
            _tell(station, known["ssid"], words)
        elif await _joins(station, known, bssid, names):
            return True
    return False


async def _joins(station, known, bssid, names=()):
    """True when that network took us; it is noted either way. `names`: of its access points, as the scan has them."""
    ssid = known["ssid"]
    name = names[0] if names else ssid.encode()
    words = await attempt(station, known, 0, bssid, name)
    is_alone = not words and name == ssid.encode() and len(names) < 2 and station.rssi() > _WEAK_DBM
    station.alone = ssid if is_alone else ""
    _tell(station, ssid, words)
    return not words


async def attempt(station, known, retries=0, bssid=None, name=None):
    """Empty when that network gave us an address, else why not, in words. A failed attempt leaves nothing running.

    `retries`: how often the driver tries again by itself where the reason may pass. `bssid`: this access point alone; with
    None the driver takes the first that it meets. `name`: the bytes that it sends, where they are no UTF-8.
    """
    wlan, clock = station.wlan, station.clock
    joined = False
    try:
        wlan.active(True)
        wlan.disconnect()  # connect() while connected raises
        await asyncio.sleep_ms(_SETTLE_MS)
        await quiet(station)
        wlan.config(reconnects=retries, pm=_PM_NONE)  # the driver's own endless retries would hide the reason
        _address(station, known.get("address"))
        watched = networks.Attempt(wlan.status(), clock())
        wlan.connect(known["ssid"] if is_utf8(name or b"") else name, known.get("key") or None, bssid=bssid)
        words = None
        while words is None:
            await asyncio.sleep_ms(_LOOK_MS)
            words = watched.look(wlan.status(), clock())
        joined = not words
        return words
    except OSError as fault:
        return "the radio refused (%s)" % fault
    finally:
        if not joined:
            _leave(wlan)


def _leave(wlan):
    try:
        wlan.disconnect()
    except OSError:
        pass  # it had not even begun


def _address(station, address):
    """None; the network gives us an address, or we have this one."""
    words = networks.address_problem(address)
    if words:
        station.log.line(WARNING, "wifi", words)
        address = None
    if address is not None:
        station.wlan.ifconfig((address["ip"], address["mask"], address["gateway"], address["dns"]))
    elif station.has_own_address:
        station.wlan.ipconfig(dhcp4=True)
    station.has_own_address = address is not None


async def trial(station, ssid, key, address):
    """As `Station.try_join`."""
    words = networks.ssid_problem(ssid) or networks.key_problem(key) or networks.address_problem(address)
    if words:
        return words
    known = {"ssid": ssid, "key": key, "address": address}
    async with station.lock:
        await quiet(station)
        if not station.heard:
            scan(station)
        for heard, _, security, channel in station.heard:
            if heard == ssid:
                if networks.refusal(security):
                    return networks.refusal(security)
                station.on_channel(channel)  # an access point of ours follows before, not during: guests stay (§A5.3)
        bssid, name = station.points.get(ssid, (None, None))
        words = await attempt(station, known, 1, bssid, name)
        if bssid and words == networks.NOT_FOUND:  # the scan is old: another access point may have taken its place
            words = await attempt(station, known, 1, None, name)
        station.alone = ""
        if not words:
            station.points = {}  # whoever tries servers next needs the memory; at work each round scans by itself
        _tell(station, ssid, words)
    return words


def scan(station):
    """As `Station.scan`."""
    points = _scan(station.wlan)
    station.heard = networks.heard(points)
    station.points = networks.strongest(points, station.heard)
    return station.heard


def _scan(wlan):
    wlan.active(True)
    return wlan.scan()


async def quiet(station):
    """None once nothing is on the air: what follows may hold everything up."""
    while station.busy():
        await asyncio.sleep_ms(_LOOK_MS)


def _tell(station, ssid, words):
    """None; the log, and the record for the next round, know how the last attempt ended."""
    station.reason = words
    networks.note(station.record, ssid, not words)
    if words:
        station.log.line(WARNING, "wifi", "%s: %s" % (ssid, words))
        return
    station.ssid = ssid
    station.log.line(INFO, "wifi", "joined %s as %s" % (ssid, station.address()))
    if station.store:
        try:
            note = _sum(ssid) if ssid == station.alone else ~_sum(ssid)
            if station.store.get(_LAST, 0) != note:
                station.store.put(_LAST, note)
        except OSError as fault:
            station.log.line(WARNING, "wifi", "the storage keeps no note of it (%s)" % fault)


def _recall(station):
    """None; in the first round the record knows which network took us before the start."""
    if station.record or not station.store:
        return
    try:
        last = station.store.get(_LAST, 0)
    except OSError:
        return  # no note: all are tried in turn
    for known in station.networks:
        ssid = known["ssid"]
        if _sum(ssid) in (last, ~last):
            station.record[ssid] = networks.JOINED
            station.alone = ssid if _sum(ssid) == last else ""


def _sum(ssid):
    """A whole number of 31 bits that stands for a name, never 0."""
    return binascii.crc32(ssid.encode()) & 0x7FFFFFFF or 1
