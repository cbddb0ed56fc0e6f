"""What must hold for any bytes: frames, heads and UTF-8, in any slicing; lengths that a board's heap has no room for."""

import json

import pytest
from conftest import run_micropython
from hypothesis import given, settings
from hypothesis import strategies as st

from lib import http_response, strict_utf8, websocket
from lib.websocket import BINARY, CLOSE, PING, PONG, TEXT, Frames, Pieces

_TEXTS = st.text(max_size=300).map(str.encode)
_BYTES = st.binary(max_size=300)
_MESSAGES = st.one_of(st.tuples(st.just(TEXT), _TEXTS), st.tuples(st.just(BINARY), _BYTES))
_CONTROLS = st.tuples(st.sampled_from((PING, PONG)), st.binary(max_size=125))
# bytes that look like frames more often than noise does
_FRAMEY = st.lists(
    st.one_of(
        st.binary(max_size=6),
        st.builds(
            lambda first, length, payload: bytes([first, length]) + payload,
            st.integers(0, 255),
            st.integers(0, 255),
            st.binary(max_size=140),
        ),
        st.builds(
            lambda opcode, fin, payload: bytes([fin | opcode, len(payload)]) + payload,
            st.sampled_from((0, TEXT, BINARY, CLOSE, PING, PONG)),
            st.sampled_from((0, 0x80)),
            st.binary(max_size=125),
        ),
    ),
    max_size=12,
).map(b"".join)


def _head(opcode, fin, length):
    first = (0x80 if fin else 0) | opcode
    if length < 126:
        return bytes([first, length])
    if length < 65536:
        return bytes([first, 126]) + length.to_bytes(2, "big")
    return bytes([first, 127]) + length.to_bytes(8, "big")


def _slices(data, cuts):
    at = 0
    for cut in cuts:
        if at >= len(data):
            break
        yield data[at : at + cut]
        at += cut
    yield data[at:]


def _unmasked(frame):
    """(first byte, payload) of one client frame; the head is in its shortest form and nothing follows it."""
    frame = bytes(frame)
    length = frame[1] & 0x7F
    at = {126: 4, 127: 10}.get(length, 2)
    size = length if at == 2 else int.from_bytes(frame[2:at], "big")
    assert frame[1] & 0x80
    assert frame[:at] == bytes([frame[0], _head(0, True, size)[1] | 0x80]) + _head(0, True, size)[2:]
    assert len(frame) == at + 4 + size
    key = frame[at : at + 4]
    return frame[0], bytes(byte ^ key[i % 4] for i, byte in enumerate(frame[at + 4 :]))


@given(
    st.lists(st.tuples(_MESSAGES, st.lists(st.tuples(st.integers(0, 200), st.lists(_CONTROLS, max_size=2))))), st.data()
)
@settings(max_examples=300, deadline=None)
def test_what_was_sent_comes_out_in_any_fragments_and_any_slices(script, data):
    wire, wanted, answers = b"", [], []
    for (opcode, payload), cuts in script:
        rest, first = payload, opcode
        for cut, controls in cuts:
            wire += _head(first, False, len(rest[:cut])) + rest[:cut]
            first, rest = 0, rest[cut:]
            for control, content in controls:
                wire += _head(control, True, len(content)) + content
                wanted.append((control, content))
                answers += [content] if control == PING else []
        wire += _head(first, True, len(rest)) + rest
        wanted.append((opcode, payload))
    frames, got, pongs = Frames(), [], b""
    pieces, streams = Pieces(), {TEXT: b"", BINARY: b""}
    for piece in _slices(wire, data.draw(st.lists(st.integers(1, 400)))):
        got += frames.feed(piece)
        pongs += frames.take()
        for opcode, payload in pieces.feed(piece):
            if opcode in streams:
                streams[opcode] += payload
    assert got == wanted
    for opcode in streams:
        assert streams[opcode] == b"".join(payload for kind, payload in wanted if kind == opcode)
    assert not pieces.closed and pieces.take() is not None
    assert not frames.closed
    for content in answers:
        size = 6 + len(content)
        assert _unmasked(pongs[:size]) == (0x8A, content)
        pongs = pongs[size:]
    assert pongs == b""


@given(_FRAMEY, st.lists(st.integers(1, 50)), st.integers(0, 400))
@settings(max_examples=1000, deadline=None)
def test_rubbish_never_raises_and_slicing_changes_nothing(wire, cuts, max_size):
    whole, sliced = Frames(max_size), Frames(max_size)
    wanted = whole.feed(wire)
    got = []
    for piece in _slices(wire, cuts):
        got += sliced.feed(piece)
    assert got == wanted
    assert (sliced.closed, sliced.fault) == (whole.closed, whole.fault)
    pieces, unlimited = Pieces(), Frames(1 << 30)
    ends = [event for part in _slices(wire, cuts) for event in pieces.feed(part) if event[0] >= CLOSE]
    assert ends == [event for event in unlimited.feed(wire) if event[0] >= CLOSE]
    assert (pieces.closed, pieces.fault, pieces.take()[:2]) == (unlimited.closed, unlimited.fault, unlimited.take()[:2])
    closes = [event for event in wanted if event[0] == CLOSE]
    assert len(closes) == whole.closed
    assert not whole.closed or wanted[-1][0] == CLOSE
    for opcode, payload in wanted:
        if opcode == TEXT:
            payload.decode()
        assert opcode == CLOSE or len(payload) <= max(max_size, 125)
    if whole.fault:
        assert wanted[-1][1][0] in (1002, 1007, 1009)


@given(
    st.one_of(st.binary(max_size=40), _TEXTS, st.tuples(_TEXTS, st.binary(max_size=4), _TEXTS).map(b"".join)), st.data()
)
@settings(max_examples=1500, deadline=None)
def test_utf8_is_judged_as_cpython_judges_it(data, draw):
    try:
        data.decode("utf-8")
        valid = True
    except UnicodeDecodeError:
        valid = False
    assert strict_utf8.is_utf8(data) == valid
    cut = draw.draw(st.integers(0, len(data)))
    state = strict_utf8.check(data, 0, cut, 0)
    assert valid == (state >= 0 and strict_utf8.check(data, cut, len(data), state) == 0)


@given(st.sampled_from((TEXT, BINARY)), _TEXTS)
def test_frames_out_carry_what_they_were_given(opcode, payload):
    assert _unmasked(Frames().message(payload, opcode)) == (0x80 | opcode, payload)


@pytest.mark.parametrize("size", [125, 126, 65535, 65536, 65537, 300_000])
def test_long_messages_go_out_and_come_in(size):
    payload = bytes(range(256)) * (size // 256 + 1)
    payload = payload[:size]
    assert _unmasked(Frames().message(payload, BINARY)) == (0x82, payload)
    frames, got = Frames(size), []
    for piece in _slices(_head(BINARY, True, size) + payload, [1000] * (size // 1000 + 1)):
        got += frames.feed(piece)
    assert got == [(BINARY, payload)]


@given(
    st.one_of(st.binary(max_size=200), st.binary(max_size=80).map(lambda tail: b"HTTP/1.1 200 OK\r\n" + tail)),
    st.data(),
)
@settings(max_examples=600, deadline=None)
def test_a_head_of_rubbish_is_an_error_or_an_answer(data, draw):
    answer = http_response.Answer(max_head=120)
    try:
        for piece in _slices(data, draw.draw(st.lists(st.integers(1, 60)))):
            answer.feed(piece)
        answer.ended()
    except http_response.Error:
        return
    assert answer.done
    assert 100 <= answer.status <= 999


@given(st.binary(max_size=2000), st.sampled_from(("length", "chunked", "close")), st.data())
@settings(max_examples=300, deadline=None)
def test_a_body_comes_out_as_it_went_in(body, way, data):
    if way == "length":
        wire = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body + b"next"
    elif way == "chunked":
        pieces = [p for p in _slices(body, data.draw(st.lists(st.integers(1, 300)))) if p]
        wire = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        wire += b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\nnext"
    else:
        wire = b"HTTP/1.1 200 OK\r\n\r\n" + body
    answer, got = http_response.Answer(), b""
    for piece in _slices(wire, data.draw(st.lists(st.integers(1, 500)))):
        got += b"".join(answer.feed(piece))
    answer.ended()
    assert got == body
    assert answer.rest == (b"" if way == "close" else b"next")


@given(st.text(max_size=60))
def test_a_url_is_taken_apart_or_refused(text):
    for url in (text, "wss://" + text, "ws://host/" + text):
        try:
            scheme, host, port, path = http_response.parse_url(url)
        except ValueError:
            continue
        assert scheme in ("http", "https", "ws", "wss")
        assert host and 0 < port < 65536 and path[0] == "/"
        head = http_response.request("GET", host, port, scheme in ("https", "wss"), path, {})
        assert head.count(b"\r\n") == 3


_SAME = """
import json, sys
sys.path.insert(0, ".")
from lib.websocket import Frames
from lib import strict_utf8 as utf8
for line in open(sys.argv[1]):
    wire, cuts, max_size = json.loads(line)
    wire = bytes(wire)
    frames, events, out, at = Frames(max_size), [], 0, 0
    for cut in cuts + [len(wire)]:
        events += frames.feed(wire[at : at + cut])
        out += len(frames.take())
        at += cut
    said = [[op, list(data) if op != 8 else [data[0], [ord(c) for c in data[1]]]] for op, data in events]
    print(json.dumps([said, frames.closed, frames.fault, out, utf8.is_utf8(wire)]))
"""


def test_micropython_says_the_same(tmp_path):
    """Viper and native code, on the interpreter that compiles them, against this one: the same verdict for the same bytes."""
    lines = []

    @given(st.one_of(_FRAMEY, _BYTES, _TEXTS), st.lists(st.integers(1, 40), max_size=6), st.integers(0, 400))
    @settings(max_examples=400, deadline=None, database=None, derandomize=True)
    def collect(wire, cuts, max_size):
        lines.append(json.dumps([list(wire), cuts, max_size]))

    collect()
    script, cases = tmp_path / "same.py", tmp_path / "cases"
    script.write_text(_SAME)
    cases.write_text("\n".join(lines) + "\n")
    done = run_micropython(script, cases, heap="8M")
    assert done.returncode == 0, done.stderr + done.stdout[-2000:]
    answers = done.stdout.splitlines()
    assert len(answers) == len(lines) > 300
    for line, answer in zip(lines, answers, strict=True):
        wire, cuts, max_size = json.loads(line)
        frames, events, out = Frames(max_size), [], 0
        for piece in _slices(bytes(wire), cuts):
            events += frames.feed(piece)
            out += len(frames.take())
        said = [
            [opcode, list(data) if opcode != CLOSE else [data[0], [ord(letter) for letter in data[1]]]]
            for opcode, data in events
        ]
        assert json.loads(answer) == [said, frames.closed, frames.fault, out, strict_utf8.is_utf8(bytes(wire))], line


def test_the_names_that_others_use_are_there():
    assert websocket.is_utf8 is strict_utf8.is_utf8
    assert http_response.follow("http://h/a", "b") == "http://h/b"
