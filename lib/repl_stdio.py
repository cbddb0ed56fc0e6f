"""The line of the REPL, USB or UART, byte by byte and without blocking. Wraps the console's stdin and stdout."""

import select
import sys

import micropython
from micropython import const

_CTRL_C = const(3)
_NO_KEY = const(-1)


def write(data):
    """Send `data` (bytes) as it is: print would make CR LF of each line feed, in a packet as well. It may block."""
    sys.stdout.buffer.write(data)


class Terminal:
    """While it is held, Ctrl-C is a byte like any other: packets hold it, too (reference/onboarding-ota-safety.md §B2).

    What is written goes to `output`, an output.Output.
    """

    def __init__(self, output):
        self._in = sys.stdin.buffer
        self._output = output
        self._byte = bytearray(1)
        self._poll = select.poll()
        try:
            self._poll.register(sys.stdin, select.POLLIN)
        except OSError:
            self._in = None  # nothing is there to listen to

    def hold(self):
        """Hold Ctrl-C: no byte interrupts the program from here on."""
        micropython.kbd_intr(_NO_KEY)

    def release(self):
        """Release Ctrl-C: it interrupts again, as the REPL expects it."""
        micropython.kbd_intr(_CTRL_C)

    def waits(self):
        """Return whether a byte has arrived that was not taken yet; also once the other end is gone, until `get` has found out."""
        if self._in:
            for _ in self._poll.ipoll(0):
                self._output.input_came()
                return True
        return False

    def get(self):
        """Return the next byte that has arrived, 0–255; -1 while there is none, and for ever once the other end is gone.

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

    def write(self, data, more=False):
        """Queue `data` (bytes) as it is; it leaves when that does not block. `more`: its line goes on."""
        self._output.put(data, more)

    def takes(self, size):
        """Return whether `size` more bytes find room, or none can be expected soon: then they are left out."""
        return self._output.room() >= size or not self._output.flows()
