"""A stand-in for `esp32`: its non-volatile storage, kept in a file beside the device's own, whole or old like the real one's.

A device with a simulated flash counts commits among that flash's operations. `Partition` is in simpartition.py, which
nobody pays for who does not use it.
"""

import json
import os
import sys

import simboard
import simclock

HEAP_DATA, HEAP_EXEC = 4, 1  # capabilities (MALLOC_CAP_8BIT, MALLOC_CAP_EXEC)
_REGIONS = (
    (85900, 16384),
    (113800, 110600),
)  # (bytes, largest free block) of an ESP32's two, as MicroPython leaves them
_WIFI = 43008  # bytes that its driver takes (reference/esp32-memory.md)


def idf_heap_info(capabilities):
    """[(total, free, largest free block, least ever free)], a row for each region of ESP-IDF's heap."""
    taken = _WIFI if "network" in sys.modules else 0
    rows = [(total, largest, largest, largest) for total, largest in _REGIONS[:1]]
    total, largest = _REGIONS[1]
    return rows + [(total, largest - taken, largest - taken, largest - taken)]


COMMIT_US = 25_000  # a page of the flash is erased now and then: 20–60 ms, a write alone takes one


def __getattr__(name):
    if name != "Partition":
        raise AttributeError(name)
    import simpartition

    return simpartition.Partition


def _flash():
    """The simulated flash, when somebody has looked at it before."""
    simflash = sys.modules.get("simflash")
    return simflash and simflash.current()


def _refuses(what, number, name):
    """Raise OSError where a test has put a file of that name beside the device's own: its storage is then like that."""
    try:
        os.stat("nvs." + what)
    except OSError:
        return
    raise OSError(number, name)


class NVS:
    """One namespace; `commit` makes it last. A file nvs.gone, nvs.unreadable or nvs.full makes it refuse."""

    def __init__(self, namespace):
        _refuses("gone", -4353, "ESP_ERR_NVS_NOT_INITIALIZED")
        self._namespace = namespace
        self._path = "nvs-" + namespace + ".json"
        flash = _flash()
        if flash:
            self._values = flash.stored(namespace)
            return
        try:
            with open(self._path) as file:
                self._values = json.load(file)
        except OSError:
            self._values = {}

    def get_i32(self, key):
        _refuses("unreadable", -4359, "ESP_ERR_NVS_INVALID_HANDLE")
        if key not in self._values:
            raise OSError(-4354, "ESP_ERR_NVS_NOT_FOUND")
        return self._values[key]

    def set_i32(self, key, value):
        _refuses("full", -4357, "ESP_ERR_NVS_NOT_ENOUGH_SPACE")
        self._values[key] = value

    def commit(self):
        _refuses("full", -4357, "ESP_ERR_NVS_NOT_ENOUGH_SPACE")
        simclock.stall(COMMIT_US)
        flash = _flash()
        if flash:
            flash.commit(self._namespace, self._values)
            return
        with open(self._path + ".new", "w") as file:
            json.dump(self._values, file)
        os.rename(self._path + ".new", self._path)


class RMT:
    """The pulse generator: its edges come at their times, seen whenever somebody asks whether it is done.

    Where somebody listens in real time, time passes by looks alone while it is busy, as with interrupts off: a PC that is
    busy with something else is no chip.
    It has what all versions from 1.24 on have, and is as strict as the strictest. `stuck`: a test makes it never end.
    `made`: the generators that were not given up, so that a test may count them.
    """

    stuck = False
    made = []

    def __init__(self, channel=-1, *, pin, clock_div=8, idle_level=False):
        self._pin = pin
        self._tick_us = clock_div / 80
        self._edges = []  # (µs, level) still to come
        RMT.made.append(self)

    def write_pulses(self, durations, data=True):
        if self._edges or not isinstance(durations, (list, tuple)):
            raise ValueError("busy, or no list")
        if any(not 0 < duration < 1 << 15 for duration in durations):
            raise ValueError("a pulse that does not fit in 15 bits")
        if simboard.traced():
            simclock.mask()
        at_us, level = simclock.peek_us(), 1 if data else 0
        for duration in durations:
            self._edges.append((at_us, level))
            at_us += int(duration * self._tick_us)
            level = 1 - level
        self._edges.append((at_us, 0))

    def wait_done(self, *, timeout=0):
        now_us = simclock.ticks_us()
        while self._edges and self._edges[0][0] <= now_us:
            at_us, level = self._edges.pop(0)
            self._pin.drive(level, at_us)
        if self._edges or RMT.stuck:
            return False
        self._rest()
        return True

    def deinit(self):
        self._edges = []
        self._rest()
        RMT.made.remove(self)

    def _rest(self):
        if simclock.masked():
            simboard.flush()
            simclock.unmask()
