"""The head of one HTTP/1 request, for a server, without I/O: read in pieces, bounded, and only what is wanted is kept. RFC 9112.

Strict where a doubt could be used (lengths, hosts, control characters), and indifferent to all that nobody asks for:
a browser's cookies and its long User-Agent cost no memory.
"""

from micropython import const

_MAX_HEAD = const(8192)  # bytes of all lines together
_MAX_LINE = const(256)  # bytes that are kept of a line
_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ALWAYS = ("host", "content-length", "transfer-encoding")


class Bad(Exception):
    """This is no request that could be answered: `.status` and words to answer instead."""

    def __init__(self, status, words):
        super().__init__(words)
        self.status = status


class Head:
    """One head: `feed` until `done`. Then `method`, `host` (lower case), `path` (without query), `headers`, `length`.

    `wanted` are the names of further headers to keep, in lower case. A path that is longer than is kept ends in "…", and so
    is nobody's.
    """

    def __init__(self, wanted):
        self.method = ""
        self.host = ""
        self.path = ""
        self.headers = {}
        self.length = 0  # bytes of the body
        self.done = False
        self._wanted = _ALWAYS + wanted
        self._size = 0
        self._line = bytearray()
        self._cut = False  # the line went on
        self._target_host = None  # what the target named: then the Host header says nothing (§3.2.2)

    def feed(self, data):
        """How many bytes of `data` belong to the head: all of them while it is not `done`. Raises Bad."""
        at, size = 0, len(data)
        while at < size and not self.done:
            end = data.find(b"\n", at) + 1
            upto = end or size
            self._size += upto - at
            if self._size > _MAX_HEAD:
                raise Bad(431, "the head of the request is too long")
            room = _MAX_LINE - len(self._line)
            self._cut = self._cut or upto - at > room
            self._line += data[at : min(upto, at + room)]
            if end:
                self._take_line()
            at = upto
        return at

    def _take_line(self):
        line, cut = self._line, self._cut
        self._line, self._cut = bytearray(), False
        line = line.rstrip(b"\r\n")
        if not self.method:
            self._request_line(line, cut)
        elif line:
            self._header(line, cut)
        else:
            self._end()

    def _request_line(self, line, cut):
        """`GET /path HTTP/1.1`; the version of a line that was cut is not known, and none is needed."""
        if not line:
            return  # an empty line before a request, §2.2
        parts = _text(line).split(" ")
        good = (len(parts) == 3 or cut and len(parts) == 2) and 0 < len(parts[0]) <= 10 and not parts[0].strip(_UPPER)
        if not good or not cut and parts[2] not in ("HTTP/1.1", "HTTP/1.0"):
            raise Bad(400, "not a request of HTTP/1")
        target = parts[1]
        if target[:7].lower() == "http://":
            self._target_host = target[7:].partition("/")[0].partition("?")[0]
            target = target[7 + len(self._target_host) :]
            target = target if target[:1] == "/" else "/" + target
        if target[:1] != "/":
            raise Bad(400, "not a path")
        path, query, _ = target.partition("?")
        self.path = path + "…" if len(parts) == 2 and not query else path
        self.method = parts[0]

    def _header(self, line, cut):
        colon = line.find(b":")
        if line[0] in b" \t" or colon < 1:
            raise Bad(400, "not a header")
        name = _text(line[:colon]).lower()
        if name not in self._wanted:
            return
        if name in self.headers:
            raise Bad(400, "the header %s came twice" % name)
        if cut:
            raise Bad(431, "the header %s is too long" % name)
        self.headers[name] = _text(line[colon + 1 :]).strip()

    def _end(self):
        if "transfer-encoding" in self.headers:
            raise Bad(411, "a body must say its length")
        length = self.headers.get("content-length", "0")
        if not 0 < len(length) <= 9 or length.strip("0123456789"):
            raise Bad(400, "not a length")
        self.length = int(length)
        host = self.headers.get("host", "") if self._target_host is None else self._target_host
        self.host = host.lower()
        self.done = True


def _text(line):
    """`line` as text. Raises Bad for bytes that are no printable ASCII."""
    for byte in line:
        if not (32 <= byte < 127 or byte == 9):
            raise Bad(400, "a character that no head has")
    return "".join([chr(byte) for byte in line])
