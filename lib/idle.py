"""Times in which nothing is active: what holds up the interpreter for longer than 20 ms asks here first (S26).

A handshake or a long answer waits for such a time (`async with idle.TIMES`), a small job is done in one (`later`), and what writes
to the flash all the same stops everything before it does (`stop_first`). A new kind of thing that blocks belongs behind one of
them.
"""

import asyncio

from micropython import const

_LOOK_MS = const(20)
_MOST = const(8)  # jobs that wait


class Times:
    """The times of one device. Until somebody calls `heed`, nothing is ever active, and jobs are done at once."""

    def __init__(self):
        self._jobs = []
        self.held = 0  # how many are inside: nothing may begin
        self._wake = self.work
        self._busy = self.stop_first = bool

    def heed(self, busy, wake, stop):
        """None; `busy()` is True while anything is due on the air, a stop frame too, as it must not come late.

        `wake()` makes whoever calls `work` look again; after `stop()` nothing is active.
        """
        self.__init__()
        self._busy, self._wake, self.stop_first = busy, wake, stop

    async def __aenter__(self):
        """Return once nothing is due on the air; from then on nothing begins."""
        while self._busy():
            await asyncio.sleep_ms(_LOOK_MS)
        self.held += 1

    async def __aexit__(self, *fault):
        """Let go: what was received meanwhile is carried out."""
        self.held -= 1
        self._wake()

    def later(self, job):
        """Return True; `job()` is called as soon as nothing is due on the air. False where too many wait: it is not."""
        if len(self._jobs) >= _MOST:
            return False
        self._jobs.append(job)
        self._wake()
        return True

    def work(self):
        """Do one of the jobs, for the frame loop when nothing is due. Return False where there is none."""
        if not self._jobs:
            return False
        self._jobs.pop(0)()
        return True


TIMES = Times()
