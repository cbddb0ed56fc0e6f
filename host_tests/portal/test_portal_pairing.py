"""A pairing with DSP Fleet on the set-up page, at the local hub: the code, the account, and every way in which none comes of it."""

import asyncio
import json
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from portal_site import milliseconds, story

from tools.hub import Config, Hub

WAITING = ": enter it on the website; it is good for 10 minutes"
PULSE = {"model": "caixianlin", "rf_id": 1, "action": "vibrate", "intensity": 10, "duration_ms": 1000}


def paired(tell, **options):
    """A test of `async def tell(site, hub)`: a device in set-up mode that is online, DSP Fleet chosen."""

    def test(tmp_path):
        async def run(site):
            hub = Hub(Config.sample(faults=True))
            await hub.start("127.0.0.1", 0)
            try:
                site.house.wifi.joined = "home"
                assert (await site.post("account", {"backend": "dsp_fleet", "fields": {"url": hub.url}}))[0] == 200
                await tell(site, hub)
            finally:
                await hub.stop()

        story(tmp_path, run, **options)

    test.__name__, test.__doc__ = tell.__name__, tell.__doc__
    return test


async def asked(site):
    """The pairing code that the page shows, once it was asked for."""
    status, state = await site.post("reach", {})
    assert (status, state["account"]["reach"]) == (200, {"ok": None, "text": "asking"})
    return await code_of(site)


async def code_of(site, but=""):
    """The code that the page shows, as soon as it is another than `but`."""

    def another(state):
        reach = state["account"]["reach"]
        return reach["ok"] is not None or "pairing code" in reach["text"] and (not but or but not in reach["text"])

    reach = (await site.until(another))["account"]["reach"]
    assert reach["ok"] is None and reach["text"].endswith(WAITING), reach
    return reach["text"].split()[2].rstrip(":")


async def ended(site):
    """(whether it is paired, in words)."""
    reach = (await site.until(lambda state: state["account"]["reach"]["ok"] is not None))["account"]["reach"]
    return reach["ok"], reach["text"]


def kept(site, key):
    return site.house.settings.get("dsp_fleet." + key)


@paired
async def test_the_code_is_shown_and_whoever_enters_it_has_paired_the_device(site, hub):
    code = await asked(site)
    assert hub.fleet.pairing.bind(code)
    assert await ended(site) == (True, "paired as desk hub")
    assert kept(site, "device_id") == "1" and kept(site, "refresh") and kept(site, "endpoint").endswith("/hubs/fleet")
    saved = json.loads(Path(site.house.settings._path).read_text())
    assert hub.fleet.tokens.claims(saved["dsp_fleet.token"])["DeviceId"] == 1
    assert saved["dsp_fleet.token"] not in json.dumps((await site.get("state"))[1])
    while site.setup._work.busy:
        await asyncio.sleep(0.005)
    await site.post("reach", {})  # nothing is paired twice
    ok, words = await ended(site)
    assert ok and words == "reaches the hub: paired"


@paired
async def test_another_server_is_another_account(site, hub):
    hub.fleet.pairing.binds = True
    await site.post("reach", {})
    assert await ended(site) == (True, "paired as desk hub")
    await site.post(
        "account", {"backend": "dsp_fleet", "fields": {"url": hub.url, "latitude": "52.5", "longitude": "13"}}
    )
    assert kept(site, "token")
    await site.post("account", {"backend": "dsp_fleet", "fields": {"url": "http://127.0.0.1:9"}})
    assert (kept(site, "token"), kept(site, "refresh"), kept(site, "endpoint")) == ("", "", "")


@paired
async def test_a_server_whose_hub_gives_no_codes_is_asked_by_http(site, hub):
    hub.fleet.pairing.gives_codes = False
    assert hub.fleet.pairing.bind(await asked(site))
    assert await ended(site) == (True, "paired as desk hub")
    assert kept(site, "device_guid") == ""


@paired
async def test_a_lost_connection_is_said_and_whoever_asks_again_has_a_new_code(site, hub):
    first = await asked(site)
    hub.faults.cut()
    ok, words = await ended(site)
    assert not ok and words
    second = await asked(site)
    assert first != second and first not in hub.fleet.pairing.pending
    assert hub.fleet.pairing.bind(second)
    assert await ended(site) == (True, "paired as desk hub")


@paired
async def test_any_other_wish_ends_it_at_once_and_is_granted(site, hub):
    wishes = [
        ("hostname", {"hostname": "van"}, "the pairing has ended: something else was asked for"),
        ("rules", {"rules": []}, "the pairing has ended: something else was asked for"),
        ("account", {"backend": "dsp_fleet", "fields": {}}, ""),
        ("wifi", {"ssid": "home", "key": "wrong horse"}, "the pairing has ended: something else was asked for"),
    ]
    for name, body, words in wishes:
        code = await asked(site)
        assert (await site.post(name, body))[0] == 200
        assert (await site.get("state"))[1]["account"]["reach"]["text"] == words
        assert not hub.fleet.pairing.bind(code) or not kept(site, "token")
    await site.until(lambda state: state["wifi"]["result"])


@paired
async def test_who_asks_again_has_another_code(site, hub):
    first = await asked(site)
    second = await asked(site)
    assert first != second and hub.fleet.pairing.bind(second)
    assert await ended(site) == (True, "paired as desk hub")


@paired
async def test_done_ends_it_and_keeps_nothing_of_it(site, hub):
    await asked(site)
    assert (await site.post("done", {}))[1] == {"restarting": True}
    assert await ended(site) == (False, "the pairing has ended: something else was asked for")
    assert kept(site, "token") == ""


async def test_it_waits_for_no_transmitter_and_no_transmitter_for_it(site, hub):
    assert (await site.post("pulse", PULSE))[0] == 200
    await site.post("reach", {})
    assert await ended(site) == (False, "the pairing has ended: something is on the air")
    site.house.dispatcher.halt("test")
    await asked(site)
    assert (await site.post("pulse", PULSE)) == (200, {"sent": True})
    assert await ended(site) == (False, "the pairing has ended: something else was asked for")
    site.house.dispatcher.halt("test")
    await asked(site)
    await site.setup._carry_out("POST", "pulse", PULSE)  # whoever else makes it send
    assert await ended(site) == (False, "the pairing has ended: something is on the air")


test_it_waits_for_no_transmitter_and_no_transmitter_for_it = paired(
    test_it_waits_for_no_transmitter_and_no_transmitter_for_it, rf__pin=4
)


@paired
async def test_without_the_internet_there_is_no_code_and_no_waiting(site, hub):
    site.house.wifi.joined = None
    await site.post("reach", {})
    assert await ended(site) == (False, "not connected to the internet yet")
    site.house.wifi.joined = "home"
    await asked(site)
    site.house.wifi.joined = None
    assert await ended(site) == (False, "not connected to the internet any more")


_skew_ms = [0]


async def test_nobody_enters_the_code(site, hub):
    code = await asked(site)
    _skew_ms[0] = 600_000
    ok, words = await ended(site)
    assert not ok and words == "nobody has entered the code: ask for a new one"
    assert not hub.fleet.pairing.bind(code) or kept(site, "token") == ""
    assert site.setup.over == ""


test_nobody_enters_the_code = paired(
    test_nobody_enters_the_code, clock=lambda: milliseconds() + _skew_ms[0], idle_ms=3_600_000, timeout_ms=3_600_000
)


@asynccontextmanager
async def server_of(serve):
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    place = web.TCPSite(runner, "127.0.0.1", 0)
    await place.start()
    try:
        yield f"http://127.0.0.1:{place._server.sockets[0].getsockname()[1]}"
    finally:
        await runner.cleanup()


def talks(*texts):
    """A server of WebSockets that answers each message by the next text, whatever it was; then it closes."""

    async def serve(request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        for text in texts:
            await socket.receive()
            await socket.send_str(text)
        await socket.close()
        return socket

    return serve


def test_servers_that_pair_nobody(tmp_path):
    code = '{"type":3,"invocationId":"1","result":"ABC123"}\x1e'
    bound = '{"type":1,"target":"DeviceBound","arguments":[%s]}\x1e'

    async def refuses(request):
        return web.Response(status=403)

    async def nowhere(request):
        return web.Response(status=404)

    cases = [
        (refuses, "the server answers 403"),
        (nowhere, "404"),
        (talks('{"error":"go away"}\x1e'), "the server does not let us in: go away"),
        (talks("rubbish\x1e"), "the other side closed"),
        (talks("{}\x1e", code + bound % "{}"), "the server's answer makes no sense"),
        (talks("{}\x1e", code + bound % '{"accessToken":5}'), "the server's answer makes no sense"),
    ]

    async def tell(site):
        site.house.wifi.joined = "home"
        for serve, words in cases:
            async with server_of(serve) as url:
                assert (await site.post("account", {"backend": "dsp_fleet", "fields": {"url": url}}))[0] == 200
                await site.post("reach", {})
                ok, told = await ended(site)
                assert not ok and words in told, (words, told)
                assert kept(site, "token") == ""
                while site.setup._work.busy:
                    await asyncio.sleep(0.005)
        await site.post("account", {"backend": "dsp_fleet", "fields": {"url": "http://127.0.0.1:9"}})
        await site.post("reach", {})
        assert "connection refused" in (await ended(site))[1]

    story(tmp_path, tell)
