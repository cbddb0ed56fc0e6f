"""`python3 -m tools NAME …`: makes its own environment on the first call, then runs the command inside it.

A new command is a module or package of this folder with `main(argv) -> exit code`, and a line in COMMANDS.
This file and `environment.py` use nothing but Python's standard library: nothing else is there yet.
"""

import errno
import importlib
import sys

from tools import Failure
from tools.common import environment
from tools.common.printable import one_line, reason

COMMANDS = {
    "sim": "a device on the real MicroPython, in a simulated board, against a local hub",
    "test": "all tests (arguments go to pytest)",
    "check": "lint, format, types, both architectures, then the tests",
    "hub": "the local hub alone, for the LAN, with a page to drive it",
    "ws-echo": "the firmware's WebSocket client as an echo client, for conformance suites",
    "rf": "encode, decode, plot and export radio frames",
    "build": "images for boards, their manifests, and the tree that devices update themselves from",
    "freeze": "links compiled modules into an official MicroPython image, for any project",
    "release": "a version: built from a clean commit, signed, published, with its web flasher and changelog",
    "flash": "puts MicroPython, the firmware and settings on a board",
    "console": "a terminal on a board's serial line",
    "deploy": "brings edited firmware onto a flashed board, quickly",
    "keys": "a signing key for releases: make one, look at one, go on after a restore",
    "sign": "signs files so that devices take them",
    "serve-updates": "offers such a tree on the LAN",
    "docs": "writes the pages of docs/ that are made from the firmware",
    "bench": "figures: radio, latency, client, memory",
}


# errors of the system that name no file: a write to a disk that is full, broken, or not to be written
_OF_DISKS = (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))


def _usage():
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {what}" for name, what in COMMANDS.items()]
    return (
        "usage: python3 -m tools COMMAND …\n\n" + "\n".join(lines) + "\n\npython3 -m tools COMMAND --help tells more.\n"
    )


def _refuse(name, words, code):
    """Print why the command ends, and return its exit code. What was typed, or came by a network, moves no cursor."""
    lines = "\n".join(map(one_line, words.split("\n")))
    print(f"python3 -m tools {one_line(name)}: {lines}", file=sys.stderr)
    return code


def main(argv):
    """Return the exit code of the command: 0 good, 1 it failed, 2 it was called wrongly."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without these letters is no reason to stop
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(_usage(), end="")
        return 0 if argv else 2
    name, *rest = argv
    if name not in COMMANDS:
        print(f"python3 -m tools: there is no command '{one_line(name)}'\n\n{_usage()}", end="", file=sys.stderr)
        return 2
    try:
        code = environment.enter()
        if code is not None:
            return code
        return importlib.import_module("tools." + name.replace("-", "_")).main(rest) or 0
    except Failure as failure:
        return _refuse(name, str(failure), failure.code)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has closed it
        sys.stderr.close()
        return 1
    except OSError as fault:
        if fault.filename is None and fault.errno not in _OF_DISKS:
            raise  # a bug: a connection, a time-out
        return _refuse(name, reason(fault), 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
