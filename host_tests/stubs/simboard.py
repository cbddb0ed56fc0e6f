"""The simulated board behind the stub doors: what its pins, its radio network and its storage do. Both interpreters.

tools/sim speaks to it through the environment: SIM_TRACE (file for the edges of SIM_RF_PIN), SIM_INPUTS (64 bytes,
one a pin: its level; byte 63: 0 = the radio network is out of reach; then 64 more, how often it changed, modulo 256),
SIM_NETWORKS, SIM_DNS. Without them the board stands alone: inputs read 1, and tests set `levels`.

SIM_NETWORKS is JSON: {ssid: key}, or {ssid: {"key", "rssi", "channel", "security", "hidden", "reason" (the number that
joining ends with), "dhcp" (false: nobody gives an address), "joining_ms" (how long it takes until it is joined)}}, or a list of
those for several access points of one name.
"""

import json
import os
import struct

import simclock

WIFI_BYTE = 63

levels = {}  # pin number → level, outputs and (without SIM_INPUTS) inputs
edges = []  # (µs, pin, level), kept only when nothing is traced to a file and `keep_edges` is set
keep_edges = False


def _open(name, mode, **how):
    path = os.getenv(name)
    return open(path, mode, **how) if path else None


_inputs = _open("SIM_INPUTS", "rb", buffering=0)  # CPython would go on reading what it has read before
_trace = _open("SIM_TRACE", "ab")
_rf_pin = int(os.getenv("SIM_RF_PIN") or -1)
_records = bytearray(8 * 256)  # edges of one frame
_waiting = 0  # bytes of them
air = json.loads(os.getenv("SIM_NETWORKS") or '{"simulated": "simulated"}')  # what can be heard; tests may change it
guests = []  # MAC addresses of who has joined our access point
_watched = {}  # pin → [handler, the level whose edge calls it, floating level, how often it had changed, its level then]


def read(pin, floating=1):
    """The level of an input pin: 0 or 1; `floating` where a test connects nothing to it."""
    if _inputs is None:
        return levels.get(pin, floating)
    _inputs.seek(pin)
    return _inputs.read(1)[0]


def _changes(pin):
    """How often that input changed, modulo 256; None where nobody counts."""
    if _inputs is None:
        return levels.changes(pin) if hasattr(levels, "changes") else None
    _inputs.seek(WIFI_BYTE + 1 + pin)
    counted = _inputs.read(1)
    return counted[0] if counted else None


def on_edge(pin, floating, handler, level):
    """None; `handler()` is called for each edge to `level` from now on (several may be one), None: no longer.

    As the ESP32's port does: behind the edge, when Python goes on; never while C code runs or interrupts are off.
    """
    if handler is None:
        _watched.pop(pin, None)
    else:
        _watched[pin] = [handler, level, floating, _changes(pin), read(pin, floating)]


def reset():
    """None; no interrupt is set up, as behind a start of the chip."""
    _watched.clear()


def _interrupt():
    """None; whoever waits for an edge was called if there was one."""
    for pin in _watched:
        watched = _watched[pin]
        handler, wanted, floating, before, level_before = watched
        count = _changes(pin)  # first: who changes the level counts with it
        level = read(pin, floating)
        watched[3], watched[4] = count, level
        n_changes = int(level != level_before) if count is None else count - before & 0xFF
        if n_changes > 1 or n_changes and level == wanted:
            handler()


simclock.between(_interrupt)


def write(pin, level, at_us=None):
    """None; drives an output pin, now or `at_us`. An edge of the traced pin is kept for the file: µs << 1 | level, 8 bytes."""
    global _waiting
    if levels.get(pin, 0) == level:
        return
    levels[pin] = level
    if at_us is None:
        at_us = simclock.peek_us()
    if pin == _rf_pin and _trace is not None:
        struct.pack_into("<Q", _records, _waiting, at_us << 1 | level)
        _waiting += 8
        if _waiting == len(_records) or not simclock.masked():
            flush()
    elif keep_edges:
        edges.append((at_us, pin, level))


def traced():
    """True when edges go to a file, where somebody reads them as they come."""
    return _trace is not None


def flush():
    """None; the kept edges are in the file. Whoever reads it sees whole frames, however slow this PC is."""
    global _waiting
    if _waiting:
        _trace.write(memoryview(_records)[:_waiting])
        _trace.flush()
        _waiting = 0


def in_simulator():
    """True when tools/sim runs this board."""
    return _inputs is not None


def in_reach():
    """True while the radio network can be heard."""
    return read(WIFI_BYTE) != 0


def networks():
    """The access points in reach: dicts of "ssid", "bssid" and what SIM_NETWORKS can say, all of it said."""
    found = []
    for ssid in air if in_reach() else ():
        several = air[ssid] if isinstance(air[ssid], list) else [air[ssid]]
        for each in several:
            said = {"key": each} if isinstance(each, str) else each
            key = said.get("key", "")
            point = {"ssid": ssid, "key": key, "rssi": -55, "channel": 6, "security": "wpa2" if key else "open"}
            point.update({"hidden": False, "reason": 0, "dhcp": True, "joining_ms": 120})
            point["bssid"] = bytes((2, 0, 0, 0, 0, len(found)))
            point.update(said)
            found.append(point)
    return found


def stations():
    """Who has joined our access point, as the driver tells it."""
    return [(mac,) for mac in guests]


def name_server():
    """The address that the simulated network hands out as its name server."""
    return os.getenv("SIM_DNS") or "127.0.0.1"
