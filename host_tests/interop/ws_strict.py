"""A strict WebSocket server for one connection, and the cases that it plays on an echo client.

Written from RFC 6455 alone, with plain sockets, apart from lib/: it imports nothing of the firmware. The categories are those
of the Autobahn suite (1 framing, 2 pings, 3 reserved bits, 4 opcodes, 5 fragments, 6 UTF-8, 7 close, 9 sizes, 10 the rest),
then the handshake and ways to vanish. A case is a function that takes a `Peer` and raises AssertionError, or Broken.
"""

import base64
import hashlib
import socket
import struct

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
MAX_SIZE = 2 * 1024 * 1024
_PATIENCE_S = 20
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Broken(Exception):
    """The client broke a rule of RFC 6455."""


def head(opcode, length, fin=True, rsv=0, mask=False, form=None):
    """The head of a frame; `form` forces 7, 16 or 64 bits of length."""
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    form = form or (7 if length < 126 else 16 if length < 65536 else 64)
    bit = 0x80 if mask else 0
    if form == 7:
        return struct.pack(">BB", first, bit | length)
    if form == 16:
        return struct.pack(">BBH", first, bit | 126, length)
    return struct.pack(">BBQ", first, bit | 127, length)


def frame(opcode, payload=b"", **options):
    """A whole frame of a server."""
    return head(opcode, len(payload), **options) + payload


def fragments(opcode, payload, size):
    """A list of frames that carry `payload`, `size` bytes each."""
    parts = [payload[at : at + size] for at in range(0, len(payload), size)] or [b""]
    last = len(parts) - 1
    return [frame(0 if i else opcode, part, fin=i == last) for i, part in enumerate(parts)]


class Peer:
    """The server's end of one connection, after `listen` and `accept`."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(_PATIENCE_S)
        self.port = self.listener.getsockname()[1]
        self.sock = None
        self.keys = []
        self._buffer = b""

    def accept(self):
        """None; a client has connected."""
        self.sock, _ = self.listener.accept()
        self.sock.settimeout(_PATIENCE_S)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def stop(self):
        """None; both sockets are closed."""
        self.listener.close()
        if self.sock:
            self.sock.close()

    # bytes

    def send(self, data, chop=None):
        """None; `data` goes out, in writes of `chop` bytes when given. That the client has gone is no error here."""
        try:
            for at in range(0, len(data), chop or len(data) or 1):
                self.sock.sendall(data[at : at + (chop or len(data))])
        except (BrokenPipeError, ConnectionResetError):
            pass

    def read(self, count):
        """Exactly `count` bytes. Raises Broken when the stream ends first."""
        parts = [self._buffer]
        have = len(self._buffer)
        while have < count:
            part = self.sock.recv(1 << 16)
            if not part:
                raise Broken(f"the stream ended, {count - have} bytes too early")
            parts.append(part)
            have += len(part)
        data = b"".join(parts)
        self._buffer = data[count:]
        return data[:count]

    # the handshake

    def request(self):
        """(path, headers) of the client's request, which must be that of §4.1; header names in lower case."""
        data = b""
        while not data.endswith(b"\r\n\r\n"):
            data += self.read(1)
            if len(data) > 8192:
                raise Broken("a request without an end")
        first, *lines = data[:-4].decode("ascii").split("\r\n")
        method, path, version = first.split(" ")
        pairs = [line.split(": ", 1) for line in lines]
        headers = {name.lower(): value for name, value in pairs}
        assert (method, version) == ("GET", "HTTP/1.1")
        assert len(headers) == len(pairs), "a header came twice"
        assert headers["host"] == f"127.0.0.1:{self.port}"
        assert headers["upgrade"].lower() == "websocket"
        assert headers["connection"].lower() == "upgrade"
        assert headers["sec-websocket-version"] == "13"
        assert len(base64.b64decode(headers["sec-websocket-key"], validate=True)) == 16
        assert "sec-websocket-extensions" not in headers, "an extension that the client cannot speak"
        assert "sec-websocket-protocol" not in headers
        return path, headers

    def answer(self, headers, **changes):
        """The bytes of a good 101; `changes` replace a header (`_` for `-`), None leaves it out."""
        proof = base64.b64encode(hashlib.sha1((headers["sec-websocket-key"] + _GUID).encode()).digest()).decode()
        lines = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": proof}
        for name, value in changes.items():
            lines[name.replace("_", "-")] = value
        text = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value is not None)
        return f"HTTP/1.1 101 Switching Protocols\r\n{text}\r\n".encode()

    def open(self):
        """None; the connection speaks WebSocket."""
        _, headers = self.request()
        self.send(self.answer(headers))

    # frames

    def frame(self):
        """(opcode, payload, fin) of the next frame, which must be one that a client may send. Raises Broken."""
        first, second = self.read(2)
        opcode, fin, length = first & 15, bool(first & 0x80), second & 0x7F
        if first & 0x70:
            raise Broken("a reserved bit is set")
        if not second & 0x80:
            raise Broken("a frame without a mask")
        if opcode not in (0, TEXT, BINARY, CLOSE, PING, PONG):
            raise Broken(f"opcode {opcode}")
        if opcode >= 8 and (length > 125 or not fin):
            raise Broken("a control frame too long, or in fragments")
        if length == 126:
            (length,) = struct.unpack(">H", self.read(2))
            if length < 126:
                raise Broken("a length in 16 bits that fits 7")
        elif length == 127:
            (length,) = struct.unpack(">Q", self.read(8))
            if length < 65536:
                raise Broken("a length in 64 bits that fits 16")
        key = self.read(4)
        self.keys.append(key)
        return opcode, _unmasked(self.read(length), key), fin

    def expect(self, opcode, payload):
        """None; the next frame is this one, whole."""
        got, data, fin = self.frame()
        shown = f"{got} with {len(data)} bytes {data[:40]!r}"
        assert (got, fin) == (opcode, True), f"wanted opcode {opcode}, got {shown}"
        assert data == payload, f"wanted {len(payload)} bytes {payload[:40]!r}, got {shown}"

    def echo(self, opcode, payload, chop=None, size=None):
        """None; a message went there and came back."""
        self.send(b"".join(fragments(opcode, payload, size)) if size else frame(opcode, payload), chop)
        self.expect(opcode, payload)

    def expect_close(self, *codes):
        """None; the next frame is a close with one of `codes` (None: without a code)."""
        opcode, payload, _ = self.frame()
        assert opcode == CLOSE, f"wanted a close, got opcode {opcode} with {payload[:40]!r}"
        code = struct.unpack(">H", payload[:2])[0] if payload else None
        assert len(payload) != 1
        payload[2:].decode("utf-8")
        assert code in codes, f"closed with {code}, wanted {codes}"

    def expect_fail(self, *codes):
        """None; the client ends the connection with a close frame of one of `codes`, and sends nothing more."""
        self.expect_close(*codes)
        self.finish()

    def finish(self):
        """None; we close the stream as a server does, and the client sends nothing more."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            return
        self.expect_end()

    def expect_end(self):
        """None; nothing comes any more, and the stream ends."""
        try:
            rest = self._buffer + self.sock.recv(1 << 16)
        except ConnectionResetError:
            return
        assert rest == b"", f"{len(rest)} bytes behind the end: {rest[:40]!r}"

    def finish_rudely(self):
        """None; we close the stream at once, and do not care what the client says before it ends, too."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
            while self.sock.recv(1 << 16):
                pass
        except OSError as fault:
            assert not isinstance(fault, TimeoutError), "the client does not end"

    def goodbye(self, code=1000):
        """None; a clean end from the server: close, its echo, the end of the stream."""
        self.send(frame(CLOSE, struct.pack(">H", code)))
        self.expect_fail(code)

    def reset(self):
        """None; the connection vanishes with a TCP reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


def _unmasked(data, key):
    if not data:
        return data
    size = len(data)
    whole = int.from_bytes((key * (size // 4 + 1))[:size], "big")
    return (int.from_bytes(data, "big") ^ whole).to_bytes(size, "big")
