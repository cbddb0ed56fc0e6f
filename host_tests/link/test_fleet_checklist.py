"""The checklist of DSP Fleet (reference/openshock-api.md §i.1) and the issue's own, row by row: the link at the local fleet."""

import asyncio
import json

import aiohttp
import pytest
from conftest import PEERS, peer_module, peer_npm, peer_program
from fleet_story import WALL_US, Van, fleet_config, heard, known, settings_with, short, told
from hub_story import Caller
from hypothesis import given, settings
from hypothesis import strategies as st
from link_story import AGENT, SECONDS
from telling import as_test

from firmware.backends import BACKENDS
from firmware.backends.dsp_fleet import Backend
from firmware.command import EVENT, KEEP, NOTE, Event, Leave
from firmware.hardware.status_led import state_of
from tools.hub import Hub, faults
from tools.hub.fleet_tokens import Tokens

DEVICE_LOCATION = [52.51628, -13.3777, None, "0.1.0", "en"]


def fleet_events(hub, name, since=0):
    """All that happened of that name."""
    return [event for event in hub.journal.events("fleet", since) if event["name"] == name]


def lone(paired=False, wall=None, **more):
    """Makes a test of `async def story(hub, van)` where the story itself prepares the hub before `van()` starts a device."""

    def dress(story):
        async def tell():
            hub = Hub(fleet_config())
            hub.fleet.resend_s = 0.05
            url = await hub.start()
            try:
                await story(hub, lambda **last: Van(url, wall, **{**(known(hub) if paired else {}), **more, **last}))
            finally:
                await hub.stop()

        return as_test(story, tell, 2 * SECONDS, short)

    return dress


# FleetHub


@told()
async def test_row_fleet_token_in_the_query(hub, van):
    """The token goes in the query of the WebSocket's URL, quoted; the log never shows it."""
    (link,) = hub.fleet.links
    assert link.peer.token["DeviceId"] == 1 and link.peer.device is hub.device
    assert not [line for line in van.lines if van.settings["token"][:20] in line or "access_token" in line]


@told()
async def test_row_fleet_handshake_and_reconnect(hub, van):
    """Handshake, pings and reconnect as anywhere; after each connect ZoneSync comes again, and the device tells of itself again."""
    hub.fleet.add_zone("home")
    for end in (hub.faults.cut, lambda: hub.faults.close(allow_reconnect=True)):
        mark = hub.journal.mark()
        done = end()
        if done:
            await done
        await heard(hub, "ReportDeviceInfo", since=mark)
        await heard(hub, "ReportLocation", since=mark)
    await van.dispatcher.until(lambda: van.dispatcher.orders.count((NOTE, "1 zones")) == 2)
    assert van.backend.zones == {1: "home"}


@told()
async def test_row_fleet_reports(hub, van):
    """On connect ReportDeviceInfo and ReportLocation, with every positional argument, null where nothing is known."""
    assert (await heard(hub, "ReportDeviceInfo"))["arguments"] == [None, "0.1.0", "en"]
    assert (await heard(hub, "ReportLocation"))["arguments"] == DEVICE_LOCATION


@told(latitude="", longitude="")
async def test_row_fleet_reports_no_place_that_nobody_has_set(hub, van):
    """Without a position in the settings there is no ReportLocation, and a fast location is answered with a note."""
    hub.fleet.start_fast(1, 5)
    await van.dispatcher.until(lambda: any("nobody has set where" in str(d) for _, d in van.dispatcher.orders))
    assert not fleet_events(hub, "ReportLocation")


@told()
async def test_row_fleet_message_acknowledged_each_time_acted_on_once(hub, van):
    """ReceiveMessage: MessageReceived at once and each time; one event for the rules however often it comes, reconnects or not."""
    message = hub.fleet.message("come home", 10)
    await heard(hub, "MessageReceived")
    for count in (2, 3):
        message.received = False  # as if the acknowledgement had been lost
        hub.fleet._send_message(message)
        await heard(hub, "MessageReceived", count)
    message.received = False
    mark = hub.journal.mark()
    hub.faults.cut()
    await heard(hub, "MessageReceived", since=mark)
    assert van.events == [Event("dsp_fleet", "message", "", "come home")]


@told()
async def test_row_fleet_message_seen_and_response(hub, van):
    """MessageSeen and MessageResponse go out when somebody at the device wants it, for the last message or a named one."""
    assert van.link.ask("seen", None) == "there was no message yet"
    first, second = hub.fleet.message("one"), hub.fleet.message("two")
    await van.event(2)
    assert van.link.shown() == "message: two"
    assert van.link.ask("seen", first.id) == "" and van.link.ask("respond", (None, "yes ✓")) == ""
    assert (await heard(hub, "MessageSeen"))["id"] == first.id
    assert (await heard(hub, "MessageResponse")).facts == {"name": "MessageResponse", "id": second.id, "text": "yes ✓"}
    assert second.seen and van.link.ask("seen", "another") == "there was no message of that id lately"


@told()
async def test_row_fleet_zones(hub, van):
    """ZoneSync replaces all zones, ZoneAdded adds or changes one, ZoneDeleted takes one away; they are bounded."""
    home, work = hub.fleet.add_zone("home"), hub.fleet.add_zone("work")
    hub.fleet.delete_zone(home)
    hub.fleet.message("done")
    await van.event()
    assert van.backend.zones == {work: "work"}
    for number in range(50):
        hub.fleet.add_zone(f"zone {number}")
    hub.fleet.message("done again")
    await van.event(2)
    assert len(van.backend.zones) == 32


@told()
async def test_row_fleet_fast_location(hub, van):
    """StartFastLocation: a place at that rate until its time is over; StopFastLocation ends it sooner."""
    mark = hub.journal.mark()
    hub.fleet.start_fast(1, 2)
    await heard(hub, "ReportLocation", 3, since=mark)
    hub.fleet.start_fast(1, 60)
    await heard(hub, "ReportLocation", 4, since=mark)
    hub.fleet.stop_fast()
    hub.fleet.message("later")
    await van.event()
    assert len(fleet_events(hub, "ReportLocation", mark)) <= 5


@lone(paired=True, wall=lambda: WALL_US)
async def test_row_fleet_history(hub, van):
    """RequestHistorySync(hours): the samples kept are POSTed with the device's token, while the connection stays."""
    async with van() as one:
        await heard(hub, "ReportLocation")
        mark = hub.journal.mark()
        hub.fleet.request_history(24)
        assert (await heard(hub, "history"))["count"] == 1
        (sample,) = hub.fleet.samples[1]
        assert sample == {"lat": 52.51628, "lon": -13.3777, "batteryPercent": None, "recordedAt": sample["recordedAt"]}
        assert sample["recordedAt"].startswith("2027-01-15T0")
        hub.faults.refuse(503, where=faults.REST)
        hub.fleet.request_history(24)
        note = (NOTE, "the server did not take the history: the server answered 503: it is busy, or down")
        await one.dispatcher.until(lambda: note in one.dispatcher.orders)
        assert not hub.journal.events("disconnected", mark)


@told()
async def test_row_fleet_rescue(hub, van):
    """Rescues of our own device are events, told once though account and device are both told; those of others are nothing."""
    session = hub.fleet.start_rescue(1, 2)
    hub.fleet.peer_location(session, 52.5, 13.25)
    hub.fleet.end_rescue(session, "cancelled_by_dispatcher")
    other = hub.fleet.start_rescue(2, 3)
    hub.fleet.end_rescue(other)
    third = hub.fleet.start_rescue(2, 1)
    hub.fleet.message("done")
    await van.event(5)
    assert [tuple(each)[1:] for each in van.events] == [
        ("rescue", "critical", "started, rescuee: device 2"),  # the account's copy came first
        ("rescue", "info", "their van is at 52.50000 13.25000"),
        ("rescue", "info", "ended, rescuee: cancelled_by_dispatcher"),
        ("rescue", "high", "started, rescuer: device 2"),
        ("message", "", "done"),
    ]
    assert third != other


@told()
async def test_row_fleet_account_events_are_ignored(hub, van):
    """What the account's group is told for its dashboards is passed over, without a note."""
    before = list(van.dispatcher.orders)
    for target in ("DeviceMessageReceived", "DeviceMessageAcknowledged", "DeviceMessageSeen", "DeviceMessageResponse"):
        hub.fleet.tell(target, [1, "m", "x", "2027-01-15T08:00:00Z"], account=True)
    hub.fleet.tell("DeviceUpdated", [1, True, 1.5, 2.5, "x", 50, "1", "en", "x", "ok"], account=True)
    hub.fleet.message("done")
    await van.event()
    assert [order for order in van.dispatcher.orders if order not in before] == [
        (EVENT, Event("dsp_fleet", "message", "", "done"))
    ]


@lone()
async def test_row_fleet_token_refresh(hub, van):
    """RequestTokenRefresh before the token's `exp`; the new tokens are kept, the connection stays."""
    hub.fleet.tokens.lifetime_s = 3
    async with van(**known(hub)) as one:
        import time

        one.backend.wall = lambda: time.time_ns() // 1000
        event = await heard(hub, "RequestTokenRefresh")
        assert event["good"]
        await one.dispatcher.until(lambda: "refresh" in one.kept)
        assert hub.fleet.tokens.refreshed(one.kept["refresh"])
        assert one.kept["token"] == one.settings["token"]


@lone(paired=True)
async def test_row_fleet_token_refresh_null_pairs_again(hub, van):
    """An answer of null: the account is forgotten, and the device pairs again."""
    async with van(refresh="of nobody", token=Tokens().make(1, 1)) as one:
        assert await one.next_try_ms("the server refused the token (401)") >= 300_000  # no loop of knocks
        one.link._backend.begin(0)
        assert one.backend.request()[0].endswith("/hubs/fleet"), "without the token, to get a new one"
    async with van(refresh="of nobody") as one:
        await heard(hub, "ReportDeviceInfo")
        one.backend._refresh_due = 0
        await heard(hub, "code")
        await one.shows("pairing code")
        assert one.kept["token"] == one.kept["refresh"] == ""


@lone(paired=True)
async def test_row_fleet_401(hub, van):
    """401: a wait of minutes, then a new token without the old one, or pairing; a 503 costs neither."""
    hub.faults.refuse(503, 7, where=faults.HUB)
    async with van() as one:
        assert await one.next_try_ms("503") >= 7000
        assert one.backend._ways == [True, False]
    hub.fleet.tokens.revoke()
    async with van(refresh="", token="of.another.server") as one:
        assert await one.next_try_ms("the server refused the token (401)") >= 300_000
        assert one.settings["token"] == ""


# PairingHub


@told(paired=False)
async def test_row_fleet_pairing_code(hub, van):
    """RequestPairingCode: six characters, shown to a person; DeviceBound is kept, and leads to FleetHub."""
    code = (await heard(hub, "code"))["code"]
    assert len(code) == 6
    await van.shows("pairing code " + code)
    async with aiohttp.ClientSession(hub.url, headers={"User-Agent": "dashboard/1"}) as http:
        bearer = {"Authorization": "Bearer " + hub.fleet.tokens.make(1)}
        assert (await http.post("/api/devices/by-code", json={"code": code})).status == 401
        assert (await http.post("/api/devices/by-code", json={"code": "NOBODY"}, headers=bearer)).status == 404
        assert (await http.post("/api/devices/by-code", json={"code": code.lower()}, headers=bearer)).status == 200
    await heard(hub, "ReportDeviceInfo")
    assert van.kept["device_id"] == "1" and van.kept["account_id"] == "1" and van.kept["name"] == "our van"
    assert (
        van.kept["endpoint"] == hub.url + "/hubs/fleet" and hub.fleet.tokens.claims(van.kept["token"])["DeviceId"] == 1
    )
    assert van.link.shown() == "paired as our van"


@lone()
async def test_row_fleet_pairing_by_init(hub, van):
    """Where the hub gives no codes: POST /api/device/init, then RegisterConnectionForPairing with its guid."""
    hub.fleet.pairing.gives_codes = False
    async with van() as one:
        code = (await heard(hub, "code"))["code"]
        await one.shows(code)
        assert hub.fleet.pairing.bind(code, 2)
        await heard(hub, "ReportDeviceInfo")
        assert one.kept["device_id"] == "2" and one.kept["device_guid"] == ""


@lone()
async def test_row_fleet_pairing_registers_after_each_reconnect(hub, van):
    """The link to the pending device is per connection: after a reconnect it is registered again, or there is a new code."""
    hub.fleet.pairing.gives_codes = False
    async with van() as one:
        code = (await heard(hub, "code"))["code"]
        await one.shows(code)
        hub.faults.cut()
        await hub.connected(count=2)
        await one.shows(code)
        assert len(fleet_events(hub, "code")) == 1
        while not hub.fleet.pairing.bind(code):
            await asyncio.sleep(0.005)  # until it has registered again
        await heard(hub, "ReportDeviceInfo")
    hub.fleet.pairing.gives_codes = True
    async with van() as one:
        first = (await heard(hub, "code", 2))["code"]
        hub.faults.cut()
        second = (await heard(hub, "code", 3))["code"]
        await one.shows(second)
        assert not hub.fleet.pairing.bind(first)


@lone()
async def test_row_fleet_pairing_false_starts_over(hub, van):
    """RegisterConnectionForPairing answers false: the pairing starts over."""
    hub.fleet.pairing.gives_codes = False
    async with van(device_guid="0" * 32) as one:
        code = (await heard(hub, "code"))["code"]
        await one.shows(code)
        assert any("nobody knows it any more" in str(detail) for _, detail in one.dispatcher.orders)


@told()
async def test_row_fleet_pairing_anew(hub, van):
    """Somebody at the device wants another account: the old one is forgotten, a code is shown."""
    assert van.link.ask("pair", None) == ""
    code = (await heard(hub, "code"))["code"]
    await van.shows(code)
    assert van.kept["token"] == ""


@pytest.mark.parametrize("camel", [False, True])
def test_row_fleet_names_in_any_case(camel, monkeypatch):
    """Events and fields are understood in camelCase and in PascalCase."""

    @lone()
    async def story(hub, van):
        hub.fleet.camel = camel
        hub.fleet.pairing.binds = True
        async with van(latitude="1", longitude="2") as one:
            await heard(hub, "ReportLocation")
            session = hub.fleet.start_rescue(1, 2)
            hub.fleet.add_zone("home")
            hub.fleet.end_rescue(session)
            hub.fleet.message("done")
            await one.event(3)
            assert one.kept["name"] == "our van" and one.backend.zones == {1: "home"}

    story(monkeypatch)


def test_row_fleet_pairing_from_the_set_up_page():
    """On the set-up page no token is asked for: server and place are enough: the check shows the code (test_portal_pairing.py)."""
    fields = {name: fields for name, _, fields in BACKENDS}["dsp_fleet"]
    needed = [key for key, label, secret in fields if secret or not label.endswith("(optional)")]
    assert needed == ["url"] and not any(secret for _, _, secret in fields)


# peers beside the device


class Node:
    """peers/remote.mjs, spoken to by JSON lines."""

    def __init__(self, process):
        self._process = process
        self.unasked = []

    async def order(self, do, **more):
        """Order something; its outcome."""
        self._process.stdin.write(json.dumps({"do": do, **more}).encode() + b"\n")
        return await self.until(lambda line: line.keys() & {"opened", "failed", "result", "error", "sent", "stopped"})

    async def until(self, true):
        """The next line for which that is so; what comes before is kept in `unasked`."""
        while True:
            line = json.loads(await asyncio.wait_for(self._process.stdout.readline(), 20))
            if true(line):
                return line
            self.unasked.append(line)


@pytest.mark.peer("@microsoft/signalr")
@told()
async def test_row_fleet_peer_microsoft_signalr(hub, van):
    """Microsoft's own client at FleetHub and PairingHub, beside the device: negotiation, invocations, results."""
    peer_npm("@microsoft/signalr")
    pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
    process = await asyncio.create_subprocess_exec(peer_program("node"), str(PEERS / "remote.mjs"), **pipes)
    try:
        node = Node(process)
        token = hub.fleet.tokens.make(1, 2)
        opened = await node.order("open", url=f"{hub.url}/hubs/fleet?access_token={token}", skip=False, headers={})
        assert opened["opened"], opened
        assert await node.order("invoke", target="reportDeviceInfo", arguments=[50, "9.9", None]) == {"result": None}
        refresh = hub.fleet.tokens.refresh_for(1, 2)
        fresh = await node.order("invoke", target="RequestTokenRefresh", arguments=[refresh])
        assert hub.fleet.tokens.claims(fresh["result"]["AccessToken"])["DeviceId"] == 2
        assert await node.order("invoke", target="RequestTokenRefresh", arguments=[refresh]) == {"result": None}
        await node.order("stop")
        await node.order("open", url=f"{hub.url}/hubs/pairing", skip=True, headers={})
        code = (await node.order("invoke", target="RequestPairingCode", arguments=[]))["result"]
        assert code in hub.fleet.pairing.pending
        assert await node.order("invoke", target="registerConnectionForPairing", arguments=["0" * 32]) == {
            "result": False
        }
        hub.fleet.message("done")
        await van.event()
    finally:
        process.kill()
        await process.wait()


@pytest.mark.peer("pysignalr")
@told()
async def test_row_fleet_peer_pysignalr(hub, van):
    """pysignalr as a dashboard: it hears what the account's group is told, while the device obeys beside it."""
    peer_module("pysignalr")
    from pysignalr.client import SignalRClient

    client = SignalRClient(f"{hub.url}/hubs/fleet?access_token={hub.fleet.tokens.make(1)}")
    told_of = asyncio.Queue()

    async def seen(arguments):
        told_of.put_nowait(arguments)

    client.on("DeviceMessageSeen", seen)
    mark = hub.journal.mark()
    running = asyncio.create_task(client.run())
    try:
        await hub.connected(since=mark)
        message = hub.fleet.message("look")
        await van.event()
        assert van.link.ask("seen", None) == ""
        assert await asyncio.wait_for(told_of.get(), SECONDS) == [1, message.id]
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


# the local fleet itself


@told()
async def test_a_dashboard_sends_messages_by_rest_and_strangers_do_nothing(hub, van):
    """Only the account's dashboards order; a device's token is for its own methods."""
    async with aiohttp.ClientSession(hub.url, headers={"User-Agent": "dashboard/1"}) as http:
        bearer = {"Authorization": "Bearer " + hub.fleet.tokens.make(1)}
        answer = await http.post("/api/devices/1/messages", json={"body": "hello"}, headers=bearer)
        name = (await answer.json())["messageId"]
        await van.event()
        assert hub.fleet.messages[name].body == "hello"
        assert (await http.post("/api/devices/1/messages", json={"body": "hello"})).status == 401
        assert (await http.post("/api/devices/9/messages", json={"body": "x"}, headers=bearer)).status == 400
        assert (await http.post("/api/devices/history-sync", json={"samples": []}, headers=bearer)).status == 401
        page = {"Open-Shock-Token": hub.token}
        assert (await http.post("/page/fleet", json={"do": "message", "body": "again"}, headers=page)).status == 200
        assert (await http.post("/page/fleet", json={"do": "nothing"}, headers=page)).status == 400
        await van.event(2)
        stranger = await Caller.greet(http, "/hubs/fleet")
        answer = await stranger.call("ReportDeviceInfo", None, None, None)
        assert answer["error"].endswith("because user is unauthorized")
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await http.ws_connect("/hubs/fleet?access_token=nonsense")


# whatever comes


NAMES = (
    *("ReceiveMessage", "ZoneSync", "ZoneAdded", "ZoneDeleted", "StartFastLocation", "StopFastLocation", "DeviceBound"),
    *("RequestHistorySync", "RescueSessionStarted", "RescuePeerLocation", "RescueSessionEnded", "DeviceUpdated"),
    *("Control", "Log", "EmergencyStop"),
)
KEYS = (
    *("sessionId", "RescueeDeviceId", "rescuerDeviceId", "yourRole", "peerDeviceId", "peerDisplayName", "lat", "Lon"),
    *("id", "name", "accessToken", "refreshToken", "signalREndpoint", "deviceId", "endReason", "atUtc", "x"),
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30)
    | st.sampled_from([1, 7, "7", "m1", "rescuee", "rescuer", "s1", "a.b.c"])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=8),
    max_leaves=12,
)
invocations = st.builds(
    lambda name, arguments: {"type": 1, "target": name, "arguments": arguments},
    st.sampled_from(NAMES) | st.text(min_size=1, max_size=20),
    st.lists(values, max_size=4),
)
answers = st.builds(
    lambda call_id, result: {"type": 3, "invocationId": str(call_id), "result": result}, st.integers(1, 9), values
)
records = (invocations | answers).map(lambda message: json.dumps(message).encode() + b"\x1e")


def check(backend, messages, now=0):
    """Every message is orders of the known kinds or a Leave; whatever came, it can go on with a new connection."""
    for message in messages:
        now += 400
        try:
            made = list(backend.receive(message, now))
            backend.keepalive(now)
            errand = backend.errand(now)
            if errand:
                made += backend.fetched(200, message, 0, now)
        except Leave as leave:
            assert type(leave.reason) is str
            backend.begin(now)
            url, _ = backend.request()
            backend.hello(now)
            assert url.startswith("https://") and list(backend.receive(b"{}\x1e", now)) is not None
            continue
        for order, detail in made:
            assert order in (NOTE, EVENT, KEEP), order
            if order == EVENT:
                assert type(detail) is Event and all(type(text) is str and len(text) <= 200 for text in detail)
            if order == KEEP:
                assert detail[0] == "dsp_fleet" and all(type(value) is str for value in detail[1].values())
    assert type(backend.shown()) is str


def greeted(**changed):
    backend = Backend(settings_with(**changed), AGENT)
    backend.wall = lambda: WALL_US
    backend.begin(0)
    backend.request()
    backend.hello(0)
    list(backend.receive(b"{}\x1e", 0))
    return backend


PAIRED = {"token": "a.b.c", "refresh": "r", "device_id": "7", "latitude": "1", "longitude": "2"}


@settings(deadline=None, max_examples=100)
@given(st.lists(records, max_size=8), st.booleans())
def test_row_fleet_whatever_is_invoked(messages, paired):
    """Random invocations and answers: orders of the known kinds or a Leave, never a command."""
    check(greeted(**(PAIRED if paired else {})), messages)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(records, st.integers(0, 200), st.binary(max_size=4)), max_size=6), st.booleans())
def test_row_fleet_whatever_is_damaged(messages, paired):
    """Mutated messages: a Leave at most, never a command."""
    damaged = [
        message[: at % (len(message) + 1)] + noise + message[at % (len(message) + 1) :]
        for message, at, noise in messages
    ]
    check(greeted(**(PAIRED if paired else {})), damaged)


@lone()
async def test_row_fleet_lamp(hub, van):
    """While the device shows a pairing code its lamp says so, unlike that of one at work."""
    async with van() as one:
        code = (await heard(hub, "code"))["code"]
        await one.shows(code)
        assert one.link.pairs() and state_of("", one.link.connected(), True, pairing=True) == 10
        hub.fleet.pairing.bind(code)
        await heard(hub, "ReportDeviceInfo")
        assert not one.link.pairs()
