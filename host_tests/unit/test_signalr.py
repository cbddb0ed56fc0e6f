"""What a SignalR client hears and says: the conversation with a hub, told record by record (reference/signalr.md)."""

import json

from lib import signalr
from lib.signalr import CLOSED, INVOCATION, ITEM, READY, RESULT, SKIPPED

WELCOME = b'{"type":1,"target":"Welcome","arguments":["mY-c0nnect10n_id012345"]}\x1e'
SKIPPED_1000 = (SKIPPED, "a record above 1000 bytes")
WELCOMED = (INVOCATION, "Welcome", ["mY-c0nnect10n_id012345"], None)


def _ready(now=0, **options):
    session = signalr.Session(now, **options)
    assert list(session.feed(b"{}\x1e", now)) == [(READY,)]
    return session


def _closing(record):
    """The words with which a session ends that receives `record` alone."""
    session = _ready()
    events = list(session.feed(record + b"\x1e", 1))
    assert len(events) == 1 and events[0][0] == CLOSED, (record, events)
    assert session.closed and session.code == 1007
    assert events[0][2] is True  # the fault is not a server's wish that we stay away
    return events[0][1]


def _raises(kind, function, *arguments):
    try:
        got = function(*arguments)
    except kind as fault:
        return str(fault)
    raise AssertionError(got)


# The handshake


def test_the_client_speaks_first():
    session = signalr.Session(0)
    assert session.hello() == b'{"protocol":"json","version":1}\x1e'
    assert not session.ready
    assert list(session.feed(b"{}\x1e", 5)) == [(READY,)]
    assert session.ready and not session.closed


def test_the_answer_may_be_glued_to_records():
    session = signalr.Session(0)
    status = b'{"type":1,"target":"DeviceStatus","arguments":[[]]}\x1e'
    assert list(session.feed(b"{}\x1e" + WELCOME + status, 1)) == [
        (READY,),
        WELCOMED,
        (INVOCATION, "DeviceStatus", [[]], None),
    ]


def test_an_answer_with_unknown_keys_is_an_answer():
    assert list(signalr.Session(0).feed(b'{"minorVersion":0,"x":[1]}\x1e', 1)) == [(READY,)]
    assert list(signalr.Session(0).feed(b'{"error":null}\x1e', 1)) == [(READY,)]


def test_a_refused_handshake_is_told_in_the_servers_words():
    session = signalr.Session(0)
    error = b'{"error":"The protocol \'json\' is not supported."}\x1e'
    assert list(session.feed(error + WELCOME, 1)) == [
        (CLOSED, "handshake refused: The protocol 'json' is not supported.", True)
    ]
    assert session.closed and not session.ready and session.code == 1000


def test_a_record_is_no_answer():
    for first in (b'{"type":6}', b'{"type":null}', WELCOME[:-1], b"[]", b"null", b"", b"{"):
        session = signalr.Session(0)
        events = list(session.feed(first + b"\x1e", 1))
        assert [event[0] for event in events] == [CLOSED], first
        assert session.closed and session.code == 1007


def test_no_answer_within_15_s_is_a_loss():
    session = signalr.Session(1000)
    assert session.due(15999) == b""
    assert _raises(signalr.Lost, session.due, 16000) == "no handshake within 15 s"


def test_nothing_is_called_before_the_handshake():
    session = signalr.Session(0)
    _raises(signalr.Refused, session.send, "Control", [])
    _raises(signalr.Refused, session.invoke, "Control", [], 1)


# Records


def test_records_are_cut_anywhere():
    stream = (
        b"{}\x1e" + WELCOME + b'{"type":6}\x1e' + '{"type":1,"target":"\xe9","arguments":["\U0001f600"]}\x1e'.encode()
    )
    wanted = [(READY,), WELCOMED, (INVOCATION, "\xe9", ["\U0001f600"], None)]
    for step in (1, 2, 3, 7, len(stream)):
        session = signalr.Session(0)
        events = []
        for at in range(0, len(stream), step):
            events += list(session.feed(stream[at : at + step], 1))
        assert events == wanted, step


def test_key_order_is_free_and_unknown_keys_are_ignored():
    record = b'{"arguments":[1,null,{"a":2}],"headers":{"a":"b"},"x":[[]],"streamIds":["1"],"target":"T","type":1}\x1e'
    assert list(_ready().feed(record, 1)) == [(INVOCATION, "T", [1, None, {"a": 2}], None)]


def test_big_ints_arrive_whole():
    record = b'{"type":1,"target":"T","arguments":[1514805840000,-9223372036854775808]}\x1e'
    assert list(_ready().feed(record, 1))[0][2] == [1514805840000, -9223372036854775808]


def test_an_escaped_pair_arrives_as_one_character():
    record = b'{"type":1,"target":"T","arguments":["\\ud83d\\ude00","\\ud83d"]}\x1e'
    assert list(_ready().feed(record, 1))[0][2] == ["\U0001f600", "\ufffd"]


def test_the_same_target_again_is_heard_the_same():
    session = _ready()
    for tail, arguments in (
        (b"[]", []),
        (b'[1,{"a":[]}]', [1, {"a": []}]),
        (b' [ "\\ud83d\\ude00" ] ', ["\U0001f600"]),
        (b'[1],"x":2', [1]),
        (b'[1],"arguments":[2]', [2]),
    ):
        for _ in range(2):
            record = b'{"type":1,"target":"Again","arguments":%s}\x1e' % tail
            assert list(session.feed(record, 1)) == [(INVOCATION, "Again", arguments, None)]
    for tail in (b"", b"5", b"{}", b"[1 2]", b"[}", b"[]]", b'["\xff"]', b"[],"):
        session = _ready()
        list(session.feed(b'{"type":1,"target":"Again","arguments":[]}\x1e', 1))
        events = list(session.feed(b'{"type":1,"target":"Again","arguments":%s}\x1e' % tail, 1))
        assert [event[0] for event in events] == [CLOSED], tail


def test_what_is_unknown_is_ignored():
    for record in (
        b'{"type":0}',
        b'{"type":8,"sequenceId":1}',
        b'{"type":9}',
        b'{"type":99,"target":5}',
        b'{"type":-1}',
        b'{"type":6,"x":1}',
        b'{"type":5,"invocationId":"7"}',
        b'{"type":3,"invocationId":"never asked","result":1}',
        b'{"type":3,"invocationId":"never asked","error":"x"}',
    ):
        session = _ready()
        assert list(session.feed(record + b"\x1e", 1)) == [], record
        assert session.take() == b"" and not session.closed


def test_broken_records_end_the_session():
    assert _closing(b"") == "bad record: not JSON at byte 0 of 0"
    assert _closing(b'{"type":6,}') == "bad record: not JSON at byte 10 of 11"
    for record in (
        b"{", b"[]", b"1", b"null", b'"x"', b"{}", b'{"type":"1"}', b'{"type":1.5}', b'{"type":null}',
        b'{"type":true}', b'{"Type":6}', b'{"type":6}x', b'{"type":6,}', b'{"type":6}{"type":6}',
        b'\xef\xbb\xbf{"type":6}', b'{"type":1,"target":"\xff","arguments":[]}', b'{"type":1}',
        b'{"type":1,"target":"T"}', b'{"type":1,"target":"T","arguments":{}}',
        b'{"type":1,"target":"T","arguments":null}', b'{"type":1,"arguments":[]}',
        b'{"type":1,"target":"","arguments":[]}', b'{"type":1,"target":5,"arguments":[]}',
        b'{"type":1,"target":"T","arguments":[],"invocationId":1}',
        b'{"type":1,"target":"T","arguments":[],"invocationId":""}',
        b'{"type":1,"target":"T","arguments":[],"invocationId":null}', b'{"type":2,"item":1}',
        b'{"type":2,"invocationId":"1"}', b'{"type":2,"invocationId":1,"item":1}', b'{"type":3}',
        b'{"type":3,"invocationId":1}', b'{"type":3,"invocationId":""}', b'{"type":3,"invocationId":"1","error":5}',
        b'{"type":3,"invocationId":"1","error":"x","result":1}', b'{"type":4}', b'{"type":4,"invocationId":4}',
        b'{"type":5}',
    ):  # fmt: skip
        words = _closing(record)
        assert words.startswith("bad record: "), (record, words)


def test_what_came_before_a_broken_record_counts_and_nothing_after_it():
    session = _ready()
    events = list(session.feed(WELCOME + b"garbage\x1e" + WELCOME, 1))
    assert events[0] == WELCOMED
    assert [event[0] for event in events] == [INVOCATION, CLOSED]
    assert list(session.feed(WELCOME, 2)) == []
    assert session.take() == b"" and session.due(100000) == b""
    _raises(signalr.Refused, session.send, "Control", [])


def test_a_record_has_a_size():
    pad = b'{"type":6,"x":"' + b"a" * (1000 - 17) + b'"}'
    assert len(pad) == 1000
    for step in (1, 100, 1001):
        session = _ready(max_record=1000)
        for at in range(0, 1001, step):
            assert list(session.feed((pad + b"\x1e")[at : at + step], 1)) == []
        assert not session.closed
    large = pad + b" "
    for data, wanted in (
        (large + b"\x1e", [SKIPPED_1000]),
        (large + b"\x1e" + WELCOME, [SKIPPED_1000, WELCOMED]),
        (WELCOME + large + b"\x1e" + large + b"\x1e" + WELCOME, [WELCOMED, SKIPPED_1000, SKIPPED_1000, WELCOMED]),
        (large * 50 + b"\x1e" + WELCOME, [SKIPPED_1000, WELCOMED]),
    ):
        for step in (1, 300, len(data)):
            session = _ready(max_record=1000)
            events = []
            for at in range(0, len(data), step):
                events += list(session.feed(data[at : at + step], 1))
            assert events == wanted and not session.closed


def test_what_is_too_large_is_told_before_it_ends():
    session = _ready(max_record=1000)
    assert list(session.feed(b"x" * 1000, 1)) == []
    assert list(session.feed(b"x", 2)) == [SKIPPED_1000]
    assert list(session.feed(b"x" * 5000, 3)) == []
    assert list(session.feed(b"x\x1e" + WELCOME, 4)) == [WELCOMED]


def test_an_answer_to_the_handshake_has_a_size_too():
    session = signalr.Session(0, max_record=1000)
    (event,) = list(session.feed(b"x" * 1001, 1))
    assert event == (CLOSED, "no answer to the handshake: a record above 1000 bytes", True) and session.code == 1009


def test_each_record_is_read_when_the_ones_before_it_are_done_with():
    session = _ready()
    events = session.feed(WELCOME * 3 + b"garbage\x1e", 1)
    assert [next(events) for _ in range(3)] == [WELCOMED] * 3 and not session.closed
    assert next(events)[0] == CLOSED and session.closed


# Invocations by the server


def test_an_invocation_with_an_id_is_completed():
    session = _ready()
    record = b'{"type":1,"invocationId":"7","target":"Control","arguments":[[]]}\x1e'
    assert list(session.feed(record, 1)) == [(INVOCATION, "Control", [[]], "7")]
    assert session.complete("7", {"done": True})
    assert not session.complete("7", 1)  # once
    assert session.take() == b'{"type":3,"invocationId":"7","result":{"done":true}}\x1e'
    assert session.take() == b""


def test_it_may_be_completed_without_a_value_or_with_an_error():
    session = _ready()
    list(session.feed(b'{"type":1,"invocationId":"a","target":"T","arguments":[]}\x1e', 1))
    session.complete("a")
    list(session.feed(b'{"type":1,"invocationId":"a","target":"T","arguments":[]}\x1e', 2))
    session.complete("a", error='no "way"')
    assert session.due(3) == (
        b'{"type":3,"invocationId":"a","result":null}\x1e{"type":3,"invocationId":"a","error":"no \\"way\\""}\x1e'
    )


def test_an_answer_that_nobody_gave_is_given():
    session = _ready()
    list(session.feed(b'{"type":1,"invocationId":"7","target":"Nobody","arguments":[]}\x1e', 1))
    assert session.take() == b'{"type":3,"invocationId":"7","error":"Client didn\'t provide a result."}\x1e'
    assert session.take() == b""
    list(session.feed(b'{"type":1,"invocationId":"8","target":"Nobody","arguments":[]}\x1e', 2))
    assert session.due(3) == b'{"type":3,"invocationId":"8","error":"Client didn\'t provide a result."}\x1e'
    assert session.due(4) == b""


def test_answers_keep_their_order_and_an_id_said_twice_is_owed_one():
    session = _ready()
    for name in (b"b", b"a", b"b", b"c"):
        list(session.feed(b'{"type":1,"invocationId":"%s","target":"T","arguments":[]}\x1e' % name, 1))
    assert session.complete("a", 1) and not session.complete("a", 2)
    ids = [record.split(b'"')[5] for record in session.take().split(b"\x1e")[:-1]]
    assert ids == [b"a", b"b", b"c"] and not session.complete("b", 1)


def test_a_result_that_json_cannot_say_leaves_the_answer_owed():
    session = _ready()
    list(session.feed(b'{"type":1,"invocationId":"7","target":"T","arguments":[]}\x1e', 1))
    _raises(ValueError, session.complete, "7", float("nan"))
    assert session.take() == b'{"type":3,"invocationId":"7","error":"Client didn\'t provide a result."}\x1e'


def test_streams_are_answered_with_an_error():
    session = _ready()
    record = b'{"type":4,"invocationId":"s","target":"Counter","arguments":[3]}\x1e{"type":5,"invocationId":"s"}\x1e'
    assert list(session.feed(record, 1)) == []
    assert session.take() == b'{"type":3,"invocationId":"s","error":"This client has no streams."}\x1e'


def test_an_endless_id_is_refused():
    assert "too long" in _closing(b'{"type":1,"invocationId":"' + b"9" * 257 + b'","target":"T","arguments":[]}')


# Calls to the server


def test_a_call_without_an_answer():
    session = _ready()
    assert (
        session.send("Control", [[{"id": 1}], None])
        == b'{"type":1,"target":"Control","arguments":[[{"id":1}],null]}\x1e'
    )


def test_a_call_ends_with_its_result_or_its_error():
    session = _ready()
    call_id, record = session.invoke("Echo", ("x",), 1)
    assert (call_id, record) == ("1", b'{"type":1,"invocationId":"1","target":"Echo","arguments":["x"]}\x1e')
    other, _ = session.invoke("Echo", [], 2)
    assert other == "2"
    assert list(session.feed(b'{"type":3,"invocationId":"2","error":"Method does not exist."}\x1e', 3)) == [
        (RESULT, "2", None, "Method does not exist.")
    ]
    assert list(session.feed(b'{"result":{"a":[1]},"invocationId":"1","type":3}\x1e', 4)) == [
        (RESULT, "1", {"a": [1]}, None)
    ]
    assert list(session.feed(b'{"type":3,"invocationId":"1","result":2}\x1e', 5)) == []  # once


def test_no_result_and_null_are_none_and_an_empty_error_is_an_error():
    session = _ready()
    for tail, result, error in (
        (b"", None, None),
        (b',"result":null', None, None),
        (b',"result":false', False, None),
        (b',"result":null,"error":"x"', None, "x"),
        (b',"result":1,"error":null', 1, None),
        (b',"error":""', None, "an error without words"),
    ):
        call_id, _ = session.invoke("T", [], 1)
        record = b'{"type":3,"invocationId":"%s"%s}\x1e' % (call_id.encode(), tail)
        assert list(session.feed(record, 2)) == [(RESULT, call_id, result, error)]


def test_a_call_expires():
    session = _ready()
    session.invoke("Slow", [], 1000, 2000)
    session.invoke("Slower", [], 1000, 20000)
    assert session.expired(2999) == []
    assert session.expired(3000) == [(RESULT, "1", None, "no answer in time")]
    assert session.expired(3001) == []
    assert list(session.feed(b'{"type":3,"invocationId":"1","result":1}\x1e', 3002)) == []
    assert list(session.feed(b'{"type":6}\x1e', 21000)) == [(RESULT, "2", None, "no answer in time")]


def test_a_stream_for_a_plain_call_fails_the_call():
    session = _ready()
    session.invoke("Counter", [], 1)
    events = list(
        session.feed(b'{"type":2,"invocationId":"1","item":1}\x1e{"type":2,"invocationId":"1","item":2}\x1e', 2)
    )
    assert events == [(RESULT, "1", None, "the method answers with a stream"), (ITEM, "1", 2)]
    assert list(session.feed(b'{"type":2,"invocationId":"x","item":null}\x1e', 3)) == [(ITEM, "x", None)]
    assert not session.closed


def test_only_so_many_calls_wait():
    session = _ready()
    for _ in range(16):
        session.invoke("T", [], 1)
    assert _raises(signalr.Refused, session.invoke, "T", [], 1) == "16 calls wait already"
    session.send("T", [])
    list(session.feed(b'{"type":3,"invocationId":"3"}\x1e', 2))
    assert session.invoke("T", [], 3)[0] == "17"


def test_waiting_calls_fail_when_the_socket_dies():
    session = _ready()
    session.invoke("T", [], 1)
    list(session.feed(b'{"type":1,"invocationId":"7","target":"T","arguments":[]}\x1e', 1))
    assert session.lost("connection reset") == [(RESULT, "1", None, "connection reset")]
    assert session.closed and session.lost("again") == [] and session.take() == b""


def test_what_json_cannot_say_is_not_sent():
    session = _ready()
    for value in (float("nan"), float("inf"), object()):
        _raises(ValueError, session.send, "T", [value])
        _raises(ValueError, session.invoke, "T", [[value]], 1)
    assert session.invoke("T", [], 1)[0] == "1"


def test_a_call_above_32_kib_is_not_sent():
    session = _ready()
    frame = len(session.send("T", [""]))
    assert len(session.send("T", ["x" * (32768 - frame)])) == 32768
    assert (
        _raises(ValueError, session.send, "T", ["x" * (32769 - frame)]) == "a record of 32769 bytes; servers take 32768"
    )


# Life and death


def test_a_ping_goes_out_15_s_after_the_last_record():
    session = _ready()
    assert session.due(14999) == b""
    assert session.due(15000) == b'{"type":6}\x1e'
    list(session.feed(b'{"type":6}\x1e', 20000))
    session.invoke("T", [], 20000)
    assert session.due(34999) == b""
    assert session.due(35000) == b'{"type":6}\x1e'
    assert session.due(35001) == b""


def test_30_s_of_silence_are_a_loss():
    session = _ready()
    list(session.feed(WELCOME[:5], 1000))  # any bytes count
    session.due(30999)
    assert _raises(signalr.Lost, session.due, 31000) == "nothing received for 30 s"
    list(session.feed(b"", 31000))  # a WebSocket ping, for instance
    session.due(60999)


def test_the_times_can_be_set():
    session = _ready(ping_ms=100, timeout_ms=300)
    assert session.due(100) == b'{"type":6}\x1e'
    _raises(signalr.Lost, session.due, 300)
    _raises(signalr.Lost, signalr.Session(0, handshake_ms=50).due, 50)


def test_close_tells_whether_to_come_back():
    for record, event in (
        (b'{"type":7}', (CLOSED, None, False)),
        (b'{"type":7,"error":"bye"}', (CLOSED, "bye", False)),
        (b'{"type":7,"allowReconnect":true}', (CLOSED, None, True)),
        (b'{"type":7,"error":"x","allowReconnect":false}', (CLOSED, "x", False)),
        (b'{"type":7,"error":null,"allowReconnect":1}', (CLOSED, None, False)),
        (b'{"type":7,"error":"' + b"x" * 5000 + b'"}', (CLOSED, "x" * 200, False)),
    ):
        session = _ready()
        assert list(session.feed(record + b"\x1e" + WELCOME, 1)) == [event]
        assert session.closed and session.code == 1000
        assert list(session.feed(WELCOME, 2)) == []


def test_close_fails_the_calls_that_wait_first():
    session = _ready()
    session.invoke("T", [], 1)
    assert list(session.feed(b'{"type":7,"error":"Connection closed with an error."}\x1e', 2)) == [
        (RESULT, "1", None, "Connection closed with an error."),
        (CLOSED, "Connection closed with an error.", False),
    ]


def test_the_client_says_goodbye():
    session = _ready()
    session.invoke("T", [], 1)
    assert session.bye() == b'{"type":7}\x1e'
    assert list(session.feed(WELCOME, 2)) == [] and session.due(3) == b""
    assert session.lost("we left") == [(RESULT, "1", None, "we left")]


# A long list of an event comes as several events


def _split_log(n, size=300, more=""):
    """(the record of a Log with `n` entries, the invocations that it becomes)."""
    sender = {"name": "x", "additionalItems": {}}
    entries = [{"shocker": {"id": "%d" % number, "name": "n" * size}, "type": number % 4} for number in range(n)]
    text = '{"type":1,"target":"Log","arguments":%s}' % json.dumps([sender, entries])
    return text[:-1].encode() + more.encode() + b"}\x1e", [
        (INVOCATION, "Log", [sender, [entry]], None) for entry in entries
    ]


def test_a_long_list_comes_an_element_at_a_time_however_it_is_cut():
    for step in (1, 100, 1024, 5000):
        session = _ready(split="Log")
        record, wanted = _split_log(44)
        text = WELCOME + record + WELCOME
        events, together = [], []
        for at in range(0, len(text), step):
            for event in session.feed(text[at : at + step], 1):
                events.append(event)
                together.append(session.goes_on)
        assert events == [WELCOMED] + wanted + [WELCOMED], step
        assert together == [False, False] + [True] * 43 + [False]


def test_what_is_short_or_another_event_comes_whole():
    for split, n in (("Log", 2), ("", 40), ("Control", 40)):
        record, wanted = _split_log(n, 100)
        session = _ready(split=split)
        events = []
        for at in range(0, len(record), 400):
            for event in session.feed(record[at : at + 400], 1):
                events.append(event)
        assert len(events) == 1 and len(events[0][2][1]) == n


def _fed(record, step=500, **options):
    session = _ready(split="Log", **options)
    events = []
    for at in range(0, len(record), step):
        for event in session.feed(record[at : at + step], 1):
            events.append(event)
    return session, events


def test_a_long_list_that_is_no_json_ends_the_connection():
    record, wanted = _split_log(20)
    for bad in (
        record[:-2] + b"]}\x1e",
        record.replace(b"}, {", b"}}, {"),
        record[:-3] + b"\x1e",
        record[:-20] + b"\x1e",
    ):
        session, events = _fed(bad)
        assert events[-1][0] == CLOSED and session.code == 1007 and session.closed, bad[-40:]


def test_a_long_list_that_cannot_be_read_to_its_end_is_told():
    record, wanted = _split_log(44)
    session, events = _fed(record + WELCOME, max_record=9000)
    assert events[-2:] == [(SKIPPED, "a record above 9000 bytes"), WELCOMED] and events[:5] == wanted[:5]
    record, wanted = _split_log(20, more=',"invocationId":"7"')
    session, events = _fed(record + WELCOME)  # who knows whether it was said before
    assert events[:-2] == wanted and events[-2][0] == SKIPPED and events[-1] == WELCOMED
