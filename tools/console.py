"""`python3 -m tools console`: a terminal on the serial line of a board; Ctrl-] leaves. A board that restarts is waited for.

What the firmware understands is in docs (serial commands) and listed by `help`. With lines on standard input instead of a
keyboard they are sent one after the other, and the answers printed: `echo status | python3 -m tools console`.
"""

import codecs
import sys
import time

import serial
from serial.tools.miniterm import Miniterm

from tools import Failure
from tools.common import arguments
from tools.common.printable import printable_lines
from tools.flash import ports

_BAUD = 115200
_LOOK_S = 0.25
_QUIET_S = 1.0  # a board that sends nothing for so long has answered
_LEAVE = "\x1d"


class Terminal(Miniterm):
    """pyserial's terminal, which waits for a board that goes and comes again."""

    def __init__(self, port, line):
        super().__init__(line, filters=("default",))
        self._port = port
        self.exit_character = _LEAVE
        self.set_rx_encoding("utf-8")
        self.set_tx_encoding("utf-8")

    def reader(self):
        """Show what the board sends until the person has left."""
        while self.alive:
            try:
                self._show(self.serial.read(self.serial.in_waiting or 1))
            except OSError:
                self._wait()

    def _show(self, data):
        text = self.rx_decoder.decode(data)
        for transformation in self.rx_transformations:
            text = transformation.rx(text)
        self.console.write(text)

    def _wait(self):
        """Wait until the board is there again, or the person has left."""
        self.serial.close()
        self.console.write("\r\n--- gone; waiting for it\r\n")
        while self.alive:
            try:
                self.serial = opened(self._port)
                self.console.write("--- there again\r\n")
                return
            except OSError:
                time.sleep(_LOOK_S)

    def writer(self):
        """Send what is typed until the person has left; what is typed while the board is gone is lost."""
        while self.alive:
            try:
                key = self.console.getkey()
            except KeyboardInterrupt:
                key = "\x03"
            if key in ("", self.exit_character):  # nothing: the window was closed
                self.alive = False
            else:
                self._send(key)

    def _send(self, text):
        for transformation in self.tx_transformations:
            text = transformation.tx(text)
        try:
            self.serial.write(self.tx_encoder.encode(text))
        except OSError:
            pass  # the reader sees it, too


def opened(port):
    """Return the open line. Raise OSError when there is none."""
    line = serial.serial_for_url(port, baudrate=_BAUD, timeout=_LOOK_S, do_not_open=True)
    line.dtr = line.rts = False  # on many boards these two would hold the chip in reset
    line.open()
    return line


def _terminal(port):
    """Run the terminal until the person has left. Raise Failure when the port is not there in the first place."""
    terminal = Terminal(port, _first(port))
    print(f"--- {port}: Ctrl-] leaves", flush=True)
    terminal.start()
    try:
        terminal.join()
    finally:
        terminal.stop()
        terminal.console.cleanup()
        terminal.close()
    print("\n--- left")


def _first(port):
    try:
        return opened(port)
    except OSError as fault:
        raise Failure(f"{port} cannot be opened ({fault}); is another program at it?")


def _answers(port, lines, write):
    """Send each of `lines`, and pass what the board answers until it is quiet to `write(text)`.

    A board repeats names that come by the network: none of them moves the cursor here.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    with _first(port) as line:
        for text in lines:
            line.write(text.rstrip("\r\n").encode() + b"\r\n")
            last = time.monotonic()
            while time.monotonic() - last < _QUIET_S:
                data = line.read(max(1, line.in_waiting))
                if data:
                    last = time.monotonic()
                    write(printable_lines(decoder.decode(data)))


def main(argv):
    """Return 0. Raise Failure when the port cannot be opened, or is not given and not clear."""
    parser = arguments.Parser(prog="python3 -m tools console", description="A serial terminal; Ctrl-] leaves.")
    parser.add_argument("--port", type=arguments.text, help="the board's port; left out, the only one that there is")
    port = ports.chosen(parser.parse_args(argv).port)
    try:
        if sys.stdin.isatty():
            _terminal(port)
        else:
            _answers(port, sys.stdin, lambda text: print(text, end="", flush=True))
    except OSError as fault:
        raise Failure(f"{port}: {fault}")
    return 0
