"""The local hub's alert service, by an independent client: the documented dialect, the public one, limits, alerts by its API."""

import asyncio
import json

import aiohttp
import pytest
from chromium import tab
from hub_story import DEVICE_AGENT, SECRET, hub_story, known_config

from tools.hub import Hub

AGENT = {"User-Agent": "test/1"}
PATH = "/valtronics/ws"


def told(path="/valtronics/ws"):
    """Makes a test of `async def story(hub, socket)`: a hub, and a client's WebSocket at `path`."""

    def dress(story):
        async def tell():
            hub = Hub(known_config())
            url = await hub.start()
            try:
                async with aiohttp.ClientSession(url, headers=AGENT) as http, http.ws_connect(path) as socket:
                    await story(hub, socket)
            finally:
                await hub.stop()

        def test():
            asyncio.run(asyncio.wait_for(tell(), 20))

        test.__name__ = story.__name__
        return test

    return dress


async def ask(socket, **message):
    """The answer to one message."""
    await socket.send_json(message)
    return await socket.receive_json(timeout=5)


async def welcome(socket):
    assert (await ask(socket, type="auth", token=SECRET))["success"] is True


@told()
async def test_a_wrong_token_is_told_and_a_right_one_still_opens(hub, socket):
    assert (await ask(socket, type="subscribe", channel="alerts"))["error"] == "not_authenticated"
    answer = await ask(socket, type="auth", token="x" * 20)
    assert answer["success"] is False and answer["error"] == "invalid_token"
    await welcome(socket)


@told()
async def test_alerts_go_to_whom_they_concern(hub, socket):
    await welcome(socket)
    assert hub.valtronics.alert(title="nobody has subscribed") == 0
    message = {"type": "subscribe", "channel": "alerts", "device_id": 1, "filters": {"severity": ["critical"]}}
    await socket.send_json({"type": "batch", "messages": [message, {"type": "subscribe", "channel": "system"}]})
    await hub.journal.wait("subscribed", count=2)
    assert hub.valtronics.alert("warning", "mild") == 0 and hub.valtronics.alert("critical", "other", device_id=2) == 0
    assert hub.valtronics.alert("critical", "Hot", "very", 1) == 1
    alert = await socket.receive_json(timeout=5)
    assert (alert["type"], alert["severity"], alert["title"], alert["device_id"]) == ("alert", "critical", "Hot", 1)
    hub.valtronics.system_status(cpu_usage=45.2)
    assert (await socket.receive_json(timeout=5))["metrics"] == {"cpu_usage": 45.2}
    await socket.send_json({"type": "unsubscribe", "channel": "alerts", "device_id": 1})
    assert (await ask(socket, type="ping"))["type"] == "pong"
    assert hub.valtronics.alert("critical", "Hot") == 0


@told()
async def test_what_is_too_long_too_often_or_no_message_is_refused(hub, socket):
    await welcome(socket)
    assert (await ask(socket, type="subscribe", channel="x" * 1100))["error"] == "message_too_large"
    assert (await ask(socket, nonsense=1))["error"] == "invalid_message"
    assert (await ask(socket, type="batch", messages=[{"type": "p"}] * 51))["error"] == "invalid_batch"
    assert (await ask(socket, type="nonsense"))["error"] == "Unknown message type: nonsense"
    for _ in range(110):
        await socket.send_str('{"type":"ping"}')
    kinds = [(await socket.receive_json(timeout=5))["type"] for _ in range(110)]
    assert "error" in kinds


@told("/valtronics/ws/alerts")
async def test_a_path_is_a_subscription(hub, socket):
    await welcome(socket)
    assert hub.valtronics.alert("info", "Hello") == 1


@told("/valtronics/public/ws")
async def test_the_public_dialect(hub, socket):
    assert await ask(socket, type="auth", token=SECRET) == {"error": "Unknown message type: auth"}
    await socket.send_str("{")
    assert await socket.receive_json(timeout=5) == {"error": "Invalid JSON format"}
    assert await ask(socket, type="subscribe_device", device_id="7") == {
        "type": "subscription_confirmed",
        "device_id": "7",
    }
    hub.valtronics.device_status("7", "offline")
    first, second = [await socket.receive_json(timeout=5) for _ in range(2)]
    assert first == second and first["updates"] == {"status": "offline"}
    hub.valtronics.alert("critical", "Hot")
    assert (await socket.receive_json(timeout=5))["alert"]["title"] == "Hot"
    assert (await ask(socket, type="unsubscribe_device", device_id="7"))["type"] == "unsubscription_confirmed"
    await ask(socket, type="subscribe_device", device_id=8)
    assert hub.valtronics.device_status(8, "offline") == 0, "a number is never found again"
    assert await ask(socket, type="get_device_status", device_id="7") == {"error": "Device not found"}


@told("/valtronics/public/ws/7")
async def test_the_public_heartbeat(hub, socket):
    hub.valtronics.heartbeat_s = 0.01
    async with aiohttp.ClientSession(hub.url, headers=AGENT) as http, http.ws_connect("/valtronics/public/ws") as other:
        assert (await other.receive_json(timeout=5))["status"] == "alive"


@told()
async def test_alerts_are_raised_by_the_api(hub, socket):
    await welcome(socket)
    await socket.send_json({"type": "subscribe", "channel": "alerts"})
    await hub.journal.wait("subscribed")
    headers = {**AGENT, "Open-Shock-Token": SECRET}
    async with aiohttp.ClientSession(hub.url, headers=headers) as http:
        async with http.post("/valtronics/alerts", json={"title": "Hot", "severity": "error"}) as answer:
            assert await answer.json() == {"told": 1}
        for bad in ({}, {"title": 1}, {"title": "x", "severity": "purple"}, {"title": "x", "device_id": None}, []):
            async with http.post("/valtronics/alerts", data=json.dumps(bad)) as answer:
                assert answer.status == 400
    async with (
        aiohttp.ClientSession(hub.url, headers=AGENT) as http,
        http.post("/valtronics/alerts", json={"title": "Hot"}) as answer,
    ):
        assert answer.status == 401
    assert (await socket.receive_json(timeout=5))["severity"] == "error"


@told()
async def test_the_eleventh_connection_within_a_minute_is_refused(hub, socket):
    async with aiohttp.ClientSession(hub.url, headers=AGENT) as http:
        for _ in range(9):
            await (await http.ws_connect("/valtronics/ws")).close()
        async with http.get("/valtronics/ws", headers={"Upgrade": "websocket"}) as answer:
            assert answer.status == 429 and answer.headers["Retry-After"] == "60"


@pytest.mark.peer("chromium")
@hub_story(page_open=True)
async def test_the_page_shows_who_is_there_and_raises_an_alert(hub, http):
    async with tab(hub.url + "/") as page:
        await page.until("app.isConnected && !app.hidden")
        assert await page.run("document.getElementById('alerts').hidden"), "nobody listens"
        headers = {"User-Agent": DEVICE_AGENT}
        async with aiohttp.ClientSession(hub.url, headers=headers) as session, session.ws_connect(PATH) as device:
            await welcome(device)
            await device.send_json({"type": "subscribe", "channel": "alerts"})
            await page.until("!document.getElementById('alerts').hidden")
            assert "online (Valtronics)" in await page.run("document.getElementById('devices').textContent")
            assert not await page.run("document.getElementById('offline').hidden"), "orders do not go that way"
            await page.run("document.querySelector('#alert [name=severity]').value = 'critical'")
            await page.run("document.querySelector('#alert [name=title]').value = 'Pump 7'")
            await page.click("#alert button")
            alert = await device.receive_json(timeout=5)
            assert (alert["severity"], alert["title"]) == ("critical", "Pump 7")
            await page.until("document.getElementById('toast').textContent === '1 heard it.'")
        await page.until("document.getElementById('alerts').hidden")
