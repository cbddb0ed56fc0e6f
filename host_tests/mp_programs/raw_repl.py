"""A raw REPL as the boards have it, on MicroPython's unix port, which has none: for mpremote and ampy at a pseudo-terminal.

The folder it runs in is the board: flash.bin is its flash (host_tests/stubs/simflash.py). A line `$repl` is answered as the
firmware does it. The argument is a folder to import from, as boot.py puts /app into the path.
"""

import io
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


sys.path.insert(0, sys.argv[1])
serve()
