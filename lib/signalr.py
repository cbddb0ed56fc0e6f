"""A client's side of SignalR, without I/O: bytes in, events out; calls in, records out. Time is an argument, in ms.

    write(session.hello())
    for event in session.feed(piece, now): …    # of WebSocket messages, text or binary, in pieces of any size
    write(session.take())                       # what invocations are owed, completed by somebody or not
    write(session.due(now))                     # every second, with `expired(now)`: both serve quiet links

Facts: reference/signalr.md. Shapes of records are in lib/signalr_json.py, the optional negotiation in lib/signalr_negotiate.py.
"""

from micropython import const

from lib import signalr_json
from lib.jsonparts import Parts
from lib.strict_json import NoMemory

# Events are tuples; the first of them says which.
READY = 1  # (READY,) the handshake is done, calls may be made
INVOCATION = 2  # (INVOCATION, target, arguments, invocation_id or None)
RESULT = 3  # (RESULT, call_id, result, error or None) how an `invoke` ended: exactly one for each
ITEM = 4  # (ITEM, invocation_id, item) of a stream that nobody here asked for: something for the log, at most
CLOSED = 5  # (CLOSED, error or None, allow_reconnect) the last event: close the socket, with `session.code`
SKIPPED = 6  # (SKIPPED, why) a record that is too large, for its limit or for the memory: nobody knows what it says

_END = b"\x1e"  # of a record
_SPLIT_HEAD = b'{"type":1,"target":"%s","arguments":['
_LARGE = const(512)  # bytes of a record, one that is split is read in parts from then on
_ARGUMENT, _ITEM = const(3), const(4)  # brackets deep in a record: an argument, an element of a list that is one
_MAX_WAITING = const(16)  # calls of ours
_MAX_WORDS = const(200)  # characters of a server's reason that are worth keeping
_GOING = const(1000)  # WebSocket close codes, RFC 6455 §7.4.1
_BAD_DATA = const(1007)
_TOO_BIG = const(1009)


class Refused(Exception):
    """A call cannot go out now: before the handshake, after the close, or with too many waiting already."""


class Lost(Exception):
    """The server has been silent for too long. Close the socket; `lost` ends the calls that wait."""


class Session:
    """One connection's talk with a hub. A new connection needs a new one: no call and no invocation outlives it."""

    def __init__(self, now, ping_ms=15000, timeout_ms=30000, handshake_ms=15000, max_record=16384, split=""):
        """`split`: an event (object, list of objects). With a long list it comes as several, `goes_on` true behind the first."""
        self.goes_on = False
        self._split = split
        self._parts = None  # of the record that is split
        self.ready = False  # the handshake is done
        self.closed = False  # nothing more comes or goes
        self.code = _GOING  # the WebSocket close code that then fits
        self._ping_ms = ping_ms
        self._timeout_ms = timeout_ms
        self._handshake_ms = handshake_ms
        self._max_record = max_record
        self._start = self._sent = self._heard = now
        self._part = bytearray()  # of the record that has not ended yet; None: that one is skipped
        self._last_id = 0
        self._calls = {}  # call id → when it expires
        self._owed = []  # ids of invocations that want an answer, by the next `take`
        self._answers = []
        self._duties = {  # records of other types are read, and count as signs of life only (§0.6)
            signalr_json.INVOCATION: self._on_invocation,
            signalr_json.STREAM_ITEM: self._on_item,
            signalr_json.COMPLETION: self._on_completion,
            signalr_json.STREAM_INVOCATION: self._on_stream,
            signalr_json.CLOSE: self._on_close,
        }

    def hello(self):
        """The handshake request: the first thing to send on a connection."""
        return signalr_json.HELLO_RECORD

    def bye(self):
        """The Close record: the last thing to send when we are the ones who leave. `lost` then ends the calls that wait."""
        self.closed = True
        return signalr_json.CLOSE_RECORD

    def feed(self, data, now):
        """Yield the events that `data` completes, each record read when those before it are done with and let go.

        `data`: bytes of a message, of a part of one, or b"" for a mere sign of life. Never raises on what a server sends. A
        record that breaks the rules is a CLOSED event with its fault in words; nothing behind it is read. One that is too
        large is a SKIPPED event at once, and read over up to its end.
        """
        if self.closed:
            return
        self._heard = now
        at, size = 0, len(data)
        while at < size and not self.closed:
            end = data.find(_END, at)
            ends = end >= 0
            end = end if ends else size
            yield from self._gather(data[at:end], ends)
            at = end + 1
        yield from self.expired(now)

    def _gather(self, piece, ends):
        """Return the events of the record that `piece` is of, when it ends with it; a SKIPPED when it will be none."""
        if self._parts:
            return self._read_on(piece, ends)
        part = self._part
        if ends:
            self._part = bytearray()
        if part is None:
            return ()
        size = len(part) + len(piece)
        if size > self._max_record:
            return self._skip("a record above %d bytes" % self._max_record, ends)
        try:
            if not ends or part:
                part.extend(piece)
                if size > _LARGE and self._is_split(part):
                    self._part, self._parts = bytearray(), Parts((_ARGUMENT, _ITEM), self._max_record)
                    return self._read_on(bytes(part), ends)
            if not ends:
                return ()
            piece = bytes(part) if part else piece
            part = None  # what it takes is given back before the record is read
            return self._read(piece)
        except (MemoryError, NoMemory):
            return self._skip("no memory for a record of %d bytes" % size, ends)
        except ValueError as fault:
            self.code = _BAD_DATA
            return self._end([], "bad record: %s" % fault, True)

    def _is_split(self, part):
        head = _SPLIT_HEAD % self._split.encode()
        return self.ready and self._split and part[: len(head)] == head

    def _read_on(self, piece, ends):
        """Yield the events of a piece of a record that is split, each made when the one before it is done with."""
        parts, why = self._parts, ""
        if parts.size + len(piece) > self._max_record:
            why = "a record above %d bytes" % self._max_record
        try:
            for depth, value in () if why else parts.feed(piece):
                if depth == _ARGUMENT:
                    parts.first = value
                else:
                    yield (INVOCATION, self._split, [parts.first, [value]], None)
                    self.goes_on = True
            if ends and not why and parts.rest().get("invocationId") is not None:
                why = "a record with its id behind its arguments"  # it may have been said before
        except (MemoryError, NoMemory):
            why = "no memory for a record of %d bytes" % parts.size
        except (AttributeError, ValueError) as fault:
            self.code = _BAD_DATA
            yield from self._end([], "bad record: %s" % fault, True)
        if ends or why:
            self._parts, self.goes_on = None, False
        if why:
            yield from self._skip(why, ends)

    def _skip(self, why, ends):
        """Return the events of a record that cannot be read; what is still to come of it, unless it `ends`, is read over."""
        if not self.ready:
            self.code = _TOO_BIG
            return self._end([], "no answer to the handshake: " + why, True)
        if not ends:
            self._part = None
        return ((SKIPPED, why),)

    def _read(self, record):
        """Return the events of a whole record. Raise ValueError for one that breaks the rules."""
        events = []
        if not self.ready:
            self._on_greeting(record, events)
            return events
        call = signalr_json.read_call(record)
        if call:
            events.append((INVOCATION, call[0], call[1], None))
            return events
        message = signalr_json.read(record)
        duty = self._duties.get(message["type"])
        if duty:
            duty(message, events)
        return events

    def _on_greeting(self, record, events):
        error = signalr_json.read_greeting(record)
        if error is None:
            self.ready = True
            events.append((READY,))
        else:
            self._end(events, "handshake refused: " + error, True)

    def _on_invocation(self, message, events):
        invocation_id = message.get("invocationId")
        if invocation_id is not None and invocation_id not in self._owed:
            self._owed.append(invocation_id)
        events.append((INVOCATION, message["target"], message["arguments"], invocation_id))

    def _on_item(self, message, events):
        invocation_id = message["invocationId"]
        if self._calls.pop(invocation_id, None) is None:
            events.append((ITEM, invocation_id, message["item"]))
        else:
            events.append((RESULT, invocation_id, None, "the method answers with a stream"))

    def _on_completion(self, message, events):
        call_id = message["invocationId"]
        if self._calls.pop(call_id, None) is not None:  # an unknown id is that of a call which expired
            error = message.get("error")
            events.append((RESULT, call_id, message.get("result"), error if error != "" else "an error without words"))

    def _on_stream(self, message, events):
        self._answers.append(signalr_json.completion(message["invocationId"], None, "This client has no streams."))

    def _on_close(self, message, events):
        self._end(events, message.get("error"), message.get("allowReconnect") is True)

    def _end(self, events, error, allow_reconnect):
        error = error[:_MAX_WORDS] if type(error) is str else None
        events.extend(self.lost(error or "the server closed the connection"))
        events.append((CLOSED, error, allow_reconnect))
        return events

    def lost(self, reason):
        """RESULT events that end all calls that wait, with `reason`; for a socket that died. The session is closed."""
        self.closed = True
        ended = [(RESULT, call_id, None, reason) for call_id in self._calls]
        self._calls, self._owed, self._answers, self._part = {}, [], [], bytearray()
        return ended

    def expired(self, now):
        """RESULT events of the calls whose time is over. Ask as often as for `due`; `feed` asks, too."""
        late = [call_id for call_id in self._calls if now >= self._calls[call_id]]
        for call_id in late:
            del self._calls[call_id]
        return [(RESULT, call_id, None, "no answer in time") for call_id in late]

    def invoke(self, target, arguments, now, timeout_ms=10000):
        """(call_id, record): a call with an answer, which comes as one RESULT event, whatever happens.

        Refused when it cannot go out now; ValueError when JSON cannot say it, or it has more than 32 KiB.
        """
        self._may_call()
        if len(self._calls) >= _MAX_WAITING:
            raise Refused("%d calls wait already" % _MAX_WAITING)
        call_id = str(self._last_id + 1)
        record = signalr_json.invocation(target, arguments, call_id)
        self._last_id += 1
        self._calls[call_id] = now + timeout_ms
        self._sent = now
        return call_id, record

    def send(self, target, arguments):
        """The record of a call without an answer. Raises as `invoke`."""
        self._may_call()
        return signalr_json.invocation(target, arguments)

    def _may_call(self):
        if self.closed or not self.ready:
            raise Refused("no connection")

    def complete(self, invocation_id, result=None, error=None):
        """True: the answer to an invocation waits in `take`, with `error` (a text) when there is one, otherwise with `result`.

        False when that id waits for no answer, or no more. ValueError as `invoke`; the answer is then still owed.
        """
        if invocation_id not in self._owed:
            return False
        self._answers.append(signalr_json.completion(invocation_id, result, error))
        self._owed.remove(invocation_id)
        return True

    def take(self):
        """What must be written now, or b"": the answers given, and an error for each invocation that has none (§0.7)."""
        while self._owed:
            self.complete(self._owed[0], None, "Client didn't provide a result.")  # the official clients' words
        answers, self._answers = b"".join(self._answers), []
        return answers

    def due(self, now):
        """What must be written now: what `take` gives, or a Ping when nothing was sent for `ping_ms`; or b"".

        Raises Lost when the handshake is overdue, or the server has been silent for `timeout_ms`.
        """
        if self.closed:
            return b""
        if not self.ready:
            if now - self._start >= self._handshake_ms:
                raise Lost("no handshake within %d s" % (self._handshake_ms // 1000))
            return b""
        if now - self._heard >= self._timeout_ms:
            raise Lost("nothing received for %d s" % (self._timeout_ms // 1000))
        out = self.take()
        if not out and now - self._sent >= self._ping_ms:
            out = signalr_json.PING_RECORD
        if out:
            self._sent = now
        return out
