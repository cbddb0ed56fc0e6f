"""Ports on this machine for whoever cannot say 0 and ask afterwards: a device is told its ports before it starts."""

import os
import socket

_FIRST, _COUNT = 20000, 12000  # below the ports that Linux, macOS and Windows give to connections by themselves
_STEP = 61  # from one process to the next
_last = os.getpid() * _STEP


def free_port():
    """A port of 127.0.0.1 that nobody has, for TCP or UDP; each call gives another one. OSError when there is none left.

    One from the system's own range could go to a connection of another process before whoever asked listens on it.
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
