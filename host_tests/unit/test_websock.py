"""The WebSocket client without a socket: bytes in, messages out; frames out, unmasked here by hand."""

from lib import websocket, websocket_handshake
from lib.websocket import BINARY, CLOSE, PING, PONG, TEXT, Frames, Pieces


def _unmasked(data):
    """A list of (first byte, payload) of the client's frames in `data`; each must be masked, and of the shortest form."""
    data = bytes(data)
    frames = []
    while data:
        assert data[1] & 0x80, "not masked"
        length, at = data[1] & 0x7F, 2
        if length == 126:
            length, at = int.from_bytes(data[2:4], "big"), 4
            assert length > 125
        elif length == 127:
            length, at = int.from_bytes(data[2:10], "big"), 10
            assert length > 65535
        key, payload = data[at : at + 4], data[at + 4 : at + 4 + length]
        assert len(payload) == length
        frames.append((data[0], bytes([byte ^ key[i % 4] for i, byte in enumerate(payload)])))
        data = data[at + 4 + length :]
    return frames


def _fed(data, **options):
    """(frames, events) of `data`; the same must come out in one piece, in threes, and byte by byte."""
    seen = None
    for step in (len(data), 3, 1):
        frames = Frames(**options)
        events = []
        for at in range(0, len(data), step):
            events += frames.feed(data[at : at + step])
        assert seen is None or seen == events, (seen, events)
        seen = events
    return frames, events


def _fails(data, code, before=(), **options):
    """True when `data` ends the connection with `code`, after the events of `before`, and says so to the server."""
    frames, events = _fed(data, **options)
    assert events[:-1] == list(before), events
    assert events[-1][0] == CLOSE and events[-1][1][0] == code, events
    assert frames.closed and frames.fault == events[-1][1][1] != ""
    answers = _unmasked(frames.take())
    assert [first for first, _ in answers] == [0x88], answers
    assert answers[0][1] == bytes([code >> 8, code & 255]) + frames.fault.encode()
    assert frames.take() == b""
    return True


# the handshake


def test_the_upgrade_request():
    key = "dGhlIHNhbXBsZSBub25jZQ=="
    assert websocket_handshake.upgrade("h", 8080, False, "/x?y", {"Open-Shock-Token": "t"}, key) == (
        b"GET /x?y HTTP/1.1\r\nHost: h:8080\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nOpen-Shock-Token: t\r\n\r\n"
    )


def test_no_header_of_the_handshake_can_be_set_twice():
    for name in ("Host", "upgrade", "Connection", "Sec-WebSocket-Extensions", "sec-websocket-protocol"):
        try:
            websocket_handshake.upgrade("h", 80, False, "/", [(name, "x")], "k")
        except ValueError:
            continue
        raise AssertionError(name)


def test_keys_are_sixteen_fresh_bytes():
    keys = [websocket_handshake.new_key() for _ in range(50)]
    assert len(set(keys)) == 50
    assert all(len(key) == 24 and key[-2:] == "==" for key in keys)


def test_the_proof_is_that_of_the_rfc():
    assert websocket_handshake.accept("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def _answer(**changes):
    headers = {
        "upgrade": "WebSocket",
        "connection": "keep-alive, UPGRADE",
        "sec-websocket-accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    }
    for name, value in changes.items():
        headers[name.replace("_", "-")] = value
    return headers


def _refusal(status, headers):
    try:
        websocket_handshake.check(status, headers, "dGhlIHNhbXBsZSBub25jZQ==")
    except websocket_handshake.Refused as refused:
        return refused
    raise AssertionError("not refused")


def test_a_good_answer_passes():
    assert websocket_handshake.check(101, _answer(), "dGhlIHNhbXBsZSBub25jZQ==") is None
    assert websocket_handshake.check(101, _answer(upgrade="h2c, websocket"), "dGhlIHNhbXBsZSBub25jZQ==") is None


def test_a_wrong_101_is_refused():
    for wrong in (
        {"upgrade": ""},
        {"upgrade": "websockets"},
        {"connection": "close"},
        {"connection": "upgrades"},
        {"sec_websocket_accept": ""},
        {"sec_websocket_accept": "S3PPLMBITXAQ9KYGZZHZRBK+XOO="},
        {"sec_websocket_accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=, s3pPLMBiTxaQ9kYGzzhZRbK+xOo="},
        {"sec_websocket_extensions": "permessage-deflate"},
        {"sec_websocket_protocol": "chat"},
    ):
        refused = _refusal(101, _answer(**wrong))
        assert (refused.status, refused.retry_after_s, refused.location) == (101, None, None)
        assert "none" not in str(refused).lower() and len(str(refused)) > 10
    assert _refusal(101, {}).status == 101


def test_other_answers_are_told_apart():
    for status in (200, 400, 401, 403, 404, 409, 426, 500, 502, 503):
        refused = _refusal(status, _answer(location="/elsewhere"))
        assert (refused.status, refused.retry_after_s, refused.location) == (status, None, None)
        assert str(status) in str(refused)
    assert _refusal(429, {"retry-after": "30"}).retry_after_s == 30
    assert _refusal(503, {"retry-after": "5"}).retry_after_s == 5
    for status in (301, 302, 303, 307, 308):
        assert _refusal(status, {"location": "/new"}).location == "/new"
        assert _refusal(status, {}).location is None


# messages in


def test_whole_messages():
    frames, events = _fed(b"\x81\x05hello\x82\x03\x00\xff\x80\x81\x00\x82\x00")
    assert events == [(TEXT, b"hello"), (BINARY, b"\x00\xff\x80"), (TEXT, b""), (BINARY, b"")]
    assert not frames.closed and frames.take() == b"" and frames.fault == ""


def test_nothing_in_nothing_out():
    assert Frames().feed(b"") == []


def test_a_payload_is_bytes():
    for opcode, payload in _fed(b"\x81\x01a\x01\x01b\x80\x01c\x89\x01d")[1]:
        assert type(payload) is bytes, opcode


def test_every_form_of_length():
    for size in (0, 1, 124, 125, 126, 127, 128, 255, 256, 257, 4095, 4096, 4097):
        payload = b"x" * size
        head = bytes([0x81, size]) if size < 126 else b"\x81\x7e" + bytes([size >> 8, size & 255])
        for cut in (0, 1, 2, 3, 4, len(head) + size // 2):
            frames = Frames()
            data = head + payload + b"\x82\x01z"
            events = frames.feed(data[:cut]) + frames.feed(data[cut:])
            assert events == [(TEXT, payload), (BINARY, b"z")], (size, cut)


def test_a_large_message_in_small_reads():
    frames = Frames()
    assert frames.feed(b"\x81\x7e\x40\x00") == []
    for _ in range(63):
        assert frames.feed(b"0123456789abcde\n" * 16) == []
    ((opcode, payload),) = frames.feed(b"0123456789abcde\n" * 16 + b"\x81")
    assert opcode == TEXT and len(payload) == 16384
    assert all([payload[at : at + 16] == b"0123456789abcde\n" for at in range(0, 16384, 16)])
    assert frames.feed(b"\x01z") == [(TEXT, b"z")]


def test_the_long_form_of_a_length():
    frames = Frames(65536)
    assert frames.feed(b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00") == []
    assert frames.feed(bytes(1000)) == [] and not frames.closed  # the heap of a board has no room for the rest


def test_fragments_are_joined():
    frames, events = _fed(b"\x01\x03Hel\x00\x00\x00\x01l\x80\x01o\x02\x00\x80\x00\x01\x00\x80\x01x")
    assert events == [(TEXT, b"Hello"), (BINARY, b""), (TEXT, b"x")]


def test_many_fragments():
    frames = Frames()
    assert frames.feed(b"\x02\x40" + b"a" * 64) == []
    for _ in range(190):
        assert frames.feed(b"\x00\x40" + b"a" * 64) == []
    ((opcode, payload),) = frames.feed(b"\x80\x40" + b"b" * 64)
    assert opcode == BINARY and len(payload) == 12288
    assert payload.count(b"a") == 12224 and payload[12224:] == b"b" * 64
    assert frames.feed(b"\x81\x01b") == [(TEXT, b"b")]


def test_control_frames_come_between_fragments():
    data = b"\x01\x02ab\x89\x02p1\x00\x01c\x8a\x02p2\x89\x00\x80\x01d"
    frames, events = _fed(data)
    assert events == [(PING, b"p1"), (PONG, b"p2"), (PING, b""), (TEXT, b"abcd")]
    assert _unmasked(frames.take()) == [(0x8A, b"p1"), (0x8A, b"")]


def test_a_ping_is_answered_with_its_payload():
    for size in (0, 1, 64, 125):
        payload = bytes([255 - i for i in range(size)])
        frames, events = _fed(bytes([0x89, size]) + payload)
        assert events == [(PING, payload)]
        assert _unmasked(frames.take()) == [(0x8A, payload)]
        assert frames.take() == b""


def test_each_of_ten_pings_is_answered_in_order():
    frames, _ = _fed(b"".join([b"\x89\x01%d" % i for i in range(10)]))
    assert [payload for _, payload in _unmasked(frames.take())] == [b"%d" % i for i in range(10)]


def test_answers_that_nobody_takes_do_not_pile_up():
    frames = Frames(1000)
    for i in range(500):
        frames.feed(b"\x89\x7d" + b"%125d" % i)
    waiting = frames.take()
    assert len(waiting) < 6000
    assert _unmasked(waiting)[-1] == (0x8A, b"%125d" % 499)  # the newest is never dropped


# text


def test_text_is_checked_over_the_whole_message():
    frames, events = _fed(b"\x01\x01\xc3\x00\x00\x89\x00\x80\x01\xa4")
    assert events == [(PING, b""), (TEXT, b"\xc3\xa4")]


def test_binary_is_not_checked():
    assert _fed(b"\x82\x02\xc0\x80")[1] == [(BINARY, b"\xc0\x80")]


def test_text_that_is_not_utf8_is_refused():
    for text in (b"\xc0\x80", b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"a\xff", b"\xc3", b"ab\xe2\x82"):
        assert _fails(bytes([0x81, len(text)]) + text, 1007)
        assert _fails(b"\x81\x01x\x01" + bytes([len(text)]) + text + b"\x80\x00", 1007, [(TEXT, b"x")])
        long = b"x" * 200 + text
        assert _fails(bytes([0x81, 126, 0, len(long)]) + long, 1007)


def test_an_offence_in_the_middle_is_not_waited_for():
    frames = Frames()
    assert frames.feed(b"\x01\x7e\x10\x00abc\xed") == []
    assert frames.feed(b"\xa0")[0][1][0] == 1007


# what breaks the rules


def test_reserved_bits_are_refused():
    for bit in (0x10, 0x20, 0x40, 0x70):
        for opcode in (TEXT, BINARY, CLOSE, PING, PONG):
            assert _fails(b"\x81\x01x" + bytes([0x80 | bit | opcode, 0]), 1002, [(TEXT, b"x")])


def test_reserved_opcodes_are_refused():
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        assert _fails(bytes([0x80 | opcode, 0]), 1002)
        assert _fails(b"\x01\x01a" + bytes([0x80 | opcode, 1]) + b"x", 1002)


def test_masked_frames_are_refused():
    assert _fails(b"\x81\x81\x01\x02\x03\x04\x60", 1002)
    assert _fails(b"\x89\x80\x01\x02\x03\x04", 1002)


def test_fragments_out_of_order_are_refused():
    assert _fails(b"\x80\x01x", 1002)
    assert _fails(b"\x00\x00", 1002)
    assert _fails(b"\x81\x01x\x80\x01y", 1002, [(TEXT, b"x")])
    assert _fails(b"\x01\x01x\x81\x01y", 1002)
    assert _fails(b"\x01\x01x\x02\x01y", 1002)
    assert _fails(b"\x02\x00\x82\x01y", 1002)
    assert _fails(b"\x01\x01x\x80\x01y\x80\x01z", 1002, [(TEXT, b"xy")])


def test_control_frames_are_short_and_whole():
    for opcode in (CLOSE, PING, PONG):
        assert _fails(bytes([opcode, 0]), 1002)
        assert _fails(bytes([0x80 | opcode, 126]), 1002)
        assert _fails(bytes([0x80 | opcode, 127]), 1002)


def test_lengths_in_a_longer_form_than_needed_are_refused():
    assert _fails(b"\x81\x7e\x00\x7d", 1002)
    assert _fails(b"\x81\x7f\x00\x00\x00\x00\x00\x00\xff\xff", 1002)
    assert _fails(b"\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00", 1002)  # the highest bit of all


# what is too big


def test_a_message_above_the_limit_is_refused_before_it_is_read():
    assert _fed(b"\x82\x05abcde", max_size=5)[1] == [(BINARY, b"abcde")]
    assert _fails(b"\x82\x06", 1009, max_size=5)
    assert _fails(b"\x82\x06abcdef", 1009, max_size=5)
    assert _fails(b"\x81\x06abcdef", 1009, max_size=5)
    assert _fails(b"\x81\x7e\x01\x00", 1009, max_size=255)
    assert _fails(b"\x81\x7e\x80\x01", 1009)
    assert _fails(b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 1009)
    assert _fails(b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 1009)
    assert _fails(b"\x82\x01", 1009, max_size=0)


def test_the_limit_counts_all_fragments():
    assert _fed(b"\x01\x03abc\x00\x01d\x80\x01e", max_size=5)[1] == [(TEXT, b"abcde")]
    assert _fails(b"\x01\x03abc\x00\x01d\x00\x02", 1009, max_size=5)
    assert _fails(b"\x01\x03abc\x00\x00\x80\x03", 1009, max_size=5)
    two = b"\x01\x03abc\x80\x02de"
    assert _fed(two + two, max_size=5)[1] == [(TEXT, b"abcde"), (TEXT, b"abcde")]


def test_control_frames_do_not_count():
    assert _fed(b"\x01\x01a\x89\x7d" + bytes(125) + b"\x80\x01b", max_size=2)[1][-1] == (TEXT, b"ab")


# the end


def test_the_server_closes():
    for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999):
        payload = bytes([code >> 8, code & 255])
        frames, events = _fed(b"\x81\x01a\x88\x06" + payload + b"by!!")
        assert events == [(TEXT, b"a"), (CLOSE, (code, "by!!"))]
        assert frames.closed and frames.fault == ""
        assert _unmasked(frames.take()) == [(0x88, payload)]


def test_a_close_without_a_code_is_answered_without_one():
    frames, events = _fed(b"\x88\x00")
    assert events == [(CLOSE, (1005, ""))]
    assert _unmasked(frames.take()) == [(0x88, b"")]


def test_a_reason_may_have_123_bytes():
    reason = "€" * 41
    _, events = _fed(b"\x88\x7d\x03\xe8" + reason.encode())
    assert events == [(CLOSE, (1000, reason))]


def test_close_codes_that_no_one_may_send():
    for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535):
        assert _fails(bytes([0x88, 2, code >> 8, code & 255]), 1002)
    assert _fails(b"\x88\x01\x03", 1002)


def test_a_reason_that_is_not_utf8():
    assert _fails(b"\x88\x04\x03\xe8\xc0\x80", 1007)
    assert _fails(b"\x88\x03\x03\xe8\xe2", 1007)


def test_nothing_comes_behind_a_close():
    frames, events = _fed(b"\x88\x02\x03\xe8\x81\x01x\x89\x00\xff\xff")
    assert events == [(CLOSE, (1000, ""))]
    assert _unmasked(frames.take()) == [(0x88, b"\x03\xe8")]
    assert frames.feed(b"\x81\x01x") == []
    assert frames.close() == b""


def test_nothing_comes_behind_a_fault():
    frames = Frames()
    assert len(frames.feed(b"\xff\xff\x81\x01x")) == 1
    assert frames.feed(b"\x81\x01x\x88\x00") == []


def test_we_close():
    frames = Frames()
    assert _unmasked(frames.close(1001, "töff")) == [(0x88, b"\x03\xe9t\xc3\xb6ff")]
    assert not frames.closed
    assert frames.close() == b""
    events = frames.feed(b"\x81\x01x\x02\x7e\x01\x00" + bytes(256) + b"\x89\x01p\x80\x01y\x88\x02\x03\xe9\x81\x01z")
    assert events == [(CLOSE, (1001, ""))]  # what came between is dropped
    assert frames.closed
    assert _unmasked(frames.take()) == [(0x8A, b"p")]  # but a ping is answered still, §5.5.2; and no second close


def test_what_is_dropped_behind_our_close_counts_no_more():
    frames = Frames(300)
    assert frames.feed(b"\x01\x7e\x00\xc8" + bytes(200)) == []
    frames.close()
    assert frames.feed(b"\x80\x64" + bytes(100)) == []
    assert frames.feed(b"\x82\x7e\x01\x00" + bytes(256) + b"\x88\x02\x03\xe8") == [(CLOSE, (1000, ""))]


def test_a_fault_behind_our_close_ends_it_without_another():
    frames = Frames()
    frames.close()
    assert frames.feed(b"\xff\x00")[0][1][0] == 1002
    assert frames.closed and frames.take() == b""


def test_close_refuses_what_may_not_be_sent():
    frames = Frames()
    for code, reason in ((0, ""), (999, ""), (1004, ""), (1005, ""), (1006, ""), (1015, ""), (2000, ""), (5000, "")):
        assert _raises(ValueError, frames.close, code, reason)
    assert _raises(ValueError, frames.close, 1000, "x" * 124)
    assert not frames.closed
    assert len(frames.close(1000, "x" * 123)) == 131


def test_what_came_before_the_close_can_still_be_answered():
    frames = Frames()
    assert frames.feed(b"\x81\x01a\x88\x02\x03\xe8") == [(TEXT, b"a"), (CLOSE, (1000, ""))]
    assert _unmasked(frames.message("b")) == [(0x81, b"b")]
    assert frames.close(1001) == b""  # the answer that waits is the close
    assert _unmasked(frames.take()) == [(0x88, b"\x03\xe8")]
    assert _raises(websocket.Closed, frames.message, "c")


def test_nothing_is_sent_behind_a_close():
    ours, theirs = Frames(), Frames()
    ours.close()
    theirs.feed(b"\x88\x00")
    theirs.take()
    for frames in (ours, theirs):
        assert _raises(websocket.Closed, frames.message, "x")
        assert _raises(websocket.Closed, frames.ping)


def _raises(kind, act, *arguments):
    try:
        act(*arguments)
    except kind:
        return True
    return False


# messages out


def test_a_message_in_every_form_of_length():
    frames = Frames()
    for size in (0, 1, 2, 3, 4, 5, 6, 7, 124, 125, 126, 127, 128, 255, 256, 1000):
        payload = (b"0123456789" * 100)[:size]
        assert _unmasked(frames.message(payload, BINARY)) == [(0x82, payload)], size
    assert _unmasked(frames.message("ä€")) == [(0x81, b"\xc3\xa4\xe2\x82\xac")]
    assert _unmasked(frames.message(memoryview(b"xabc")[1:])) == [(0x81, b"abc")]
    assert _unmasked(frames.message(bytearray(b"abc"), BINARY)) == [(0x82, b"abc")]


def test_each_frame_has_a_key_of_its_own():
    frames = Frames()
    keys = [bytes(frames.message(b"x")[2:6]) for _ in range(40)]
    keys += [bytes(frames.ping()[2:6]) for _ in range(40)]
    assert len(set(keys)) == 80


def test_a_ping_has_at_most_125_bytes():
    frames = Frames()
    assert _unmasked(frames.ping(b"abc")) == [(0x89, b"abc")]
    assert _unmasked(frames.ping(bytes(125))) == [(0x89, bytes(125))]
    assert _raises(ValueError, frames.ping, bytes(126))


def test_text_that_is_not_utf8_is_not_sent():
    frames = Frames()
    assert _raises(ValueError, frames.message, b"\xc0\x80")
    assert _raises(ValueError, frames.message, "\ud800")
    assert _unmasked(frames.message(b"\xc0\x80", BINARY)) == [(0x82, b"\xc0\x80")]


def test_utf8_is_offered_to_others():
    assert websocket.is_utf8(b"\xc3\xa4") and not websocket.is_utf8(b"\xc0\x80")


# pieces of messages


def _joined(events):
    """The events with neighbouring pieces of the same opcode put together."""
    joined = []
    for opcode, payload in events:
        if joined and joined[-1][0] == opcode < CLOSE:
            joined[-1] = (opcode, joined[-1][1] + payload)
        else:
            joined.append((opcode, payload))
    return joined


def test_pieces_come_at_once_and_have_no_limit():
    payload = "\xe9\U0001f600x".encode() * 10000
    head = bytes([0x81, 127]) + len(payload).to_bytes(8, "big")
    for step in (1, 1000, 70000):
        frames, size, most = Pieces(), 0, 0
        data = head + payload + bytes([0x82, 2, 1, 2])
        for at in range(0, len(data), step):
            events = frames.feed(data[at : at + step])
            size += sum([len(piece) for opcode, piece in events if opcode == TEXT])
            most = max([most] + [len(piece) for _, piece in events])
        assert size == len(payload) and most <= step and not frames.closed
        assert events[-1][0] == BINARY


def test_pieces_of_fragments_with_control_frames_between():
    data = b"\x01\x03abc\x89\x01p\x00\x00\x80\x02de\x81\x00\x81\x01f\x88\x02\x03\xe8"
    for step in (1, 3, 100):
        frames, events = Pieces(), []
        for at in range(0, len(data), step):
            events += frames.feed(data[at : at + step])
        wanted = [(TEXT, b"abc"), (PING, b"p"), (TEXT, b"def"), (CLOSE, (1000, ""))]
        assert _joined(events) == wanted, events
        assert [first for first, _ in _unmasked(frames.take())] == [0x8A, 0x88]


def test_pieces_keep_the_rules():
    for data, code in (
        (b"\x81\x02\xc3\x28", 1007),
        (b"\x81\x01\xc3", 1007),
        (b"\x80\x01x", 1002),
        (b"\x01\x01x\x81\x01x", 1002),
        (b"\x81\xff" + b"\x00" * 12, 1002),
        (b"\x81\x7f\xff" + b"\x00" * 7, 1002),
    ):
        frames = Pieces()
        assert frames.feed(data)[-1][1][0] == code
        assert frames.closed and frames.fault


def test_behind_our_close_frame_no_pieces_come():
    frames = Pieces()
    frames.close()
    assert frames.feed(b"\x81\x03abc\x01\x03abc\x80\x01d") == []
