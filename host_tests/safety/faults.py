"""Faults from nowhere: an exception at any await or any call of the product's own code, once, when it is armed."""

import asyncio
import functools
import inspect
import sys

_GOES_ON = inspect.CO_COROUTINE | inspect.CO_GENERATOR
CATCHER = "tasks.py"  # the one room that catches everything; where it fails itself, only the watchdog is left


@functools.cache
def _place(path, line):
    """ "link/connection.py:120" for code of the product (a copy of it in another folder counts too), otherwise None."""
    folder, _, name = path.rpartition("/")
    inside = folder.endswith("/lib") or "/firmware" in folder
    return f"{name}:{line}" if inside and name != CATCHER else None


class Awaits:
    """A task factory: with it `fault` is raised at the `nth` time that a task goes on at `place`, after `armed` was set."""

    def __init__(self, place=None, fault=RuntimeError, nth=1):
        self.places = {}  # where tasks of the product have waited while armed → how often
        self.armed = False
        self.raised_us = None
        self._place = place
        self._fault = fault
        self._nth = nth

    def install(self, world):
        """None; all tasks made from now on are watched."""
        self._world = world
        world.loop.set_task_factory(
            lambda loop, coroutine, **more: asyncio.Task(self._run(coroutine), loop=loop, **more)
        )

    async def _run(self, coroutine):
        return await _Watched(self, coroutine)

    def due(self, coroutine):
        """The exception to raise now, or None."""
        place = None
        while coroutine is not None:
            frame = getattr(coroutine, "cr_frame", None)
            if frame:
                place = _place(frame.f_code.co_filename, frame.f_lineno) or place
            coroutine = getattr(coroutine, "cr_await", None)
        if not self.armed or place is None:
            return None
        count = self.places[place] = self.places.get(place, 0) + 1
        if place != self._place or count != self._nth:
            return None
        self.raised_us = self._world.time.now_us
        return self._fault("injected")


class _Watched:
    """Drives a coroutine, and throws into it what is due."""

    def __init__(self, faults, coroutine):
        self._faults = faults
        self._coroutine = coroutine

    def __await__(self):
        coroutine = self._coroutine
        if not asyncio.iscoroutine(coroutine):
            return (yield from coroutine.__await__())
        try:
            step = coroutine.send(None)
            while True:
                try:
                    value = yield step
                except BaseException as fault:
                    step = coroutine.throw(fault)
                    continue
                due = self._faults.due(coroutine)
                step = coroutine.throw(due) if due else coroutine.send(value)
        except StopIteration as end:
            return end.value


class Calls:
    """With it `fault` is raised where the product's function `place` is entered, once, after `start`.

    Coroutines are left to `Awaits`: where a profiler raises in one that goes on, even its `finally` is skipped.
    """

    def __init__(self, place=None, fault=MemoryError):
        self.places = {}
        self.raised_us = None
        self._place = place
        self._fault = fault
        self._world = None

    def start(self, world):
        """None; from now on every call is looked at."""
        self._world = world
        sys.setprofile(self._look)

    def stop(self):
        """None; nothing is looked at any more."""
        sys.setprofile(None)

    def _look(self, frame, event, _):
        if event != "call":
            return
        code = frame.f_code
        if code.co_flags & _GOES_ON:
            return
        place = _place(code.co_filename, code.co_name)
        if place is None:
            return
        self.places[place] = self.places.get(place, 0) + 1
        if place == self._place:
            self.raised_us = self._world.time.now_us
            sys.setprofile(None)
            raise self._fault("injected")
