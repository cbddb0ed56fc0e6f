"""What strangers send to the local hub: no answer is 500, no message ends in a traceback, and what is saved stays savable."""

import asyncio
import logging

import aiohttp
import pytest
from hub_story import DEVICE, HEADERS, HUB_TOKEN, LINK, RED, hub_story, known_config

from tools.hub import Hub, config

SHOCKER = {"model": "D80", "rfId": 3, "device": DEVICE}
HALF = b"\\ud800"  # of a surrogate pair, as JSON writes it
ODD = (b"\xff", b"\xed\xa0\x80", b"\x85", b"\xc3\xa9", b"a.b.c", b"..", b"x" * 5000, b"")
# every header that carries a secret, and where it is asked for
SECRETS = [
    (b"OpenShockToken", "/1/shockers/own", 401),
    (b"Open-Shock-Token", "/1/devices", 401),
    (b"ShockLinkToken", "/1/tokens/self", 401),
    (b"DeviceToken", "/1/device/self", 401),
    (b"Device-Token", "/2/device/assignLCG?version=2", 401),
    (b"DeviceToken", "/2/ws/hub", 401),
    (b"Authorization: Bearer", "/hubs/fleet?access_token=", 401),
    (b"OpenShockSession", f"/1/hubs/share/link/{LINK}?name=%ff", 400),
    (b"Cookie: openShockSession=", f"/1/hubs/share/link/{LINK}?name=x", 400),
]


@pytest.fixture(autouse=True)
def no_traceback(caplog):
    """No test here may leave one in the log."""
    with caplog.at_level(logging.WARNING):
        yield
    assert not [record for record in caplog.get_records("call") if record.exc_info]


async def raw(hub, head, body=b""):
    """The status of a request as these bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(hub.url.rpartition(":")[2]))
    writer.write(head + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
    line = await asyncio.wait_for(reader.readline(), 10)
    writer.close()
    return int(line.split()[1])


def test_a_name_that_no_file_can_keep_is_refused_and_others_are_saved(tmp_path):
    async def story():
        path = tmp_path / "hub.json"
        hub = Hub(known_config(path=path))
        await hub.start()
        head = b"POST /1/shockers HTTP/1.1\r\nHost: h\r\nUser-Agent: x\r\nOpen-Shock-Token: " + b"s" * 64 + b"\r\n"
        tail = b'","model":"D80","rfId":3,"device":"%s"}' % DEVICE.encode()
        for name in (HALF, b"a" + HALF + HALF, b"\xed\xa0\x80"):
            assert await raw(hub, head, b'{"name":"' + name + tail) == 400
        assert not path.exists() and len(hub.shockers) == 2
        assert await raw(hub, head, b'{"name":"third' + tail) == 201
        assert [each.name for each in config.load(path).shockers] == ["red", "blue", "third"]
        assert not hub.journal.events("unsaved")
        await hub.stop()

    asyncio.run(story())


def test_a_config_that_cannot_be_written_leaves_the_file_and_is_told(tmp_path):
    async def story():
        path = tmp_path / "hub.json"
        config.save(known_config(), path)
        before = path.read_bytes()
        hub = Hub(config.load(path))
        hub.shockers[0].name = "\ud800"  # as only a program could
        hub.changed()
        assert path.read_bytes() == before and [one.name for one in tmp_path.iterdir()] == ["hub.json"]
        assert len(hub.journal.events("unsaved")) == 1
        hub.shockers[0].name = "well"
        hub.changed()
        assert config.load(path).shockers[0].name == "well"

    asyncio.run(story())


@hub_story()
async def test_odd_secrets_are_wrong_secrets(hub, http):
    for header, path, status in SECRETS:
        for odd in ODD:
            line = header + (b" " if b":" in header else b": ") + odd
            head = b"GET %s HTTP/1.1\r\nHost: h\r\nUser-Agent: x\r\n%s\r\n" % (path.encode(), line)
            assert await raw(hub, head) == status, line


@hub_story()
async def test_odd_codes_and_bodies_are_wrong_ones(hub, http):
    posts = {
        "/page/login": (401, 400),
        "/2/shockers/control": (400,),
        "/1/shockers/control": (400,),
        "/page/device": (400,),
        "/page/fleet": (400,),
        "/api/devices/by-code": (404,),
        "/api/auth/refresh": (401,),
        "/api/devices/1/messages": (400,),
        "/valtronics/alerts": (400,),
        f"/1/shockers/{RED}/pause": (400,),
    }
    for path, statuses in posts.items():
        for body in (
            b'"%s"',
            b'{"code":"%s"}',
            b'{"%s":1}',
            b'{"body":"%s"}',
            b'{"title":"%s"}',
            b'{"customName":"%s"}',
        ):
            answer = await http.post(path, data=body % HALF)
            assert answer.status in statuses, (path, body)
        for body in (b"", b"null", b"[]", b"[" * 5000, b"9" * 5000, b"\xff\xfe{\x00", b'{"device_id":1e400}'):
            answer = await http.post(path, data=body)
            assert answer.status < 500, (path, body)


@pytest.mark.parametrize(
    "junk", [b"\x16\x03\x01\x02\x00\x01\x00", b"\x1b[31mGET / HTTP/1.1", b"GET /\x1b[31m HTTP/1.1"]
)
def test_what_is_no_http_is_one_line_without_its_bytes(junk, caplog):
    @hub_story()
    async def story(hub, http):
        assert await raw(hub, junk + b"\r\nHost: h\r\n") == 400

    story()
    for record in caplog.records:
        assert record.getMessage().isprintable() and "31m" not in record.getMessage()


@hub_story(gateway_first_ping_ms=20)
async def test_messages_that_are_odd_in_any_way_end_in_an_answer_or_a_close(hub, http):
    odd = ("[]", "{}", "5", "null", '"\\ud800"', '["x"]', "1e400")
    hello = '{"protocol":"json","version":1}\x1e'
    signalr = [f'{{"type":3,"invocationId":{each},"result":1}}\x1e' for each in odd]
    signalr += [f'{{"type":1,"target":"ControlV2","arguments":[{each},{each}],"invocationId":"1"}}\x1e' for each in odd]
    login = '{"type":"auth","token":"%s"}' % ("s" * 64)
    alerts = [f'{{"type":"{name}","channel":{each}}}' for name in ("subscribe", "unsubscribe") for each in odd]
    alerts += [f'{{"type":"subscribe","channel":"alerts","filters":{each}}}' for each in odd]
    alerts += [
        f'{{"type":"{name}_device","device_id":{each}}}' for name in ("subscribe", "unsubscribe") for each in odd
    ]
    alerts += [f'{{"type":{each}}}' for each in odd] + ['{"type":"\\ud800"}', '{"type":"auth","token":"\\ud800"}']
    fleet = f"/hubs/fleet?access_token={hub.fleet.tokens.make(1, 1)}"
    for path, first, messages in (
        ("/1/hubs/user", hello, signalr),
        (f"/1/hubs/share/link/{LINK}?name=x", hello, signalr),
        (fleet, hello, signalr),
        ("/hubs/pairing", hello, signalr),
        ("/valtronics/ws", login, alerts),
        ("/valtronics/public/ws", '{"type":"ping"}', alerts),
    ):
        hub.valtronics.connects_a_minute = 1000
        for message in messages:
            async with http.ws_connect(path) as socket:
                await socket.send_str(first)
                await socket.send_str(message)
                await socket.send_str('{"type":"ping"}' if "valtronics" in path else '{"type":7}\x1e')
                wanted = aiohttp.WSMsgType.TEXT if "valtronics" in path else aiohttp.WSMsgType.CLOSE
                while (heard := await socket.receive(10)).type != wanted and not socket.closed:
                    pass
                assert heard.type in (wanted, aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
                hub.valtronics.alert("critical", "Hot")
                hub.valtronics.device_status(1, "offline")


@hub_story(gateway_first_ping_ms=20)
async def test_a_rate_of_live_control_is_a_number_or_the_usual_one(hub, http):
    own = {**HEADERS, "Device-Token": HUB_TOKEN, "Firmware-Version": "0.1.0"}
    async with http.ws_connect("/2/ws/hub", headers=own):
        hub.gateway.links[0].online = True
        for rate in ("%C2%B2", "%D9%A3", "9" * 5000, "-1", "", "x", "5"):
            async with http.ws_connect(f"/1/ws/live/{DEVICE}?tps={rate}") as socket:
                assert (await socket.receive(10)).type == aiohttp.WSMsgType.TEXT, rate
