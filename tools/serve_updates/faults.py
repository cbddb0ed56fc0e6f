"""Faults of a server of updates, on demand: it stalls, cuts, lies about lengths, redirects, never ends. For tests.

    server.faults.add("*/image.bin", stall(at=8192))          # the next request for it
    server.faults.add("*", refused(503, retry_after_s=7), times=2)
    server.faults.add("*/manifest.json", redirect("/elsewhere"), times=FOREVER, after=1)

A new fault is a field of Fault, the place in `play` that heeds it, and a function with a name.
"""

import asyncio
import fnmatch
import gzip as gzipping
import socket
import struct
from dataclasses import dataclass, field

FOREVER = 1 << 30
HEAD = "head"
_LOOK_S = 0.01
_PIECE = 4096
_MOST_WAITING = 1 << 16
_REASONS = {200: "OK", 206: "Partial Content", 302: "Found", 416: "Range Not Satisfiable", 503: "Service Unavailable"}


@dataclass(frozen=True)
class Fault:
    """How one answer differs from the right one. Byte numbers count from the beginning of this answer's body."""

    status: int | None = None
    headers: dict = field(default_factory=dict)
    body: bytes | None = None
    length: int | None = None  # Content-Length; -1: there is none
    stall: int | str | None = None  # HEAD, or after so many bytes, until the client goes
    cut: int | None = None  # after so many bytes
    reset: bool = False  # cut by a reset and no FIN
    rate: float | None = None  # bytes a second, one by one
    chunks: int | None = None  # in chunks of so many bytes
    gzip: bool = False
    endless: bool = False  # the body starts again whenever it is over
    flip: int | None = None  # number of the bit in this byte of the file that is wrong
    whole: bool = False  # as if there had been no Range


def stall(at=HEAD):
    """Return a Fault: silence instead of a HEAD, or after `at` bytes of the body (0: after the head)."""
    return Fault(stall=at)


def slow(bytes_a_second=1.0):
    """Return a Fault: a body that trickles."""
    return Fault(rate=bytes_a_second)


def truncated(at, reset=False):
    """Return a Fault: a connection that ends after `at` bytes of the body, whatever the length claims."""
    return Fault(cut=at, reset=reset)


def lying(length):
    """Return a Fault: a Content-Length of `length`; the whole body follows, then the end. -1: no Content-Length."""
    return Fault(length=length)


def redirect(location, status=302):
    """Return a Fault: a redirect, and no body."""
    return Fault(status=status, headers={"Location": location}, body=b"")


def refused(status, retry_after_s=None):
    """Return a Fault: a status and a word about it."""
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return Fault(status=status, headers=headers, body=b"no\n")


def chunked(size=1000):
    """Return a Fault: chunks of `size` bytes (RFC 9112 §7.1), no Content-Length."""
    return Fault(chunks=size)


def gzipped():
    """Return a Fault: the body compressed, though the client did not ask for it."""
    return Fault(gzip=True)


def endless(chunks=None):
    """Return a Fault: a body that never ends, without a length, or in chunks of that size."""
    return Fault(endless=True, length=-1, chunks=chunks)


def flipped(at):
    """Return a Fault: one bit of byte `at` of the file is wrong."""
    return Fault(flip=at)


def deaf():
    """Return a Fault: Range is ignored; all of it comes, from the beginning, with 200."""
    return Fault(whole=True)


class Faults:
    """The faults of one server, in the order in which they were added; without any it does everything right."""

    def __init__(self):
        self.ended = False
        self._waiting = []

    def add(self, path, fault, times=1, after=0):
        """Give the next `times` requests for `path` (with * for anything) the Fault, after `after` others were let pass."""
        self._waiting.append([path, fault, times, after])

    def clear(self):
        """Clear all faults: from now on everything is right."""
        self._waiting.clear()

    def take(self, path):
        """Return the Fault for a request that is here now, or None."""
        for entry in self._waiting:
            pattern, fault, times, after = entry
            if not fnmatch.fnmatchcase(path, pattern):
                continue
            if after:
                entry[3] -= 1
                return None
            entry[2] = times - 1
            if entry[2] <= 0:
                self._waiting.remove(entry)
            return fault
        return None

    def end(self):
        """End the waits of unfinished answers."""
        self.ended = True


async def play(fault, answer, transport, faults):
    """Send `answer` with its fault, every byte of it from here, until it is complete or the client has gone."""

    def gone():
        return transport.is_closing() or faults.ended

    if fault.stall == HEAD:
        await _until(gone)
        return
    status, headers, body, whole = _altered(fault, answer)
    transport.write(_head(fault, status, headers, len(body)))
    cut = fault.cut if fault.cut is not None else whole if not fault.endless else FOREVER
    if fault.stall is not None:
        cut = min(cut, fault.stall)
    sent = 0
    while sent < cut and not gone():
        most = 1 if fault.rate else fault.chunks or _PIECE
        at = sent % len(body) if body else 0
        piece = body[at : at + min(most, cut - sent)]
        if not piece:
            break
        transport.write(b"%x\r\n%b\r\n" % (len(piece), piece) if fault.chunks else piece)
        sent += len(piece)
        await asyncio.sleep(1 / fault.rate if fault.rate else 0)
        await _until(lambda: gone() or transport.get_write_buffer_size() < _MOST_WAITING)
    if fault.stall is not None:
        await _until(gone)
    elif fault.chunks and fault.cut is None and not gone():
        transport.write(b"0\r\n\r\n")
    if fault.reset:
        _reset(transport)


def _altered(fault, answer):
    """Return (status, headers, body, its length) of the answer as this fault has it."""
    status, headers, body = answer.status, dict(answer.headers), answer.body
    if fault.whole and answer.whole is not None:
        status, body = 200, answer.whole
        headers.pop("Content-Range", None)
    if fault.status is not None:
        status = fault.status
    if fault.body is not None:
        headers, body = {}, fault.body
    if fault.flip is not None and 0 <= fault.flip - answer.start < len(body):
        body = bytearray(body)
        body[fault.flip - answer.start] ^= 1
        body = bytes(body)
    if fault.gzip:
        headers["Content-Encoding"] = "gzip"
        body = gzipping.compress(body, mtime=0)
    return status, {**headers, **fault.headers}, body, len(body)


def _head(fault, status, headers, length):
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Whatever')}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if fault.chunks:
        lines.append("Transfer-Encoding: chunked")
    elif fault.length is None:
        lines.append(f"Content-Length: {length}")
    elif fault.length >= 0:
        lines.append(f"Content-Length: {fault.length}")
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode()


async def _until(true):
    while not true():
        await asyncio.sleep(_LOOK_S)


def _reset(transport):
    """End the connection with a reset."""
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
