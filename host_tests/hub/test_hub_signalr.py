"""The local hub's SignalR side: doors, greeting, methods, events, share links, relays; exact where it matters."""

import asyncio
import json
import re

import aiohttp
import pytest
from hub_story import (
    BLUE,
    DEVICE,
    DEVICE_AGENT,
    HEADERS,
    HELLO,
    LINK,
    MADE,
    NOBODY,
    OWNER,
    RED,
    SECRET,
    TOKEN_ID,
    Caller,
    Frames,
    hub_story,
    known_config,
)

from tools.hub import Device, Hub, Refused, events
from tools.hub.userhub import device_of

USER = "/1/hubs/user"
SHARE = f"/1/hubs/share/link/{LINK}"
ORDER = {"id": RED, "type": 2, "intensity": 40, "duration": 500}
DONE = {"type": 3, "invocationId": "1", "result": None}


def failed(target):
    """The completion of a call whose arguments could not be bound."""
    return {"type": 3, "invocationId": "1", "error": f"Failed to invoke '{target}' due to an error on the server."}


async def refused(http, path, headers=None):
    """The (status, text) with which an upgrade is refused."""
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    key = {"Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg=="}
    answer = await http.get(path, headers={**upgrade, **key, **(headers or {})})
    return answer.status, await answer.text()


# doors


@hub_story()
async def test_negotiation_of_both_versions(hub, http):
    transports = [{"transport": "WebSockets", "transferFormats": ["Text", "Binary"]}]
    answer = await (await http.post(f"{USER}/negotiate?negotiateVersion=1")).json()
    assert list(answer) == ["negotiateVersion", "connectionId", "connectionToken", "availableTransports"]
    assert (answer["negotiateVersion"], answer["availableTransports"]) == (1, transports)
    assert answer["connectionId"] != answer["connectionToken"]
    newest = await (await http.post(f"{USER}/negotiate?NegotiateVersion=9")).json()
    assert newest["negotiateVersion"] == 1
    old = await (await http.post(f"{USER}/negotiate")).json()
    assert list(old) == ["negotiateVersion", "connectionId", "availableTransports"]
    assert old["negotiateVersion"] == 0
    for version in ("x", "-1"):
        assert list(await (await http.post(f"{USER}/negotiate?negotiateVersion={version}")).json()) == ["error"]
    assert (await http.post(f"{USER}/negotiate", headers={"Open-Shock-Token": ""})).status == 401
    assert (await http.post(f"{SHARE}/negotiate", headers={"Open-Shock-Token": ""})).status == 200
    assert (await http.post("/1/hubs/share/link/x/negotiate")).status == 404
    assert (await http.get(f"{USER}/negotiate")).status == 405


@hub_story()
async def test_a_negotiated_id_serves_one_socket(hub, http):
    answer = await (await http.post(f"{USER}/negotiate?negotiateVersion=1")).json()
    door = f"{USER}?id={answer['connectionToken']}"
    assert await refused(http, f"{USER}?id={answer['connectionId']}") == (404, "No Connection with that ID")
    remote = await Caller.greet(http, path=door)
    assert await refused(http, door) == (409, "")
    await remote.socket.close()
    await hub.disconnected()
    assert await refused(http, door) == (404, "No Connection with that ID")
    old = await (await http.post(f"{USER}/negotiate")).json()
    await Caller.greet(http, path=f"{USER}?id={old['connectionId']}")


@hub_story(negotiated_ms=10)
async def test_a_negotiated_id_waits_for_a_time_only(hub, http):
    answer = await (await http.post(f"{USER}/negotiate?negotiateVersion=1")).json()
    await asyncio.sleep(0.02)  # its life is counted by the clock: nothing can be awaited
    assert await refused(http, f"{USER}?id={answer['connectionToken']}") == (404, "No Connection with that ID")


@hub_story()
async def test_doors_refuse(hub, http):
    assert (await refused(http, USER, {"Open-Shock-Token": "wrong"}))[0] == 401
    assert (await refused(http, f"{USER}?access_token={'s' * 64}", {"Open-Shock-Token": ""}))[0] == 401
    assert (await refused(http, USER, {"User-Agent": ""}))[0] == 403
    assert (await refused(http, "/1/hubs/share/link/x"))[0] == 404
    assert (await refused(http, "/1/hubs/nothing"))[0] == 404
    answer = await http.get(USER)
    assert (answer.status, await answer.text()) == (400, "Connection ID required")
    answer = await http.get(f"{USER}?id=x")
    assert (answer.status, await answer.text()) == (404, "No Connection with that ID")
    for status, wait_s in ((401, None), (429, 9), (503, None)):
        hub.faults.refuse(status, wait_s)
        with pytest.raises(aiohttp.WSServerHandshakeError) as error:
            await http.ws_connect(USER)
        assert (error.value.status, error.value.headers.get("Retry-After")) == (status, wait_s and str(wait_s))


# greeting


@hub_story()
async def test_welcome_is_glued_to_the_handshakes_answer(hub, http):
    client = await Frames.connect(hub)
    client.send(HELLO)
    final, opcode, payload = await client.frame()
    connection = hub.connections[0]
    assert (final, opcode) == (True, 1)
    assert re.fullmatch(r"[\w-]{22}", connection.id)
    assert payload.decode() == (
        "{}\x1e"
        f'{{"type":1,"target":"Welcome","arguments":["{connection.id}"]}}\x1e'
        '{"type":1,"target":"DeviceStatus","arguments":[[]]}\x1e'
    )


@hub_story()
async def test_a_client_in_a_hurry_gets_all_in_the_segment_of_the_101(hub, http):
    from hub_story import masked

    port = int(hub.url.rpartition(":")[2])
    loop = asyncio.get_running_loop()
    arrived = loop.create_future()

    class First(asyncio.Protocol):
        def connection_made(self, transport):
            head = f"GET {USER} HTTP/1.1\r\nHost: hub\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            head += "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n"
            head += "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items()) + "\r\n"
            transport.write(head.encode() + masked(HELLO))

        def data_received(self, data):
            if not arrived.done():
                arrived.set_result(data)

    transport, _ = await loop.create_connection(First, "127.0.0.1", port)
    head, _, rest = (await arrived).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    assert rest[:1] == b"\x81"
    assert b'{}\x1e{"type":1,"target":"Welcome"' in rest
    assert b"DeviceStatus" in rest
    transport.close()


@hub_story()
async def test_an_eager_hub_greets_before_it_is_asked(hub, http):
    hub.faults.eager = True
    client = await Frames.connect(hub)
    assert [record.get("target") for record in await client.records()] == [None, "Welcome", "DeviceStatus"]
    client.send(HELLO)
    client.send(b'{"type":1,"target":"Control","arguments":[[]],"invocationId":"1"}\x1e')
    assert await client.records() == [DONE]


@hub_story()
async def test_handshakes_that_fail(hub, http):
    odd = "An unexpected error occurred during connection handshake."
    table = (
        (b'{"protocol":"messagepack","version":1}\x1e', "The protocol 'messagepack' is not supported."),
        (b'{"protocol":"json","version":3}\x1e', "The server does not support version 3 of the 'json' protocol."),
        (b'{"protocol":"json"}\x1e', odd),
        (b'{"protocol":"json","version":"1"}\x1e', odd),
        (b'{"type":6}\x1e', odd),
        (b"[]\x1e", odd),
        (b"\x1e", odd),
        (b"{" * 40_000, odd),
    )
    for hello, error in table:
        client = await Frames.connect(hub)
        client.send(hello)
        assert await client.records() == [{"error": error}]
        assert await client.frame() == (True, 8, b"\x03\xe8")
        client.close()
    assert hub.journal.counts["connected"] == 0


@hub_story()
async def test_a_handshake_may_come_in_pieces_and_with_company(hub, http):
    client = await Frames.connect(hub)
    for at in range(len(HELLO)):
        client.send(HELLO[at : at + 1], opcode=2 if at % 3 else 1)
    assert len(await client.records()) == 3
    client.close()
    client = await Frames.connect(hub)
    client.send(HELLO + b'{"type":6}\x1e{"type":1,"target":"Control","arguments":[[]],"invocationId":"1"}\x1e')
    assert len(await client.records()) == 3
    assert await client.records() == [DONE]


# methods


@hub_story()
async def test_log_is_sent_as_the_real_server_does(hub, http):
    client = await Frames.connect(hub)
    client.send(HELLO)
    await client.records()
    order = '{"id":"%s","type":3,"intensity":140,"duration":100,"exclusive":true}' % RED
    call = '{"target":"ControlV2","arguments":[[%s],"desk \\"é\\" 😀"],"invocationId":"1","type":1}\x1e' % order
    client.send(call.encode())
    _, _, payload = await client.frame()
    executed_at = hub.journal.events("log")[0]["logs"][0]["executedAt"]
    assert payload.decode() == (
        '{"type":1,"target":"Log","arguments":['
        f'{{"connectionId":"{hub.connections[0].id}","additionalItems":{{"openshock.apiTokenId":"{TOKEN_ID}"}},'
        f'"id":"{OWNER}","name":"sample",'
        '"image":"https://www.gravatar.com/avatar/01960000dddd70008000000000000001'
        '?d=https%3a%2f%2fopenshock.app%2fstatic%2fimages%2fIcon512.png",'
        r'"customName":"desk \"é\" \uD83D\uDE00"},'
        f'[{{"shocker":{{"id":"{RED}","name":"red"}},"type":3,"intensity":100,"duration":300,'
        f'"executedAt":"{executed_at}"}}]]}}\x1e'
    )
    assert await client.records() == [DONE]


@hub_story()
async def test_log_goes_to_every_connection_of_the_owner(hub, http):
    one, two = await Caller.remote(http), await Caller.remote(http)
    await one.send("Control", [ORDER, {**ORDER, "id": BLUE, "type": 0}])
    for remote in (one, two):
        sender, logs = await remote.event("Log")
        assert (sender["customName"], sender["connectionId"]) == (None, hub.connections[0].id)
        assert [(log["shocker"]["name"], log["type"], log["duration"]) for log in logs] == [
            ("red", 2, 500),
            ("blue", 0, 500),
        ]
    assert await one.quiet()


@hub_story()
async def test_what_is_refused_is_refused_silently(hub, http):
    hub.shockers[1].paused = True
    remote = await Caller.remote(http)
    for shocker in (NOBODY, BLUE):
        assert await remote.call("ControlV2", [ORDER, {**ORDER, "id": shocker}], None) == DONE
    assert await remote.call("Control", [{**ORDER, "id": BLUE, "type": 0}]) == DONE
    for target, *rest in (("EmergencyStop",), ("Reboot",), ("CaptivePortal", True), ("OtaInstall", "1.2.3")):
        assert await remote.call(target, NOBODY, *rest) == DONE
        assert await remote.call(target, DEVICE, *rest) == DONE  # nobody there: lost, and nobody says so
    assert [event["reason"] for event in hub.journal.events("declined")] == [
        *("not found", "paused", "paused"),
        *["not our device"] * 4,
    ]


@hub_story()
async def test_calls_that_cannot_be_bound(hub, http):
    remote = await Caller.remote(http)
    missing = [{key: value for key, value in ORDER.items() if key != name} for name in ORDER]
    bad_orders = [
        *missing,
        {**ORDER, "type": "Vibrate"},
        {**ORDER, "type": 256},
        {**ORDER, "intensity": 256},
        {**ORDER, "intensity": -1},
        {**ORDER, "duration": 65536},
        {**ORDER, "duration": 1.5},
        {**ORDER, "duration": None},
        {**ORDER, "id": "red"},
        {**ORDER, "exclusive": "no"},
        None,
    ]
    table = [("ControlV2", [[order], None]) for order in bad_orders]
    table += [
        *(("Control", arguments) for arguments in ([], [[ORDER], None], [None], [{}], ["x"])),
        *(("ControlV2", arguments) for arguments in ([[ORDER]], [[ORDER], 5], [[ORDER], None, None])),
        *(("EmergencyStop", arguments) for arguments in ([], ["x"], [None], [5], [DEVICE, True])),
        *(("CaptivePortal", arguments) for arguments in ([DEVICE], [DEVICE, 1], [DEVICE, "true"], [DEVICE, None])),
        *(
            ("OtaInstall", [DEVICE, version])
            for version in ("", "x", "1.2.3.4", "01.2.3", "1.2.65536", 1, None, "1.2.3-")
        ),
        *(("Reboot", arguments) for arguments in ([], [[]])),
    ]
    for target, arguments in table:
        assert await remote.call(target, *arguments) == failed(target), arguments
    unknown = await remote.call("Nothing", 1)
    assert (
        unknown["error"]
        == "Failed to invoke 'Nothing' due to an error on the server. HubException: Method does not exist."
    )
    undefined = await remote.call("Control", [{**ORDER, "type": 9}])
    assert undefined["error"] == "An unexpected error occurred invoking 'Control' on the server."
    assert hub.journal.counts["log"] == 0


@hub_story()
async def test_odd_but_legal_calls(hub, http):
    remote = await Caller.remote(http)
    await remote.send("Nothing", 1)  # without id: no answer, not even to an error
    await remote.send("Control", "rubbish")
    await remote.raw('{"type":1,"target":"Control","arguments":[[]],"invocationId":""}')
    await remote.raw('{"type":99,"what":"ever"}')
    await remote.raw('{"type":6}')
    await remote.raw('{"type":5,"invocationId":"8"}')
    await remote.raw('{"type":3,"invocationId":"8","result":1}')
    assert await remote.quiet()
    assert await remote.call("cOnTrOlV2", [{**ORDER, "ID": RED, "Extra": 1}], None, call_id="ü") == {
        "type": 1,
        "target": "Log",
        "arguments": hub_log(hub),
    }
    assert await remote.record() == {"type": 3, "invocationId": "ü", "result": None}
    await remote.raw('{"type":4,"target":"Control","arguments":[[]],"invocationId":"9"}')
    streaming = "The client attempted to invoke the non-streaming 'Control' method with a streaming invocation."
    assert await remote.record() == {"type": 3, "invocationId": "9", "error": streaming}
    await remote.raw('{"type":4,"target":"Nothing","arguments":[],"invocationId":"9"}')
    assert "Method does not exist" in (await remote.record())["error"]
    assert await remote.call("Control", []) == DONE
    assert hub.journal.counts["log"] == 1  # an empty batch is nobody's news


def hub_log(hub):
    """The arguments of the last Log."""
    event = hub.journal.events("log")[-1]
    return [event["sender"], event["logs"]]


# the owner's own word


@hub_story()
async def test_the_hub_orders_by_itself(hub, http):
    remote = await Caller.remote(http)
    logs = await hub.control([{"id": RED, "type": "shock", "intensity": 5, "duration": 400}], name="simulator")
    sender, told = await remote.event("Log")
    assert (told, sender["customName"], sender["additionalItems"]) == (logs, "simulator", {})
    with pytest.raises(Refused):
        await hub.control([{"id": NOBODY, "type": 1, "intensity": 5, "duration": 400}])
    with pytest.raises(ValueError):
        await hub.control([{"id": RED, "type": 4, "intensity": 5, "duration": 400}])
    hub.shockers[1].paused = True
    stops = await hub.stop_all()
    assert [(entry["shocker"]["id"], entry["type"], entry["duration"]) for entry in stops] == [
        (RED, 0, 300),
        (BLUE, 0, 300),
    ]
    assert (await remote.event("Log"))[1] == stops
    assert await remote.quiet()


def test_which_connection_is_a_device():
    one, two = Device("one", DEVICE, MADE), Device("two", NOBODY, MADE)
    agent, other = DEVICE_AGENT, "Mozilla/5.0"
    table = (
        ([one], agent, None, (one, "0.1.0", "esp32")),
        ([one], "OpenShock/1.2.3-rc.1+f00", None, (one, "1.2.3-rc.1+f00", None)),
        ([one], "OpenShock/rubbish", None, (one, None, None)),
        ([one], other, None, (None, None, None)),
        ([one], "", None, (None, None, None)),
        ([one], "OpenShock.SDK.CSharp/1.0", None, (None, None, None)),
        ([one], "curl OpenShock/1.0.0", None, (None, None, None)),
        ([one, two], agent, None, (None, None, None)),  # which one would it be?
        ([one, two], agent, NOBODY.upper(), (two, "0.1.0", "esp32")),
        ([one], other, DEVICE, (one, None, None)),
        ([one], agent, NOBODY, (None, None, None)),  # says it is somebody else's
        ([one], agent, "", (None, None, None)),
    )
    for devices, user_agent, wanted, answer in table:
        assert device_of(devices, user_agent, wanted) == answer, (user_agent, wanted)


@hub_story()
async def test_devices_come_and_go_in_device_status(hub, http):
    remote = await Caller.remote(http)
    device = await Caller.greet(http, headers={"User-Agent": DEVICE_AGENT})
    await device.event("Welcome")
    online = {"device": DEVICE, "online": True, "firmwareVersion": "0.1.0"}
    assert await device.event("DeviceStatus") == [[online]]
    assert await remote.event("DeviceStatus") == [[online]]
    assert await device.quiet()  # not told twice
    later = await Caller.greet(http)
    await later.event("Welcome")
    assert await later.event("DeviceStatus") == [[online]]
    second = await Caller.device(http)
    assert await remote.quiet()  # was online before
    await device.socket.close()
    await hub.disconnected()
    assert hub.online(hub.device)
    await second.socket.close()
    assert await remote.event("DeviceStatus") == [[{**online, "online": False}]]
    assert not hub.online(hub.device)


@hub_story()
async def test_orders_about_a_device_reach_it(hub, http):
    remote = await Caller.remote(http)
    device = await Caller.device(http)
    await remote.event("DeviceStatus")
    upper = DEVICE.upper()
    table = (
        ("EmergencyStop", [upper], [DEVICE]),
        ("CaptivePortal", [upper, True], [DEVICE, True]),
        ("OtaInstall", [DEVICE, "1.5"], [DEVICE, "1.5.0"]),
        ("Reboot", [DEVICE], [DEVICE]),
    )
    for target, given, told in table:
        assert await remote.call(target, *given) == DONE
        assert await device.event(target) == told
        assert await device.call(target, *given) == {
            "type": 1,
            "target": target,
            "arguments": told,
        }  # its own comes back
        assert await device.record() == DONE
    assert await hub.emergency_stop() == 1
    assert await hub.captive_portal(False) == 1
    assert await hub.ota_install("2.0.0-rc.1") == 1
    assert await hub.reboot() == 1
    assert [await device.event(target) for target, *_ in table] == [
        [DEVICE],
        [DEVICE, False],
        [DEVICE, "2.0.0-rc.1"],
        [DEVICE],
    ]
    assert await hub.invoke("ControlV2", [[ORDER], None]) == 1
    assert await device.event("ControlV2") == [[ORDER], None]
    assert await remote.quiet()


@hub_story()
async def test_a_call_with_an_id_brings_the_devices_answer(hub, http):
    device = await Caller.device(http)
    answers = (
        ({"type": 3, "result": 5}, 5),
        ({"type": 3, "result": None}, None),
        ({"type": 3}, None),
        ({"type": 3, "error": "no such method"}, "no such method"),
    )
    for answer, expected in answers:
        call = asyncio.create_task(hub.invoke("Reboot", [DEVICE], wait=True))
        record = await device.record()
        await device.raw('{"type":3,"invocationId":"unknown","result":1}')
        await device.raw(json.dumps({**answer, "invocationId": record["invocationId"]}))
        (result,) = await call
        assert str(result) == str(expected)
    (late,) = await hub.invoke("Reboot", [DEVICE], wait=True, timeout_s=0.01)
    assert isinstance(late, asyncio.TimeoutError)
    call = asyncio.create_task(hub.invoke("Reboot", [DEVICE], wait=True))
    await hub.journal.wait("invoked", count=6)
    await asyncio.sleep(0)  # the call is on its way
    hub.faults.cut()
    (lost,) = await call
    assert isinstance(lost, ConnectionError)


@hub_story()
async def test_the_five_update_events_read_as_the_real_ones(hub, http):
    client = await Frames.connect(hub)
    client.send(HELLO)
    await client.records()
    table = (
        (events.ota_started(DEVICE, -5, "1.5.1"), '"OtaInstallStarted","arguments":["%s",-5,"1.5.1"]'),
        (events.ota_progress(DEVICE, -5, 4, 0.25), '"OtaInstallProgress","arguments":["%s",-5,4,0.25]'),
        (events.ota_progress(DEVICE, -5, 4, 1.0), '"OtaInstallProgress","arguments":["%s",-5,4,1]'),
        (events.ota_failed(DEVICE, -5, False, "no space"), '"OtaInstallFailed","arguments":["%s",-5,false,"no space"]'),
        (events.ota_rollback(DEVICE, -5), '"OtaRollback","arguments":["%s",-5]'),
        (events.ota_succeeded(DEVICE, -5), '"OtaInstallSucceeded","arguments":["%s",-5]'),
        (events.device_update(DEVICE, events.PAIRED), '"DeviceUpdate","arguments":["%s",4]'),
    )
    for record, text in table:
        await hub.emit_record(record)
        assert (await client.frame())[2].decode() == '{"type":1,"target":' + text % DEVICE + "}\x1e"
    await hub.emit("Unknown", [None, {"a": 1.5}])
    assert (await client.frame())[2] == b'{"type":1,"target":"Unknown","arguments":[null,{"a":1.5}]}\x1e'


# share links


@hub_story()
async def test_guests_are_welcome_or_sent_away_without_a_reason(hub, http):
    guest = await Caller.greet(http, path=f"{SHARE}?name=", headers={"Open-Shock-Token": ""})
    assert await guest.event("Welcome") == [1]
    guest = await Caller.greet(
        http, path=f"{SHARE.upper().replace('HUBS/SHARE/LINK', 'hubs/share/link')}?name={'x' * 32}"
    )
    assert await guest.event("Welcome") == [1]
    sent_away = (SHARE, f"{SHARE}?name={'x' * 33}", f"/1/hubs/share/link/{NOBODY}?name=x")
    for path in sent_away:
        guest = await Caller.greet(http, path=path)
        assert await guest.record() == {"type": 7}
        assert (await guest.socket.receive()).type == aiohttp.WSMsgType.CLOSE
    hub.config.shares[0].expires_on = MADE
    guest = await Caller.greet(http, path=f"{SHARE}?name=x")
    assert await guest.record() == {"type": 7}
    assert hub.journal.counts["connected"] == 2


@hub_story()
async def test_a_guest_orders_within_the_limits_and_hears_no_log(hub, http):
    remote = await Caller.remote(http)
    guest = await Caller.greet(http, path=f"{SHARE}?name=J%C3%B6rg")
    await guest.event("Welcome")
    assert await guest.call("Control", [{**ORDER, "intensity": 90, "duration": 9000}]) == DONE
    sender, (entry,) = await remote.event("Log")
    assert sender == {
        "connectionId": hub.connections[1].id,
        "additionalItems": {"shareLinkId": LINK},
        "id": "00000000-0000-0000-0000-000000000000",
        "name": "Guest",
        "image": sender["image"],
        "customName": "Jörg",
    }
    assert (entry["intensity"], entry["duration"]) == (30, 2000)
    for order in ({**ORDER, "type": 1}, {**ORDER, "id": BLUE}, {**ORDER, "id": NOBODY}):
        assert await guest.call("Control", [order]) == DONE
    assert await guest.call("Control", [{**ORDER, "type": 0}]) == DONE
    assert (await remote.event("Log"))[1][0]["type"] == 0  # stop passes as long as anything may
    assert (await guest.call("ControlV2", [ORDER], None))["error"].endswith("HubException: Method does not exist.")
    hub.config.shares[0].expires_on = MADE
    assert await guest.call("Control", [ORDER]) == DONE
    assert await remote.quiet()
    assert await guest.quiet()


@hub_story()
async def test_the_owner_comes_in_by_session_and_a_bad_one_is_sent_away(hub, http):
    remote = await Caller.remote(http)
    session = hub.config.owner_session
    for headers in ({"OpenShockSession": session}, {"Cookie": f"openShockSession={session}"}):
        owner = await Caller.greet(http, path=SHARE, headers=headers)
        assert await owner.event("Welcome") == [0]
        assert await owner.call("Control", [{**ORDER, "intensity": 90}]) == DONE
        sender, (entry,) = await remote.event("Log")
        assert (sender["id"], sender["name"], sender["customName"]) == (OWNER, "sample", None)
        assert sender["additionalItems"] == {"shareLinkId": LINK} and entry["intensity"] == 30
    for headers in ({"OpenShockSession": "x" * 64}, {"Cookie": "openShockSession="}, {"OpenShockSession": SECRET}):
        stranger = await Caller.greet(http, path=f"{SHARE}?name=x", headers=headers)
        assert await stranger.record() == {"type": 7}


@hub_story()
async def test_a_guests_name_is_counted_as_the_server_does(hub, http):
    for name, welcome in (("%F0%9F%90%88" * 16, True), ("%F0%9F%90%88" * 17, False), ("%C3%A9" * 32, True)):
        guest = await Caller.greet(http, path=f"{SHARE}?name={name}")
        record = await guest.record()
        assert record == ({"type": 1, "target": "Welcome", "arguments": [1]} if welcome else {"type": 7})


@hub_story()
async def test_whoever_joined_a_link_hears_that_it_changed(hub, http):
    link, red = hub.config.shares[0], hub.shockers[0]
    remote = await Caller.remote(http)
    guest = await Caller.greet(http, path=f"{SHARE}?name=x")
    await guest.event("Welcome")
    hub.edit_share(link, red, paused=True)
    assert await guest.event("Updated") == []
    assert await guest.call("Control", [ORDER]) == DONE
    assert await remote.quiet()
    hub.edit_share(link, expires_on=MADE)
    assert await guest.event("Updated") == []
    with pytest.raises(ValueError):
        hub.edit_share(link, red, colour="blue")


@hub_story()
async def test_a_device_that_is_a_remote_is_seen_there_and_gets_no_orders(hub, http):
    guest = await Caller.greet(http, path=f"{SHARE}?name=x", headers={"User-Agent": DEVICE_AGENT})
    await guest.event("Welcome")
    assert hub.services(hub.device) == ["share link"] and not hub.online(hub.device)
    assert hub.device.firmware_version == "0.1.0"
    assert await hub.emergency_stop() == 0
    assert await guest.quiet()


# state that lasts


def test_a_hub_stops_twice_and_starts_again():
    async def story():
        hub = Hub(known_config())
        await hub.stop()
        first = await hub.start()
        await hub.stop()
        await hub.stop()
        second = await hub.start()
        assert first.startswith("http://127.0.0.1:") and second.startswith("http://127.0.0.1:")
        assert hub.hub_url == second.replace("http", "ws") + "/1/hubs/user"
        await hub.stop()

    asyncio.run(story())
