"""Dresses CPython's stdin as MicroPython's: a byte at a time, asked for without waiting. For the simulator, on any system.

`python -u -c "import dress, keyboard; keyboard.put_on(); import main"`; without it lib/repl_stdio.py finds no `ipoll`.
"""

import os
import select
import sys
import threading

_MOST = 65536  # bytes that nobody has read yet: then the other end waits
_CHUNK = 256


class _Keyboard:
    """What a thread reads from file descriptor 0: `buffer.readinto`, and whether it would give something."""

    def __init__(self):
        self._waiting = bytearray()
        self._ended = False
        self._changed = threading.Condition()
        self.buffer = self
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            try:
                data = os.read(0, _CHUNK)
            except OSError:
                data = b""
            with self._changed:
                self._waiting += data
                self._ended = not data
                self._changed.wait_for(lambda: len(self._waiting) < _MOST)
            if not data:
                return

    def ready(self):
        """True when `readinto` gives something, or says that all is over."""
        return bool(self._waiting) or self._ended

    def readinto(self, buffer):
        """How many bytes it gave, at most as many as fit; 0 at the end."""
        with self._changed:
            data = self._waiting[: len(buffer)]
            buffer[: len(data)] = data
            del self._waiting[: len(data)]
            self._changed.notify()
        return len(data)


class _Poll:
    """As much of MicroPython's poll object as one keyboard needs."""

    def register(self, stream, events):
        self._stream = stream

    def ipoll(self, timeout_ms):
        return [(self._stream, 1)] if self._stream.ready() else []


def put_on():
    """None; `sys.stdin` and `select.poll` are as on the device from here on. Only for a process that is a device."""
    sys.stdin = _Keyboard()
    select.poll = _Poll
    if not hasattr(select, "POLLIN"):  # Windows
        select.POLLIN = 1
