"""Whatever a Valtronics server sends, in whatever order: events, notes, a Leave, and nothing that a receiver could feel."""

import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from firmware.command import EVENT, LEAVE, NOTE, Event, Leave
from firmware.config.settings import fits
from firmware.control.event_rules import Rules
from host_tests.unit.test_valtronics import backend_with

KINDS = (
    *("auth_response", "alert", "device_status_update", "device_update", "device_status", "system_status_update"),
    *(
        "system_notification",
        "telemetry_update",
        "subscription_confirmed",
        "batch",
        "pong",
        "ping",
        "heartbeat",
        "error",
    ),
)
NAMES = (
    *("alert", "alert_id", "id", "device_id", "severity", "title", "message", "updates", "status", "new_status"),
    *("old_status", "reason", "metrics", "data", "notification", "telemetry", "metric_name", "metric_value", "unit"),
    *("value", "success", "error", "messages", "type"),
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(
        ["invalid_token", "Unknown message type: auth", "Unknown message type: batch", "critical", *KINDS]
    )
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=15,
)
messages = st.builds(
    lambda kind, rest: {**rest, **({"type": kind} if kind is not None else {})},
    st.sampled_from(KINDS) | scalars,
    st.dictionaries(st.sampled_from(NAMES), values, max_size=8),
)
texts = (
    st.builds(lambda message: json.dumps(message).encode(), messages | values)
    | st.binary(max_size=60)
    | st.text('{}[]":,\\u0123type alert', max_size=80).map(str.encode)
)


@st.composite
def mutated(draw):
    """A good message with a few bytes changed, lost or doubled."""
    data = bytearray(json.dumps(draw(messages)).encode())
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data) - 1)) if data else 0
        data[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(data)


def check(order):
    """One order of this backend is well formed, and is none that could move anything by itself."""
    what, detail = order
    assert what in (EVENT, NOTE, LEAVE), order
    if what == EVENT:
        assert isinstance(detail, Event) and all(type(part) is str for part in detail)
        assert detail.backend == "valtronics" and len(detail.text) <= 200 and len(detail.severity) <= 40
        assert detail.kind in ("alert", "device", "system", "telemetry")
    elif what == NOTE:
        assert type(detail) is str and len(detail) < 250
    else:
        assert isinstance(detail, Leave) and detail.wait_ms >= 300_000


@settings(deadline=None, max_examples=600)
@given(st.lists(st.tuples(texts | mutated(), st.integers(0, 20000)), max_size=12), st.booleans())
@example([(b'{"type":"alert","severity":1e999}', 0)], True)
def test_nothing_comes_but_events_notes_and_leave(said, known):
    backend = backend_with(device_id="1, pump")
    backend.begin(0)
    sent = backend.hello(0)
    if known:
        backend.receive(b'{"type":"auth_response","success":true}', 0)
    now = 0
    for message, later in said:
        now += later
        try:
            for order in backend.receive(message, now):
                check(order)
            sent += list(backend.keepalive(now))
        except Leave:
            backend.begin(now)
    for message in sent + list(backend.goodbye()):
        assert len(message) <= 1024 and isinstance(json.loads(message)["type"], str)


words = st.text(max_size=15)
rows = st.fixed_dictionaries(
    {
        "model": st.sampled_from(["caixianlin", "d80", "nobody's"]),
        "rf_id": st.integers(0, 65535),
        "action": st.sampled_from(["vibrate", "sound"])
        | st.sampled_from(["shock", "stop", "light", "Shock", ""])
        | words,
        "level": st.integers(0, 100),
        "duration_ms": st.integers(1, 30000),
    },
    optional={
        "channel": st.none() | st.integers(0, 255),
        "backend": st.sampled_from(["", "valtronics", "dsp_fleet"]),
        "kind": st.sampled_from(["", "alert", "device"]),
        "severity": st.sampled_from(["", "info", "warning", "error", "high", "critical"]),
        "text": st.sampled_from(["", "hot", "É"]),
        "once_in_s": st.integers(1, 86400),
    },
)
told = st.builds(
    Event,
    st.sampled_from(["valtronics", "dsp_fleet"]) | words,
    st.sampled_from(["alert", "device"]) | words,
    st.sampled_from(["", "critical", "warning", "WARNING"]) | words,
    words | st.just("it is HOT"),
)


@settings(deadline=None, max_examples=400)
@given(st.lists(rows, max_size=8), st.lists(st.tuples(told, st.integers(0, 10**5)), max_size=12))
def test_rules_never_raise_never_shock_and_never_hurry(table, events):
    rules = Rules(table)
    good = [row for row in table if row["action"] in ("vibrate", "sound")]
    assert len(rules.notes) == len(table) - len(good)
    now = 0
    asked = {}  # number of a rule → when it asked last
    for event, later in events:
        now += later
        foretold = rules.foretold(event, now)
        made = rules.commands(event, now)
        assert made == [command for _, command, wait_ms in foretold if wait_ms == 0]
        assert all(command.action in (2, 3) and command.source == event.backend for command in made)
        assert rules.notes or made
        for number, _, wait_ms in foretold:
            rest_ms = table[number - 1].get("once_in_s", 10) * 1000
            if wait_ms == 0:
                assert number not in asked or now - asked[number] >= rest_ms
                asked[number] = now
            else:
                assert asked[number] + rest_ms - now == wait_ms


@settings(deadline=None)
@given(st.lists(rows | values, max_size=9))
def test_the_settings_let_no_shock_through(table):
    if fits("rules", table):
        assert len(table) <= 8 and all(row["action"] in ("vibrate", "sound") for row in table)
