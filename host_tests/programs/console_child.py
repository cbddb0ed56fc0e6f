"""The console on the real terminal, in front of rooms that only pretend: a log line every 150 ms, networks that can be joined.

Ends in the REPL when it is started with `micropython -i`. One argument: the settings, as JSON.
"""

import asyncio
import sys

sys.path.insert(0, ".")

from host_tests.unit.console_story import Desk  # noqa: E402
from lib import tasks  # noqa: E402
from lib.monotonic import Clock  # noqa: E402
from lib.output import Output  # noqa: E402
from lib.repl_stdio import Terminal, write  # noqa: E402


class Board(Desk):
    """A Desk whose console has this process's own input and output, and a clock that runs."""

    async def live(self):
        self.console.clock = Clock().now
        self._output = Output(write, self.console.clock)
        self.console._terminal = Terminal(self._output)
        await tasks.together(self.console.run(), self._talk(), self._pump())

    async def _pump(self):
        while True:
            self._output.pump()
            await asyncio.sleep_ms(5)

    async def _leave(self):
        for _ in range(6):  # the stop frames
            await asyncio.sleep_ms(50)

    async def _talk(self):
        while True:
            await asyncio.sleep_ms(150)
            self._output.line("[%d][info][radio] nothing to do" % self.console.clock())


def main():
    with Board(sys.argv[1].encode()) as board:
        asyncio.run(board.live())


main()
