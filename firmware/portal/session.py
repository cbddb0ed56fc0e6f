"""What the rooms of the set-up share: what they are given, how they refuse, how they keep settings, one piece of work at a time."""

import asyncio
from collections import namedtuple

from micropython import const

from firmware.config.settings import Refused

_LOOK_MS = const(50)
_LOOKS = const(80)

# settings: Settings · wifi: Station · dispatcher: Dispatcher, locked for the set-up · latch: Latch
# pressed: () → True, False, or None where there is no e-stop · progress: () → as estop.Button.progress
# rewire: () → None, the pins of the settings hold from now on · roots: certificates in DER · keeper: Timekeeper
# clock: () → ms · log: Log
Rooms = namedtuple(
    "Rooms",
    ("settings", "wifi", "dispatcher", "latch", "pressed", "progress", "rewire", "roots", "keeper", "clock", "log"),
)


class Wrong(Exception):
    """The page asked for what cannot be: an HTTP `status`, `words` for the person, and the `field` they are about, or ""."""

    def __init__(self, status, words, field=""):
        super().__init__(words)
        self.status = status
        self.words = words
        self.field = field


def store(settings, changes):
    """None; all of `changes`, each (key, value, field of the page), are saved, or none of them. Wrong says which and why."""
    before = []
    at = ""  # the field that is being set
    try:
        for key, value, field in changes:
            at = field
            before.append((key, settings.get(key)))
            settings.set(key, value)
        at = ""
        settings.save()
    except KeyError:
        raise Wrong(400, "there is no such setting", at)
    except (Refused, OSError) as fault:
        for key, value in before:
            settings.set(key, value)
        if isinstance(fault, OSError):
            raise Wrong(500, "the settings could not be written (%s)" % fault)
        _, mark, words = str(fault).partition(": ")  # behind the mark: what would fit
        raise Wrong(400, words if mark else str(fault), at)


def text_of(body, name, most):
    """The text `name` of `body`, "" when it is missing. Wrong for anything else, or more than `most` characters."""
    value = body.get(name, "")
    if not isinstance(value, str) or len(value) > most:
        raise Wrong(400, "a text of at most %d characters" % most, name)
    return value


class Work:
    """What takes seconds, one piece at a time: a network is tried, a server asked. There is memory for one connection."""

    def __init__(self):
        self._job = None
        self.busy = False
        self.patient = False  # what is under way may take minutes, and gives way
        self.wanted = False  # it is to do so now

    async def give_way(self):
        """None when nothing is under way any more that would give way; or, after 4 s, does not."""
        left = _LOOKS
        while self.patient and left:
            self.wanted = True
            left -= 1
            await asyncio.sleep_ms(_LOOK_MS)

    def put(self, job):
        """None; the coroutine function `job` is run soon, by `run`. Wrong while something else is under way."""
        self._take()
        self._job = job

    async def alone(self, coroutine_function):
        """What `coroutine_function()` returns, run at once. Wrong while something else is under way."""
        self._take()
        try:
            return await coroutine_function()
        finally:
            self.busy = False

    def _take(self):
        if self.busy:
            raise Wrong(409, "something else is being tried; a moment, please")
        self.busy = True

    async def run(self):
        """Never returns; what a job raises comes out here, and the next call goes on with the next job."""
        while True:
            job, self._job = self._job, None
            if job:
                try:
                    await job()
                finally:
                    self.busy = self.patient = self.wanted = False
            await asyncio.sleep_ms(_LOOK_MS)
