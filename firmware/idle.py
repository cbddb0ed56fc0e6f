"""Times in which nothing is active and nothing begins: for what holds up the interpreter (lib/stall.py, S26).

A stop frame that is due is active, too: it must not come late.
"""

import asyncio

from micropython import const

_LOOK_MS = const(20)
_MOST = const(8)  # jobs that wait


class Idle:
    """`busy()` is True while anything is due on the air; `wake()` makes the frame loop look again."""

    def __init__(self, busy, wake):
        self._busy = busy
        self._wake = wake
        self._jobs = []
        self.held = 0  # how many are inside: nothing may begin

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
