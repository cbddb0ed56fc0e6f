"""The checklist of OpenShock's user hub (reference/openshock-api.md §j), row by row, and the device as a remote there."""

import asyncio
import json
import ssl

import pytest
import trustme
from hub_story import BLUE, DEVICE, NOBODY, RED, known_config
from link_story import AGENT, HELLO, TIMES, TOKEN, hurry, order, text
from link_story import told as server_told
from telling import as_test
from test_link_hub import HubStory
from test_link_hub import told as hub_told

from firmware.command import ACT, EMERGENCY, NOTE, PORTAL, REFUSE, RESTART, UPDATE, Wish
from tools.hub import Device, Hub, Shocker, events

LONG_MS = 300_000
OTHER = "01960000-bbbb-7000-8000-000000000002"
FAR = "01960000-aaaa-7000-8000-000000000003"
CLOSE = b'{"type":7%s}\x1e'


async def up(server, story):
    """The Peer of a connection that was greeted and obeys."""
    peer = await server.knock()
    await peer.greet(order(1))
    await story.dispatcher.acted(1)
    return peer


async def noted(story, words, since=0):
    """The first note or refusal that has these words."""

    def found():
        texts = [str(detail) for what, detail in story.dispatcher.orders[since:] if what in (NOTE, REFUSE)]
        return next((each for each in texts if words in each), None)

    return await story.dispatcher.until(found)


# upgrade


@server_told
async def test_row_user_upgrade(server, story):
    """Upgrade: token header and User-Agent on the map and on the WebSocket, no negotiation, no token in the address."""
    peer = await server.knock()
    assert (peer.method, peer.path) == ("GET", "/1/hubs/user")
    assert [each.path for each in server.asked] == ["/1/shockers/own"]
    for one in (peer, server.asked[0]):
        assert one.headers["Open-Shock-Token"] == TOKEN and one.headers["User-Agent"] == AGENT
        assert "Authorization" not in one.headers


@pytest.mark.parametrize("known", [True, False])
def test_row_user_upgrade_tls(known, monkeypatch):
    """Upgrade: over TLS, by a certificate of an authority that the device knows; to any other it says nothing."""
    hurry(monkeypatch)
    ours, strangers = (trustme.CA(key_type=trustme.KeyType.ECDSA) for _ in range(2))

    async def tell():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ours.issue_cert("hub.test", key_type=trustme.KeyType.ECDSA).configure_cert(context)
        hub = Hub(known_config())
        await hub.start()
        url = (await hub.listen("127.0.0.1", 0, context)).replace("127.0.0.1", "hub.test")
        one = HubStory(hub)
        authority = ours if known else strangers
        one.link._reach._roots = [ssl.PEM_cert_to_DER_cert(authority.cert_pem.bytes().decode())]
        one.link._backend._base = url
        async with one:
            if known:
                await one.obeys()
            else:
                assert "certificate" in await one.said("; next try in")
                assert not hub.journal.events()
        hub.faults.cut()
        await hub.stop()

    asyncio.run(asyncio.wait_for(tell(), 60))


@pytest.mark.parametrize(
    ("status", "least_ms", "most_ms"),
    [
        (401, LONG_MS, 400_000),
        (403, LONG_MS, 400_000),
        (404, 0, 60_000),
        (429, 9_000, 20_000),
        (500, 0, 60_000),
        (503, 0, 60_000),
    ],
)
def test_row_user_refusals(status, least_ms, most_ms, monkeypatch):
    """401 and 403: a long wait and words that name the token; 404 and 5xx: back-off; 429: as long as Retry-After says."""

    @server_told
    async def story(server, story):
        more = {"Retry_After": 9} if status == 429 else {}
        (await server.knock()).answer(status, **more)
        assert least_ms <= await story.next_try_ms(str(status)) <= most_ms

    story(monkeypatch)


# handshake, framing


@server_told
async def test_row_user_handshake(server, story):
    """Handshake: the client speaks first; an error ends the connection with the server's words."""
    peer = await server.knock()
    peer.accept()
    assert await peer.frame() == (1, HELLO)
    peer.say(text(b'{"error":"no such protocol"}\x1e'))
    await story.said("no such protocol")
    assert not [what for what, _ in story.dispatcher.orders if what == ACT]


@hub_told(timing={"fragment_bytes": 1})
async def test_row_user_framing_of_single_bytes(hub, story):
    """Framing: a record in fragments of one byte each is one record."""
    await story.obeys()
    await story.obeys()


@server_told
async def test_row_user_framing_glued_and_cut(server, story):
    """Framing: the handshake's answer, Welcome and several records in one frame; a record over two frames."""
    peer = await server.knock()
    peer.accept()
    await peer.frame()
    half = order(3)
    peer.say(text(b"{}\x1e" + order(1) + order(2) + half[:30]) + text(half[30:] + order(4)))
    await story.dispatcher.acted(4)
    assert [detail.intensity for what, detail in story.dispatcher.orders if what == ACT] == [1, 2, 3, 4]


# ping, close


def test_row_user_ping():
    """Ping: one after 15 s without sending; 30 s of silence of the server are a reconnect."""
    backend = greeted()
    assert backend.keepalive(14_999) == () and list(backend.keepalive(15_000)) == [b'{"type":6}\x1e']
    list(backend.receive(b'{"type":6}\x1e', 20_000))
    backend.keepalive(49_999)
    with pytest.raises(Exception, match="nothing received for 30 s"):
        backend.keepalive(50_000)


@pytest.mark.parametrize(
    ("more", "long"),
    [
        (b"", True),
        (b',"error":"x"', True),
        (b',"allowReconnect":true', False),
        (b',"error":"x","allowReconnect":true', False),
    ],
)
def test_row_user_close(more, long, monkeypatch):
    """Close: with allowReconnect it comes back at once; without it after a long wait."""

    @server_told
    async def story(server, story):
        peer = await up(server, story)
        peer.say(text(CLOSE % more))
        wait_ms = await story.next_try_ms("closed by the server")
        assert wait_ms >= 60_000 if long else wait_ms <= TIMES["_CAP_MS"]
        assert story.dispatcher.halts

    story(monkeypatch)


# what the server tells


def greeted():
    """A backend that has a map and was greeted; imported here, as the tests of both interpreters keep it."""
    from host_tests.unit.openshock_words import greeted as made

    return made()


@hub_told()
async def test_row_user_welcome(hub, story):
    """Welcome: the connection id is kept."""
    connection = await story.obeys()
    assert story.link._backend.connection_id == connection.id


def test_row_user_device_status():
    """DeviceStatus: lists are merged; a hub that is missing in one is not offline for that."""
    from host_tests.unit.openshock_words import hear, record_of

    backend = greeted()
    for device, online in ((DEVICE, True), (OTHER, True), (OTHER, False)):
        hear(backend, record_of("DeviceStatus", [{"device": device, "online": online, "firmwareVersion": "1.5.1"}]))
    hear(backend, record_of("DeviceStatus", []))
    assert backend.online == {DEVICE: "1.5.1", OTHER: None}


@hub_told()
async def test_row_user_log_is_mapped(hub, story):
    """Log: guid → model and RF id by the map; unknown ones are refused, and the map is fetched again; another hub's are ignored."""
    await story.obeys()
    await hub.control([{"id": BLUE, "type": 3, "intensity": 44, "duration": 700}], name="desk")
    await story.dispatcher.acted(44)
    (found,) = [detail for what, detail in story.dispatcher.orders if what == ACT and detail.intensity == 44]
    assert tuple(found)[:7] == ("petrainer", 65535, 3, 44, 700, None, "desk") and found.asked_us > 0
    sender = {"name": "somebody"}
    entry = {"shocker": {"id": NOBODY, "name": "x"}, "type": 2, "intensity": 45, "duration": 500, "executedAt": None}
    await hub.emit_record(events.log(sender, [entry]))
    assert NOBODY in await noted(story, "unknown")


def test_row_user_log_stop_first():
    """Log: a stop outlives what stands beside it in the same list."""
    from host_tests.unit.openshock_words import RED as ONE
    from host_tests.unit.openshock_words import entry_of, hear, log_of

    made = hear(greeted(), log_of(entry_of(ONE), entry_of(ONE, 0, 0, 300), entry_of(ONE, 1, 99)))[0]
    assert made[-1][1].action == 0


@hub_told()
async def test_row_user_device_update(hub, story):
    """DeviceUpdate 0-3: the map is fetched once more, while the connection stays; 4 and unknown numbers: nothing."""
    await story.obeys()
    mark = len(story.dispatcher.orders)
    hub.add_shocker("green", "WellturnT330", 777)
    await noted(story, "3 shockers known", mark)
    mark = len(story.dispatcher.orders)
    for number in (4, 5, 255):
        await hub.emit_record(events.device_update(DEVICE, number))
    await story.obeys()
    assert not [detail for what, detail in story.dispatcher.orders[mark:] if what == NOTE]


@hub_told()
async def test_row_user_ota_events(hub, story):
    """Ota events: of other hubs; nothing happens here."""
    await story.obeys()
    mark = len(story.dispatcher.orders)
    await hub.emit_record(events.ota_started(DEVICE, 1, "2.0.0"))
    await hub.emit_record(events.ota_progress(DEVICE, 1, 4, 0.5))
    await hub.emit_record(events.ota_failed(DEVICE, 1, True, "full"))
    await hub.emit_record(events.ota_rollback(DEVICE, 1))
    await hub.emit_record(events.ota_succeeded(DEVICE, 1))
    await story.obeys()
    assert [what for what, _ in story.dispatcher.orders[mark:]] == [ACT]


@hub_told()
async def test_row_user_unknown(hub, story):
    """Unknown events, enum values and extra arguments are ignored; the connection stays."""
    await story.obeys()
    await hub.emit("MakeCoffee", [1, {"a": None}])
    await hub.emit("Welcome", ["id", 2, 3, 4])
    await hub.emit("DeviceUpdate", [DEVICE, 77, "more"])
    await hub.emit(
        "Log", [{"name": "x"}, [{"shocker": {"id": RED, "name": "red"}, "type": 9, "intensity": 1, "duration": 500}], 5]
    )
    await story.obeys()
    assert not story.dispatcher.halts and len(hub.connections) == 1


@hub_told()
async def test_row_user_invocation_id(hub, story):
    """An event with an invocation id is answered: with an error where nobody knows it."""
    await story.obeys()
    assert await hub.invoke("EmergencyStop", [DEVICE], wait=True) == [None]
    (error,) = await hub.invoke("MakeCoffee", [], wait=True)
    assert isinstance(error, RuntimeError)


# what the device calls: the remote


def remote_story(settings=None):
    """Makes a test of `async def story(hub, story)`: a hub with a second device, and a device whose id is the first one's."""

    def dress(story):
        def prepare(monkeypatch):
            hurry(monkeypatch)

        async def tell():
            hub = Hub(known_config())
            hub.config.devices.append(Device("other hub", OTHER))
            hub.config.shockers.append(Shocker("Far Away", "WellturnT330", 7, OTHER, FAR))
            await hub.start()
            try:
                async with HubStory(hub, **(settings or {})) as one:
                    await noted(one, "2 shockers known")
                    await noted(one, "welcome")
                    await story(hub, one)
            finally:
                hub.faults.cut()
                await hub.stop()

        return as_test(story, tell, 60, prepare)

    return dress


async def settled(hub, story):
    """None as soon as an order of the hub was obeyed: what was on its way before has arrived."""
    await hub.control([{"id": RED, "type": 2, "intensity": 88, "duration": 500}])
    await story.dispatcher.acted(88)


async def ordered(hub, mark):
    """(name of the shocker, type, intensity, duration, custom name) of the next order at the hub."""
    log = await hub.journal.wait("log", since=mark, timeout_s=15)
    (entry,) = log["logs"]
    return entry["shocker"]["name"], entry["type"], entry["intensity"], entry["duration"], log["sender"]["customName"]


@remote_story()
async def test_row_user_calls_control_with_numbers_and_a_name(hub, story):
    """Calls: ControlV2 with numbers for enums and the name of the remote, for every shocker of the account, by id or by name."""
    for shocker, name in ((FAR, "Far Away"), ("far away", "Far Away"), ("RED", "red"), (BLUE.upper(), "blue")):
        mark = hub.journal.mark()
        assert story.link.ask("control", Wish(shocker, 2, 21, 500)) == ""
        assert await ordered(hub, mark) == (name, 2, 21, 500, "remote")
    record = await hub.received("ControlV2")
    assert record["arguments"] == [
        [{"id": FAR, "type": 2, "intensity": 21, "duration": 500, "exclusive": False}],
        "remote",
    ]
    assert isinstance(record["invocationId"], str)


@remote_story({"remote_name": "Zoë's pocket 🐈"})
async def test_row_user_calls_are_named_as_the_settings_say(hub, story):
    """Calls: the name of the remote is a setting; the log of the account shows it."""
    mark = hub.journal.mark()
    assert story.link.ask("control", Wish("red", 3, 5, 300)) == ""
    assert await ordered(hub, mark) == ("red", 3, 5, 300, "Zoë's pocket 🐈")


@remote_story()
async def test_row_user_calls_that_no_server_takes_are_refused_here(hub, story):
    """Calls: what no server takes is refused in words and never sent."""
    mark = hub.journal.mark()
    for wish, words in (
        (Wish(NOBODY, 2, 20, 500), "no such shocker"),
        (Wish("green", 2, 20, 500), "no such shocker"),
        (Wish("red", 4, 20, 500), "OpenShock knows"),
        (Wish("red", 2, 101, 500), "0-100"),
        (Wish("red", 2, 20, 65536), "300-65535"),
    ):
        assert words in story.link.ask("control", wish)
    await settled(hub, story)
    assert not [event for event in hub.journal.events("record", mark) if event["record"].get("target")]


@server_told
async def test_row_user_calls_that_fail_are_noted(server, story):
    """Calls: an error completion is a line in the log; a null result says nothing of success; no answer is told after 10 s."""
    peer = await up(server, story)
    mark = len(story.dispatcher.orders)
    for answer in (b'"1","result":null', b'"2","error":"An error"'):
        assert story.link.ask("control", Wish(RED, 2, 20, 500)) == ""
        opcode, payload = await peer.frame()
        assert (opcode, json.loads(payload[:-1])["target"]) == (1, "ControlV2")
        peer.say(text(b'{"type":3,"invocationId":%s}\x1e' % answer))
    assert await noted(story, "failed", mark) == f"vibrate of {RED} failed: An error"
    backend = greeted()
    backend.ask("control", Wish("far", 2, 20, 500), 4)
    backend.keepalive(4)
    backend.keepalive(10_004)
    assert list(backend.receive(b"", 10_005)) == [(NOTE, "vibrate of far failed: no answer in time")]


@remote_story()
async def test_row_user_own_command_comes_back_once(hub, story):
    """A command for one of our own receivers comes back as Log: it is carried out once, and sent no second time."""
    mark = hub.journal.mark()
    assert story.link.ask("control", Wish("red", 2, 33, 500)) == ""
    await story.dispatcher.acted(33)
    await settled(hub, story)
    mine = [detail for what, detail in story.dispatcher.orders if what == ACT and detail.intensity == 33]
    assert len(mine) == 1 and mine[0].source == "remote"
    calls = [event for event in hub.journal.events("record", mark) if event["record"].get("target")]
    assert len(calls) == 1 and len(hub.journal.events("log", mark)) == 2  # ours, and the order of `settled`


@remote_story({"stop_others": True})
async def test_row_user_emergency_stop_of_the_others(hub, story):
    """EmergencyStop: pressed here, it goes to the owner's other hubs where the setting says so, and not to ourselves."""
    mark = hub.journal.mark()
    assert story.link.ask("emergency", None) == ""
    event = await hub.journal.wait("invoked", since=mark, timeout_s=15)
    assert (event["target"], event["arguments"]) == ("EmergencyStop", [OTHER])
    await settled(hub, story)
    assert len(hub.journal.events("invoked", mark)) == 1
    assert not [what for what, _ in story.dispatcher.orders if what == EMERGENCY]


@remote_story()
async def test_row_user_emergency_stop_stays_here_unless_it_is_wanted(hub, story):
    """EmergencyStop: without the setting it stays here."""
    mark = hub.journal.mark()
    assert story.link.ask("emergency", None) == ""
    await settled(hub, story)
    assert not hub.journal.events("invoked", mark)


def test_row_user_emergency_stop_that_fails_is_a_note():
    """EmergencyStop: one that fails is a line in the log; without an id of our own all hubs are told."""
    from host_tests.unit.openshock_words import greeted as made

    backend = made(device_id="", stop_others=True)
    backend.ask("emergency", None, 0)
    messages = [json.loads(message[:-1]) for message in backend.keepalive(0)]
    assert [message["target"] for message in messages] == ["EmergencyStop"] * 2
    answer = b'{"type":3,"invocationId":"2","error":"no"}\x1e'
    assert list(backend.receive(answer, 1)) == [(NOTE, "EmergencyStop failed: no")]


@hub_told()
async def test_row_user_four_orders(hub, story):
    """EmergencyStop, Reboot, CaptivePortal, OtaInstall: a self-hosted hub may invoke them on the device that they name."""
    await story.obeys()
    await hub.emergency_stop()
    await hub.captive_portal(True)
    await hub.ota_install("1.6.0")
    await hub.reboot()
    wanted = [(EMERGENCY, "hub"), (PORTAL, True), (UPDATE, "1.6.0"), (RESTART, "hub")]
    await story.dispatcher.until(lambda: all(each in story.dispatcher.orders for each in wanted))


# reconnect


@hub_told()
async def test_row_user_reconnect(hub, story):
    """Reconnect: all output stops on the loss, back-off with jitter, the map is fetched again, and orders are obeyed."""
    await story.obeys()
    mark = hub.journal.mark()
    story.dispatcher.active = True
    hub.faults.cut()
    await story.stopped()
    assert await story.next_try_ms("connection lost") <= TIMES["_CAP_MS"]
    assert story.link.ask("control", Wish("red", 2, 20, 500)) == "not connected"
    await story.obeys(mark)
    await hub.control([{"id": RED, "type": 2, "intensity": 77, "duration": 500}])
    await story.dispatcher.acted(77)
    assert not [event for event in hub.journal.events("record", mark) if event["record"].get("target") == "ControlV2"]
