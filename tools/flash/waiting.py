"""Waits until a board that was just written reports how to reach it: the set-up page's network, key and code, or its address.

The lines are those of the console (firmware/net/access_point.py, firmware/console/commands.py); a $ keeps it from echoing ours.
"""

import time

import serial

from tools.common.printable import printable

SETUP = "$SYS$|Response|SetUp|"
_STATUS = "$SYS$|Response|Status|"
_ASK_FIRST_S = 0.5
_ASK_EVERY_S = 2.0
_OPEN_EVERY_S = 0.25
_TAIL = 12
_LONGEST_LINE = 4096


def invited(port, limit_s, clock=time.monotonic):
    """Return (lines, tail): how to reach the board, [] when it sent nothing of that within `limit_s`; and its last lines.

    The port may vanish meanwhile, as one that the chip itself makes does when it restarts.
    """
    end = clock() + limit_s
    received = _Received()
    line = None
    while clock() < end and not received.done:
        try:
            line = line or _opened(port)
            _read(line, received, end, clock)
        except OSError:
            _close(line)
            line = None
            time.sleep(_OPEN_EVERY_S)
    _close(line)
    return received.lines, received.tail[-_TAIL:]


def _opened(port):
    line = serial.serial_for_url(port, baudrate=115200, timeout=_OPEN_EVERY_S, do_not_open=True)
    line.dtr = line.rts = False  # on many boards these two would hold the chip in reset
    line.open()
    return line


def _close(line):
    try:
        if line is not None:
            line.close()
    except OSError:
        pass


def _read(line, received, end, clock):
    """Read until the board has reported it, or the time is over. Raise OSError when the port has gone."""
    ask_at = clock() + _ASK_FIRST_S  # it may have reported by itself before the port was open
    waiting = b""
    while clock() < end and not received.done:
        waiting += line.read(max(1, line.in_waiting))
        *lines, waiting = waiting.split(b"\n")
        waiting = waiting[-_LONGEST_LINE:]
        for one in lines:
            received.line(printable(one.decode("utf-8", "replace").strip()))
        if clock() >= ask_at and not received.done:
            line.write(b"\r\n$portal\r\n" if received.open else b"\r\n$status\r\n")
            ask_at = clock() + _ASK_EVERY_S


class _Received:
    """The console's lines so far. `lines` are for the person, `open` whether the set-up page is there, `done` when that is all."""

    def __init__(self):
        self.lines, self.tail = [], []
        self.open = self.done = False

    def line(self, text):
        if not text:
            return
        self.tail.append(text)
        del self.tail[:-_TAIL]
        if text.startswith(SETUP):
            self.lines = [text]
        elif self.lines and not text.startswith(("[", "$")):
            self.lines.append(text)
            self.done = len(self.lines) == 3  # firmware/net/access_point.py: invitation
        elif text == _STATUS + "SetUp|true":
            self.open = True
        elif text.startswith(_STATUS + "WiFi|") and not text.endswith("|not connected"):
            self.lines = [f"It is on the network, as {text.rpartition('|')[2]}."]
            self.done = True
