"""What has happened at the hub, in order, and a way to wait for it without polling. Every room may note; none is called back."""

import asyncio
import collections
import itertools
import time
from dataclasses import dataclass, field
from typing import Any, Callable

_KEPT = 5000


@dataclass(frozen=True)
class Event:
    """One thing that happened: `kind`, where (`connection`, if any), `facts`, and when by time.monotonic()."""

    index: int
    kind: str
    connection: Any = None
    facts: dict = field(default_factory=dict)
    at_s: float = 0.0

    def __getitem__(self, name):
        return self.facts[name]

    def get(self, name, default=None):
        """The fact of that name, or `default`."""
        return self.facts.get(name, default)


@dataclass
class _Waiter:
    kind: str
    match: Callable
    missing: int
    future: asyncio.Future

    def see(self, event):
        if not self.future.done() and event.kind == self.kind and self.match(event):
            self.missing -= 1
            if self.missing == 0:
                self.future.set_result(event)


class Journal:
    """The last few thousand events. Kinds: see `tools/hub/__init__.py`."""

    def __init__(self):
        self.counts = collections.Counter()
        self._events = collections.deque(maxlen=_KEPT)
        self._waiters = []
        self._followers = []

    def note(self, kind, connection=None, **facts):
        """Write down one event and wake whoever waits for it."""
        event = Event(self.mark(), kind, connection, facts, time.monotonic())
        self._events.append(event)
        self.counts[kind] += 1
        for waiter in self._waiters:
            waiter.see(event)
        for follower in self._followers:
            follower(event)
        return event

    def mark(self) -> int:
        """A place in time: `wait(…, since=mark)` looks at what comes after it."""
        return self._events[-1].index + 1 if self._events else 0

    def events(self, kind=None, since=0):
        """The events of that kind (or all) since a mark, oldest first."""
        # Looks from the young end: a long journal costs nothing to whoever asks for the last moments.
        young = itertools.takewhile(lambda event: event.index >= since, reversed(self._events))
        return [event for event in young if kind in (None, event.kind)][::-1]

    async def wait(self, kind, match=lambda event: True, count=1, since=0, timeout_s=10.0) -> Event:
        """The `count`-th event of that kind since the mark for which `match(event)` is true. asyncio.TimeoutError."""
        waiter = _Waiter(kind, match, count, asyncio.get_running_loop().create_future())
        for event in self.events(kind, since):
            waiter.see(event)
        self._waiters.append(waiter)
        try:
            return await asyncio.wait_for(waiter.future, timeout_s)
        finally:
            self._waiters.remove(waiter)

    def follow(self, follower):
        """Call `follower(event)` for each event from now on; it must be quick and must not raise. Returns its end."""
        self._followers.append(follower)
        return lambda: self._followers.remove(follower)
