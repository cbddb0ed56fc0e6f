"""What the tests of the firmware's rooms share: a clock turned by hand, a disk and a storage that can fail, short commands."""

import asyncio
import sys
from collections import namedtuple

from firmware.command import LIGHT, SHOCK, SOUND, VIBRATE, Command
from firmware.control.safety import Caps
from lib import json_file
from lib.log import DEBUG, Log

Context = namedtuple("Context", ("clock", "wall", "log", "request"))  # as much of device.Context as tests need

NAN = float("nan")
INFINITY = float("inf")
# What is no whole number, whatever the bounds are
NO_NUMBERS = (None, True, False, 1.0, 50.0, NAN, INFINITY, -INFINITY, "", "50", b"50", [], [50], {}, (50,))


class Hand:
    """A clock that a test turns: `clock()` gives `clock.ms`."""

    def __init__(self, ms=0):
        self.ms = ms

    def __call__(self):
        return self.ms


def forget(names):
    """None; those modules are in memory no longer. Where all tests share one memory, another test may have left them there."""
    for name in names:
        if name in sys.modules:
            del sys.modules[name]
            package, _, room = name.rpartition(".")
            if hasattr(sys.modules[package], room):
                delattr(sys.modules[package], room)


def book(clock=None):
    """(log, lines): a Log of everything, and the list that its printed lines go to."""
    lines = []
    return Log(clock or Hand(), lines.append, DEBUG), lines


def command(
    model="caixianlin", rf_id=1234, action=VIBRATE, level=50, ms=1000, channel=None, source="test", asked_us=None
):
    """A Command; what a story does not name is good."""
    return Command(model, rf_id, action, level, ms, channel, source, asked_us)


def caps(shock=100, vibrate=100, sound=100, light=100, longest_ms=30000, shock_allowed=True):
    """Caps that let everything through that a story does not name."""
    return Caps(shock_allowed, {SHOCK: shock, VIBRATE: vibrate, SOUND: sound, LIGHT: light}, longest_ms)


def raised(kind, function, *arguments, **more):
    """What `function` raised, which must be of `kind`."""
    try:
        got = function(*arguments, **more)
    except kind as fault:
        return fault
    raise AssertionError("%r and no %s" % (got, kind.__name__))


def run(coroutine, seconds=20):
    """What `coroutine` returns, on a fresh event loop; an error when that takes longer than `seconds`."""
    return asyncio.run(asyncio.wait_for(coroutine, seconds))


class Store:
    """Non-volatile numbers, as lib/nvs.py keeps them; `broken` makes each access an OSError."""

    def __init__(self, **kept):
        self.kept = kept
        self.puts = 0
        self.broken = False

    def get(self, key, missing):
        if self.broken:
            raise OSError(-1, "broken")
        return self.kept.get(key, missing)

    def put(self, key, value):
        self.puts += 1
        if self.broken:
            raise OSError(-1, "broken")
        self.kept[key] = value


class PowerCut(Exception):
    """The lights went out at this step."""


class Disk:
    """A file system for lib/json_file.py, used as `with Disk(...) as disk`. A file that is open when power fails is empty.

    At the step `fails_at` (0 is the first) `fault` is raised, before or (`late`) after that step was done.
    """

    def __init__(self, fails_at=-1, fault=PowerCut, late=False):
        self.files = {}
        self.steps = 0
        self._fails_at = fails_at
        self._fault = fault
        self._late = late

    def __enter__(self):
        self._real = json_file.os
        json_file.os = self
        json_file.open = self.open
        return self

    def __exit__(self, *_):
        json_file.os = self._real
        del json_file.open

    def _step(self, do=None):
        here = self.steps
        self.steps += 1
        if here == self._fails_at and not self._late:
            raise self._fault
        if do:
            do()
        if here == self._fails_at:
            raise self._fault

    def stat(self, path):
        if path not in self.files:
            raise OSError(2)
        return (0, 0, 0, 0, 0, 0, len(self.files[path]), 0, 0, 0)

    def open(self, path, mode="r"):
        if "w" in mode:
            self._step(lambda: self.files.update({path: b""}))
        elif path not in self.files:
            raise OSError(2)
        return _File(self, path, mode)

    def remove(self, path):
        if path not in self.files:
            raise OSError(2)
        self._step(lambda: self.files.pop(path))

    def rename(self, old, new):
        def move():
            self.files[new] = self.files.pop(old)

        self._step(move)


class _File:
    """One open file of a Disk: what is written counts when it is closed."""

    def __init__(self, disk, path, mode):
        self._disk = disk
        self._path = path
        self._text = "b" not in mode
        self._at = 0
        self._written = b"" if "w" in mode else None

    def __enter__(self):
        return self

    def __exit__(self, kind, fault, trace):
        if self._written is not None and kind is None:
            self._disk._step(lambda: self._disk.files.update({self._path: self._written}))

    def read(self, size=-1):
        data = self._disk.files[self._path][self._at :]
        data = data if size < 0 else data[:size]
        self._at += len(data)
        return data.decode() if self._text else data

    def write(self, data):
        def keep():
            self._written += data.encode() if self._text else bytes(data)

        self._disk._step(keep)


class Dice:
    """Numbers that are the same on both interpreters."""

    def __init__(self, seed):
        self._state = seed

    def below(self, bound):
        self._state = (self._state * 1103515245 + 12345) & 0x7FFFFFFF
        return (self._state >> 8) % bound
