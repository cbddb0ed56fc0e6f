"""The checklist of Valtronics (reference/openshock-api.md §i.2, seed 003), row by row: the link against the local hub."""

import asyncio
import json

import pytest
from hub_story import SECRET, known_config
from link_story import AGENT, SECONDS, Story, hurry
from telling import as_test

from firmware.backends import valtronics
from firmware.backends.valtronics import Backend
from firmware.command import EVENT, NOTE, Leave
from tools.hub import Hub, faults

SECTION = {"token": SECRET, "channels": "alerts,devices,system,telemetry", "device_id": "", "filters": {}}
SHORT = {"_PAUSE_MS": 20}


def told(path="/valtronics/ws", short=None, **section):
    """Makes a test of `async def story(hub, device)`: a hub, and a device that has connected to its `path`."""

    def dress(story):
        def prepare(monkeypatch):
            hurry(monkeypatch)
            for name, value in (SHORT if short is None else short).items():
                monkeypatch.setattr(valtronics, name, value)

        async def tell():
            hub = Hub(known_config())
            hub.valtronics.connects_a_minute = 1000
            url = await hub.start()
            backend = Backend({**SECTION, "url": url + path, **section}, AGENT)
            backend.wall = lambda: 1704110400 * 1000000
            try:
                async with Story(url, backend) as one:
                    await one.said("][link] connected")
                    await story(hub, one)
            finally:
                await hub.stop()

        return as_test(story, tell, 2 * SECONDS, prepare)

    return dress


PUBLIC = {"path": "/valtronics/public/ws", "device_id": "7"}


async def heard(hub, name, count=1, since=0):
    """What the `count`-th message of that type said."""
    return (await hub.journal.wait("heard", lambda event: event["name"] == name, count, since, SECONDS))["fields"]


async def events(one, count=1):
    """The first `count` events that the device was told."""

    def found():
        made = [detail for what, detail in one.dispatcher.orders if what == EVENT]
        return made if len(made) >= count else None

    return await one.dispatcher.until(found)


async def subscribed(hub, count=4, since=0):
    await hub.journal.wait("subscribed", count=count, since=since, timeout_s=SECONDS)


def notes(one):
    return [detail for what, detail in one.dispatcher.orders if what == NOTE]


# who is there


@told()
async def test_row_auth_first(hub, one):
    """connect → `auth` is the first message; nothing is asked for before its answer."""
    await subscribed(hub)
    names = [event["name"] for event in hub.journal.events("heard")]
    assert names == ["auth", "batch"]


@told()
async def test_row_auth_response(hub, one):
    """`auth_response` with success true: logged in."""
    await subscribed(hub)
    assert "logged in" in notes(one) and one.link.connected()


@told(token="x" * 40)
async def test_row_auth_invalid_token(hub, one):
    """`error` `invalid_token` is final until there is a new token: closed, no other connection, clear words."""
    line = await one.said("the server refused the token: nobody knocks there until valtronics.token is another")
    assert int(line.rpartition("next try in ")[2].removesuffix(" ms")) >= 86_400_000
    await hub.disconnected(timeout_s=SECONDS)
    backend = one.link._backend
    backend.begin(10**9)
    with pytest.raises(Leave):
        backend.errand(10**9)
    assert len(hub.journal.events("connected")) == 1


@told(**PUBLIC)
async def test_row_auth_unknown(hub, one):
    """`{"error":"Unknown message type: auth"}` means "no auth here", go on."""
    await subscribed(hub, 1)
    assert "this server wants no token" in notes(one) and not hub.journal.events("disconnected")


@told(token="")
async def test_row_auth_without_token(hub, one):
    """Without a token it asks all the same: the answer tells which server it is, and here that a token is wanted."""
    await one.said("the server refused the token")


# subscriptions


@told(channels="alerts", device_id="1", filters={"alerts": {"severity": ["critical", "warning"]}})
async def test_row_subscribe(hub, one):
    """`subscribe` per channel, with a device_id at the top and filters where they are set."""
    assert await heard(hub, "subscribe") == {
        "type": "subscribe",
        "channel": "alerts",
        "device_id": 1,
        "filters": {"severity": ["critical", "warning"]},
    }
    await subscribed(hub, 1)
    assert hub.valtronics.alert("info") == 0 and hub.valtronics.alert("critical", device_id=2) == 0
    assert hub.valtronics.alert("critical") == 1


@told()
async def test_row_resubscribe(hub, one):
    """The list is kept: after a reconnect everything is subscribed to again."""
    await subscribed(hub)
    hub.faults.cut()
    await subscribed(hub, 8)
    assert hub.valtronics.alert("critical") == 1
    await events(one)


@told()
async def test_row_unsubscribe(hub, one):
    """`unsubscribe` per channel when the device leaves by itself."""
    await subscribed(hub)
    goodbye = [json.loads(message) for message in one.link._backend.goodbye()]
    assert [each["type"] for each in goodbye[0]["messages"]] == ["unsubscribe"] * 4


@told("/valtronics/ws/alerts", channels="")
async def test_row_channel_paths(hub, one):
    """/ws/telemetry, /ws/alerts, /ws/system, /ws/devices: an address with a path is used as it is."""
    await heard(hub, "auth")
    await one.dispatcher.until(lambda: "logged in" in notes(one))
    assert hub.valtronics.alert("critical") == 1
    await events(one)


# staying


@told(short={"_PAUSE_MS": 20, "_PING_MS": 50})
async def test_row_ping(hub, one):
    """`ping` with ISO time; `pong` is accepted, and answers a ping of the server's."""
    assert await heard(hub, "ping", 2) == {"type": "ping", "timestamp": "2024-01-01T12:00:00Z"}
    assert not [note for note in notes(one) if "pong" in note]
    hub.valtronics.links[0].say({"type": "ping"})
    await heard(hub, "pong")


@told(short={"_PAUSE_MS": 20, "_SILENT_MS": 300, "_PING_MS": 100})
async def test_row_silence(hub, one):
    """Silence ends the connection, and it comes back."""
    await subscribed(hub)
    hub.faults.silence()
    await one.said("nothing was heard for 75 s")
    hub.faults.speak()
    await subscribed(hub, 8)


@told(path="/valtronics/public/ws", short={"_PAUSE_MS": 20, "_SILENT_MS": 400, "_PING_MS": 600_000})
async def test_row_heartbeat(hub, one):
    """The server in public sends `heartbeat` every 30 s: a sign of life, and no event."""
    hub.valtronics.heartbeat_s = 0.05
    hub.faults.cut()
    await hub.connected(2, timeout_s=SECONDS)
    beats = hub.journal.mark()
    await asyncio.sleep(1)  # more than twice the silence that would end it
    assert not hub.journal.events("disconnected", beats) and not [
        1 for what, _ in one.dispatcher.orders if what == EVENT
    ]


# what is told


@told()
async def test_row_alert(hub, one):
    """`alert`, flat: severity, title, message and device become an event."""
    await subscribed(hub)
    hub.valtronics.alert("critical", "High Temperature Alert", "Temperature exceeds safe threshold", 1)
    words = "device 1: High Temperature Alert: Temperature exceeds safe threshold"
    assert await events(one) == [("valtronics", "alert", "critical", words)]


@told()
async def test_row_alert_once(hub, one):
    """A repeated alert id acts once, also after a lost connection."""
    await subscribed(hub)
    hub.valtronics.alert("critical", "Hot", alert_id=5)
    hub.faults.cut()
    await subscribed(hub, 8)
    hub.valtronics.alert("critical", "Hot", alert_id=5)
    hub.valtronics.alert("critical", "Cold", alert_id=6)
    assert [event.text for event in await events(one, 2)] == ["device 1: Hot", "device 1: Cold"]
    assert "alert 5 came again" in notes(one)


@told(**PUBLIC)
async def test_row_alert_nested(hub, one):
    """The server in public packs an alert once more: `alert` {alert{…}}, to all."""
    await subscribed(hub, 1)
    hub.valtronics.alert("critical", "Hot", "very", "9")
    assert await events(one) == [("valtronics", "alert", "critical", "device 9: Hot: very")]


@told()
async def test_row_device_status(hub, one):
    """`device_status_update` with old and new state and the reason."""
    await subscribed(hub)
    hub.valtronics.device_status(1, "online")
    hub.valtronics.device_status(1, "offline", "Connection lost")
    assert (await events(one, 2))[1] == ("valtronics", "device", "", "device 1: online -> offline (Connection lost)")


@told(**PUBLIC)
async def test_row_device_update_twice(hub, one):
    """`device_update` {device_id, updates{…}} comes to subscribers twice, and counts once."""
    await subscribed(hub, 1)
    hub.valtronics.device_status("7", "offline")
    hub.valtronics.alert("info", "behind it")
    assert [event.kind for event in await events(one, 2)] == ["device", "alert"]


@told()
async def test_row_system_status(hub, one):
    """`system_status_update` with its metrics."""
    await subscribed(hub)
    hub.valtronics.system_status(cpu_usage=45.2, active_connections=15)
    assert await events(one) == [("valtronics", "system", "", "cpu_usage 45.2, active_connections 15")]


@told(**PUBLIC)
async def test_row_system_notification(hub, one):
    """`system_notification` of the server in public."""
    await subscribed(hub, 1)
    hub.valtronics.system_status(cpu_usage=99)
    assert await events(one) == [("valtronics", "system", "", "System: cpu_usage 99")]


@told()
async def test_row_telemetry(hub, one):
    """`telemetry_update`: a map of metrics; no more than one line for each in ten seconds."""
    await subscribed(hub)
    for value in (23.5, 23.6, 23.7):
        hub.valtronics.telemetry(1, "temperature", value, "°C")
    hub.valtronics.telemetry(1, "humidity", 45, "%")
    assert [event.text for event in await events(one, 2)] == [
        "device 1: temperature 23.5 °C",
        "device 1: humidity 45 %",
    ]


@told(**PUBLIC)
async def test_row_telemetry_single(hub, one):
    """`telemetry_update` of the server in public: one metric in `data`."""
    await subscribed(hub, 1)
    hub.valtronics.telemetry("7", "temperature", 23.5, "°C")
    assert await events(one) == [("valtronics", "telemetry", "", "device 7: temperature 23.5 °C")]


@told(**PUBLIC)
async def test_row_subscribe_device(hub, one):
    """`subscribe_device` {device_id} with the id as text (a number never matches), and its confirmation."""
    assert await heard(hub, "subscribe_device") == {"type": "subscribe_device", "device_id": "7"}
    await one.dispatcher.until(lambda: "subscription device 7" in notes(one))


@told()
async def test_row_unknown(hub, one):
    """Unknown types are ignored, a missing `type` is tolerated, an error is told: the connection stays."""
    await subscribed(hub)
    (link,) = hub.valtronics.links
    for message in ({"type": "novelty"}, {"x": 1}, {"type": "error", "error": "Internal server error"}):
        link.say(message)
    link.say({"error": "Device not found"})
    hub.valtronics.alert("critical", "Hot")
    await events(one)
    assert "the server says: Internal server error" in notes(one) and "the server says: Device not found" in notes(one)
    assert hub.valtronics.links == [link]


@told()
async def test_row_malformed(hub, one):
    """Wrong JSON, what is huge or deep: a note, and the connection stays."""
    await subscribed(hub)
    (link,) = hub.valtronics.links
    for bad in (b"{", b"[1 2]", b"[" * 200, b'"' + b"x" * 9000 + b'"', b'{"type":"alert","alert_id":NaN}'):
        link.out.message(bad)
    hub.valtronics.alert("critical", "Hot")
    assert len(await events(one)) == 1
    assert hub.valtronics.links == [link] and len(notes(one)) == 6


# limits


@told(filters={"alerts": {"severity": ["critical"] * 20}, "system": {"metrics": ["x" * 40] * 5}})
async def test_row_kilobyte(hub, one):
    """No message is longer than 1 KB; what does not fit into one batch goes in the next."""
    await subscribed(hub)
    sizes = [event["size"] for event in hub.journal.events("heard")]
    assert max(sizes) <= 1024 and not hub.journal.events("declined")


@told()
async def test_row_batch(hub, one):
    """`batch` holds at most 50 messages."""
    await subscribed(hub)
    one.link._backend._due += [b'{"type":"p"}'] * 120
    await hub.journal.wait("heard", lambda event: event["name"] == "batch", 4, 0, SECONDS)
    batches = [event["fields"]["messages"] for event in hub.journal.events("heard") if event["name"] == "batch"]
    assert [len(batch) for batch in batches] == [4, 50, 50, 20]


@told()
async def test_row_no_batch(hub, one):
    """A server that knows no `batch` gets the same messages one by one."""
    await subscribed(hub)
    hub.valtronics.batches = False
    hub.faults.cut()
    await subscribed(hub, 8)
    assert "the server knows no batches" in notes(one)


@told()
async def test_row_messages_a_second(hub, one):
    """At most 100 messages in any second."""
    await subscribed(hub)
    backend = one.link._backend
    backend._batches = False
    mark = hub.journal.mark()
    backend._due += [b'{"type":"ping"}'] * 230
    await hub.journal.wait("heard", lambda event: event["name"] == "ping", 230, mark, SECONDS)
    at_s = [event.at_s for event in hub.journal.events("heard", mark)]
    assert all(later - first > 0.9 for first, later in zip(at_s, at_s[100:], strict=False))


@told(short={})
async def test_row_connects_a_minute(hub, one):
    """At most 10 connections a minute, the delay growing (the back-off of every backend comes on top)."""
    await subscribed(hub)
    since = len(one.lines)
    hub.faults.cut()
    assert await one.next_try_ms("connection lost", since) >= 6000


@told()
async def test_row_close(hub, one):
    """1000 is a normal close, 1006 a lost connection: both are tried again, and everything stops."""
    await subscribed(hub)
    await hub.faults.close()
    await one.said("closed by the server: 1000")
    await subscribed(hub, 8)
    since = len(one.lines)
    hub.faults.cut()
    await one.said("connection lost", since)
    await subscribed(hub, 12)
    assert one.dispatcher.halts


@told(short={"_PAUSE_MS": 20})
async def test_row_refused(hub, one):
    """401 to the upgrade: a wait of minutes."""
    await subscribed(hub)
    hub.faults.refuse(401, where=faults.HUB)
    hub.faults.cut()
    assert await one.next_try_ms("(401)") >= 300_000
