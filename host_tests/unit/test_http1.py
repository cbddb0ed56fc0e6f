"""Requests out, answers in: in one piece, byte by byte, cut short, and made to harm."""

from lib import cookies, http_response


def _answers(data, **options):
    """(answer, body) of `data`, which must read the same in one piece, in two, and byte by byte."""
    seen = None
    for step in (len(data), 1, 7):
        answer = http_response.Answer(**options)
        body = b""
        for at in range(0, len(data), step):
            for piece in answer.feed(data[at : at + step]):
                body += piece
        now = (answer.status, answer.reason, answer.headers, answer.done, answer.rest, body)
        assert seen is None or seen == now, (seen, now)
        seen = now
    return answer, body


def _breaks(data, **options):
    """True when `data` raises Error both in one piece and byte by byte."""
    for step in (len(data), 1):
        answer = http_response.Answer(**options)
        try:
            for at in range(0, len(data), step):
                answer.feed(data[at : at + step])
        except http_response.Error:
            continue
        return False
    return True


def _refused(*arguments):
    try:
        http_response.request(*arguments)
    except ValueError:
        return True
    return False


def test_a_request():
    assert http_response.request("GET", "h", 443, True, "/a?b", {"Open-Shock-Token": "t"}) == (
        b"GET /a?b HTTP/1.1\r\nHost: h\r\nOpen-Shock-Token: t\r\n\r\n"
    )
    assert http_response.request("POST", "::1", 81, False, "/", [("A", "b"), ("A", "ä\tc")], b"xyz") == (
        b"POST / HTTP/1.1\r\nHost: [::1]:81\r\nA: b\r\nA: \xc3\xa4\tc\r\nContent-Length: 3\r\n\r\nxyz"
    )
    assert http_response.request("POST", "h", 80, False, "/", {}, b"") == (
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"
    )


def test_no_line_can_be_smuggled_into_a_request():
    for bad in ("a\rb", "a\nb", "a\0b", "a\r\nX: y"):
        assert _refused("GET" + bad, "h", 80, False, "/", {})
        assert _refused("GET", bad, 80, False, "/", {})
        assert _refused("GET", "h", 80, False, "/" + bad, {})
        assert _refused("GET", "h", 80, False, "/", {bad: "v"})
        assert _refused("GET", "h", 80, False, "/", {"N": bad})
    assert _refused("", "h", 80, False, "/", {})
    assert _refused("GET", "h", 80, False, "/a b", {})
    assert _refused("GET", "h", 80, False, "a", {})
    assert _refused("GET", "h", 80, False, "", {})
    assert _refused("GET", "h", 80, False, "/ä", {})
    assert _refused("GET", "h", 80, False, "/", {"": "v"})
    assert _refused("GET", "h", 80, False, "/", {"a:b": "v"})


def test_a_body_of_a_known_length():
    answer, body = _answers(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Y: b\r\nDate:  a \t\r\n\r\nhellonext")
    assert (answer.status, answer.reason, answer.done, body) == (200, "OK", True, b"hello")
    assert answer.headers == {"content-length": "5", "date": "a"}
    assert answer.rest == b"next"


def test_the_status_comes_only_with_the_whole_head():
    answer = http_response.Answer()
    assert answer.feed(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n") == []
    assert answer.status is None
    assert answer.feed(b"\r\n") == []
    assert answer.status == 404
    assert not answer.done
    assert answer.feed(b"no") == [b"no"]
    assert answer.done


def test_a_body_in_chunks():
    data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n4\r\nWiki\r\nA ; n=v\r\npedia in\n\n\r\n0\r\nT: r\r\n\r\nrest"
    answer, body = _answers(data)
    assert (answer.done, body, answer.rest) == (True, b"Wikipedia in\n\n", b"rest")


def test_chunks_overrule_a_length():
    answer, body = _answers(
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
    )
    assert (answer.done, body) == (True, b"x")


def test_a_body_until_the_connection_ends():
    answer, body = _answers(b"HTTP/1.0 200\n\nall of it")
    assert (answer.status, answer.reason, answer.done, body) == (200, "", False, b"all of it")
    answer.ended()
    assert answer.done


def test_a_connection_that_ends_too_early_is_an_error():
    for data in (
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nWiki\r\n",
    ):
        answer = http_response.Answer()
        answer.feed(data)
        try:
            answer.ended()
        except http_response.Error:
            continue
        raise AssertionError(data)


def test_answers_without_a_body():
    for code in (b"204 No Content", b"304 Not Modified", b"200 OK\r\nContent-Length: 0"):
        answer, body = _answers(b"HTTP/1.1 " + code + b"\r\n\r\n")
        assert answer.done
        assert body == b""
        answer.ended()
    answer, body = _answers(b"HTTP/1.1 200 OK\r\nContent-Length: 70\r\n\r\n", bodiless=True)
    assert answer.done


def test_what_follows_a_101_belongs_to_the_new_protocol():
    answer, body = _answers(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x02hi")
    assert (answer.status, answer.done, answer.rest, body) == (101, True, b"\x81\x02hi", b"")


def test_interim_answers_are_skipped():
    answer, body = _answers(
        b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 100\r\n\r\nHTTP/1.1 204 No\r\nDate: b\r\n\r\n"
    )
    assert (answer.status, answer.headers) == (204, {"date": "b"})


def test_headers_that_come_twice_are_joined():
    answer, _ = _answers(b"HTTP/1.1 204 No\r\nDate: b\r\nSet-Cookie: x=1, y\r\ndate: c\r\nset-cookie: z=2\r\n\r\n")
    assert answer.headers == {"date": "b, c", "set-cookie": "x=1, y\nz=2"}


def test_a_folded_header_is_one_line():
    answer, _ = _answers(b"HTTP/1.1 204 No\r\nDate: b\r\n \t c\r\nX: y\r\n z\r\n\r\n")
    assert answer.headers == {"date": "b c"}


def test_bytes_beyond_ascii_are_kept_one_by_one():
    answer, _ = _answers(b"HTTP/1.1 204 N\xf6\r\nDate: \xff\xc0\r\n\r\n")
    assert (answer.reason, answer.headers["date"]) == ("N\xf6", "\xff\xc0")


def test_what_is_not_http_is_an_error():
    head = b"HTTP/1.1 200 OK\r\n"
    for data in (
        b"\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"\x16\x03\x01\x02\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n",
        b"HTTP/1.1 2000 OK\r\n",
        b"HTTP/1.1 099 OK\r\n",
        b"HTTP/1.1 +20 OK\r\n",
        b"HTTP/1.1\r\n",
        head + b"no colon\r\n",
        head + b": no name\r\n",
        head + b"blank : x\r\n",
        head + b" folded: first\r\n",
        head + b"A: b\rc\r\n",
        head + b"A: b\0c\r\n",
        head + b"Content-Length: five\r\n\r\n",
        head + b"Content-Length: -5\r\n\r\n",
        head + b"Content-Length: +5\r\n\r\n",
        head + b"Content-Length: 5_0\r\n\r\n",
        head + b"Content-Length:\r\n\r\n",
        head + b"Content-Length: 1000000000000000\r\n\r\n",
        head + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        head + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
        head + b"Transfer-Encoding: chunked\r\n\r\n0x4\r\n",
        head + b"Transfer-Encoding: chunked\r\n\r\n\r\n",
        head + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
        head + b"Transfer-Encoding: chunked\r\n\r\n4\r\nWikis\r\n",
        head + b"Transfer-Encoding: chunked\r\n\r\n4\r\nWikis\n",
        head + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFFFF\r\n",
    ):
        assert _breaks(data), data


def test_the_same_length_twice_is_no_contradiction():
    answer, body = _answers(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok")
    assert (answer.done, body) == (True, b"ok")


def test_a_head_has_an_end():
    head = b"HTTP/1.1 204 No\r\nDate: "
    assert _answers(head + b"x" * (4096 - 8) + b"\r\n\r\n")[0].done
    assert _breaks(head + b"x" * (4096 - 5) + b"\r\n\r\n")
    assert _breaks(head + b"x" * 3000 + b"\r\nLocation: " + b"y" * 3000 + b"\r\n\r\n")
    assert _breaks(head + b"x" * 3000 + b"\r\nDate: " + b"y" * 3000 + b"\r\n\r\n")
    assert _breaks(b"x" * 16385)
    assert _breaks(b"HTTP/1.1 200 OK" + b"x" * 5000 + b"\r\n\r\n")
    assert _breaks(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 2800)
    assert _breaks(b"HTTP/1.1 100 C\r\n\r\n" * 1000)
    assert _breaks(head + b"xxx\r\n\r\n", max_head=5)


def test_what_nobody_asks_for_passes_by():
    lines = b"X: %s\r\nContent-Security-Policy: %s\r\n y\r\nA: b\r\n" % (b"x" * 3000, b"y" * 9000)
    answer, _ = _answers(b"HTTP/1.1 204 No\r\n" + lines + b"Date: d\r\n\r\n")
    assert answer.headers == {"date": "d"}
    assert _breaks(b"HTTP/1.1 204 No\r\n" + lines + b"Z: " + b"z" * 5000)
    assert _breaks(b"HTTP/1.1 204 No\r\n(: " + b"z" * 5000 + b"\r\n\r\n")
    assert _breaks(b"HTTP/1.1 204 No\r\n" + b"z" * 5000 + b"\r\n\r\n")


def test_chunk_lines_and_trailers_have_an_end():
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert _breaks(head + b"1;" + b"x" * 300 + b"\r\n")
    assert _breaks(head + b"0\r\n" + b"A: b\r\n" * 2800)


def test_retry_after():
    assert http_response.retry_after_s({}) is None
    assert http_response.retry_after_s({"retry-after": "120"}) == 120
    assert http_response.retry_after_s({"retry-after": "0"}) == 0
    assert http_response.retry_after_s({"retry-after": "9" * 3000}) == 86400
    for rubbish in ("", "-5", "1.5", "soon", "0x10", "Fri, 99", "a b c d e GMT", "Fri, 01 ani 2026 10:00:00 GMT"):
        assert http_response.retry_after_s({"retry-after": rubbish}) is None, rubbish


def test_retry_after_as_a_date_is_measured_on_the_clock_of_the_server():
    def wait(date, then):
        return http_response.retry_after_s({"date": date, "retry-after": then})

    assert wait("Fri, 31 Dec 1999 23:59:50 GMT", "Sat, 01 Jan 2000 00:00:10 GMT") == 20
    assert wait("Sat, 28 Feb 2026 23:00:00 GMT", "Sun, 01 Mar 2026 01:00:00 GMT") == 7200
    assert wait("Mon, 28 Feb 2028 23:00:00 GMT", "Tue, 29 Feb 2028 01:00:00 GMT") == 7200
    assert wait("Mon, 28 Feb 2028 23:30:00 GMT", "Wed, 01 Mar 2028 00:00:00 GMT") == 86400
    assert wait("Sun, 01 Mar 2026 01:00:00 GMT", "Sat, 28 Feb 2026 23:00:00 GMT") == 0
    assert http_response.retry_after_s({"retry-after": "Sun, 01 Mar 2026 01:00:00 GMT"}) is None


def test_what_a_status_says_in_words():
    assert http_response.refusal(404) == "the server answered 404: nothing is there"
    assert http_response.refusal(418) == "the server answered 418"


def test_cookies_go_back_as_they_came():
    for told, back in (
        ("a=1", "a=1"),
        ("a=1; Path=/; HttpOnly\nb=x=y; Secure", "a=1; b=x=y"),
        ("a=; Max-Age=10", "a="),
        ("a=1; Max-Age=0\nb=2", "b=2"),
        ("a=1; max-age=-1", ""),
        ("", ""),
        ("nothing\n=x\n; Path=/", ""),
        ("\n".join(["c%d=1" % number for number in range(20)]), "; ".join(["c%d=1" % number for number in range(8)])),
    ):
        assert cookies.returned({"set-cookie": told}) == back, told
    assert cookies.returned({}) == ""
