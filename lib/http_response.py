"""HTTP/1.1 for a client, without I/O: heads of requests, answers in pieces of any size. RFC 9110, 9112.

What a server may say belongs here; when to ask again, and whom, belongs to the caller.
"""

from micropython import const

from lib.tables import find
from lib.url import authority, follow, may_know, only, parse_url  # noqa: F401  (URLs are offered from here, too)

# The headers of an answer that anybody here asks for.
KEPT = (
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "date",
    "location",
    "retry-after",
    "sec-websocket-accept",
    "sec-websocket-extensions",
    "sec-websocket-protocol",
    "set-cookie",
    "transfer-encoding",
    "upgrade",
)
_TOO_LONG = "a head or a line of it is too long"
_PASSING = const(4)
_TOKEN = "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~"
_MONTHS = "janfebmaraprmayjunjulaugsepoctnovdec"
_UNTIL_CLOSE = const(-1)
_MAX_CHUNK_LINE = const(256)  # bytes: a size and its extensions
_MAX_DIGITS = const(12)  # of a length: a terabyte is more than any device reads
_DAYS_TO_1970 = const(719469)  # by the count of `date_s`
_MAX_RETRY_S = const(86400)  # no server puts us to sleep for more than a day


# What a status means to somebody who wanted something and got that instead.
_REFUSALS = (
    (401, "the token was refused"),
    (403, "access was refused"),
    (404, "nothing is there"),
    (405, "nothing of this kind is there"),
    (429, "too many requests"),
    (502, "what is behind it is down"),
    (503, "it is busy, or down"),
    (504, "what is behind it is silent"),
    (511, "the network wants a login first (captive portal)"),
)


class Error(Exception):
    """The answer breaks the rules of HTTP, is too big, or was cut short; the connection cannot go on."""


def request(method, host, port, secure, path, headers, body=None):
    """The bytes of one request. `headers` is a dict or pairs (name, value); Host, and with a `body` its length, are added.

    Raises ValueError for what could smuggle a line or a second request: control characters anywhere, blanks in the path.
    """
    if not method or not only(method.lower(), _TOKEN):
        raise ValueError("not a method")
    if path[:1] != "/" or not all("!" <= character <= "~" for character in path):
        raise ValueError("a path begins with / and has no blanks, control characters or letters beyond ASCII")
    lines = ["%s %s HTTP/1.1" % (method, path), "Host: " + authority(host, port, secure)]
    for name, value in headers.items() if isinstance(headers, dict) else headers:
        if not name or not only(name.lower(), _TOKEN):
            raise ValueError("not a header name")
        if not all(character >= " " and character != "\x7f" or character == "\t" for character in value):
            raise ValueError("a control character in the header " + name)
        lines.append(name + ": " + value)
    if body is not None:
        lines.append("Content-Length: %d" % len(body))
    head = ("\r\n".join(lines) + "\r\n\r\n").encode()
    return head + body if body else head


class Answer:
    """One answer, from its bytes: `feed` until `done`.

    `status` is None until the head is complete; then `reason`, and `headers` with lower-case names: those of KEPT, as servers
    and what is before them send kilobytes of others. A header that came several times is joined by ", ", Set-Cookie by a line
    feed. Interim answers (1xx but 101) are skipped.
    """

    def __init__(self, max_head=4096, bodiless=False):
        """`max_head`: bytes that are kept of a head, and of a line; four times as many may pass by, and again as trailers.

        `bodiless`: the answer to a HEAD request.
        """
        self.status = None
        self.reason = ""
        self.headers = {}
        self.done = False
        self.rest = b""  # what came behind the answer: after a 101 it belongs to the new protocol
        self._max_head = max_head
        self._room = _PASSING * max_head
        self._kept = 0  # bytes of `headers`
        self._bodiless = bodiless
        self._line = bytearray()  # a line that has not ended yet; it grows in place
        self._cut = False  # it is longer than that
        self._last = None  # the header that a folded line would continue; "": one that is not kept
        self._left = 0  # bytes of body before the next line; _UNTIL_CLOSE: all
        self._code = 0  # the status, while the head is not complete
        self._next = self._on_status  # what reads the next line

    def feed(self, data):
        """A list of the pieces of the body that `data` (bytes) brings. Raises Error; nothing may be fed after it."""
        pieces = []
        at, size = 0, len(data)
        while at < size and not self.done:
            if self._left:
                end = size if self._left == _UNTIL_CLOSE else min(size, at + self._left)
                pieces.append(data[at:end])
                if self._left > 0:
                    self._left -= end - at
                    self.done = not self._left and self._next is None
            else:
                end = data.find(b"\n", at) + 1
                self._gather(data[at : end or size], end)
                end = end or size
            at = end
        if self.done:
            self.rest += data[at:]
        return pieces

    def ended(self):
        """None; to be called when the connection ended. Raises Error when that cut the answer short."""
        if self._left == _UNTIL_CLOSE:
            self.done = True
        if not self.done:
            raise Error("the connection ended before the answer did")

    def _gather(self, piece, whole):
        self._room -= len(piece)
        left = self._max_head - len(self._line)
        if self._room < 0:
            raise Error(_TOO_LONG)
        self._line += piece[:left]
        if len(piece) > left and not self._cut:
            self._cut = True
            self._on_cut(bytes(self._line))
        if not whole:
            return
        line, self._line = bytes(self._line), bytearray()
        if self._cut:
            self._cut, self._last = False, ""
        else:
            self._next(_text(line[: -2 if line[-2:] == b"\r\n" else -1]))

    def _on_cut(self, line):
        """Let a header pass by of which this is the beginning. Raise Error where it is one that is kept, or is no header."""
        name, colon, _ = line.partition(b":")
        name = _text(name).lower()
        if not self._code or self.status is not None or name in KEPT or not (colon and name and only(name, _TOKEN)):
            raise Error(_TOO_LONG)

    def _on_status(self, line):
        """`HTTP/1.1 200 OK`; the words may be missing."""
        version, _, rest = line.partition(" ")
        code, _, self.reason = rest.partition(" ")
        if version not in ("HTTP/1.1", "HTTP/1.0") or len(code) != 3 or not only(code, "0123456789") or code < "100":
            raise Error("not an HTTP/1 answer")
        self._code = int(code)
        self._next = self._on_header

    def _on_header(self, line):
        if not line:
            self._on_body()
        elif line[0] in " \t":  # a folded line, RFC 9112 §5.2
            if self._last is None:
                raise Error("a header without a name")
            if self._last:
                self._keep(self._last, self.headers[self._last] + " " + line.strip())
        else:
            name, colon, value = line.partition(":")
            name = name.lower()
            value = value.strip()
            if not colon or not name or not only(name, _TOKEN):
                raise Error("not a header")
            self._last = name if name in KEPT else ""
            if name in self.headers:
                value = self.headers[name] + ("\n" if name == "set-cookie" else ", ") + value
            if self._last:
                self._keep(name, value)

    def _keep(self, name, value):
        self._kept += len(value) - len(self.headers.get(name, ""))
        if self._kept > self._max_head:
            raise Error(_TOO_LONG)
        self.headers[name] = value

    def _on_body(self):
        """The head is complete: how long is the body? RFC 9112 §6.3."""
        if 100 <= self._code < 200 and self._code != 101:
            self.headers = {}
            self._kept = 0
            self._last = None
            self._next = self._on_status
            return
        self.status = self._code
        self._next = None
        coding = self.headers.get("transfer-encoding")
        lengths = self.headers.get("content-length")
        if self._bodiless or self._code in (101, 204, 304):
            self.done = True
        elif coding is not None:
            if coding.lower() != "chunked":
                raise Error("a transfer coding that nobody asked for")
            self._expect_chunk(None)
        elif lengths is not None:
            lengths = [length.strip() for length in lengths.split(",")]
            if any(length != lengths[0] for length in lengths):
                raise Error("lengths that contradict each other")
            self._left = _number(lengths[0], 10, "0123456789")
            self.done = not self._left
        else:
            self._left = _UNTIL_CLOSE

    def _expect_chunk(self, line):
        """`line` is the empty one behind a chunk; None before the first."""
        if line:
            raise Error("a chunk is longer than it says")
        self._room = _MAX_CHUNK_LINE
        self._next = self._on_chunk

    def _on_chunk(self, line):
        """A size in hexadecimal digits, and extensions, which are ignored. RFC 9112 §7.1."""
        self._left = _number(line.partition(";")[0].strip().lower(), 16, "0123456789abcdef")
        self._room = 2 if self._left else _PASSING * self._max_head
        self._next = self._expect_chunk if self._left else self._on_trailer

    def _on_trailer(self, line):
        self.done = not line


def _text(line):
    """`line` as text, one character a byte, so that no byte is an error. Raises Error for bytes that no line may have."""
    if b"\r" in line or b"\0" in line:
        raise Error("a control character in a head")
    return "".join([chr(byte) for byte in line])


def _number(digits, base, alphabet):
    if not digits or len(digits) > _MAX_DIGITS or not only(digits, alphabet):
        raise Error("not a length")
    return int(digits, base)


def refusal(status):
    """Return what an answer with that status says, in words: "the server answered 404: nothing is there"."""
    words = find(_REFUSALS, status)
    return "the server answered %d" % status + (": " + words if words else "")


def retry_after_s(headers):
    """How long the server asks us to wait: 0–86400 s, or None. RFC 9110 §10.2.3.

    A date is measured against the server's own `Date`, so it needs no clock here; without one it says nothing.
    """
    value = headers.get("retry-after", "")
    if value and only(value, "0123456789"):
        return min(_MAX_RETRY_S, int(value[:9]))
    then, now = date_s(value), date_s(headers.get("date", ""))
    if then is None or now is None:
        return None
    return max(0, min(_MAX_RETRY_S, then - now))


def date_s(text):
    """Seconds since 1970 of `Sun, 06 Nov 1994 08:49:37 GMT`; None for another form. RFC 9110 §5.6.7."""
    parts = text.split(" ")
    if len(parts) != 6 or parts[5] != "GMT" or len(parts[2]) != 3:
        return None
    month = _MONTHS.find(parts[2].lower())
    digits = [parts[1], parts[3]] + parts[4].split(":")
    if (
        month < 0
        or month % 3
        or len(digits) != 5
        or not all(d and len(d) < 5 and only(d, "0123456789") for d in digits)
    ):
        return None
    day, year, hour, minute, second = [int(d) for d in digits]
    month = month // 3 + 1
    if month < 3:  # the year begins in March: the leap day comes last
        month += 12
        year -= 1
    days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * month - 457) // 5 + day
    return (days - _DAYS_TO_1970) * 86400 + hour * 3600 + minute * 60 + second
