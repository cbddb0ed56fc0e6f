"""What the strict server of ws_strict.py plays: a table of cases, name → (play, options), by the categories of Autobahn.

A play takes a Peer. `open=False`: it does the handshake itself. `max_size`: what the client is told; `says`: what its last
line on stderr must hold. Expectations come from RFC 6455 and from CPython's own codec.
"""

import struct
import threading

from ws_strict import BINARY, CLOSE, MAX_SIZE, PING, PONG, TEXT, fragments, frame, head

CASES = {}
_SLICES = (None, 1)


def case(name, **options):
    """Decorator: puts a play into the table."""

    def put(play):
        assert name not in CASES, name
        CASES[name] = (play, options)
        return play

    return put


def code(number, reason=b""):
    """The payload of a close frame."""
    return struct.pack(">H", number) + reason


def _text(size):
    return (b"The quick brown fox. " * (size // 21 + 1))[:size]


def _noise(size):
    return (bytes(range(256)) * (size // 256 + 1))[:size]


# 1: framing

_SIZES = (0, 1, 2, 124, 125, 126, 127, 128, 255, 256, 4095, 4096, 32767, 32768, 65535, 65536, 65537)


def _framing():
    for size in _SIZES:
        for kind, opcode, payload in (("text", TEXT, _text(size)), ("binary", BINARY, _noise(size))):
            for chop in (None, 1) if size < 300 else (None, 997):

                def play(peer, opcode=opcode, payload=payload, chop=chop):
                    peer.echo(opcode, payload, chop)
                    peer.goodbye()

                case(f"1 {kind} of {size} bytes" + (f" in slices of {chop}" if chop else ""))(play)


_framing()


@case("1 a hundred messages in one write")
def _(peer):
    peer.send(b"".join(frame(TEXT, _text(i)) for i in range(100)))
    for i in range(100):
        peer.expect(TEXT, _text(i))
    peer.goodbye()
    assert len(set(peer.keys)) > 95, "the masks are not fresh"
    assert b"\0\0\0\0" not in peer.keys


# 2: pings and pongs


@case("2 pings with every payload from 0 to 125 bytes")
def _(peer):
    for size in range(126):
        peer.send(frame(PING, _noise(size)))
        peer.expect(PONG, _noise(size))
    peer.goodbye()


@case("2 a ping with bytes that are no text, in slices of 1")
def _(peer):
    payload = b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff" + b"\xfe" * 117
    peer.send(frame(PING, payload), 1)
    peer.expect(PONG, payload)
    peer.goodbye()


@case("2 a ping of 126 bytes")
def _(peer):
    peer.send(frame(PING, b"\xfe" * 126))
    peer.expect_fail(1002)


@case("2 a ping that says 64 bits of length")
def _(peer):
    peer.send(head(PING, 0, form=64))
    peer.expect_fail(1002)


@case("2 pongs that nobody asked for")
def _(peer):
    peer.send(frame(PONG) + frame(PONG, b"unasked") + frame(PING, b"now") + frame(PONG, b"x" * 125))
    peer.expect(PONG, b"now")
    peer.goodbye()


for _chop in _SLICES:

    @case(f"2 ten pings, slices {_chop}")
    def _(peer, chop=_chop):
        peer.send(b"".join(frame(PING, b"payload-%d" % i) for i in range(10)), chop)
        for i in range(10):
            peer.expect(PONG, b"payload-%d" % i)
        peer.goodbye()


@case("2 a thousand pings in one write", max_size=32768)
def _(peer):
    peer.send(b"".join(frame(PING, b"%d" % i) for i in range(1000)))
    for i in range(1000):
        peer.expect(PONG, b"%d" % i)
    peer.goodbye()


@case("2 a ping between two messages is answered between them")
def _(peer):
    peer.send(frame(TEXT, b"one") + frame(PING, b"p") + frame(TEXT, b"two"))
    peer.expect(TEXT, b"one")
    peer.expect(PONG, b"p")
    peer.expect(TEXT, b"two")
    peer.goodbye()


# 3: reserved bits, 4: reserved opcodes


def _reserved():
    for rsv in range(1, 8):
        for opcode in (TEXT, BINARY, CLOSE, PING, PONG):
            for chop in _SLICES if opcode in (TEXT, PING) else (None,):

                def play(peer, opcode=opcode, rsv=rsv, chop=chop):
                    payload = code(1000) if opcode == CLOSE else b"no"
                    peer.send(frame(TEXT, b"yes") + frame(opcode, payload, rsv=rsv) + frame(PING), chop)
                    peer.expect(TEXT, b"yes")
                    peer.expect_fail(1002)

                case(f"3 reserved bits {rsv} with opcode {opcode}, slices {chop}")(play)
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        for payload in (b"", b"reserved"):

            def play(peer, opcode=opcode, payload=payload):
                peer.send(frame(TEXT, b"yes") + frame(opcode, payload) + frame(PING))
                peer.expect(TEXT, b"yes")
                peer.expect_fail(1002)

            case(f"4 reserved opcode {opcode} with {len(payload)} bytes")(play)


_reserved()


# 5: fragments


def _fails(name, *parts, code=1002, before=()):
    for chop in _SLICES:

        def play(peer, chop=chop):
            peer.send(b"".join(parts), chop)
            for opcode, payload in before:
                peer.expect(opcode, payload)
            peer.expect_fail(code)

        case(f"{name}, slices {chop}")(play)


def _echoes(name, parts, *wanted):
    for chop in _SLICES:

        def play(peer, chop=chop):
            peer.send(b"".join(parts), chop)
            for opcode, payload in wanted:
                peer.expect(opcode, payload)
            peer.goodbye()

        case(f"{name}, slices {chop}")(play)


_one, _more, _end = frame(TEXT, b"one,", fin=False), frame(0, b"two,", fin=False), frame(0, b"three")
_whole = (TEXT, b"one,two,three")
_fails("5 a ping in two fragments", frame(PING, b"a", fin=False), frame(0, b"b"))
_fails("5 a pong in two fragments", frame(PONG, b"a", fin=False), frame(0, b"b"))
_fails("5 a close in two fragments", frame(CLOSE, code(1000), fin=False), frame(0, b"b"))
_echoes("5 three fragments", (_one, _more, _end), _whole)
_echoes("5 binary fragments", (frame(BINARY, b"\xff", fin=False), frame(0, b"\x00")), (BINARY, b"\xff\x00"))
_echoes("5 a ping between fragments", (_one, frame(PING, b"p"), _more, _end), (PONG, b"p"), _whole)
_echoes(
    "5 pings and pongs between fragments",
    (_one, frame(PING, b"1"), frame(PONG, b"x"), _more, frame(PING, b"2"), _end, frame(PING, b"3")),
    (PONG, b"1"),
    (PONG, b"2"),
    _whole,
    (PONG, b"3"),
)
_echoes("5 empty fragments", (frame(TEXT, fin=False), frame(0, fin=False), frame(0)), (TEXT, b""))
_echoes("5 an empty first and last fragment", (frame(TEXT, fin=False), _more, frame(0)), (TEXT, b"two,"))
_fails("5 a last fragment of nothing", _end, frame(TEXT, b"x"))
_fails("5 a first fragment of nothing", _more, _end)
_fails("5 a fragment behind a whole message", frame(TEXT, b"x"), _end, before=((TEXT, b"x"),))
_fails("5 a fragment too many", _one, _end, _end, before=((TEXT, b"one,three"),))
_fails("5 a text inside a text", _one, frame(TEXT, b"x"))
_fails("5 a first fragment inside a text", _one, frame(TEXT, b"x", fin=False), _end)
_fails("5 binary inside a text", _one, frame(BINARY, b"x"))


@case("5 fragments with a wait for the pong between them")
def _(peer):
    for i, part in enumerate(fragments(TEXT, b"fragment1fragment2fragment3", 9)):
        if i:
            peer.send(frame(PING, b"%d" % i))
            peer.expect(PONG, b"%d" % i)
        peer.send(part)
    peer.expect(TEXT, b"fragment1fragment2fragment3")
    peer.goodbye()


# 6: UTF-8; what is valid, CPython's codec says

_KOSME = "κόσμε".encode()
_UTF8 = (
    *(_KOSME[:cut] for cut in range(1, len(_KOSME) + 1)),
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",  # Autobahn's 6.3
    *(b"a" * pad + "Hellö€😀".encode() + b"b" * pad for pad in range(6)),
    # first and last of each length, and beyond
    b"\x00",
    b"\xc2\x80",
    b"\xe0\xa0\x80",
    b"\xf0\x90\x80\x80",
    b"\xf8\x88\x80\x80\x80",
    b"\xfc\x84\x80\x80\x80\x80",
    b"\x7f",
    b"\xdf\xbf",
    b"\xef\xbf\xbf",
    b"\xf7\xbf\xbf\xbf",
    b"\xfb\xbf\xbf\xbf\xbf",
    b"\xfd\xbf\xbf\xbf\xbf\xbf",
    # borders
    b"\xed\x9f\xbf",
    b"\xee\x80\x80",
    b"\xef\xbf\xbd",
    b"\xf4\x8f\xbf\xbf",
    b"\xf4\x90\x80\x80",
    # stray continuations
    b"\x80",
    b"\xbf",
    b"\x80\xbf",
    b"\x80\xbf\x80\xbf\x80\xbf",
    bytes(range(0x80, 0xC0)),
    # beginnings without an end
    b" ".join(bytes([byte]) for byte in range(0xC0, 0xE0)),
    b" ".join(bytes([byte]) for byte in range(0xE0, 0xF0)),
    b" ".join(bytes([byte]) for byte in range(0xF0, 0xF8)),
    b"\xe0\x80",
    b"\xf0\x80\x80",
    b"\xdf",
    b"\xef\xbf",
    b"\xf7\xbf\xbf",
    # impossible bytes
    b"\xfe",
    b"\xff",
    b"\xfe\xfe\xff\xff",
    # longer than needed
    b"\xc0\xaf",
    b"\xe0\x80\xaf",
    b"\xf0\x80\x80\xaf",
    b"\xc1\xbf",
    b"\xe0\x9f\xbf",
    b"\xf0\x8f\xbf\xbf",
    b"\xc0\x80",
    b"\xe0\x80\x80",
    b"\xf0\x80\x80\x80",
    # surrogates, alone and in pairs
    b"\xed\xa0\x80",
    b"\xed\xad\xbf",
    b"\xed\xae\x80",
    b"\xed\xaf\xbf",
    b"\xed\xb0\x80",
    b"\xed\xbe\x80",
    b"\xed\xbf\xbf",
    b"\xed\xa0\x80\xed\xb0\x80",
    b"\xed\xaf\xbf\xed\xbf\xbf",
    # non-characters are valid
    b"\xef\xbf\xbe",
    b"\xf0\x9f\xbf\xbe",
    b"\xf4\x8f\xbf\xbe",
)


def _valid(payload):
    try:
        payload.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _utf8():
    for number, payload in enumerate(_UTF8):
        ways = {
            "whole": (frame(TEXT, payload), None),
            "in slices": (frame(TEXT, payload), 1),
            "in fragments of 1": (b"".join(fragments(TEXT, payload, 1)), None),
            "long": (frame(TEXT, b"x" * 300 + payload), None),
        }
        for way, (data, chop) in ways.items():

            def play(peer, data=data, chop=chop, payload=(b"x" * 300 if way == "long" else b"") + payload):
                peer.send(data, chop)
                if _valid(payload):
                    peer.expect(TEXT, payload)
                    peer.goodbye()
                else:
                    peer.expect_fail(1007)

            case(f"6.{number} {payload[:8].hex()} {way}")(play)


_utf8()


@case("6 an offence is not waited for: in a later fragment")
def _(peer):
    peer.send(frame(TEXT, _KOSME, fin=False))
    peer.send(frame(PING, b"so far good"))
    peer.expect(PONG, b"so far good")
    peer.send(frame(0, b"\xf4\x90\x80\x80", fin=False))
    peer.expect_fail(1007)


@case("6 an offence is not waited for: in the middle of a frame")
def _(peer):
    peer.send(head(TEXT, 1000) + _KOSME + b"\xf4")
    peer.send(b"\x90")
    peer.expect_fail(1007)


@case("6 a character may be split by a fragment and a ping")
def _(peer):
    peer.send(frame(TEXT, b"\xf0\x9f", fin=False) + frame(PING, b"\xff") + frame(0, b"\x98\x80"))
    peer.expect(PONG, b"\xff")
    peer.expect(TEXT, b"\xf0\x9f\x98\x80")
    peer.goodbye()


_echoes("6 binary is not text", (frame(BINARY, b"\xc0\x80\xff"),), (BINARY, b"\xc0\x80\xff"))


# 7: close


@case("7 a message, then a close")
def _(peer):
    peer.send(frame(TEXT, b"last") + frame(CLOSE, code(1000)))
    peer.expect(TEXT, b"last")
    peer.expect_fail(1000)


@case("7 two closes")
def _(peer):
    peer.send(frame(CLOSE, code(1000)) + frame(CLOSE, code(1001)))
    peer.expect_fail(1000)


@case("7 nothing is answered behind a close")
def _(peer):
    peer.send(frame(CLOSE, code(1000)) + frame(PING, b"late") + frame(TEXT, b"late") + b"\xff\xff")
    peer.expect_fail(1000)


@case("7 a close between fragments")
def _(peer):
    peer.send(_one + frame(CLOSE, code(1000)) + _end)
    peer.expect_fail(1000)


@case("7 a large message, a close, a ping")
def _(peer):
    payload = _text(262144)
    peer.send(frame(TEXT, payload) + frame(CLOSE, code(1000)) + frame(PING))
    peer.expect(TEXT, payload)
    peer.expect_fail(1000)


@case("7 a close without a code", says="1005")
def _(peer):
    peer.send(frame(CLOSE))
    peer.expect_fail(None)


@case("7 a close with half a code")
def _(peer):
    peer.send(frame(CLOSE, b"\x03"))
    peer.expect_fail(1002)


@case("7 a close with a reason", says="the server closed: 1000 ciao €")
def _(peer):
    peer.send(frame(CLOSE, code(1000, "ciao €".encode())))
    peer.expect_fail(1000)


@case("7 a close with the longest reason")
def _(peer):
    peer.send(frame(CLOSE, code(1000, b"*" * 123)))
    peer.expect_fail(1000)


@case("7 a close with a reason that is too long")
def _(peer):
    peer.send(frame(CLOSE, code(1000, b"*" * 124)))
    peer.expect_fail(1002)


@case("7 a close with a reason that is not UTF-8")
def _(peer):
    peer.send(frame(CLOSE, code(1000, _KOSME + b"\xed\xa0\x80")))
    peer.expect_fail(1007)


@case("7 the server never ends the stream", says="the server closed: 1000")
def _(peer):
    peer.send(frame(CLOSE, code(1000)))
    peer.expect_close(1000)
    peer.expect_end()


@case("7 the server goes on talking, and never ends the stream")
def _(peer):
    peer.send(frame(CLOSE, code(1000)))
    peer.expect_close(1000)
    for _ in range(64):
        peer.send(b"\x81" * 65536)
    peer.expect_end()


_LEGAL = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999)
_ILLEGAL = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)


def _codes():
    for number in _LEGAL + _ILLEGAL:
        for reason in (b"", b"reason"):

            def play(peer, number=number, reason=reason):
                peer.send(frame(CLOSE, code(number, reason)))
                peer.expect_fail(number if number in _LEGAL else 1002)

            case(f"7 close code {number}" + (" with a reason" if reason else ""))(play)


_codes()


# 9: sizes and numbers


def _sizes():
    def one(opcode, make, size, fragment=None, chop=None, times=1):
        def play(peer):
            payload = make(size)
            for _ in range(times):
                peer.echo(opcode, payload, chop, fragment)
            peer.goodbye()

        return play

    mib = 1 << 20
    for kind, opcode, make in (("text", TEXT, _text), ("binary", BINARY, _noise)):
        for size in (65536, 262144, mib, MAX_SIZE):
            case(f"9 {kind} of {size} bytes")(one(opcode, make, size))
        for step in (64, 256, 1024, 4096, 16384, 65536, 262144):
            case(f"9 {kind} of 1 MiB in fragments of {step}")(one(opcode, make, mib, fragment=step))
        for step in (64, 128, 256, 512, 1024, 2048):
            case(f"9 {kind} of 1 MiB in slices of {step}")(one(opcode, make, mib, chop=step))
        for size in (0, 16, 64, 256, 1024):
            case(f"9 {kind} of {size} bytes, a thousand times")(one(opcode, make, size, times=1000))


_sizes()


@case("9 the server writes 16 MiB before it reads a byte", max_size=1 << 20)
def _(peer):
    payload = _noise(1 << 20)
    for _ in range(16):
        peer.send(frame(BINARY, payload))
    for _ in range(16):
        peer.expect(BINARY, payload)
    peer.goodbye()


@case("9 both sides write large messages at once", max_size=1 << 20)
def _(peer):
    payload = _noise(1 << 20)
    writer = threading.Thread(target=lambda: [peer.send(frame(BINARY, payload)) for _ in range(24)])
    writer.start()
    for _ in range(24):
        peer.expect(BINARY, payload)
    writer.join()
    peer.goodbye()


# 10: the rest


@case("10 64 KiB of text in frames of 1300 bytes")
def _(peer):
    peer.echo(TEXT, _text(65536), size=1300)
    peer.goodbye()


def _limits():
    for limit in (1, 100, 125, 126, 1000, 32768, 65535, 65536, 70000):

        def fits(peer, limit=limit):
            peer.echo(TEXT, _text(limit))
            peer.echo(BINARY, _noise(limit), size=max(1, limit // 3))
            peer.goodbye()

        def too_big(peer, limit=limit):
            peer.echo(TEXT, b"x")
            peer.send(head(BINARY, limit + 1))  # the answer must come without a byte of the payload
            peer.expect_fail(1009)

        def in_fragments(peer, limit=limit):
            peer.send(frame(TEXT, _text(limit), fin=False) + frame(PING, b"still well") + head(0, 1, fin=False))
            peer.expect(PONG, b"still well")
            peer.expect_fail(1009)

        case(f"10 the limit {limit} fits", max_size=limit)(fits)
        case(f"10 one byte above {limit}", max_size=limit)(too_big)
        case(f"10 one byte above {limit}, in fragments", max_size=limit)(in_fragments)


_limits()
_fails("10 a message of 2**62 bytes", head(TEXT, 1 << 62), code=1009)
_fails("10 a length above 63 bits", head(TEXT, (1 << 64) - 1))
_fails("10 a masked message", head(TEXT, 4, mask=True) + b"\x01\x02\x03\x04abcd")
_fails("10 a masked ping", head(PING, 0, mask=True) + b"\x01\x02\x03\x04")
_fails("10 a masked close", head(CLOSE, 2, mask=True) + b"\x00\x00\x00\x00" + code(1000))
_fails("10 a length of 5 in 16 bits", head(TEXT, 5, form=16) + b"hello")
_fails("10 a length of 5 in 64 bits", head(TEXT, 5, form=64) + b"hello")
_fails("10 a length of 65535 in 64 bits", head(BINARY, 65535, form=64))
_fails("10 HTTP where frames should be", b"HTTP/1.1 400 Bad Request\r\n\r\n")


# the handshake


def _opens(name, build):
    def play(peer):
        _, headers = peer.request()
        peer.send(*build(peer, headers))
        peer.echo(TEXT, b"it works")
        peer.goodbye()

    case("handshake: " + name, open=False)(play)


_opens("byte by byte", lambda peer, headers: (peer.answer(headers), 1))
_opens("line feeds alone", lambda peer, headers: (peer.answer(headers).replace(b"\r\n", b"\n"),))
_opens("another case", lambda peer, headers: (peer.answer(headers, Upgrade="WebSocket", Connection="UPGRADE"),))
_opens("lists of tokens", lambda peer, headers: (peer.answer(headers, Connection="keep-alive,  Upgrade"),))
_opens("blanks everywhere", lambda peer, headers: (peer.answer(headers, Upgrade="  websocket \t"),))
_opens("many headers", lambda peer, headers: (peer.answer(headers, **{f"X_{i}": "y" * 60 for i in range(50)}),))
_opens("early hints first", lambda peer, headers: (b"HTTP/1.1 103 Hm\r\nLink: x\r\n\r\n" + peer.answer(headers),))


@case("handshake: frames in the same segment", open=False)
def _(peer):
    _, headers = peer.request()
    peer.send(peer.answer(headers) + frame(TEXT, b"glued") + frame(PING, b"p") + frame(TEXT, b"on")[:1])
    peer.expect(TEXT, b"glued")
    peer.expect(PONG, b"p")
    peer.send(frame(TEXT, b"on")[1:])
    peer.expect(TEXT, b"on")
    peer.goodbye()


@case("handshake: a close in the same segment", open=False)
def _(peer):
    _, headers = peer.request()
    peer.send(peer.answer(headers) + frame(CLOSE, code(1013)))
    peer.expect_fail(1013)


def _refuses(name, build, says="no WebSocket"):
    def play(peer):
        _, headers = peer.request()
        peer.send(build(peer, headers) + frame(TEXT, b"not to be answered"))
        peer.expect_end()

    case("handshake: " + name, open=False, says=says)(play)


_refuses("the wrong proof", lambda peer, headers: peer.answer(headers, Sec_WebSocket_Accept="x" * 28))
_refuses(
    "the proof of another key",
    lambda peer, headers: peer.answer({"sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="}),
)
_refuses("no proof", lambda peer, headers: peer.answer(headers, Sec_WebSocket_Accept=None))
_refuses("no Upgrade", lambda peer, headers: peer.answer(headers, Upgrade=None))
_refuses("Upgrade to something else", lambda peer, headers: peer.answer(headers, Upgrade="h2c"))
_refuses("no Connection", lambda peer, headers: peer.answer(headers, Connection=None))
_refuses("Connection: close", lambda peer, headers: peer.answer(headers, Connection="close"))
_refuses(
    "an extension nobody offered",
    lambda peer, headers: peer.answer(headers, Sec_WebSocket_Extensions="permessage-deflate"),
)
_refuses("a subprotocol nobody offered", lambda peer, headers: peer.answer(headers, Sec_WebSocket_Protocol="chat"))
_refuses("a head that is too long", lambda peer, headers: peer.answer(headers, X="y" * 20000), says="too long")
_refuses("not HTTP", lambda peer, headers: b"SSH-2.0-OpenSSH_9.2\r\n", says="not an HTTP/1 answer")
_refuses("nothing but noise", lambda peer, headers: bytes(range(256)) * 40)


def _statuses():
    for status in (200, 301, 302, 307, 308, 400, 401, 403, 404, 409, 426, 429, 500, 502, 503):
        extra = b"Location: /elsewhere\r\nRetry-After: 7\r\n"

        def build(peer, headers, status=status, extra=extra):
            return b"HTTP/1.1 %d Words\r\n%sContent-Length: 4\r\n\r\nbody" % (status, extra)

        _refuses(f"status {status}", build, says=f"the server answered {status}")


_statuses()


@case("handshake: headers without an end", open=False, says="too long")
def _(peer):
    peer.request()
    peer.send(b"HTTP/1.1 101 Switching Protocols\r\n")
    for i in range(2000):
        peer.send(b"X-%d: endless\r\n" % i)
    peer.expect_end()


@case("handshake: the server leaves without an answer", open=False, says="closed before it answered")
def _(peer):
    peer.request()
    peer.finish()


@case("handshake: the server leaves in the middle of a head", open=False, says="closed before it answered")
def _(peer):
    _, headers = peer.request()
    peer.send(peer.answer(headers)[:50])
    peer.finish()


@case("handshake: the server resets at once", open=False)
def _(peer):
    peer.reset()


# ways to vanish


@case("vanish: the stream ends between messages", says="without a close frame")
def _(peer):
    peer.echo(TEXT, b"x")
    peer.finish()


@case("vanish: the stream ends in a head")
def _(peer):
    peer.send(b"\x81")
    peer.finish()


@case("vanish: the stream ends in a payload")
def _(peer):
    peer.send(head(TEXT, 1000) + b"half")
    peer.finish()


@case("vanish: the stream ends between fragments")
def _(peer):
    peer.send(_one)
    peer.finish()


@case("vanish: a reset between messages")
def _(peer):
    peer.echo(TEXT, b"x")
    peer.reset()


@case("vanish: a reset while a large echo comes")
def _(peer):
    peer.send(frame(BINARY, _noise(MAX_SIZE)))
    peer.read(1000)
    peer.reset()


@case("vanish: the server reads nothing, closes, and leaves")
def _(peer):
    peer.send(frame(BINARY, _noise(MAX_SIZE)) + frame(CLOSE, code(1001)))
    peer.read(1000)
    peer.stop()


@case("vanish: a fault, and the stream ends at once")
def _(peer):
    peer.send(b"\xff\xff\xff\xff")
    peer.finish_rudely()
