"""The echo client itself: `echo.py URL MAX_SIZE CA`, on MicroPython or CPython. One socket that never blocks, one loop.

It reads and writes at the same time: a server may send a large message while it does not yet read the echo of the last.
"""

import errno
import select
import socket
import ssl
import sys
import time
from binascii import a2b_base64

import micropython

from lib import http_response, websocket, websocket_handshake

_CONNECT_MS = 10000
_ANSWER_MS = 15000
_DRAIN_MS = 3000  # for the server to take the last bytes and to end the stream, RFC 6455 §7.1.1
_LARGEST_READ = 65536
_WAITING_BYTES = 32 * 1024 * 1024  # of echoes; beyond that, and four messages, nothing is read until some are taken
_AGAIN = (2, 3, 11, 35, 10035)  # errno: CPython's TLS wants to read, to write; EAGAIN of Linux, macOS, Windows
_MICROPYTHON = sys.implementation.name == "micropython"


class Unreachable(Exception):
    """The server could not be connected to, or TLS with it failed."""


def _log(text):
    print("ws-echo: " + text, file=sys.stderr)


def _certificates(path):
    """Return a list of the DER certificates in a file, DER or PEM."""
    with open(path, "rb") as file:
        data = file.read()
    begin, end = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
    if begin not in data:
        return [data]
    return [a2b_base64(part.split(end)[0]) for part in data.split(begin)[1:]]


def _secured(sock, host, ca):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if hasattr(context, "check_hostname"):  # CPython; MicroPython checks the name whenever it verifies
        context.check_hostname = bool(ca)
    context.verify_mode = ssl.CERT_REQUIRED if ca else ssl.CERT_NONE
    for certificate in _certificates(ca) if ca else ():
        context.load_verify_locations(cadata=certificate)
    if not _MICROPYTHON:
        return context.wrap_socket(sock, server_hostname=host)
    sock.setblocking(False)  # MicroPython's own handshake would wait for ever
    return context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)


class Wire:
    """A connected socket, plain or TLS, that never blocks. Both of its verbs return None when they would have to wait."""

    def __init__(self, host, port, secure, ca):
        """Connect. Raise Unreachable. With MicroPython the TLS handshake happens inside the first `write`s."""
        try:
            address = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0]
            self.sock = socket.socket(address[0], socket.SOCK_STREAM)
            self.sock.settimeout(_CONNECT_MS // 1000)
            self.sock.connect(address[-1])
            if secure:
                self.sock = _secured(self.sock, host, ca)
            self.sock.setblocking(False)
        except (OSError, ValueError) as fault:
            raise Unreachable(_words(fault))
        self._read_into = self.sock.readinto if _MICROPYTHON else self.sock.recv_into
        self._write = self.sock.write if _MICROPYTHON else self.sock.send
        if hasattr(select, "poll"):
            self._poll = select.poll()
            self._poll.register(self.sock, select.POLLIN)

    def wait(self, reads, writes, timeout_ms):
        """Wait until something can be read or written, as asked, at most `timeout_ms` (below 0: for ever)."""
        if hasattr(select, "poll"):
            self._poll.modify(self.sock, (select.POLLIN if reads else 0) | (select.POLLOUT if writes else 0))
            self._poll.poll(timeout_ms)
        else:
            wanted = ([self.sock] if reads else [], [self.sock] if writes else [], [])
            select.select(*wanted, None if timeout_ms < 0 else timeout_ms / 1000)

    def read_into(self, buffer):
        """Return how many bytes came; 0 when the stream ended, or was cut."""
        try:
            return self._read_into(buffer)
        except (OSError, ValueError) as fault:
            return None if _would_wait(fault) else 0

    def write(self, data):
        """Return how many bytes of `data` went. Raise OSError when the peer has gone, ValueError when TLS does not verify."""
        try:
            return self._write(data)
        except OSError as fault:
            if _would_wait(fault):
                return None
            raise


def _would_wait(fault):
    return isinstance(fault, OSError) and fault.args and fault.args[0] in _AGAIN


def _words(fault):
    """Return one line on what went wrong."""
    parts = [errno.errorcode.get(part, part) if isinstance(fault, OSError) else part for part in fault.args]
    return " ".join(" ".join([str(part) for part in parts]).split()) or type(fault).__name__


class Echo:
    """One connection: from the upgrade to the end of the stream."""

    def __init__(self, wire, max_size):
        self.wire = wire
        self._frames = websocket.Frames(max_size)
        self._buffer = bytearray(max(2048, min(_LARGEST_READ, max_size // 4)))
        self._view = memoryview(self._buffer)
        self._most = 4 * max_size + _WAITING_BYTES
        self._queue = []  # blocks of bytes to be written
        self._queued = 0  # bytes in them
        self._sent = 0  # bytes of the first of them that went already
        self.ended = False  # the stream did
        self.end = "the stream ended without a close frame"

    def put(self, data):
        """Queue `data` behind what waits already."""
        if data:
            self._queue.append(data)
            self._queued += len(data)

    def flush(self):
        """Write what the socket takes now."""
        while self._queue:
            first = self._queue[0]
            count = self.wire.write(memoryview(first)[self._sent :] if self._sent else first)
            if not count:
                return
            self._sent += count
            self._queued -= count
            if self._sent == len(first):
                self._queue.pop(0)
                self._sent = 0

    def read(self):
        """Return the bytes that came; b"" when there are none now."""
        count = self.wire.read_into(self._buffer)
        if count == 0:
            self.ended = True
        return bytes(self._view[:count]) if count else b""

    def open(self, host, port, secure, path):
        """Return whether the server switched to WebSocket; `end` has why not. Raise Unreachable when TLS fails."""
        key = websocket_handshake.new_key()
        self.put(websocket_handshake.upgrade(host, port, secure, path, {"User-Agent": "ws-echo"}, key))
        deadline = time.ticks_add(time.ticks_ms(), _ANSWER_MS)
        answer = http_response.Answer()
        try:
            while answer.status is None and not self.ended:
                left_ms = time.ticks_diff(deadline, time.ticks_ms())
                if left_ms <= 0:
                    raise (
                        Unreachable("no TLS in time")
                        if secure and self._queue
                        else http_response.Error("no answer in time")
                    )
                self._send_request(secure)
                answer.feed(self.read())
                if answer.status is None and not self.ended:
                    self.wire.wait(True, bool(self._queue), left_ms)
            if answer.status is None:
                raise http_response.Error("the server closed before it answered")
            websocket_handshake.check(answer.status, answer.headers, key)
        except (http_response.Error, websocket_handshake.Refused) as fault:
            self.end = "no WebSocket: " + str(fault)
            return False
        self.answer(answer.rest)
        return True

    def _send_request(self, secure):
        try:
            self.flush()
        except (OSError, ValueError) as fault:
            if secure and _MICROPYTHON:
                raise Unreachable(_words(fault))
            self.ended = True

    @micropython.native
    def answer(self, data):
        """Send back the messages that `data` completes, pongs between them, in the order of their arrival."""
        events = self._frames.feed(data)
        echoes = [self._frames.message(event[1], event[0]) if event[0] < websocket.CLOSE else b"" for event in events]
        control = self._frames.take()
        at = 0
        for i, event in enumerate(events):
            if event[0] == websocket.PING:
                end = at + 6 + len(event[1])
                echoes[i] = control[at:end]
                at = end
            elif event[0] == websocket.CLOSE:
                who = "we closed: %d %s" if self._frames.fault else "the server closed: %d %s"
                self.end = (who % event[1]).strip()
        echoes.append(control[at:])
        if len(echoes) < 4:
            for echo in echoes:
                self.put(echo)
        else:
            self.put(b"".join(echoes))

    def run(self):
        """Echo until the connection ends, in whatever way."""
        try:
            while not self.ended and not self._frames.closed:
                reads = self._queued < self._most
                if reads:
                    data = self.read()
                    if data:
                        self.answer(data)
                self.flush()
                if not reads or not data:
                    self.wire.wait(reads, bool(self._queue), -1)
            self._drain()
        except OSError as fault:
            self.end += ", " + _words(fault)

    def _drain(self):
        """Wait until the last bytes went and the server ended the stream, or the time for that is over."""
        deadline = time.ticks_add(time.ticks_ms(), _DRAIN_MS)
        while not self.ended:
            left_ms = time.ticks_diff(deadline, time.ticks_ms())
            if left_ms <= 0:
                return
            self.flush()
            if not self.read():
                self.wire.wait(True, bool(self._queue), left_ms)


def main(url, max_size, ca):
    """Return the exit code: 1 when the server could not be reached, else 0."""
    scheme, host, port, path = http_response.parse_url(url)
    try:
        echo = Echo(Wire(host, port, scheme == "wss", ca), max_size)
        if echo.open(host, port, scheme == "wss", path):
            echo.run()
    except Unreachable as fault:
        _log("cannot connect to %s port %d: %s" % (host, port, fault))
        return 1
    _log(echo.end)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
