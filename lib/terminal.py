"""The line of the REPL, USB or UART, byte by byte and without ever waiting. Door to the console's stdin and stdout."""

import select
import sys

import micropython
from micropython import const

_CTRL_C = const(3)
_NO_KEY = const(-1)


class Terminal:
    """While it is held, Ctrl-C is a byte like any other: packets hold it, too (reference/onboarding-ota-safety.md §B2)."""

    def __init__(self):
        self._in = sys.stdin.buffer
        self._out = sys.stdout.buffer
        self._byte = bytearray(1)
        self._poll = select.poll()
        try:
            self._poll.register(sys.stdin, select.POLLIN)
        except OSError:
            self._in = None  # nothing is there to listen to

    def hold(self):
        """None; no byte interrupts the program from here on."""
        micropython.kbd_intr(_NO_KEY)

    def release(self):
        """None; Ctrl-C interrupts again, as the REPL expects it."""
        micropython.kbd_intr(_CTRL_C)

    def waits(self):
        """True while a byte has arrived that nobody has taken yet; also once the other end is gone, until somebody looks."""
        if self._in:
            for _ in self._poll.ipoll(0):
                return True
        return False

    def get(self):
        """The next byte that has arrived, 0–255; -1 while there is none, and for ever once the other end is gone.

        One at a time: on the chip a read for more waits until it has them all. Nothing is allocated while nothing comes.
        """
        if self._in:
            for _ in self._poll.ipoll(0):
                try:
                    if self._in.readinto(self._byte):
                        return self._byte[0]
                except OSError:
                    pass  # a line that was hung up
                self._in = None
        return -1

    def write(self, data):
        """None; `data` (bytes) is sent as it is: print would make CR LF of each line feed, in a packet as well."""
        self._out.write(data)
