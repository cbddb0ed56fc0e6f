"""A raw REPL as the boards have it, on MicroPython's unix port, which has none: for mpremote and ampy at a pseudo-terminal.

The folder it runs in is the board: flash.bin is its flash (host_tests/stubs/simflash.py). A line `$repl` is answered as the
firmware does it, and `$status` with the file status.txt; without one there is no firmware, and the prompt knows no such line.
The argument is a folder to import from, in the place of what is frozen.
"""

import io
import os
import sys

RAW = b"raw REPL; CTRL-B to exit\r\n>"
read, put = sys.stdin.buffer.read, sys.stdout.buffer.write


def run(code, scope):
    """What a script raised, in bytes."""
    try:
        exec(code, scope)
    except SystemExit:
        raise
    except BaseException as fault:  # whatever it is, the other side reads it
        text = io.StringIO()
        sys.print_exception(fault, text)
        return text.getvalue().encode()
    return b""


def status():
    """Return what answers `$status`."""
    try:
        with open("status.txt", "rb") as file:
            return file.read()
    except OSError:
        return b"SyntaxError: invalid syntax\r\n>>> "


def serve():
    scope, code, raw = {"__name__": "__main__"}, b"", False
    while True:
        key = read(1)
        if not key:
            return
        if key == b"\x01":
            raw, code = True, b""
            put(RAW)
        elif key == b"\x02":
            raw = False
            put(b"\r\nMicroPython\r\n>>> ")
        elif key == b"\x03":
            code = b""
        elif key == b"\x05" and not code:
            read(2)
            put(b"R\x00")  # pasting is understood, and not to be had
        elif key == b"\x04" and not code.strip():
            scope, code = {"__name__": "__main__"}, b""
            put(b"OK\r\nMPY: soft reboot\r\n" + (RAW if raw else b">>> "))
        elif key == b"\x04":
            put(b"OK")
            fault = run(code, scope)
            put(b"\x04" + fault + b"\x04>")
            code = b""
        else:
            code += key
            if not raw and code.endswith(b"$repl\r\n"):
                put(b"$SYS$|Success|Everything stops\r\n>>> ")
                code = b""
            if not raw and code.endswith(b"$status\r\n"):
                put(status())
                code = b""


sys.path.insert(0, os.getcwd() + "/" + sys.argv[1])
serve()
