"""RFC 6455 for a client, without I/O: frames, fragments, control frames, close. Bytes in, messages or pieces of them out.

`Frames` puts messages together, up to a size; `Pieces` gives what came at once, for protocols whose records end by themselves.
How a connection begins is in websocket_handshake.py. Who connects, waits and gives up is elsewhere.
"""

from micropython import const

from lib import strict_utf8, websocket_frame
from lib.strict_utf8 import is_utf8
from lib.websocket_frame import BINARY, CLOSE, PING, PONG, TEXT, Fault, frame

_FIN = const(0x80)
_MASKED = const(0x80)
_CONTROL = const(8)
_MAX_CONTROL = const(125)  # bytes, §5.5
_WHOLE_TEXT = const(0x81)  # the first byte of a message in one frame
_WHOLE_BINARY = const(0x82)
_REST = const(256)  # bytes that wait for a message in pieces
_STEP = const(4096)  # bytes more at once for a message that says its length: no more, for it may lie
_ANSWERS = const(4096)  # bytes of pongs that may wait, beside the largest message


class Closed(Exception):
    """Something was to be sent, and the close frame was sent before it."""


class Frames:
    """The frames of one connection. `feed` what was read, then write what `take` gives, until `closed`.

    `closed`: the close frame of the server came, or it broke the rules: nothing more goes in or out; write `take()`, and
    wait a few seconds for the end of the stream. `fault`: what the server did wrong, in words; "" while it did nothing.
    """

    def __init__(self, max_size=16384):
        """`max_size`: bytes of the largest message, over all its fragments; a larger one is refused before it is read.

        An ESP32 has no larger piece of memory to spare than the default.
        """
        self.closed = False
        self.fault = ""
        self._max_size = max_size
        self._small = min(max_size, 125)  # bytes of the largest message that takes the short way
        self._closing = False  # our close frame was handed out
        self._out = b""
        self._goodbye = b""  # our answer to a close or a fault, until it is handed out
        self._head = b""  # the beginning of a head that a read cut in two
        self._opcode = 0  # of the frame whose payload comes
        self._last = True  # it is the last of its message
        self._left = 0  # bytes of it still to come
        self._control = b""  # the payload of a control frame, as far as it came
        self._message = 0  # opcode of the message whose fragments come, 0 between messages
        self._store = bytearray(min(_REST, max_size))  # what came of a message in pieces
        self._stored = 0  # bytes of it
        self._utf8 = 0  # of the text so far

    def feed(self, data):
        """A list of what `data` (bytes) completes: (opcode, payload), as bytes. Never raises, whatever the bytes are.

        The payload of TEXT is valid UTF-8. PING (its answer waits in `take`) and PONG are listed too. At last comes
        (CLOSE, (code, reason)): the server's, 1005 when it gave none, or our code when it broke the rules.
        """
        events = []
        if self._head:
            data = self._head + data
            self._head = b""
        at, size = 0, len(data)
        try:
            while at < size and not self.closed:
                if self._left:
                    at = self._payload(data, at, events)
                    continue
                # Most messages are small, whole, and come whole: a short way for them.
                first, end = data[at], at + 2 + data[at + 1] if at + 1 < size else size + 1
                if _WHOLE_TEXT <= first <= _WHOLE_BINARY and end <= size and self._fits(end - at - 2):
                    payload = data[at + 2 : end]
                    if first == _WHOLE_TEXT and strict_utf8.check(payload, 0, end - at - 2, 0):
                        raise Fault(websocket_frame.NOT_UTF8, "a text is not UTF-8")
                    events.append((first & 15, payload))
                    at = end
                else:
                    at = self._begin(data, at, events)
        except Fault as fault:
            code, self.fault = fault.args
            self._end(code.to_bytes(2, "big") + self.fault.encode(), events, code, self.fault)
        return events

    def _fits(self, size):
        """True when a whole message of `size` bytes, as its one byte of length says, may come now."""
        return size <= self._small and not self._message and not self._closing

    def _begin(self, data, at, events):
        """Where the payload of the frame at `at` begins; the end of `data` when its head is not complete. §5.2"""
        start = at + 2
        if start > len(data):
            self._head = data[at:]
            return len(data)
        first, length = data[at], data[at + 1]
        opcode = first & 15
        self._allow(first, opcode, length)
        if length > _MAX_CONTROL:
            start += 2 if length == 126 else 8
            if start > len(data):
                self._head = data[at:]
                return len(data)
            shortest = 126 if length == 126 else 65536
            length = int.from_bytes(data[at + 2 : start], "big")
            if length < shortest or length >> 63:
                raise Fault(websocket_frame.PROTOCOL_ERROR, "a length in a wrong form")
        if not opcode & _CONTROL:
            if opcode:
                self._message = opcode
            self._announced(length)
        self._opcode = opcode
        self._last = first & _FIN
        self._left = length
        return start if length else self._payload(data, start, events)

    def _announced(self, length):
        """Raise Fault when `length` more bytes make the message too large."""
        if self._stored + length > self._max_size:
            raise Fault(websocket_frame.TOO_BIG, "a message above %d bytes" % self._max_size)

    def _allow(self, first, opcode, length):
        """None when the frame may come now. §5.2, 5.4, 5.5"""
        wrong = ""
        if first & 0x70:
            wrong = "a reserved bit"
        elif length & _MASKED:
            wrong = "a masked frame"
        elif opcode & _CONTROL:
            if opcode > PONG:
                wrong = "a reserved opcode"
            elif not first & _FIN or length > _MAX_CONTROL:
                wrong = "a control frame in fragments, or above 125 bytes"
        elif opcode > BINARY:
            wrong = "a reserved opcode"
        elif (opcode == 0) != (self._message != 0):
            wrong = "a fragment of another message" if opcode else "a fragment of no message"
        if wrong:
            raise Fault(websocket_frame.PROTOCOL_ERROR, wrong)

    def _payload(self, data, at, events):
        """Where the payload at `at` ends in `data`; what it completes is in `events`."""
        end = min(len(data), at + self._left)
        self._left -= end - at
        if self._opcode & _CONTROL:
            self._control += data[at:end]
            if not self._left:
                payload, self._control = self._control, b""
                self._on_control(payload, events)
            return end
        whole = self._last and not self._left
        if self._message == TEXT:
            self._utf8 = strict_utf8.check(data, at, end, self._utf8)
            if self._utf8 < 0 or self._utf8 and whole:
                raise Fault(websocket_frame.NOT_UTF8, "a text is not UTF-8")
        if not self._closing:  # else nobody waits for it
            self._came(data, at, end, whole, events)
        if whole:
            self._message = 0
        return end

    def _came(self, data, at, end, whole, events):
        """Take in a piece of a message; `whole`: it is the last of them."""
        if whole and not self._stored:
            events.append((self._message, data[at:end]))
            return
        self._keep(data, at, end)
        if whole:
            events.append((self._message, self._kept()))

    def _keep(self, data, at, end):
        """None; a piece of a message goes behind the pieces before it, in a store that grows as they come."""
        wanted = self._stored + end - at
        if wanted > len(self._store):
            whole = wanted + self._left if self._last else self._max_size
            more = max(2 * len(self._store), _STEP if self._last else 0)
            larger = bytearray(max(wanted, min(more, whole)))
            larger[: self._stored] = memoryview(self._store)[: self._stored]
            self._store = larger
        self._store[self._stored : wanted] = memoryview(data)[at:end]
        self._stored = wanted

    def _kept(self):
        """The pieces as bytes; a store that has grown is given back."""
        payload = bytes(memoryview(self._store)[: self._stored])
        self._stored = 0
        if len(self._store) > _REST:
            self._store = bytearray(_REST)
        return payload

    def _on_control(self, payload, events):
        if self._opcode == PING:
            if len(self._out) > self._max_size + _ANSWERS:
                self._out = b""  # nobody took the last answers; the newest is enough, §5.5.3
            self._out += frame(PONG, payload)
        if self._opcode != CLOSE:
            if not self._closing:
                events.append((self._opcode, payload))
            return
        self._end(payload[:2], events, *websocket_frame.read_close(payload))

    def _end(self, payload, events, code, reason):
        """None; answers with a close frame, if none was sent, and ends everything. §5.5.1, 7.1.7"""
        if not self._closing:
            self._goodbye = frame(CLOSE, payload)
        self.closed = True
        self._head = self._control = b""
        self._store = bytearray()
        events.append((CLOSE, (code, reason)))

    def take(self):
        """The bytes that must be written now: pongs, at last the close frame; b"" when there are none.

        Once the close frame is out nothing may follow, so what came before it is answered before `take` is called.
        """
        out = self._out + self._goodbye
        self._closing = self._closing or bool(self._goodbye)
        self._out = self._goodbye = b""
        return out

    def message(self, payload, opcode=TEXT):
        """The frame of a message, a bytearray. `payload` is str or bytes-like.

        Raises ValueError for a TEXT that is not UTF-8, Closed behind the close frame.
        """
        if isinstance(payload, str):
            payload = payload.encode()
        if opcode == TEXT and not is_utf8(payload):
            raise ValueError("a text is not UTF-8")
        if self._closing:
            raise Closed
        return frame(opcode, payload)

    def ping(self, payload=b""):
        """The frame of a ping, a bytearray. Raises ValueError above 125 bytes, Closed behind the close frame."""
        if len(payload) > _MAX_CONTROL:
            raise ValueError("a ping has at most 125 bytes")
        return self.message(payload, PING)

    def close(self, code=1000, reason=""):
        """The close frame, a bytearray; b"" when one was sent before. Messages that still come are dropped.

        Raises ValueError for a code that may not be sent (§7.4), or a reason above 123 bytes.
        """
        payload = websocket_frame.write_close(code, reason)
        if self._closing or self.closed:
            return b""
        self._closing = True
        self._stored = 0
        return frame(CLOSE, payload)


class Pieces(Frames):
    """As Frames, but a message is not put together: its pieces are events of its opcode, as they come, and it has no limit.

    A server that packs all it has to say into one message costs no memory for that; the protocol above has to find the
    ends of its records.
    """

    def __init__(self):
        super().__init__(0)
        self._small = 125

    def _announced(self, length):
        """Take any length."""

    def _came(self, data, at, end, whole, events):
        if end > at:
            events.append((self._message, data[at:end]))
