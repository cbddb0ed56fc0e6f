"""How the local hub treats a connection as time passes and things break: limits, fragments, pings, silence, faults, the end."""

import asyncio
import json
import ssl

import aiohttp
import pytest
import trustme
from hub_story import DEVICE, HEADERS, HELLO, RED, Caller, Frames, hub_story, known_config

from tools.hub import Hub, faults

ORDER = {"id": RED, "type": 2, "intensity": 40, "duration": 500}
DONE = {"type": 3, "invocationId": "1", "result": None}
BROKEN = {"type": 7, "error": "Connection closed with an error."}
CLOSED = (True, 8, b"\x03\xe8")


async def greeted(hub, **more):
    """A Frames client that has been welcomed."""
    client = await Frames.connect(hub, **more)
    client.send(HELLO)
    assert len(await client.records()) == 3
    return client


# limits


@hub_story()
async def test_a_record_of_32_kib_is_the_longest(hub, http):
    client = await greeted(hub)
    call = '{"type":1,"target":"ControlV2","arguments":[[],"%s"],"invocationId":"1"}\x1e'
    longest = (call % ("x" * (32_768 - len(call) + 2))).encode()
    assert len(longest) == 32_768
    client.send(longest + longest)  # together they may be longer
    assert [await client.records(), await client.records()] == [[DONE], [DONE]]
    client.send(longest[:-1] + b" \x1e")
    assert await client.records() == [BROKEN]
    assert await client.frame() == CLOSED
    client.close()
    client = await greeted(hub)
    client.send(b"x" * 32_769)  # no separator yet, and already too long
    assert await client.records() == [BROKEN]


@hub_story()
async def test_records_that_break_the_protocol_end_the_connection(hub, http):
    bad = (
        b"\x1e",
        b"{\x1e",
        b"[]\x1e",
        b"5\x1e",
        b"{}\x1e",
        b'{"type":"1"}\x1e',
        b'{"type":true}\x1e',
        b'{"Type":6}\x1e',
        b'{"type":6,"x":NaN}\x1e',
        b'{"type":6}x\x1e',
        b"[" * 9000 + b"\x1e",
        b'{"type":1}\x1e',
        b'{"type":1,"target":5,"arguments":[]}\x1e',
        b'{"type":1,"target":"Control"}\x1e',
        b'{"type":1,"target":"Control","arguments":{}}\x1e',
        b'{"type":1,"target":"Control","arguments":[[]],"invocationId":1}\x1e',
        b'{"type":4,"target":"Control"}\x1e',
    )
    for record in bad:
        client = await greeted(hub)
        client.send(record)
        assert await client.records() == [BROKEN], record
        assert await client.frame() == CLOSED
        client.close()
    client = await greeted(hub)
    client.send(b'{"type":6,"x":"\xc3\x28"}\x1e', opcode=2)
    assert await client.records() == [BROKEN]


@hub_story()
async def test_long_messages_come_in_fragments_of_4_kib(hub, http):
    client = await greeted(hub)
    await hub.emit("Short", ["x" * (4096 - len('{"type":1,"target":"Short","arguments":[""]}\x1e'))])
    final, opcode, payload = await client.frame()
    assert (final, opcode, len(payload)) == (True, 1, 4096)
    text = "é" * 5000
    await hub.emit("Odd", [text])
    pieces = [await client.frame() for _ in range(3)]
    assert [(final, opcode, len(payload)) for final, opcode, payload in pieces] == [
        (False, 1, 4096),
        (False, 0, 4096),
        (True, 0, 10_043 - 8192),
    ]
    whole = b"".join(payload for _, _, payload in pieces)
    assert json.loads(whole[:-1])["arguments"] == [text]
    with pytest.raises(UnicodeDecodeError):
        pieces[0][2].decode()  # a character is cut in two: only the whole message is UTF-8


@hub_story(fragment_bytes=1)
async def test_fragments_may_be_as_small_as_one_byte(hub, http):
    client = await greeted(hub)
    await hub.emit("X", [])
    expected = b'{"type":1,"target":"X","arguments":[]}\x1e'
    got = [await client.frame() for _ in expected]
    assert got[0] == (False, 1, b"{")
    assert got[-1] == (True, 0, b"\x1e")
    assert {opcode for _, opcode, _ in got[1:]} == {0}
    remote = await Caller.remote(http)
    assert await remote.call("Control", []) == DONE


# what is done by the clock


@hub_story(ping_ms=40)
async def test_a_ping_follows_silence(hub, http):
    client = await greeted(hub)
    for _ in range(3):
        assert await client.frame() == (True, 1, b'{"type":6}\x1e')


@hub_story(timeout_ms=60)
async def test_a_client_that_once_pinged_must_go_on(hub, http):
    silent, pinging = await greeted(hub), await greeted(hub)
    pinging.send(b'{"type":6}\x1e')
    assert await pinging.records() == [{**BROKEN, "allowReconnect": True}]
    assert await pinging.frame() == CLOSED
    silent.send(b'{"type":1,"target":"Control","arguments":[[]],"invocationId":"1"}\x1e')
    assert await silent.records() == [DONE]  # its clock never started


@hub_story(handshake_ms=40)
async def test_a_handshake_must_come_in_time(hub, http):
    client = await Frames.connect(hub)
    assert await client.records() == [{"error": "Handshake was canceled."}]
    assert await client.frame() == CLOSED


@hub_story(pong_ms=40)
async def test_pongs_come_unasked_and_pings_are_answered(hub, http):
    client = await Frames.connect(hub)
    assert await client.frame() == (True, 10, b"")
    assert await client.frame() == (True, 10, b"")
    client.send(b"hello", opcode=9)
    while (frame := await client.frame()) == (True, 10, b""):
        pass
    assert frame == (True, 10, b"hello")
    client.send(b"", opcode=10)
    client.send(HELLO)
    while (frame := await client.frame())[1] == 10:
        pass
    assert frame[2].startswith(b"{}\x1e")


# faults


@hub_story()
async def test_cut_is_a_reset(hub, http):
    client, other = await greeted(hub), await greeted(hub)
    hub.faults.cut(hub.connections[:1])
    with pytest.raises(ConnectionResetError):
        await client.rest()
    await hub.disconnected()
    other.send(b'{"type":1,"target":"Control","arguments":[[]],"invocationId":"1"}\x1e')
    assert await other.records() == [DONE]


@hub_story()
async def test_close_says_whether_one_may_return(hub, http):
    table = (
        ({}, {"type": 7}),
        ({"allow_reconnect": True}, {"type": 7, "allowReconnect": True}),
        ({"error": "because"}, {"type": 7, "error": "because"}),
        ({"error": "because", "allow_reconnect": True}, {"type": 7, "error": "because", "allowReconnect": True}),
    )
    for arguments, record in table:
        remote = await Caller.remote(http)
        closing = asyncio.create_task(hub.faults.close(**arguments))
        assert await remote.record() == record
        message = await remote.socket.receive()
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1000)
        await closing
    assert hub.connections == []


@hub_story(ping_ms=40, pong_ms=40)
async def test_silence_hides_everything_until_it_ends(hub, http):
    client = await greeted(hub)
    hub.faults.silence()
    client.send(b"hello", opcode=9)
    client.send(b'{"type":1,"target":"Control","arguments":[[]],"invocationId":"1"}\x1e')
    await hub.emit("Late", [1])
    waiting = asyncio.create_task(client.frame())
    done, _ = await asyncio.wait({waiting}, timeout=0.2)  # five pings long
    assert not done
    hub.faults.speak()
    heard = [await waiting]
    while heard[-1][2] != b'{"type":3,"invocationId":"1","result":null}\x1e':
        heard.append(await client.frame())
    assert heard[0] == (True, 1, b'{"type":1,"target":"Late","arguments":[1]}\x1e')
    assert (True, 10, b"hello") in heard


@hub_story()
async def test_a_silenced_connection_may_still_be_lost_and_replaced(hub, http):
    client = await greeted(hub)
    hub.faults.silence(stay=True)
    client.close()
    await hub.disconnected()
    fresh = await Frames.connect(hub)  # new ones get their 101 and nothing more
    fresh.send(HELLO)
    waiting = asyncio.create_task(fresh.records())
    done, _ = await asyncio.wait({waiting}, timeout=0.1)
    assert not done
    hub.faults.speak()
    assert len(await waiting) == 3


@hub_story()
async def test_delay_keeps_the_order(hub, http):
    remote = await Caller.remote(http)
    hub.faults.delay(30)
    for number in range(20):
        await hub.emit("Count", [number])
    hub.faults.delay(0)
    await hub.emit("Count", [20])  # does not overtake
    assert [(await remote.event("Count"))[0] for _ in range(21)] == list(range(21))
    later = asyncio.get_running_loop().time()
    hub.faults.delay(30)
    assert await remote.call("Control", []) == DONE
    assert asyncio.get_running_loop().time() - later >= 0.03
    hub.faults.delay(0)


@hub_story()
async def test_garbage_arrives_as_ordered(hub, http):
    for kind, data in faults.GARBAGE.items():
        client = await greeted(hub)
        hub.faults.garbage(kind)
        hub.faults.garbage(b"raw bytes")
        hub.faults.cut()
        got = b""
        with pytest.raises(ConnectionResetError):
            while piece := await client._reader.read(100):
                got += piece
        assert got in (data + b"raw bytes", b""), kind  # a reset may overtake what it follows
        client.close()


@hub_story(faults=True)
async def test_faults_can_be_ordered_over_http_with_a_token(hub, http):
    remote = await Caller.remote(http)
    closing = asyncio.create_task(http.post("/sim/close", json={"allow_reconnect": True}))
    assert await remote.record() == {"type": 7, "allowReconnect": True}
    await remote.socket.close()
    assert (await closing).status == 200
    assert (await http.post("/sim/refuse", json={"status": 503, "where": "rest"})).status == 200
    assert (await http.get("/1/devices")).status == 503
    assert (await http.post("/sim/delay", json={"delay_ms": 5})).status == 200
    assert hub.faults.delay_ms == 5
    bad = (
        ("explode", {}),
        ("order", {}),
        ("refusal", {}),
        ("cut", []),
        ("cut", {"connections": []}),
        ("delay", {}),
        ("delay", {"delay_ms": "5"}),
        ("delay", {"delay_ms": 1e9}),
        ("garbage", {"kind": "bytes"}),
        ("garbage", {"kind": ["frame"]}),
        ("refuse", {"status": 200}),
        ("refuse", {"status": 503, "where": "x"}),
    )
    for name, body in bad:
        assert (await http.post(f"/sim/{name}", json=body)).status == 400, (name, body)
    assert (await http.post("/sim/cut", json={}, headers={"Open-Shock-Token": "x"})).status == 401
    hub.config.faults = False
    assert (await http.post("/sim/cut", json={})).status == 404


# waiting, and the end


@hub_story()
async def test_waiting_ends_when_the_thing_happens(hub, http):
    mark = hub.journal.mark()
    waiting = asyncio.create_task(hub.device_connected(count=2))
    callers = [await Caller.remote(http), await Caller.device(http)]
    assert not waiting.done()
    callers.append(await Caller.device(http))
    assert (await waiting) is hub.connections[2]
    assert (await hub.device_connected(since=mark)) is hub.connections[1]  # what was before is seen too
    assert (await hub.connected(count=3)) is hub.connections[2]
    received = asyncio.create_task(hub.received("EmergencyStop"))
    await callers[1].send("EmergencyStop", DEVICE)
    assert (await received)["arguments"] == [DEVICE]
    await callers[1].raw('{"type":6}')
    assert await hub.received(lambda record: record["type"] == 6) == {"type": 6}
    with pytest.raises(asyncio.TimeoutError):
        await hub.received("EmergencyStop", count=2, timeout_s=0.01)
    with pytest.raises(asyncio.TimeoutError):
        await hub.connected(since=hub.journal.mark(), timeout_s=0.01)


def test_stopping_tells_everyone_that_they_may_return():
    async def story():
        hub = Hub(known_config())
        await hub.start()
        async with aiohttp.ClientSession(hub.url, headers=HEADERS) as http:
            remote, unready = await Caller.remote(http), await Frames.connect(hub)
            deaf = await greeted(hub)
            stopping = asyncio.create_task(hub.stop())
            assert await remote.record() == {"type": 7, "allowReconnect": True}
            assert (await remote.socket.receive()).type == aiohttp.WSMsgType.CLOSE
            assert await deaf.records() == [{"type": 7, "allowReconnect": True}]
            await stopping
            for client in (deaf, unready):  # who does not answer is cut off
                with pytest.raises(ConnectionResetError):
                    await client.rest()
                    raise ConnectionResetError
            with pytest.raises(aiohttp.ClientConnectorError):
                await http.get("/1")

    asyncio.run(story())


def test_over_tls():
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)

    async def story():
        hub = Hub(known_config())
        assert (await hub.start(ssl_context=server)).startswith("https://127.0.0.1:")
        assert hub.hub_url.startswith("wss://127.0.0.1:")
        connector = aiohttp.TCPConnector(ssl=client)
        async with aiohttp.ClientSession(hub.url, headers=HEADERS, connector=connector) as http:
            device = await Caller.device(http)
            await hub.control([ORDER])
            assert (await device.event("Log"))[1][0]["intensity"] == 40
            await hub.emit("Long", ["x" * 100_000])
            assert await device.event("Long") == ["x" * 100_000]
            hub.faults.cut()
            assert (await device.socket.receive()).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
        await hub.stop()

    asyncio.run(story())
