"""Free ports on this machine, for programs that must know a port before it is opened: a device gets its ports before it starts."""

import os
import socket

_FIRST, _COUNT = 20000, 12000  # below the ports that Linux, macOS and Windows give to connections by themselves
_STEP = 61  # from one process to the next
_last = os.getpid() * _STEP


def free_port():
    """Return a port of 127.0.0.1 that is free for TCP and UDP; each call gives another one. Raise OSError when none is left.

    One from the system's own range could go to a connection of another process before the caller listens on it.
    """
    global _last
    for _ in range(_COUNT):
        _last += 1
        port = _FIRST + _last % _COUNT
        try:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(socket.AF_INET, kind) as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return port
    raise OSError("no port is free")
