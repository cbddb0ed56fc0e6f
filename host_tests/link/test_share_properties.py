"""Whatever a server of share links says, whatever a person wishes: no receiver moves; only Leave and Unasked are raised."""

import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from firmware.backends._openshock_link import guid_in
from firmware.backends.openshock_share import Backend
from firmware.command import NOTE, REFUSE, STOP, Leave, Unasked, Wish
from host_tests.unit.openshock_words import BLUE, MAP, RED, greeted
from host_tests.unit.test_openshock_share import GUEST, LINK, joined, listed, made, shocker

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from([0, 1, 2, 3, 4, 100, 300, 65535, RED, BLUE, "red"])
)
KEYS = (
    "data",
    "devices",
    "shockers",
    "id",
    "name",
    "permissions",
    "limits",
    "intensity",
    "duration",
    "paused",
    "vibrate",
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=20,
)
targets = st.sampled_from(["Welcome", "Updated", "Control", "Log", "welcome", "EmergencyStop", "_call"]) | st.text(
    min_size=1
)
wishes = st.builds(Wish, st.sampled_from([RED, BLUE, "red", "", "x"]) | st.text(), scalars, scalars, scalars)


def quiet(made_orders):
    """The orders are notes, or refuse what was said twice."""
    for order, detail in made_orders:
        assert order == NOTE and type(detail) is str or order == REFUSE and detail[0] == "repeated"


def sent(backend, now=1):
    """The records that go out."""
    return [json.loads(record) for record in b"".join(backend.keepalive(now)).split(b"\x1e")[:-1]]


@settings(deadline=None)
@given(
    st.lists(st.tuples(targets, st.lists(values, max_size=4), st.none() | st.text(min_size=1, max_size=5)), max_size=5)
)
def test_every_call_of_the_server_is_answered_and_moves_nothing(said):
    backend = joined()
    for target, arguments, call_id in said:
        message = {"type": 1, "target": target, "arguments": arguments}
        if call_id is not None:
            message["invocationId"] = call_id
        quiet(backend.receive(json.dumps(message).encode() + b"\x1e", 1))
        answers = sent(backend)
        assert [answer["invocationId"] for answer in answers] == ([] if call_id is None else [call_id])


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60) | st.sampled_from([GUEST, b"{}\x1e", b'{"type":7}\x1e', b"\x1e"]), max_size=6))
def test_any_bytes_make_notes_or_leave(pieces):
    backend = made()
    backend.begin(0)
    backend.hello(0)
    for piece in pieces:
        try:
            quiet(backend.receive(piece, 1))
            backend.keepalive(1)
        except Leave as left:
            assert left.reason and type(backend.pause_ms(left.status, left.reason)) is int
            return


@settings(deadline=None)
@given(st.integers(0, 599), values | st.binary(max_size=200), st.integers(0, 10**6), wishes)
@example(200, {"data": {"devices": [{"shockers": [{"id": RED}]}]}}, 0, Wish(RED, 2, 20, 500))
def test_any_list_is_survived_and_nothing_unknown_is_controlled(status, answer, wait_ms, wish):
    backend = joined(None)
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    try:
        quiet(backend.fetched(status, body, wait_ms, 0))
    except Leave as left:
        assert status == 404 and left.wait_ms >= 300_000
    try:
        backend.ask("control", wish, 1)
    except Unasked as no:
        assert str(no) and sent(backend) == []
        return
    (record,) = sent(backend)
    assert record["arguments"][0][0]["id"] in json.dumps(answer).lower()


@example(Wish(RED, 0.0, None, None), {}, 0, 300, 0)
@settings(deadline=None)
@given(
    wishes,
    st.dictionaries(st.sampled_from(["shock", "vibrate", "sound"]), st.booleans()),
    st.integers(0, 100),
    st.integers(300, 65535),
    st.integers(0, 7),
)
def test_what_is_sent_is_allowed_bounded_and_never_more_than_was_wished(wish, allowed, level, ms, paused):
    backend = joined(listed(shocker(RED, "red", allowed, {"intensity": level, "duration": ms}, paused)))
    can = {"vibrate": True, "sound": True, "shock": False, **allowed}
    try:
        backend.ask("control", wish, 1)
    except Unasked:
        assert sent(backend) == []
        return
    (record,) = sent(backend)
    ((entry,),) = record["arguments"]
    assert entry["id"] == RED and record["target"] == "Control"
    if entry["type"] == STOP:
        assert (entry["intensity"], entry["duration"]) == (0, 300)
        return
    assert not paused and can[("", "shock", "vibrate", "sound")[entry["type"]]]
    assert entry["type"] == wish.action and 0 <= entry["intensity"] <= min(level, wish.intensity)
    assert 300 <= entry["duration"] <= min(ms, wish.duration_ms)


@given(st.text(max_size=60), st.text(max_size=60))
def test_an_id_within_any_text_is_found_or_none_is_made_up(before, behind):
    text = before + LINK + behind
    found = guid_in(text)
    assert found == "" or found in text.lower()
    clean = before[-1:].lower() not in set("0123456789abcdef") and behind[:1].lower() not in set("0123456789abcdef-")
    if clean and len(before) < 36 and "-" not in before:
        assert found == LINK


@given(st.text(max_size=40))
def test_any_name_is_a_url_that_can_be_sent_or_is_refused(name):
    backend = Backend({"url": "http://10.0.0.2", "link": LINK, "name": name, "session": ""}, "a/1")
    backend.begin(0)
    try:
        backend.errand(0)
    except Leave as left:
        short = 0 < len(name.strip().encode("utf-16-le")) // 2 <= 32
        assert not short and left.wait_ms >= 300_000
        return
    url = backend.request()[0]
    assert url.isascii() and " " not in url and url.count("?") == 1 and "#" not in url and "&" not in url


@settings(deadline=None)
@given(wishes, values)
def test_at_the_user_hub_a_wish_is_bounded_too_and_names_a_shocker_of_the_account(wish, answer):
    for body in (MAP, json.dumps(answer)):
        backend = greeted(known=None)
        backend.errand(0)
        backend.fetched(200, body.encode(), 0, 0)
        try:
            backend.ask("control", wish, 1)
        except Unasked as no:
            assert str(no) and sent(backend) == []
            continue
        (record,) = sent(backend)
        (((entry,), name),) = (record["arguments"],)
        assert record["target"] == "ControlV2" and name == "remote" and entry["id"] in body.lower()
        assert entry["type"] in (0, 1, 2, 3) and 0 <= entry["intensity"] <= 100 and 300 <= entry["duration"] <= 65535
        assert entry["type"] == STOP or (entry["intensity"], entry["duration"]) == (wish.intensity, wish.duration_ms)
