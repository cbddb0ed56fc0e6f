"""The local hub's REST API, table by table: what the firmware, remotes and the page get, and what is refused."""

import json
import re

from hub_story import (
    BLUE,
    DEVICE,
    HEADERS,
    HUB_TOKEN,
    LINK,
    MADE,
    NOBODY,
    OWNER,
    RED,
    SECRET,
    TOKEN_ID,
    Caller,
    hub_story,
)

from tools.hub import Token

ORDER = {"id": RED, "type": "Vibrate", "intensity": 40, "duration": 500}


async def problem(answer, status, kind):
    """The body of an answer that must be this problem+json."""
    assert (answer.status, answer.content_type) == (status, "application/problem+json")
    body = await answer.json()
    assert (body["type"], body["status"]) == (kind, status)
    assert {"title", "message", "traceId", "requestId"} <= set(body)
    return body


@hub_story()
async def test_version_is_public(hub, http):
    answer = await http.get("/1", headers={"Open-Shock-Token": ""})
    body = await answer.json()
    assert body["message"] == "OpenShock"
    assert re.fullmatch(r"\d+\.\d+\.\d+", body["data"]["version"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", body["data"]["currentTime"])


@hub_story()
async def test_no_user_agent_no_answer(hub, http):
    for agent in ("", "  "):
        assert (await http.get("/1/shockers/own", headers={"User-Agent": agent})).status == 403
        assert (await http.get("/1/hubs/user", headers={"User-Agent": agent})).status == 403


@hub_story()
async def test_only_the_token_headers_count(hub, http):
    others = (
        {"Open-Shock-Token": ""},
        {"Open-Shock-Token": "x" * 64},
        {"Open-Shock-Token": "", "Authorization": f"Bearer {SECRET}"},
        {"OpenShockToken": "wrong", "Open-Shock-Token": SECRET},  # the first header that is there decides
    )
    for headers in others:
        for path in ("/1/shockers/own", "/1/devices", "/1/tokens/self", f"/1/devices?access_token={SECRET}"):
            await problem(await http.get(path, headers=headers), 401, "Authentication.CookieMissingOrInvalid")
    for name in ("Open-Shock-Token", "OpenShockToken", "ShockLinkToken", "open-shock-token"):
        async with _plain(hub) as plain:
            answer = await plain.get("/1/devices", headers={name: SECRET, "User-Agent": "test/1"})
            assert answer.status == 200


def _plain(hub):
    import aiohttp

    return aiohttp.ClientSession(hub.url)


@hub_story()
async def test_own_shockers_are_streamed(hub, http):
    answer = await http.get("/1/shockers/own")
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert "Content-Length" not in answer.headers
    assert await answer.text() == (
        '{"message":"","data":[{"shockers":['
        '{"name":"red","isPaused":false,"createdOn":"2025-01-02T03:04:05.678901Z",'
        f'"id":"{RED}","rfId":1234,"model":"CaiXianlin"}},'
        '{"name":"blue","isPaused":false,"createdOn":"2025-01-02T03:04:05.678901Z",'
        f'"id":"{BLUE}","rfId":65535,"model":"PetTrainer"}}'
        f'],"id":"{DEVICE}","name":"desk hub","createdOn":"2025-01-02T03:04:05.678901Z"}}]}}'
    )


@hub_story()
async def test_own_shockers_survive_any_name(hub, http):
    hub.shockers[0].name = 'q"\\\n\x1e\x7f é 漢 😀'
    answer = await http.get("/1/shockers/own")
    body = await answer.read()
    assert rb'"q\"\\\n\u001E\u007F \u00E9 \u6F22 \uD83D\uDE00"' in body
    assert json.loads(body)["data"][0]["shockers"][0]["name"] == hub.shockers[0].name


@hub_story()
async def test_devices_and_single_things(hub, http):
    made = "2025-01-02T03:04:05.678901Z"
    device = {"id": DEVICE, "name": "desk hub", "createdOn": made}
    red = {"name": "red", "isPaused": False, "createdOn": made, "id": RED, "rfId": 1234, "model": "CaiXianlin"}
    blue = {"name": "blue", "isPaused": False, "createdOn": made, "id": BLUE, "rfId": 65535, "model": "PetTrainer"}
    table = {
        "/1/devices": [device],
        f"/1/devices/{DEVICE}": {**device, "token": HUB_TOKEN},
        f"/1/devices/{DEVICE.upper()}/shockers": [red, blue],
        f"/1/shockers/{RED}": {"device": DEVICE, **red},
        "/1/shockers/shared": [],
    }
    for path, data in table.items():
        assert await (await http.get(path)).json() == {"message": "", "data": data}
    await problem(await http.get(f"/1/shockers/{NOBODY}"), 404, "Shocker.NotFound")
    await problem(await http.get(f"/1/devices/{NOBODY}"), 404, "Device.NotFound")
    await problem(await http.get("/1/devices/x/shockers"), 404, "Device.NotFound")
    assert (await http.get("/1/nothing")).status == 404


@hub_story()
async def test_token_tells_what_it_may(hub, http):
    hub.config.tokens[0].permissions = ("shockers.use", "shockers.pause")
    assert (await (await http.get("/1/tokens/self")).json())["data"] == {
        "id": TOKEN_ID,
        "name": "local",
        "createdOn": "2025-01-02T03:04:05.678901Z",
        "createdByIp": "127.0.0.1",
        "validUntil": None,
        "permissions": ["shockers.use", "shockers.pause"],
    }


@hub_story()
async def test_control_by_both_versions_becomes_log(hub, http):
    remote = await Caller.remote(http)
    answer = await http.post("/2/shockers/control", json={"shocks": [ORDER], "customName": "desk"})
    assert await answer.text() == '{"message":"Successfully sent control messages","data":null}'
    sender, (entry,) = await remote.event("Log")
    assert list(sender) == ["connectionId", "additionalItems", "id", "name", "image", "customName"]
    assert (sender["additionalItems"], sender["id"], sender["name"], sender["customName"]) == (
        {},
        OWNER,
        "sample",
        "desk",
    )
    assert list(entry) == ["shocker", "type", "intensity", "duration", "executedAt"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,5}[1-9])?Z", entry.pop("executedAt"))
    assert entry == {"shocker": {"id": RED, "name": "red"}, "type": 2, "intensity": 40, "duration": 500}

    answer = await http.post("/1/shockers/control", json=[ORDER])
    assert answer.status == 200
    sender, _ = await remote.event("Log")
    assert sender["customName"] is None


@hub_story()
async def test_control_takes_names_numbers_and_any_case_and_clamps(hub, http):
    table = (
        ({"type": "stop", "intensity": 9, "duration": 0}, (0, 9, 300)),
        ({"type": "SHOCK", "intensity": 101, "duration": 299}, (1, 100, 300)),
        ({"type": 2, "intensity": 255, "duration": 65535}, (2, 100, 65535)),
        ({"TYPE": "Sound", "Intensity": 0, "Duration": 301, "exclusive": True, "other": []}, (3, 0, 301)),
    )
    for order, (kind, intensity, duration) in table:
        mark = hub.journal.mark()
        answer = await http.post("/2/shockers/control", json={"Shocks": [{"id": RED.upper(), **order}]})
        assert answer.status == 200
        (entry,) = hub.journal.events("log", mark)[0]["logs"]
        assert (entry["type"], entry["intensity"], entry["duration"]) == (kind, intensity, duration)


@hub_story()
async def test_a_batch_is_all_or_nothing_and_each_shocker_counts_once(hub, http):
    hub.shockers[1].paused = True
    table = (
        (NOBODY, 404, "Shocker.Control.NotFound"),
        (BLUE, 412, "Shocker.Control.Paused"),
    )
    for shocker, status, kind in table:
        answer = await http.post("/2/shockers/control", json={"shocks": [ORDER, {**ORDER, "id": shocker}]})
        assert (await problem(answer, status, kind))["shockerId"] == shocker
    answer = await http.post("/2/shockers/control", json={"shocks": [{**ORDER, "id": BLUE, "type": "Stop"}]})
    await problem(answer, 412, "Shocker.Control.Paused")  # a stop too
    assert hub.journal.events("log") == []

    await http.post("/2/shockers/control", json={"shocks": [ORDER, {**ORDER, "intensity": 99}]})
    (event,) = hub.journal.events("log")
    assert [entry["intensity"] for entry in event["logs"]] == [40]


@hub_story()
async def test_bad_bodies_are_refused(hub, http):
    bad = [
        b"",
        b"{",
        b"[]",
        b'{"shocks":null}',
        b'{"shocks":[1]}',
        b'{"shocks":NaN}',
        b'{"shocks":[' + b"[" * 20_000,
        b'{"shocks":[],"customName":5}',
        b"\xff\xfe",
    ]
    wrong = (
        *({"id": value} for value in ("", "x", None, 5, RED[:-1], "{" + RED + "}")),
        *({"type": value} for value in ("Nothing", 4, -1, 1.0, True, None, [])),
        *({"intensity": value} for value in (-1, 256, "5", 5.5, True, None)),
        *({"duration": value} for value in (-1, 65536, "5", 5.5, None, 1e999)),
        {"exclusive": 1},
    )
    bad += [json.dumps({"shocks": [{**ORDER, **change}]}).encode() for change in wrong]
    bad += [json.dumps({"shocks": [{k: v for k, v in ORDER.items() if k != name}]}).encode() for name in ORDER]
    for body in bad:
        answer = await http.post("/2/shockers/control", data=body, headers={"Content-Type": "application/json"})
        assert answer.status == 400, body
        assert "errors" in await answer.json()
    assert (await http.post("/2/shockers/control", data=b"x" * 70_000)).status == 413
    assert hub.journal.events("log") == []


@hub_story()
async def test_a_token_without_permissions_may_read_and_nothing_else(hub, http):
    hub.config.tokens.append(Token("listener", "l" * 64, permissions=()))
    listener = {"Open-Shock-Token": "l" * 64}
    assert (await http.get("/1/shockers/own", headers=listener)).status == 200
    remote = await Caller.remote(http, headers={**HEADERS, **listener})
    shocker = {"name": "n", "model": "D80", "rfId": 1, "device": DEVICE}
    refused = (
        ("POST", "/2/shockers/control", {"shocks": [ORDER]}, "shockers.use"),
        ("POST", "/1/shockers/control", [ORDER], "shockers.use"),
        ("POST", "/1/shockers", shocker, "shockers.edit"),
        ("PATCH", f"/1/shockers/{RED}", shocker, "shockers.edit"),
        ("DELETE", f"/1/shockers/{RED}", None, "shockers.edit"),
        ("POST", f"/1/shockers/{RED}/pause", {"pause": True}, "shockers.pause"),
    )
    for method, path, body, permission in refused:
        answer = await http.request(method, path, json=body, headers=listener)
        assert (await problem(answer, 403, "Authorization.Token.PermissionMissing"))["requiredPermission"] == permission
    assert await remote.quiet()
    assert len(hub.shockers) == 2


@hub_story()
async def test_shockers_come_change_and_go(hub, http):
    remote = await Caller.remote(http)
    body = {"name": "new", "model": "Petrainer", "rfId": 7, "device": DEVICE.upper()}
    answer = await http.post("/1/shockers", json=body)
    assert answer.status == 201
    guid = (await answer.json())["data"]
    assert answer.headers["Location"] == f"/1/shockers/{guid}"
    assert await remote.event("DeviceUpdate") == [DEVICE, 2]
    shown = (await (await http.get(f"/1/shockers/{guid}")).json())["data"]
    assert (shown["name"], shown["model"], shown["rfId"], shown["isPaused"]) == ("new", "PetTrainer", 7, False)

    # Another receiver: the old one is stopped while devices still know it.
    assert (await http.patch(f"/1/shockers/{guid}", json={**body, "rfId": 8, "model": "D80"})).status == 200
    _, (entry,) = await remote.event("Log")
    assert (entry["shocker"]["id"], entry["type"]) == (guid, 0)
    assert await remote.event("DeviceUpdate") == [DEVICE, 2]
    # Only another name: nothing to stop.
    assert (
        await http.patch(f"/1/shockers/{guid}", json={**body, "rfId": 8, "model": "D80", "name": "n"})
    ).status == 200
    assert await remote.event("DeviceUpdate") == [DEVICE, 2]

    assert await (await http.post(f"/1/shockers/{guid}/pause", json={"pause": True})).json() == {
        "message": "",
        "data": True,
    }
    assert (await remote.event("Log"))[1][0]["type"] == 0
    assert await remote.event("DeviceUpdate") == [DEVICE, 2]

    assert (await http.delete(f"/1/shockers/{guid}")).status == 200
    assert (await remote.event("Log"))[1][0]["type"] == 0
    assert await remote.event("DeviceUpdate") == [DEVICE, 2]
    await problem(await http.delete(f"/1/shockers/{guid}"), 404, "Shocker.NotFound")
    assert await remote.quiet()


@hub_story()
async def test_bad_shockers_are_refused(hub, http):
    good = {"name": "n", "model": "CaiXianlin", "rfId": 1, "device": DEVICE}
    wrong = (
        *({"name": value} for value in ("", "x" * 65, 5, None)),
        *({"model": value} for value in ("", "Pet", 5, -1, None, True)),
        *({"rfId": value} for value in (-1, 65536, "1", 1.5, None, True)),
        *({"device": value} for value in ("", "desk hub", None)),
        {"pause": True, "name": None},
    )
    for change in wrong:
        assert (await http.post("/1/shockers", json={**good, **change})).status == 400, change
        assert (await http.patch(f"/1/shockers/{RED}", json={**good, **change})).status == 400, change
    await problem(await http.post("/1/shockers", json={**good, "device": NOBODY}), 404, "Device.NotFound")
    await problem(await http.patch(f"/1/shockers/{NOBODY}", json=good), 404, "Shocker.NotFound")
    for pause in (None, 1, "true"):
        assert (await http.post(f"/1/shockers/{RED}/pause", json={"pause": pause})).status == 400
    assert (hub.shockers[0].name, hub.shockers[0].paused, len(hub.shockers)) == ("red", False, 2)
    for _ in range(9):
        assert (await http.post("/1/shockers", json=good)).status == 201
    await problem(await http.post("/1/shockers", json=good), 400, "Device.TooManyShockers")


@hub_story()
async def test_a_share_link_shows_what_guests_may(hub, http):
    answer = await http.get(f"/1/public/shares/links/{LINK.upper()}", headers={"Open-Shock-Token": ""})
    limits = {"intensity": 30, "duration": 2000}
    allowed = {"vibrate": True, "sound": True, "shock": False, "live": False}
    assert (await answer.json())["data"] == {
        "id": LINK,
        "name": "friends",
        "createdOn": "2025-01-02T03:04:05.678901Z",
        "expiresOn": None,
        "author": {"id": OWNER, "name": "sample", "image": None},
        "devices": [
            {
                "id": DEVICE,
                "name": "desk hub",
                "shockers": [{"id": RED, "name": "red", "permissions": allowed, "limits": limits, "paused": 0}],
            }
        ],
    }
    hub.shockers[0].paused = hub.config.shares[0].shares[RED].paused = True
    answer = await http.get(f"/1/public/shares/links/{LINK}")
    assert (await answer.json())["data"]["devices"][0]["shockers"][0]["paused"] == 5
    hub.config.shares[0].expires_on = MADE
    await problem(await http.get(f"/1/public/shares/links/{LINK}"), 404, "ShareLink.NotFound")
    await problem(await http.get(f"/1/public/shares/links/{NOBODY}"), 404, "ShareLink.NotFound")


@hub_story()
async def test_ordered_refusals_hit_what_they_name_and_are_used_up(hub, http):
    hub.faults.refuse(503, where="rest")
    hub.faults.refuse(429, retry_after_s=7, where="rest", times=2)
    answers = [await http.get("/1/devices") for _ in range(4)]
    assert [answer.status for answer in answers] == [503, 429, 429, 200]
    assert [answer.headers.get("Retry-After") for answer in answers] == [None, "7", "7", None]
    hub.faults.refuse(401)
    assert (await http.get("/1/devices")).status == 200  # this one waits for a hub's door
    await problem(await http.post("/1/hubs/user/negotiate"), 401, "Authentication.CookieMissingOrInvalid")
    assert [event["status"] for event in hub.journal.events("refused")] == [503, 429, 429, 401]
