"""The hub's page: what it is served with, who gets in, what it hears; and in a real browser, that its buttons do what they say."""

import asyncio
import base64
import hashlib
import json
import re

import pytest
from chromium import tab
from hub_story import BLUE, DEVICE, RED, Caller, hub_story

from tools.hub import Token

ORDER = {"id": RED, "type": 2, "intensity": 40, "duration": 500}


@hub_story()
async def test_the_page_needs_nothing_from_elsewhere(hub, http):
    answer = await http.get("/", headers={"Open-Shock-Token": "", "User-Agent": ""})
    page = await answer.text()
    assert (answer.status, answer.content_type) == (200, "text/html")
    outside = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+", page)) - {
        "http://www.w3.org"
    }  # the name of SVG, not a place
    assert outside == set()
    assert not re.search(r"\bsrc=|@import|url\(", page)
    assert not re.search(
        r"\son\w+=", page.replace("<script>", "")
    )  # no handlers in attributes: the policy forbids them
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        (inner,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.S)
        assert policy[rule] == f"'sha256-{base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode()}'"
    assert (policy["default-src"], policy["connect-src"], policy["frame-ancestors"]) == ("'none'", "'self'", "'none'")
    assert "token" not in re.sub(r"<script>.*</script>", "", page, flags=re.S).replace("API token", "")


@hub_story()
async def test_the_code_opens_the_page_and_guessing_does_not(hub, http):
    async def login(code):
        answer = await http.post("/page/login", json={"code": code})
        return answer.status, (await answer.json()).get("token"), answer.headers.get("Retry-After")

    assert re.fullmatch("[A-HJ-NP-Z2-9]{4}-[A-HJ-NP-Z2-9]{4}", hub.page_code)
    hub.config.tokens.append(Token("other", "o" * 64))
    for code in (hub.page_code, hub.page_code.lower(), f" {hub.page_code.replace('-', ' ')} "):
        assert await login(code) == (200, hub.token, None)
    assert await login("o" * 64) == (200, "o" * 64, None)
    assert (await http.post("/page/login", data=b"{")).status == 400
    assert (await http.post("/page/login", json={"code": 5})).status == 400
    assert await login("") == (401, None, None)  # the page's first try costs nothing
    for number in range(10):
        assert (await login(f"wrong {number}"))[:2] == (401, None)
    status, token, wait_s = await login(hub.page_code)
    assert (status, token) == (429, None)
    assert 0 < int(wait_s) <= 61


@hub_story(page_open=True)
async def test_an_open_page_lets_in_this_machine_only(hub, http):
    table = (
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Host": "localhost:8080"}, 200),
        ({"Host": "[::1]:8080"}, 200),
        ({"Host": "evil.example"}, 401),  # a foreign name that points here
        ({"Host": "127.0.0.1.evil.example"}, 401),
        ({"Sec-Fetch-Site": "cross-site"}, 401),
    )
    for headers, status in table:
        assert (await http.post("/page/login", json={"code": ""}, headers=headers)).status == status, headers
    hub.loopback_only = False  # as after start("0.0.0.0")
    assert (await http.post("/page/login", json={"code": ""})).status == 401


@hub_story()
async def test_the_page_hears_what_happens(hub, http):
    assert (await http.get("/page/events", headers={"Open-Shock-Token": "x"})).status == 401
    async with http.get("/page/events") as stream:

        async def told():
            return json.loads(await asyncio.wait_for(stream.content.readline(), 10))

        state = await told()
        assert state["event"] == "state"
        assert [(each["id"], each["online"]) for each in state["devices"]] == [(DEVICE, False)]
        assert [(each["id"], each["rfId"], each["device"]) for each in state["shockers"]] == [
            (RED, 1234, DEVICE),
            (BLUE, 65535, DEVICE),
        ]
        device = await Caller.device(http)
        while not state["devices"][0]["online"]:
            state = await told()
        seen = (state["devices"][0]["firmwareVersion"], state["devices"][0]["board"], state["remotes"])
        assert seen == ("0.1.0", "esp32", 0)
        logs = await hub.control([ORDER], name="n")
        heard = await told()
        while heard["event"] != "log":
            heard = await told()
        assert (heard["logs"], heard["sender"]["customName"]) == (logs, "n")
        answer = await http.post("/page/device", json={"do": "CaptivePortal", "device": DEVICE, "enabled": True})
        assert await answer.json() == {"told": 1}
        assert await device.event("Log")
        assert await device.event("CaptivePortal") == [DEVICE, True]
        assert await told() == {
            "event": "invoked",
            "target": "CaptivePortal",
            "arguments": [DEVICE, True],
            "connections": 1,
        }
        assert (await told())["event"] == "beat"  # nothing happened for two seconds
        assert hub.token not in json.dumps(state)


@hub_story()
async def test_orders_of_the_page(hub, http):
    remote = await Caller.remote(http)
    hub.shockers[1].paused = True
    assert await (await http.post("/page/stop")).json() == {"stopped": 2}
    _, entries = await remote.event("Log")
    assert [(entry["shocker"]["id"], entry["type"]) for entry in entries] == [(RED, 0), (BLUE, 0)]
    bad = (
        {},
        {"do": "Reboot"},
        {"do": "Explode", "device": DEVICE},
        {"do": ["Reboot"], "device": DEVICE},
        {"do": "CaptivePortal", "device": DEVICE},
        {"do": "CaptivePortal", "device": DEVICE, "enabled": "yes"},
        {"do": "OtaInstall", "device": DEVICE, "version": "x"},
        [],
    )
    for body in bad:
        assert (await http.post("/page/device", json=body)).status == 400, body
    for path in ("/page/stop", "/page/device"):
        assert (await http.post(path, headers={"Open-Shock-Token": "x"})).status == 401
    hub.config.tokens[0].permissions = ()
    for path in ("/page/stop", "/page/device"):
        assert (await http.post(path)).status == 403


# in a browser

CARD = "#shockers article:first-child "


async def sent(hub, since, count=1):
    """The (shocker name, type, intensity, duration) of the `count`-th Log since a mark."""
    event = await hub.journal.wait("log", since=since, count=count)
    return [(each["shocker"]["name"], each["type"], each["intensity"], each["duration"]) for each in event["logs"]]


@pytest.mark.peer("chromium")
@hub_story()
async def test_logging_in_and_driving(hub, http):
    hub.shockers[0].name = "<img src=x onerror=alert(1)>"
    async with tab(hub.url + "/") as page:
        await page.until("!document.getElementById('login').hidden")
        for code, outcome in (
            ("nope", "!document.querySelector('#login .alarm').hidden"),
            (hub.page_code, "app.isConnected && !app.hidden"),
        ):
            await page.run(f"document.querySelector('[name=code]').value = {json.dumps(code)}")
            await page.click("#login button")
            await page.until(outcome)
        await page.until("document.querySelectorAll('#shockers article').length === 2")
        assert await page.run(f"document.querySelector('{CARD} h2').textContent") == "<img src=x onerror=alert(1)>"
        assert not await page.run("document.getElementById('offline').hidden")
        device = await Caller.device(http)
        await page.until("document.getElementById('offline').hidden")
        assert "firmware 0.1.0" in await page.run("document.getElementById('devices').textContent")

        mark = hub.journal.mark()
        await page.click(CARD + ".vibrate")
        assert [entry[1:] for entry in await sent(hub, mark)] == [(2, 25, 1000)]
        await page.run(
            f"(i => {{ i.value = 60; i.dispatchEvent(new Event('input')) }})(document.querySelector('{CARD} .level'))"
        )
        assert await page.run(f"document.querySelector('{CARD} .level').getAttribute('aria-valuetext')") == "60 %"
        mark = hub.journal.mark()
        await page.click(CARD + ".sound")
        assert [entry[1:] for entry in await sent(hub, mark)] == [(3, 60, 1000)]
        await page.until("document.querySelectorAll('#log li').length >= 2")

        mark = hub.journal.mark()
        await page.click("#estop")
        await page.until("document.getElementById('ask').open")
        await page.click("#ask-yes")
        assert (await hub.journal.wait("invoked", since=mark))["arguments"] == [DEVICE]
        while (await device.record()).get("target") != "EmergencyStop":
            pass

        hub.shockers[1].paused = True
        hub.changed(DEVICE)
        await page.until("!document.querySelector('#shockers article:last-child .badge').hidden")
        for how in (page.click("#stop"), page.key("keyDown", "Escape", "Escape")):
            mark = hub.journal.mark()
            await how
            assert [entry[1] for entry in await sent(hub, mark)] == [0, 0]
        # The wrong code and the missing favicon of nobody: no other complaint may be there.
        assert [text for text in page.complaints if "401" not in text] == []
        assert hub.token not in await page.run("location.href + document.cookie")


@pytest.mark.peer("chromium")
@hub_story(page_open=True)
async def test_a_shock_needs_unlocking_and_holding_and_ends_when_let_go(hub, http):
    async with tab(hub.url + "/") as page:
        await page.until("document.querySelectorAll('#shockers article').length === 2")
        hold = CARD + ".hold"
        await page.run(f"document.querySelector('{CARD} .guard').open = true")
        assert await page.run(f"document.querySelector('{hold}').disabled")
        await page.click(CARD + ".unlock")
        await page.until(f"!document.querySelector('{hold}').disabled")

        mark = hub.journal.mark()
        await page.mouse("mousePressed", hold)
        await page.mouse("mouseReleased", hold)  # too short
        await page.click(CARD + ".sound")
        assert [entry[1] for entry in await sent(hub, mark)] == [3]

        mark = hub.journal.mark()
        await page.mouse("mousePressed", hold)
        assert await sent(hub, mark) == [("red", 1, 5, 500)]
        await page.mouse("mouseReleased", hold)
        assert [entry[:2] for entry in await sent(hub, mark, count=2)] == [("red", 0)]

        mark = hub.journal.mark()
        await page.run(f"document.querySelector('{hold}').focus()")
        await page.key("keyDown", "Enter", "Enter")
        assert await sent(hub, mark) == [("red", 1, 5, 500)]
        await page.key("keyUp", "Enter", "Enter")
        assert [entry[:2] for entry in await sent(hub, mark, count=2)] == [("red", 0)]

        # Stop everything while it is held: stopped, locked, and a high level is not left behind.
        await page.run(f"document.querySelector('{CARD} .shock-level').value = 90")
        mark = hub.journal.mark()
        await page.mouse("mousePressed", hold)
        assert await sent(hub, mark) == [("red", 1, 90, 500)]
        await page.key("keyDown", "Escape", "Escape")
        assert {kind for _, kind, *_ in await sent(hub, mark, count=3)} == {0}
        assert await page.run(f"document.querySelector('{hold}').disabled")
        assert await page.run(f"document.querySelector('{CARD} .shock-level').value") == "5"
        assert page.complaints == []


@pytest.mark.peer("chromium")
@hub_story(page_open=True)
async def test_shockers_are_edited_and_a_lost_hub_is_said(hub, http):
    async with tab(hub.url + "/") as page:
        await page.until("document.querySelectorAll('#shockers article').length === 2")
        await page.click("#add")
        await page.until("document.getElementById('editor').open")
        assert await page.run("document.querySelector('main').inert")  # nothing behind it can be hit by mistake
        assert not await page.run("document.getElementById('stop').closest('[inert]')")  # but this always can
        fill = "f.name.value = 'third'; f.model.value = 'D80'; f.rfId.value = 99;"
        await page.run(f"(f => {{ {fill} }})(document.querySelector('#editor form').elements)")
        await page.click("#editor button.main")
        await page.until("document.querySelectorAll('#shockers article').length === 3")
        assert (hub.shockers[2].name, hub.shockers[2].model, hub.shockers[2].rf_id) == ("third", "D80", 99)
        await page.click("#shockers article:last-child .remove")
        await page.until("document.getElementById('ask').open")
        await page.click("#ask-yes")
        await page.until("document.querySelectorAll('#shockers article').length === 2")
        assert len(hub.shockers) == 2
        await hub.stop()
        await page.until("!document.getElementById('lost').hidden")
