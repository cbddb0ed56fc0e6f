"""The Valtronics backend, message by message: who it talks to, what it asks for, what becomes an event, what ends a connection."""

import json

from firmware.backends.valtronics import Backend
from firmware.command import EVENT, LEAVE, NOTE, Event, Leave
from firmware.config.settings import default
from host_tests.unit.rooms import raised
from lib.iso8601 import iso

AGENT = "OpenShock/0.1.0 (MicroPython; esp32)"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.e30.abc"
# as the service documents it (reference/seeds/003)
ALERT = {
    "type": "alert",
    "channel": "alerts",
    "alert_id": 123,
    "device_id": 1,
    "severity": "critical",
    "title": "High Temperature Alert",
    "message": "Temperature exceeds safe threshold",
    "timestamp": "2024-01-01T12:00:00Z",
    "metadata": {"threshold_value": 30.0, "actual_value": 32.5},
}
HOT = "device 1: High Temperature Alert: Temperature exceeds safe threshold"
NO_AUTH = b'{"error":"Unknown message type: auth"}'


def backend_with(**more):
    """A backend that has not begun."""
    section = {name: default("valtronics." + name) for name in ("url", "token", "channels", "device_id", "filters")}
    section.update(token=TOKEN)
    section.update(more)
    return Backend(section, AGENT)


def said(messages):
    """What these messages say."""
    return [json.loads(message) for message in messages]


def up(seed=True, now=0, **more):
    """A backend whose connection is open, in one of the dialects, with nothing due."""
    backend = backend_with(**more)
    backend.begin(now)
    assert backend.errand(now) is None
    backend.hello(now)
    backend.receive(b'{"type":"auth_response","success":true,"message":"Authenticated"}' if seed else NO_AUTH, now)
    backend.keepalive(now)
    return backend


def told(backend, message, now=0):
    """The orders for a message (a value for JSON)."""
    return list(backend.receive(json.dumps(message).encode(), now))


def event(kind, severity, text):
    return (EVENT, Event("valtronics", kind, severity, text))


# --- the way in


def test_where_it_knocks():
    for url, found in (
        ("ws://localhost:8000/ws", "ws://localhost:8000/ws"),
        ("http://10.0.0.2:8000", "ws://10.0.0.2:8000/ws"),
        ("https://example.org/", "wss://example.org/ws"),
        ("WSS://example.org", "wss://example.org/ws"),
        ("ws://example.org/ws/alerts", "ws://example.org/ws/alerts"),
        ("http://example.org/ws/device-7/", "ws://example.org/ws/device-7"),
    ):
        assert backend_with(url=url).request() == (found, [("User-Agent", AGENT)])


def test_auth_is_first_and_nothing_follows_before_its_answer():
    backend = backend_with()
    backend.begin(0)
    assert said(backend.hello(0)) == [{"type": "auth", "token": TOKEN}]
    assert list(backend.keepalive(5000)) == []
    assert "10 s" in raised(Leave, backend.keepalive, 10000).reason


def test_a_token_that_was_refused_is_never_shown_again():
    backend = backend_with()
    backend.begin(0)
    backend.hello(0)
    ((order, leave),) = told(backend, {"type": "auth_response", "success": False, "error": "invalid_token"})
    assert order == LEAVE and leave.wait_ms >= 3600000 and "valtronics.token" in leave.reason
    for now in (0, 10**6, 10**9):
        backend.begin(now)
        assert raised(Leave, backend.errand, now).reason == leave.reason


def test_another_refusal_is_a_long_wait_with_the_servers_words_but_without_the_token():
    backend = backend_with()
    backend.begin(0)
    backend.hello(0)
    answer = {"type": "auth_response", "success": False, "error": "busy", "message": "no room for " + TOKEN}
    ((order, leave),) = told(backend, answer)
    assert order == LEAVE and leave.wait_ms == 300000
    assert leave.reason == "the server does not let us in: busy no room for ***"
    backend.begin(1)
    assert backend.errand(1) is None


def test_success_is_true_and_nothing_like_it():
    for success in (1, "true", None, [], {}, "yes"):
        backend = backend_with()
        backend.begin(0)
        assert told(backend, {"type": "auth_response", "success": success})[0][0] == LEAVE


def test_there_are_never_more_than_ten_connections_a_minute():
    backend = backend_with()
    assert backend.pause_ms(0, "lost") * 10 >= 60000 and backend.pause_ms(1000, "closed") * 10 >= 60000
    for status in (401, 403, 1008):
        assert backend.pause_ms(status, "") == 300000


# --- what it asks for


def test_a_subscription_for_each_channel_in_one_batch():
    backend = backend_with(device_id="1", filters={"alerts": {"severity": ["critical", "warning"]}})
    backend.begin(0)
    backend.hello(0)
    told(backend, {"type": "auth_response", "success": True})
    (batch,) = said(backend.keepalive(1))
    assert batch == {
        "type": "batch",
        "messages": [
            {
                "type": "subscribe",
                "channel": "alerts",
                "device_id": 1,
                "filters": {"severity": ["critical", "warning"]},
            },
            {"type": "subscribe", "channel": "devices", "device_id": 1},
            {"type": "subscribe", "channel": "system", "device_id": 1},
        ],
    }
    assert list(backend.keepalive(2)) == []


def test_one_channel_needs_no_batch_and_several_devices_are_a_filter():
    backend = backend_with(channels=" alerts ,", device_id="1, 2,pump", token="")
    backend.begin(0)
    assert said(backend.hello(0)) == [{"type": "auth", "token": ""}]
    told(backend, {"type": "auth_response", "success": True})
    assert said(backend.keepalive(1)) == [
        {"type": "subscribe", "channel": "alerts", "filters": {"device_id": [1, 2, "pump"]}}
    ]


def test_a_server_without_batches_gets_them_one_by_one():
    backend = up()
    (note,) = told(backend, {"error": "Unknown message type: batch"})
    assert note == (NOTE, "the server knows no batches")
    assert [message["channel"] for message in said(backend.keepalive(1))] == ["alerts", "devices", "system"]
    told(backend, {"error": "Unknown message type: batch"})
    assert list(backend.keepalive(2)) == []


def test_after_a_lost_connection_everything_is_asked_for_again():
    backend = up()
    backend.begin(50000)
    assert said(backend.hello(50000)) == [{"type": "auth", "token": TOKEN}]
    told(backend, {"type": "auth_response", "success": True}, 50001)
    assert len(said(backend.keepalive(50001))[0]["messages"]) == 3


def test_what_was_subscribed_to_ends_with_a_connection_that_we_close():
    (batch,) = said(up(device_id="1", filters={"alerts": {"severity": "critical"}}).goodbye())
    assert batch["messages"][0] == {"type": "unsubscribe", "channel": "alerts", "device_id": 1}
    assert said(up(False, device_id="7").goodbye()) == [{"type": "unsubscribe_device", "device_id": "7"}]
    assert list(backend_with().goodbye()) == []


def test_nothing_is_longer_than_a_kilobyte_and_no_batch_has_more_than_fifty():
    backend = up(channels="alerts", filters={"alerts": {"severity": ["critical"], "x": "y" * 40}})
    backend._due = [b'{"n":%d}' % n for n in range(70)]
    batches = said(backend.keepalive(1000))
    assert [len(batch["messages"]) for batch in batches] == [50, 20]
    backend._due = [b'{"n":"%s"}' % (b"x" * 290) for _ in range(7)]
    messages = backend.keepalive(3000)
    assert sum([len(each["messages"]) if "messages" in each else 1 for each in said(messages)]) == 7
    assert all([len(message) <= 1024 for message in messages]) and len(messages) == 3
    long = backend_with(token='"' * 900)
    long.begin(0)
    assert "1 KB" in raised(Leave, long.hello, 0).reason


def test_never_more_than_a_hundred_messages_in_any_second():
    backend = up(False)
    backend._due = [b"{}"] * 300
    sent = []
    for now in range(1000, 9000, 50):
        sent += [now] * len(list(backend.keepalive(now)))
    assert len(sent) >= 300
    for first, later in zip(sent, sent[100:]):
        assert later - first >= 1000


# --- staying


def test_a_ping_every_thirty_seconds_with_the_time_where_it_is_known():
    backend = up()
    assert list(backend.keepalive(29999)) == []
    assert said(backend.keepalive(30000)) == [{"type": "ping"}]
    backend.receive(b'{"type":"pong"}', 30100)
    backend.wall = lambda: 1704110400 * 1000000 + 5
    assert said(backend.keepalive(60000)) == [{"type": "ping", "timestamp": "2024-01-01T12:00:00Z"}]


def test_silence_ends_the_connection_and_any_byte_is_a_sign_of_life():
    backend = up()
    backend.receive(b"", 70000)
    backend.keepalive(144999)
    assert "75 s" in raised(Leave, backend.keepalive, 145000).reason


def test_a_server_that_pings_gets_one_pong():
    backend = up()
    for _ in range(1000):
        assert told(backend, {"type": "ping"}) == []
    assert said(backend.keepalive(1)) == [{"type": "pong"}]


def test_the_time_is_written_as_iso_8601_wants_it():
    for seconds, text in (
        (0, "1970-01-01T00:00:00Z"),
        (951782399, "2000-02-28T23:59:59Z"),
        (951782400, "2000-02-29T00:00:00Z"),
        (1709164799, "2024-02-28T23:59:59Z"),
        (1709251200, "2024-03-01T00:00:00Z"),
        (1735689599, "2024-12-31T23:59:59Z"),
        (4102444800, "2100-01-01T00:00:00Z"),
    ):
        assert iso(seconds) == text


# --- what it hears, as documented


def test_an_alert_is_an_event():
    assert told(up(), ALERT) == [event("alert", "critical", HOT)]


def test_an_alert_acts_once_even_when_it_comes_again_after_a_lost_connection():
    backend = up()
    told(backend, ALERT)
    assert told(backend, ALERT, 5000) == [(NOTE, "alert 123 came again")]
    backend.begin(60000)
    assert told(backend, ALERT, 60000) == [(NOTE, "alert 123 came again")]
    assert told(backend, dict(ALERT, alert_id="123"), 60000)[0][0] == NOTE
    assert told(backend, dict(ALERT, alert_id=124), 60000)[0][0] == EVENT


def test_thirty_two_alerts_are_remembered():
    backend = up()
    for number in range(33):
        assert told(backend, dict(ALERT, alert_id=number))[0][0] == EVENT
    assert told(backend, dict(ALERT, alert_id=1))[0][0] == NOTE
    assert told(backend, dict(ALERT, alert_id=0))[0][0] == EVENT


def test_the_state_of_a_device():
    update = {"type": "device_status_update", "channel": "devices", "device_id": 1, "old_status": "online"}
    backend = up()
    assert told(backend, dict(update, new_status="offline", reason="Connection lost")) == [
        event("device", "", "device 1: online -> offline (Connection lost)")
    ]
    assert told(backend, dict(update, new_status="warning")) == [
        event("device", "warning", "device 1: online -> warning")
    ]


def test_the_state_of_the_system_and_measured_values_every_ten_seconds():
    backend = up()
    system = {"type": "system_status_update", "metrics": {"cpu_usage": 45.2, "active_connections": 15}}
    ((kind, (_, what, _, text)),) = told(backend, system)
    assert (
        kind == EVENT and what == "system" and sorted(text.split(", ")) == ["active_connections 15", "cpu_usage 45.2"]
    )
    assert told(backend, system, 9999) == [] and len(told(backend, system, 10000)) == 1
    values = {"temperature": {"value": 23.5, "unit": "°C", "timestamp": "2024-01-01T12:00:00Z"}}
    telemetry = {"type": "telemetry_update", "device_id": 1, "telemetry": values}
    assert told(backend, telemetry) == [event("telemetry", "", "device 1: temperature 23.5 °C")]
    assert told(backend, telemetry, 5000) == []
    assert len(told(backend, dict(telemetry, device_id=2), 5000)) == 1


def test_a_batch_is_what_is_in_it():
    backend = up()
    inner = {"type": "batch", "messages": [ALERT]}
    assert told(backend, {"type": "batch", "messages": [{"type": "pong"}, ALERT, 7, inner]}) == [
        event("alert", "critical", HOT)
    ]
    for bad in (None, {}, [ALERT] * 51, "x"):
        assert told(up(), {"type": "batch", "messages": bad})[0][0] == NOTE


# --- what it hears, from the server in public


def test_an_error_without_a_type_means_no_auth_here():
    backend = backend_with(device_id="7, pump")
    backend.begin(0)
    backend.hello(0)
    assert list(backend.receive(NO_AUTH, 0)) == [(NOTE, "this server wants no token")]
    assert said(backend.keepalive(1)) == [
        {"type": "subscribe_device", "device_id": "7"},
        {"type": "subscribe_device", "device_id": "pump"},
    ]
    assert list(backend.receive(NO_AUTH, 0)) == []


def test_its_alerts_are_packed_once_more():
    alert = {"id": 5, "device_id": "7", "severity": "HIGH", "title": "Pump", "message": "is hot"}
    backend = up(False)
    packed = {"type": "alert", "alert": alert, "timestamp": "2024-01-01T12:00:00"}
    assert told(backend, packed) == [event("alert", "high", "device 7: Pump: is hot")]
    assert told(backend, packed) == [(NOTE, "alert 5 came again")]


def test_its_state_of_a_device_comes_twice_and_counts_once():
    backend = up(False)
    update = {"type": "device_update", "device_id": "7", "updates": {"status": "offline"}, "timestamp": "x"}
    assert told(backend, update) == [event("device", "", "device 7: offline")]
    assert told(backend, update, 100) == []
    assert told(backend, update, 2100) == [event("device", "", "device 7: offline")]
    status = {"type": "device_status", "device_id": "7", "status": "error", "last_seen": None}
    assert told(backend, status) == [event("device", "error", "device 7: error")]
    other = {"type": "device_update", "device_id": "7", "updates": {"firmware": "2.0"}}
    assert told(backend, other) == [event("device", "", "device 7: firmware 2.0")]


def test_its_other_words():
    backend = up(False)
    telemetry = {"metric_name": "temperature", "metric_value": 23.5, "unit": "°C", "timestamp": "x"}
    assert told(backend, {"type": "telemetry_update", "device_id": "7", "data": telemetry}) == [
        event("telemetry", "", "device 7: temperature 23.5 °C")
    ]
    notice = {
        "type": "system_notification",
        "notification": {"title": "Update", "message": "tonight", "severity": "info"},
    }
    assert told(backend, notice) == [event("system", "info", "Update: tonight")]
    assert told(backend, {"type": "system_notification", "message": "bye"}) == [event("system", "", "bye")]
    assert told(backend, {"type": "heartbeat", "timestamp": "x", "status": "alive"}) == []
    assert told(backend, {"type": "subscription_confirmed", "device_id": "7"}) == [(NOTE, "subscription device 7")]
    assert told(backend, {"error": "Device not found"}) == [(NOTE, "the server says: Device not found")]
    assert told(backend, {"error": "Invalid JSON format: " + TOKEN}) == [
        (NOTE, "the server says: Invalid JSON format: ***")
    ]


# --- what makes no sense


def test_what_is_damaged_or_unknown_is_a_note_and_after_ten_of_them_silence():
    bad = (
        b"\xff",
        b"{",
        b"[]",
        b"7",
        b"null",
        b"{}",
        b'{"type":7}',
        b'{"type":"nonsense"}',
        b'{"type":["alert"]}',
        b"x" * 9000,
        b'{"a":' * 100 + b"1" + b"}" * 100,
    )
    for message in bad:
        orders = up().receive(message, 0)
        assert [kind for kind, _ in orders] == [NOTE], message
    backend = up()
    notes = [len(backend.receive(b"{", 0)) for _ in range(12)]
    assert notes == [1] * 10 + [0] * 2


def test_an_alert_with_strange_parts_is_still_an_alert():
    strange = {"type": "alert", "alert_id": [1], "device_id": {"x": 1}, "severity": 4, "title": None, "message": ["x"]}
    assert told(up(), strange) == [event("alert", "4", "device : ")]
    long = dict(ALERT, alert_id="x" * 500, title="y" * 500, severity="z" * 500)
    ((_, made),) = told(up(), long)
    assert len(made.text) <= 200 and len(made.severity) <= 40
