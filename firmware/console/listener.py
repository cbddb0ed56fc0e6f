"""The REPL's line while nobody uses it: whoever types there finds the console, which is in memory only meanwhile."""

import asyncio

from micropython import const

from lib.repl_stdio import Terminal

_LOOK_MS = const(20)  # at 115200 baud 230 bytes, and the chip keeps 260


class Cable:
    """`rooms`: what session.Rooms holds, as a plain tuple. `greeting`: lines for whoever has a terminal open already."""

    def __init__(self, rooms, output, clock, greeting=()):
        self._rooms = rooms
        self._clock = clock
        self._greeting = greeting
        self._terminal = Terminal(output)

    async def run(self):
        """Never returns. KeyboardInterrupt comes out when somebody wants the REPL: everything is quiet by then."""
        self._terminal.hold()
        for line in self._greeting:
            self._terminal.write((line + "\r\n").encode())
        while True:
            if self._terminal.waits():
                await self._open()
            await asyncio.sleep_ms(_LOOK_MS)

    async def _open(self):
        """None when nobody is at the console any more. A coroutine of its own: one that goes on would keep what it imported."""
        from firmware.console.session import Console, Rooms

        await Console(self._terminal, Rooms(*self._rooms), self._clock).run()
