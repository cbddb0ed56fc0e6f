"""lib/http_request.py: what a request says, in pieces of any size, and what is refused with which words."""

import random

from lib.http_request import Bad, Head

GET = b"GET /api/state?x=1 HTTP/1.1\r\nHost: 4.3.2.1\r\nX-Token: abc\r\nCookie: a=b\r\n\r\n"


def _head(data, wanted=("x-token", "origin")):
    head = Head(wanted)
    used = head.feed(data)
    return head, used


def _bad(data):
    try:
        _head(data)
    except Bad as bad:
        return bad.status, str(bad)
    raise AssertionError("nothing wrong with %r" % data)


def _with(line):
    return b"POST /x HTTP/1.1\r\nHost: a\r\n" + line + b"\r\n\r\n"


def test_a_request_and_what_it_says():
    head, used = _head(GET)
    assert head.done and used == len(GET)
    assert (head.method, head.host, head.path, head.length) == ("GET", "4.3.2.1", "/api/state", 0)
    assert head.headers == {"host": "4.3.2.1", "x-token": "abc"}


def test_the_body_is_left_where_it_is():
    head, used = _head(b"POST /x HTTP/1.1\r\nHOST:  OpenShock-1.local \r\ncontent-length: 4\r\n\r\nbody")
    assert (head.done, used, head.length, head.host) == (True, 66, 4, "openshock-1.local")


def test_pieces_of_any_size_say_the_same():
    for size in (1, 2, 3, 7, 50):
        head = Head(("x-token",))
        for at in range(0, len(GET), size):
            assert not head.done
            assert head.feed(GET[at : at + size]) == len(GET[at : at + size])
        assert head.done and head.headers["x-token"] == "abc" and head.path == "/api/state"


def test_line_feeds_alone_and_an_empty_line_before_are_understood():
    head, _ = _head(b"\r\nHEAD / HTTP/1.0\nHost: a\n\n")
    assert head.done and head.method == "HEAD" and head.host == "a"


def test_a_target_that_names_its_host_outranks_the_header():
    head, _ = _head(b"GET HTTP://Captive.Apple.com/hotspot-detect.html HTTP/1.1\r\nHost: 4.3.2.1\r\n\r\n")
    assert (head.host, head.path) == ("captive.apple.com", "/hotspot-detect.html")
    head, _ = _head(b"GET http://nmcheck.gnome.org?x HTTP/1.1\r\n\r\n")
    assert (head.host, head.path) == ("nmcheck.gnome.org", "/")
    assert _head(b"GET / HTTP/1.0\r\n\r\n")[0].host == ""


def test_what_nobody_wants_may_be_long_and_costs_nothing():
    cookies = b"Cookie: " + b"c" * 3000 + b"\r\nUser-Agent: " + b"u" * 2000 + b"\xe4\r\n"
    head, _ = _head(b"GET / HTTP/1.1\r\n" + cookies + b"Host: a\r\n\r\n")
    assert head.done and head.headers == {"host": "a"}


def test_a_long_path_is_cut_and_is_nobodys():
    head, _ = _head(b"GET /" + b"a" * 1000 + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    assert head.done and head.path == "/" + "a" * 251 + "…"
    for size in range(225, 260):  # wherever in the line the cut is
        head, _ = _head(b"GET /" + b"a" * size + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        assert head.path == ("/" + "a" * size if size <= 250 else "/" + "a" * 251 + "…")
    head, _ = _head(b"GET /search?q=" + b"a" * 1000 + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    assert head.done and head.path == "/search"


def test_what_could_be_read_in_two_ways_is_refused():
    assert _bad(_with(b"Host: b")) == (400, "the header host came twice")
    assert _bad(_with(b"X-Token: a\r\nx-token: a")) == (400, "the header x-token came twice")
    assert _bad(_with(b"Content-Length: 1\r\nContent-Length: 1")) == (400, "the header content-length came twice")
    assert _bad(_with(b"Transfer-Encoding: chunked")) == (411, "a body must say its length")
    for length in (b"", b"-1", b"+1", b"1 1", b"0x1", b"1,1", b"9999999999", b"\xc2\xb2"):
        assert _bad(_with(b"Content-Length: " + length))[0] == 400
    assert _bad(_with(b" folded")) == (400, "not a header")
    assert _bad(_with(b"no colon")) == (400, "not a header")
    assert _bad(_with(b": no name")) == (400, "not a header")


def test_what_is_no_request_is_refused():
    rubbish = (
        b"GET /\r\n",
        b"GET  / HTTP/1.1\r\n",
        b"GET / HTTP/2.0\r\n",
        b"GET x HTTP/1.1\r\n",
        b"GET / HTTP/1.1 x\r\n",
    )
    for line in rubbish + (
        b"get / HTTP/1.1\r\n",
        b"\x16\x03\x01\x02\x00\n",
        b" / HTTP/1.1\r\n",
        b"G\x00T / HTTP/1.1\n",
    ):
        assert _bad(line)[0] == 400
    assert _bad(b"GET * HTTP/1.1\r\n") == (400, "not a path")
    assert _bad(b"CONNECT a:443 HTTP/1.1\r\n") == (400, "not a path")


def test_control_characters_cannot_enter():
    for bad in (b"a\rb", b"a\x00b", b"a\x7f", b"\x80", b"\x1b[2J"):
        assert _bad(b"GET / HTTP/1.1\r\nHost: " + bad + b"\r\n\r\n") == (400, "a character that no head has")
        assert _bad(b"GET /" + bad + b" HTTP/1.1\r\n\r\n") == (400, "a character that no head has")


def test_a_head_has_an_end():
    endless = b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 2000
    assert _bad(endless) == (431, "the head of the request is too long")
    assert _bad(b"A" * 9000) == (431, "the head of the request is too long")
    assert _bad(b"\r\n" * 5000) == (431, "the head of the request is too long")
    assert _bad(_with(b"X-Token: " + b"t" * 300)) == (431, "the header x-token is too long")


def test_no_bytes_break_it():
    random.seed(80)
    done = bad = open_ = 0
    for _ in range(3000):
        data = bytearray(GET)
        for _ in range(random.randint(0, 4)):
            data[random.randrange(len(data))] = random.getrandbits(8)
        data = data[: random.randint(0, len(data))] if random.getrandbits(1) else data
        head = Head(("x-token",))
        try:
            head.feed(bytes(data))
        except Bad as refused:
            bad += 1
            assert refused.status in (400, 411, 431)
            continue
        done += head.done
        open_ += not head.done
        assert not head.done or head.path[0] == "/"
    assert min(done, bad, open_) > 50
