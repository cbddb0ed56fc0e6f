"""Whatever a hub sends, however it is cut: the same events, no exception, one answer for each question. On both interpreters."""

import json
import random

import pytest
from conftest import run_micropython
from hypothesis import given, settings
from hypothesis import strategies as st

from lib import signalr, signalr_json, signalr_negotiate, strict_json

# JSON as strangers write it: numbers within a double, depth far below the limit
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12
)
names = st.text(min_size=1, max_size=5)
records = st.one_of(
    st.builds(
        lambda target, arguments: {"type": 1, "target": target, "arguments": arguments},
        names,
        st.lists(values, max_size=3),
    ),
    st.builds(lambda target, name: {"type": 1, "target": target, "arguments": [], "invocationId": name}, names, names),
    st.builds(lambda name, item: {"type": 2, "invocationId": name, "item": item}, names, values),
    st.builds(lambda name, result: {"type": 3, "invocationId": name, "result": result}, names, values),
    st.builds(lambda name: {"type": 4, "invocationId": name}, names),
    st.just({"type": 6}),
    st.builds(lambda kind, value: {"type": kind, "x": value}, st.integers(8, 1000), values),
    st.builds(lambda error, again: {"type": 7, "error": error, "allowReconnect": again}, st.text(), st.booleans()),
)
wires = st.builds(
    lambda record, ascii_only: json.dumps(record, ensure_ascii=ascii_only).encode() + b"\x1e", records, st.booleans()
)
garbage = st.binary(max_size=60) | st.text('{}[]":,0123456789.-+eE\\u dtypenulltrue\x1e', max_size=60).map(str.encode)


def _hear(pieces, max_record=32768):
    session = signalr.Session(0, max_record=max_record)
    events = [event for piece in pieces for event in session.feed(piece, 1)]
    return events, session.take(), session.closed, session.code


@given(st.lists(wires, max_size=6), garbage, st.lists(st.integers(0, 2000), max_size=20), st.sampled_from([40, 32768]))
def test_however_it_is_cut_the_events_are_the_same(spoken, end, cuts, max_record):
    stream = b"{}\x1e" + b"".join(spoken) + end
    bounds = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    pieces = [stream[a:b] for a, b in zip(bounds, bounds[1:], strict=False)]
    whole = _hear([stream], max_record)
    assert _hear(pieces, max_record) == whole
    assert _hear([stream[i : i + 1] for i in range(len(stream))], max_record) == whole


@given(st.lists(st.sampled_from(["Log", "Tick"]) | names, max_size=3), values, garbage | wires)
def test_the_short_way_hears_what_the_long_way_hears(targets, value, other):
    """Invocations in the server's own form are read by a short way once their target is known; nothing else changes."""
    for target in targets:
        tails = (
            strict_json.dumps([value]),
            strict_json.dumps(value),
            b'[1],"arguments":[2]',
            b'[],"x":1',
            b"[1]]",
            b" [ 3 ] ",
            b"",
            other,
        )
        for tail in tails:
            record = b'{"type":1,"target":%s,"arguments":%s}' % (strict_json.dumps(target), tail)
            signalr_json._known.clear()
            long = _hear([b"{}\x1e", record + b"\x1e"])
            _hear([b"{}\x1e", b'{"type":1,"target":%s,"arguments":[]}\x1e' % strict_json.dumps(target)])
            assert _hear([b"{}\x1e", record + b"\x1e"]) == long
            if long[0][-1][0] == signalr.INVOCATION:
                assert long[0][-1][2] == json.loads(record)["arguments"]


@given(st.lists(garbage, max_size=8))
def test_garbage_raises_nothing_and_ends_in_one_close(pieces):
    for start in (b"", b"{}\x1e"):
        events, answers, closed, _ = _hear([start, *pieces])
        assert [event[0] for event in events].count(signalr.CLOSED) == closed
        assert not closed or events[-1][0] == signalr.CLOSED and not answers


@given(wires, st.integers(0, 200), st.binary(max_size=3), st.integers(0, 3))
def test_a_damaged_record_raises_nothing(record, at, other, cut):
    damaged = record[:at] + other + record[at + cut :]
    events, *_ = _hear([b"{}\x1e", damaged, b"\x1e"])
    assert events[0] == (signalr.READY,)


@given(st.lists(wires, min_size=1, max_size=6))
def test_good_records_never_end_in_a_fault(spoken):
    events, _, closed, code = _hear([b"{}\x1e", *spoken])
    assert code == 1000
    assert closed == any(b'"type": 7,' in record[:12] for record in spoken)


@given(values)
def test_values_make_the_round_trip(value):
    assert strict_json.loads(strict_json.dumps(value)) == value
    for ascii_only in (True, False):
        assert strict_json.loads(json.dumps(value, ensure_ascii=ascii_only, indent=1).encode()) == value


@given(st.text(st.characters(), max_size=20))
def test_no_text_comes_in_with_half_a_pair(text):
    escaped = json.dumps(text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))
    assert strict_json.loads(escaped.encode()).encode() is not None
    units = "".join("\\u%04x" % unit for unit in memoryview(text.encode("utf-16-le", "surrogatepass")).cast("H"))
    heard = strict_json.loads(b'"%s"' % units.encode())
    assert heard.encode().decode() == heard
    assert heard == text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace") or "\ufffd" in heard


@given(garbage)
def test_what_is_json_is_judged_as_cpython_does(text):
    def constant(name):
        raise ValueError(name)

    try:
        wanted = json.loads(text.decode("utf-8"), parse_constant=constant)
    except ValueError:
        with pytest.raises(ValueError):
            strict_json.loads(text)
        return
    assert strict_json.loads(text) == wanted


@given(st.integers(100, 599) | st.just(200), garbage | wires.map(lambda wire: wire[:-1]))
def test_negotiation_fails_in_words_alone(status, body):
    with pytest.raises(signalr_negotiate.Failed) as failed:
        signalr_negotiate.negotiated(status, body)
    assert str(failed.value)


@given(
    st.lists(
        st.tuples(st.sampled_from(["ask", "complete", "error", "bad", "take", "due"]), st.integers(0, 40000)),
        max_size=40,
    )
)
def test_every_invocation_with_an_id_gets_exactly_one_answer(steps):
    session = signalr.Session(0, timeout_ms=10**9, ping_ms=10**9)
    list(session.feed(b"{}\x1e", 0))
    now, asked, said = 0, [], []
    for step, number in steps:
        now += number
        name = asked[number % len(asked)] if asked else "none"
        if step == "ask":
            asked.append(f"id{len(asked)}")
            list(
                session.feed(
                    b'{"type":1,"target":"T","arguments":[],"invocationId":"%s"}\x1e' % asked[-1].encode(), now
                )
            )
        elif step == "bad":
            try:
                session.complete(name, float("nan"))
            except ValueError:
                pass
        elif step in ("complete", "error"):
            session.complete(name, 1, None if step == "complete" else "no")
        else:
            said.append(session.take() if step == "take" else session.due(now))
    said.append(session.due(now + 10001))
    answers = [json.loads(record) for record in b"".join(said).split(b"\x1e")[:-1]]
    assert sorted(answer["invocationId"] for answer in answers) == sorted(asked)
    assert all(answer["type"] == 3 and ("result" in answer) != ("error" in answer) for answer in answers)


@given(
    st.lists(
        st.tuples(st.sampled_from(["invoke", "result", "error", "item", "wait"]), st.integers(0, 20)), max_size=40
    ),
    st.sampled_from([b'{"type":7}\x1e', b"x\x1e", None]),
)
def test_every_call_ends_exactly_once(steps, end):
    session = signalr.Session(0)
    list(session.feed(b"{}\x1e", 0))
    now, called, events = 0, [], []
    for step, number in steps:
        name = (called[number % len(called)] if called else "none").encode()
        if step == "invoke":
            try:
                called.append(session.invoke("T", [number], now, 5000)[0])
            except signalr.Refused:
                assert len(called) - sum(event[0] == signalr.RESULT for event in events) == 16
        elif step == "wait":
            now += number * 1000
            events += session.expired(now)
        else:
            tail = {"result": b'3,"result":1', "error": b'3,"error":"x"', "item": b'2,"item":1'}[step]
            events += list(session.feed(b'{"invocationId":"%s","type":%s}\x1e' % (name, tail), now))
    events += list(session.feed(end, now)) if end else session.lost("gone")
    assert sorted(event[1] for event in events if event[0] == signalr.RESULT) == sorted(called)


def _odd_json(chance):
    """A text that is JSON, or nearly: a value written out, and perhaps damaged in one place."""
    text = json.dumps(_value(chance, 3), ensure_ascii=chance.random() < 0.5)
    if chance.random() < 0.7:
        at = chance.randrange(len(text) + 1)
        text = text[:at] + chance.choice(list('{}[]":,0-+.eE\\ utn\x01é') + [""]) + text[at + chance.randrange(2) :]
    return text


def _value(chance, depth):
    kind = chance.randrange(9 if depth else 6)
    if kind < 6:
        return chance.choice(
            [
                None,
                True,
                False,
                0,
                -1,
                10 ** chance.randrange(40),
                0.5,
                -2.5e-3,
                "",
                "é",
                "😀\\",
                '"\n',
                "a" * chance.randrange(9),
            ]
        )
    inner = [_value(chance, depth - 1) for _ in range(chance.randrange(4))]
    return inner if kind < 8 else {str(i): value for i, value in enumerate(inner)}


def test_both_interpreters_judge_alike(tmp_path):
    chance = random.Random(20261121)
    texts = [_odd_json(chance) for _ in range(4000)]
    wanted = []
    for text in texts:
        try:
            wanted.append(json.dumps(strict_json.loads(text.encode()), sort_keys=True))
        except ValueError as fault:
            wanted.append("refused: " + str(fault).split(" at")[0].split(":")[0][:8])
    assert 800 < sum(line.startswith("refused") for line in wanted) < 3200  # the test sees both
    (tmp_path / "texts").write_text("".join(text.encode().hex() + "\n" for text in texts))
    (tmp_path / "judge.py").write_text(
        "import binascii, sys\n"
        "sys.path.insert(0, '.')\n"
        "from lib import strict_json as jsontext\n"
        "for line in open(sys.argv[1]):\n"
        "    try:\n"
        "        print(jsontext.dumps(jsontext.loads(binascii.unhexlify(line.strip()))).hex())\n"
        "    except ValueError:\n"
        "        print('refused')\n"
    )
    done = run_micropython(tmp_path / "judge.py", tmp_path / "texts")
    assert done.returncode == 0, done.stderr + done.stdout
    for text, theirs, ours in zip(texts, done.stdout.splitlines(), wanted, strict=True):
        if theirs == "refused":
            assert ours.startswith("refused"), text
        else:
            assert json.dumps(json.loads(bytes.fromhex(theirs)), sort_keys=True) == ours, text


def test_a_record_that_needs_more_memory_than_there_is_is_skipped_and_the_session_goes_on(tmp_path):
    (tmp_path / "greedy.py").write_text(
        "import sys\n"
        "sys.path.insert(0, '.')\n"
        "from lib import signalr\n"
        "session = signalr.Session(0)\n"
        "list(session.feed(b'{}\\x1e', 0))\n"
        "print(list(session.feed(b'[' + b'[],' * 5000 + b'0]\\x1e', 1)), session.closed)\n"
        "print(list(session.feed(b'{\"type\":7}\\x1e', 2)))\n"
    )
    done = run_micropython(tmp_path / "greedy.py", heap="64wK")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == [
        "[(6, 'no memory for a record of 15003 bytes')] False",
        "[(5, None, False)]",
    ]


settings.register_profile("signalr", deadline=None)
settings.load_profile("signalr")
