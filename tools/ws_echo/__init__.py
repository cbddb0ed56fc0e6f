"""`python3 -m tools ws-echo URL`: the firmware's WebSocket client as an echo client, the driver for conformance suites.

This part runs on CPython: it reads the command line and starts `echo.py` on MicroPython, which does the work.
"""

import os
import subprocess
import sys
from pathlib import Path

from lib.url import parse_url
from tools import Failure
from tools.common import arguments, environment

_ECHO = Path(__file__).with_name("echo.py")
_DEFAULT_SIZE = 32768
_LARGEST_SIZE = 1 << 28
# On CPython the names that MicroPython has come from host_tests/cpython/dress.py.
_ON_CPYTHON = "import dress, runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"


def _options(argv):
    parser = arguments.Parser(
        prog="python3 -m tools ws-echo",
        description="Connects to a WebSocket server and sends each message back, until the connection ends.",
        epilog="Exit 0 whatever the server does; 1 when it cannot be reached, or when the client itself breaks.",
    )
    parser.add_argument("url", type=arguments.text, metavar="URL", help="ws://host[:port]/path, or wss://")
    parser.add_argument(
        "--max-size",
        type=arguments.number(1, _LARGEST_SIZE),
        default=_DEFAULT_SIZE,
        metavar="N",
        help="bytes of the largest message (default %(default)s)",
    )
    parser.add_argument(
        "--ca", type=arguments.path, metavar="FILE", help="the root that a wss:// server is verified by, DER or PEM"
    )
    options = parser.parse_args(argv)
    try:
        scheme = parse_url(options.url)[0]
    except ValueError as fault:
        raise Failure(str(fault))
    if scheme not in ("ws", "wss"):
        raise Failure("the URL of a WebSocket begins with ws:// or wss://")
    if options.ca and not os.access(options.ca, os.R_OK):
        raise Failure(f"cannot read {options.ca}")
    if scheme == "wss" and not options.ca:
        print("ws-echo: without --ca the server is not verified", file=sys.stderr, flush=True)
    return options


def command(interpreter, options):
    """Return (command, environment) that runs the echo on MicroPython, or on CPython where there is none."""
    arguments = [str(_ECHO), options.url, str(options.max_size), os.path.abspath(options.ca) if options.ca else ""]
    root = environment.ROOT
    if interpreter:
        heap = heap_bytes(options.max_size)
        path = f"{root}:.frozen"
        return [interpreter, "-X", f"heapsize={heap}", *arguments], dict(os.environ, MICROPYPATH=path)
    print("ws-echo: there is no MicroPython here, so this runs on CPython", file=sys.stderr, flush=True)
    path = os.pathsep.join(map(str, (root, root / "host_tests" / "cpython", root / "host_tests" / "stubs")))
    return [sys.executable, "-c", _ON_CPYTHON, *arguments], dict(os.environ, PYTHONPATH=path)


def heap_bytes(max_size):
    """Return the heap (bytes) for the echo: one message in pieces, whole, and as a frame, and the frames that `echo.py` queues."""
    return 8 * max_size + 48 * 1024 * 1024


def main(argv):
    """Return the exit code of the echo client."""
    line, variables = command(environment.program("micropython"), _options(argv))
    if os.name == "nt":
        return subprocess.call(line, env=variables)
    sys.stdout.flush()
    return os.execve(line[0], line, variables)  # one process: a signal to it ends the echo
