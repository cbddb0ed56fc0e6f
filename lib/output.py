"""Output to the console, which waits here until it can leave without blocking. Lines and packets, whole or not at all.

A write may hold up the interpreter. A UART takes what its FIFO has room for at once (ESP32: 128 bytes, SOC_UART_FIFO_LEN) and
then a byte in 87 µs at 115 200 baud; native USB waits for up to 500 ms a write while a host holds the port open and reads nothing
(MICROPY_HW_USB_CDC_TX_TIMEOUT), and it cannot be asked before.
"""

from micropython import const

_ROOM = const(512)  # bytes of the buffer
_FIFO = const(120)  # bytes written at once: a few of the UART's may be in use
_BYTES_A_MS = const(11)  # 115 200 baud, 10 bits a byte
_STUCK_MS = const(20)  # ms; a write that took as long: the other end does not read
_AGAIN_MS = const(60000)  # ms without a write after that, unless the other end sends something
_NOTE = "(%d lines or packets were left out here)\r\n"


class Output:
    """`write(data)` may block; `clock()` gives ms. `pump` is called every few ms."""

    def __init__(self, write, clock):
        self._write = write
        self._clock = clock
        self._waiting = bytearray(_ROOM)
        self._view = memoryview(self._waiting)
        self._used = 0
        self._lost = 0  # since the last note
        self._inside = False  # of a line that comes in pieces
        self._free = 0  # bytes that may leave at once
        self._pumped_ms = 0
        self._stuck_ms = None  # when a write took too long
        self.held = False  # something is active, and whether a write would block is unknown

    def line(self, text):
        """Queue one line of text; it is left out where it would cut another one in two."""
        if self._inside:
            self._lost += 1
        else:
            self.put((text + "\r\n").encode())

    def put(self, data, more=False):
        """Queue `data` (bytes); where there is no room it is left out, and counted.

        `more`: further pieces of the same line follow.
        """
        inside, self._inside = self._inside, more
        if self._lost and not inside and self.room() > len(_NOTE) + len(data):
            note = (_NOTE % self._lost).encode()
            self._lost = 0
            self._append(note)
        if len(data) > self.room():
            self._lost += 1
        else:
            self._append(data)

    def _append(self, data):
        end = self._used + len(data)
        self._view[self._used : end] = data
        self._used = end

    def room(self):
        """Return how many bytes `put` takes now."""
        return _ROOM - self._used

    def flows(self):
        """Return whether room can be expected soon: nothing holds the output, and the other end reads."""
        return not self.held and self._stuck_ms is None

    def waits(self):
        """Return whether something has not left yet."""
        return self._used > 0

    def input_came(self):
        """Note that the other end has sent something: it may read as well."""
        self._stuck_ms = None

    def pump(self):
        """Write what can leave without blocking."""
        now = self._clock()
        self._free = min(_FIFO, self._free + (now - self._pumped_ms) * _BYTES_A_MS)
        self._pumped_ms = now
        if self._stuck_ms is not None and now - self._stuck_ms >= _AGAIN_MS:
            self._stuck_ms = None
        count = min(self._free, self._used)
        if not count or not self.flows():
            return
        self._write(self._view[:count])
        self._free -= count
        self._used -= count
        self._view[: self._used] = self._view[count : count + self._used]
        if self._clock() - now >= _STUCK_MS:
            self._stuck_ms = self._clock()

    def flush(self):
        """Write all of it, however long that takes: for the very end."""
        if self._used and self._stuck_ms is None:
            self._write(self._view[: self._used])
        self._used = 0
