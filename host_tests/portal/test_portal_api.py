"""The API of the set-up page, over loopback: each call, and each way in which it is refused, with its words."""

import asyncio
import json
import ssl
from contextlib import asynccontextmanager

import pytest
import trustme
from aiohttp import web
from portal_site import story

from firmware.portal import account_actions
from host_tests.unit.setup_rooms import AIR, House
from lib import ca_certs


def test_the_state_has_what_the_page_shows(tmp_path):
    async def tell(site):
        _, state = await site.get("state")
        assert set(state) == {
            "step", "board", "models", "caps", "rules", "hostname", "wifi", "account", "estop", "idle_ms_left",
        }  # fmt: skip
        assert state["step"] == "board" and state["models"] == sorted(state["models"]) and "d80" in state["models"]
        board = state["board"]
        assert board["name"] == "generic-esp32" and "pishock-2023" in board["boards"]
        assert "generic-esp32c3" not in board["boards"] and board["chip"] == "esp32" and board["fixed"] is False
        assert 0 < len(board["pins"]["in"]) < len(board["pins"]["out"]) and board["pins"]["strapping"] == [2, 5, 12, 15]
        assert (board["rf_pin"], board["estop_pin"]) == (None, None)
        assert state["caps"]["shock"] == 100 and state["caps"]["own"] == []
        assert state["wifi"] == {"saved": [], "testing": None, "result": None, "online": False}
        assert state["account"]["backend"] == "openshock_gateway"  # where a code is enough
        assert state["account"]["reach"] == {"ok": None, "text": ""}
        (backend,) = [each for each in state["account"]["backends"] if each["name"] == "openshock_user"]
        fields = {field["key"]: field for field in backend["fields"]}
        assert fields["token"] == {"key": "token", "label": "API token", "secret": True, "set": False}
        assert fields["url"]["value"] == "https://api.openshock.app"
        assert fields["certificate"]["value"] == "" and not fields["certificate"]["set"]
        assert state["estop"] == {"latched": False, "pressed": False, "seen": False, "progress": ""}
        assert 590_000 < state["idle_ms_left"] <= 600_000

    story(tmp_path, tell)


def test_the_steps_follow_what_is_there(tmp_path):
    async def tell(site):
        house = site.house
        assert (await site.get("state"))[1]["step"] == "board"
        assert (await site.post("board", {"rf_pin": 4}))[1]["step"] == "radio"
        pulse = {"model": "caixianlin", "rf_id": 1, "action": "vibrate", "intensity": 10, "duration_ms": 300}
        assert await site.post("pulse", pulse) == (200, {"sent": True})
        assert (await site.get("state"))[1]["step"] == "wifi"  # no e-stop is wired yet
        assert (await site.post("board", {"estop_pin": 13}))[1]["step"] == "estop"
        house.is_pressed = True
        state = await site.until(lambda state: state["step"] == "wifi")
        assert state["estop"] == {"latched": False, "pressed": True, "seen": True, "progress": ""}
        house.is_pressed = False
        assert (await site.post("wifi", {"ssid": "home", "key": "correct horse"}))[1] == {"testing": True}
        assert (await site.until(lambda state: state["step"] == "account"))["estop"]["seen"] is True
        fields = {"token": "token-of-the-user-hub"}
        _, state = await site.post("account", {"backend": "openshock_user", "fields": fields})
        assert state["step"] == "done"

    story(tmp_path, tell)


def test_whoever_comes_back_is_not_sent_through_the_tests_again(tmp_path):
    options = {"rf__pin": 4, "openshock_user__token": "token-of-the-user-hub"}
    saved = [{"ssid": "gone", "key": "saved key of home"}]

    async def at_work(site):
        assert (await site.get("state"))[1]["step"] == "done"

    async def without_wifi(site):
        site.house.wifi.failed_rounds = 3
        assert (await site.get("state"))[1]["step"] == "wifi"

    story(tmp_path, at_work, wifi=saved, **options)
    story(tmp_path, without_wifi, wifi=saved, **options)


def test_a_tripped_latch_is_seen_however_short_the_press_was(tmp_path):
    async def tell(site):
        site.house.dispatcher.emergency("button")
        _, state = await site.get("state")
        assert state["estop"] == {"latched": True, "pressed": False, "seen": True, "progress": ""}
        for progress in ("latched", "clearing", "release", ""):  # the page tells when to let go
            site.house.progress = progress
            assert (await site.get("state"))[1]["estop"]["progress"] == progress

    async def latched_before(site):
        site.setup._was_latched = site.house.latch.latched = True
        told = (await site.get("state"))[1]["estop"]
        assert told == {"latched": True, "pressed": False, "seen": False, "progress": ""}

    story(tmp_path, tell)
    story(tmp_path, latched_before)


def test_pins_are_checked_saved_and_hold_at_once(tmp_path):
    async def tell(site):
        refused = [
            ({"rf_pin": 6}, "rf_pin", "cannot be used"),
            ({"rf_pin": 36}, "rf_pin", "not driven"),
            ({"estop_pin": 36}, "estop_pin", "no pull-up"),
            ({"estop_pin": 12}, "estop_pin", "keep it from starting"),
            ({"rf_pin": 0}, "rf_pin", "lamp or button"),
            ({"rf_pin": "4"}, "rf_pin", "a pin of this board"),
            ({"rf_pin": True}, "rf_pin", "a pin of this board"),
            ({"rf_pin": 4.5}, "rf_pin", "a pin of this board"),
            ({"rf_pin": 13, "estop_pin": 13}, "estop_pin", "cannot share GPIO13"),
            ({"estop_enabled": 1}, "estop_enabled", "true or false"),
            ({"board": "generic-esp32c3"}, "board", "no board of that name"),
            ({"board": "../settings"}, "board", "no board of that name"),
            ({"board": 5}, "board", "a text"),
            ({"wifi": []}, "wifi", "no such setting"),
            ({"rf_pin": 4, "estop_normally_closed": "yes"}, "estop_normally_closed", "true or false"),
        ]
        for body, field, words in refused:
            status, told = await site.post("board", body)
            assert status == 400 and words in told["error"], (body, told)
            assert told["field"] == field or "share" in words
        assert site.house.settings.get("rf.pin") == -1 and not site.house.rewired
        body = {"rf_pin": 14, "estop_pin": 13, "estop_enabled": True, "estop_normally_closed": True}
        status, state = await site.post("board", body)
        assert status == 200 and site.house.rewired == 1
        assert {name: state["board"][name] for name in body} == body
        saved = json.loads((tmp_path / "settings.json").read_text())
        assert saved.items() >= {"rf.pin": 14, "estop.pin": 13, "estop.normally_closed": True}.items()

    story(tmp_path, tell)


def test_another_board_brings_its_own_pins(tmp_path):
    async def tell(site):
        _, state = await site.post("board", {"board": "Pishock-2023"})
        assert state["board"]["name"] == "pishock-2023" and state["board"]["fixed"] is True
        assert (state["board"]["rf_pin"], state["board"]["estop_pin"]) == (12, None)
        assert state["board"]["pins"]["strapping"] == [5, 15]
        assert (await site.post("board", {"rf_pin": 2}))[1]["field"] == "rf_pin"  # its lamp
        assert (await site.post("board", {"rf_pin": None}))[1]["board"]["rf_pin"] == 12

    story(tmp_path, tell, rf__pin=27, estop__pin=26)


def test_a_pulse_is_gentle_or_not_at_all(tmp_path):
    good = {"model": "caixianlin", "rf_id": 1234, "action": "vibrate", "intensity": 30, "duration_ms": 1000}
    refused = [
        ("action", "shock", 400), ("action", "light", 400), ("action", "stop", 400), ("action", 2, 400),
        ("intensity", 31, 400), ("intensity", 0, 400), ("intensity", "9", 400), ("intensity", 9.5, 400),
        ("duration_ms", 1001, 400), ("duration_ms", 0, 400), ("duration_ms", True, 400),
        ("rf_id", 65536, 400), ("rf_id", -1, 400), ("rf_id", None, 400),
        ("model", "nobody", 400), ("model", "../settings", 400), ("model", ["d80"], 400),
    ]  # fmt: skip

    async def tell(site):
        house = site.house
        assert (await site.post("pulse", good))[0] == 409  # nobody said where the transmitter is
        await site.post("board", {"rf_pin": 4})
        for name, value, status in refused:
            told = await site.post("pulse", dict(good, **{name: value}))
            assert told[0] == status and told[1]["field"] == name, (name, value, told)
        assert house.scheduler.active(house.clock()) == 0
        assert await site.post("pulse", good) == (200, {"sent": True})
        assert house.scheduler.active(house.clock()) == 1
        await site.post("caps", {"sound": 0})
        assert await site.post("pulse", dict(good, action="sound")) == (409, {"error": "the local cap is 0"})
        house.dispatcher.emergency("button")
        assert house.scheduler.active(house.clock()) == 0
        assert await site.post("pulse", good) == (409, {"error": "the emergency stop is latched"})
        assert house.scheduler.active(house.clock()) == 0

    story(tmp_path, tell)


def test_a_pulse_needs_the_lock_of_the_set_up(tmp_path):
    good = {"model": "caixianlin", "rf_id": 1234, "action": "sound", "intensity": 1, "duration_ms": 1}

    async def tell(site):
        site.house.dispatcher.lock("restart")
        assert await site.post("pulse", good) == (409, {"error": "the radio is locked"})

    story(tmp_path, tell, rf__pin=4)


def test_caps_may_be_raised_by_who_stands_here(tmp_path):
    async def tell(site):
        status, state = await site.post("caps", {"shock": 20, "shock_allowed": False, "rest_ms": 60000})
        assert status == 200 and state["caps"]["shock"] == 20 and state["caps"]["shock_allowed"] is False
        assert (await site.post("caps", {"shock": 90}))[1]["caps"]["shock"] == 90
        status, told = await site.post("caps", {"vibrate": 10, "sound": 101})
        assert (status, told) == (400, {"error": "0-100", "field": "sound"})
        assert site.house.settings.get("cap.vibrate") == 100  # all or nothing
        assert (await site.post("caps", {"nonsense": 1}))[1]["field"] == "nonsense"

    story(tmp_path, tell)


RULE = {
    "text": "hot",
    "severity": "warning",
    "action": "vibrate",
    "model": "d80",
    "rf_id": 7,
    "level": 60,
    "duration_ms": 900,
}


def test_rules_are_kept_tried_and_never_shock(tmp_path):
    async def tell(site):
        status, state = await site.post("rules", {"rules": [RULE]})
        assert status == 200 and state["rules"] == [RULE] == site.house.settings.get("rules")
        for bad in ({}, None, "[]"):
            status, told = await site.post("rules", {"rules": bad})
            assert status == 400 and told["field"] == "rules" and told["error"].startswith("up to 8 rules")
        full = {"error": "no room for another rule: forget one first", "field": "rules"}
        assert await site.post("rules", {"rules": [RULE] * 9}) == (400, full)
        for field, value, words in (
            ("action", "shock", "vibrate or sound, nothing else"),
            ("action", None, "vibrate or sound, nothing else"),
            ("severity", "purple", "info, warning, error, high or critical"),
            ("text", "ü" * 31, "0-60 bytes without control characters"),
            ("text", "a\tb", "0-60 bytes without control characters"),
            ("kind", "x" * 21, "0-20 bytes without control characters"),
            ("backend", 7, "0-40 bytes without control characters"),
            ("model", "", "1-40 bytes without control characters"),
            ("rf_id", 65536, "0-65535"),
            ("rf_id", None, "0-65535"),
            ("channel", 256, "0-255"),
            ("channel", True, "0-255"),
            ("level", 101, "0-100"),
            ("duration_ms", 0, "1-30000"),
            ("once_in_s", 86401, "1-86400"),
            ("nonsense", 1, "a rule has no such field"),
        ):
            told = await site.post("rules", {"rules": [RULE, dict(RULE, **{field: value})]})
            assert told == (400, {"error": words, "field": field}), field
        whole = dict(RULE, backend="valtronics", kind="alert", channel=2, once_in_s=60)
        assert (await site.post("rules", {"rules": [RULE, whole]}))[1]["rules"] == [RULE, whole]
        assert (await site.post("rules", {"rules": [RULE]}))[0] == 200
        assert site.house.settings.get("rules") == [RULE]
        await site.post("caps", {"vibrate": 25, "longest_ms": 400})
        status, told = await site.post("rules/try", {"severity": "critical", "text": "it is HOT"})
        acts = {"rule": 1, "rests_s": 0, "refused": "", "action": "vibrate", "level": 25, "duration_ms": 400}
        assert (status, told) == (200, {"told": [{**acts, "model": "d80", "rf_id": 7, "channel": None}]})
        assert (await site.post("rules/try", {"text": "cold"}))[1] == {"told": []}
        await site.post("caps", {"vibrate": 0})
        told = (await site.post("rules/try", {"severity": "critical", "text": "hot"}))[1]
        assert told == {"told": [{"rule": 1, "rests_s": 0, "refused": "the local cap is 0"}]}
        await site.post("caps", {"vibrate": 25})
        assert (await site.post("rules/try", {"text": 5}))[0] == 400
        assert (await site.post("rules/try", {"text": "x" * 201}))[1]["field"] == "text"
        assert site.house.safety.refused == {} and not site.house.scheduler.busy()

    story(tmp_path, tell)


def test_the_hostname(tmp_path):
    async def tell(site):
        assert (await site.post("hostname", {"hostname": "desk"}))[1]["hostname"] == "desk"
        assert (await site.post("hostname", {"hostname": ""})) == (
            400,
            {"error": "1-32 characters", "field": "hostname"},
        )
        assert (await site.post("hostname", {}))[0] == 400

    story(tmp_path, tell)


# Wi-Fi


def test_networks_are_heard_on_request_only(tmp_path):
    async def tell(site):
        assert await site.get("scan") == (200, {"networks": [], "age_ms": None})
        assert site.house.wifi.scans == 0
        _, told = await site.post("scan", {})
        assert told["networks"][1] == {"ssid": "café 🏠", "rssi": -70, "security": "open", "channel": 1}
        assert len(told["networks"]) == len(AIR) and site.house.wifi.scans == 1
        _, again = await site.get("scan")
        assert again["networks"] == told["networks"] and again["age_ms"] >= 0 and site.house.wifi.scans == 1

    async def heard_before(site):
        _, told = await site.get("scan")
        assert [network["ssid"] for network in told["networks"]] == ["home"]

    async def busy(site):
        pulse = {"model": "caixianlin", "rf_id": 1, "action": "vibrate", "intensity": 10, "duration_ms": 1000}
        await site.post("pulse", pulse)
        status, told = await site.post("scan", {})
        assert status == 409 and "on the air" in told["error"] and site.house.wifi.scans == 0
        site.house.dispatcher.halt("test")
        site.house.wifi.fault = OSError(5)
        assert (await site.post("scan", {}))[0] == 503

    story(tmp_path, tell)
    story(tmp_path, heard_before, heard=AIR[:1])
    story(tmp_path, busy, rf__pin=4)


def test_a_network_is_tried_before_it_is_saved(tmp_path):
    async def tell(site):
        site.house.wifi.gate = asyncio.Event()
        body = {"ssid": "home", "key": "wrong horse"}
        assert await site.post("wifi", body) == (200, {"testing": True})
        _, state = await site.get("state")
        assert state["wifi"]["testing"] == "home" and state["wifi"]["result"] is None
        assert (await site.post("wifi", body))[0] == 409
        assert (await site.post("reach", {}))[0] == 409
        assert (await site.post("scan", {}))[0] == 409
        site.house.wifi.gate.set()
        state = await site.until(lambda state: state["wifi"]["result"])
        assert state["wifi"]["result"] == {"ssid": "home", "ok": False, "reason": "wrong password", "address": None}
        assert state["wifi"]["testing"] is None and state["wifi"]["saved"] == [{"ssid": "old", "hidden": False}]
        await site.post("wifi", {"ssid": "home", "key": "correct horse", "hidden": True})
        state = await site.until(lambda state: state["wifi"]["result"])
        assert state["wifi"]["result"] == {"ssid": "home", "ok": True, "reason": "", "address": "192.168.0.23"}
        assert state["wifi"]["online"] is True
        assert state["wifi"]["saved"] == [{"ssid": "old", "hidden": False}, {"ssid": "home", "hidden": True}]
        stored = json.loads((tmp_path / "settings.json").read_text())["wifi"]
        assert stored[1] == {"ssid": "home", "key": "correct horse", "hidden": True}

    story(tmp_path, tell, wifi=[{"ssid": "old", "key": "saved key of home"}])


def test_how_safe_a_network_was_is_kept_with_it(tmp_path):
    async def tell(site):
        await site.post("wifi", {"ssid": "home", "key": "correct horse"})
        await site.until(lambda state: state["wifi"]["result"])
        stored = json.loads((tmp_path / "settings.json").read_text())["wifi"]
        assert stored == [{"ssid": "home", "key": "correct horse", "security": "wpa2"}]

    story(tmp_path, tell, heard=AIR)


def test_a_known_network_keeps_its_place_and_without_a_key_its_key(tmp_path):
    async def tell(site):
        address = {"ip": "192.168.0.20", "mask": "255.255.255.0", "gateway": "192.168.0.1", "dns": "192.168.0.1"}
        await site.post("wifi", {"ssid": "home", "address": address})
        state = await site.until(lambda state: state["wifi"]["result"])
        assert state["wifi"]["result"]["ok"] and site.house.wifi.tried == [("home", "correct horse", address)]
        assert [each["ssid"] for each in state["wifi"]["saved"]] == ["home", "old"]
        _, state = await site.post("wifi/forget", {"ssid": "home"})
        assert [each["ssid"] for each in state["wifi"]["saved"]] == ["old"]
        assert (await site.post("wifi/forget", {"ssid": "home"}))[0] == 404

    story(tmp_path, tell, wifi=[{"ssid": "home", "key": "correct horse"}, {"ssid": "old", "key": "saved key of home"}])


def test_a_network_that_became_open_is_tried_without_its_old_key(tmp_path):
    async def tell(site):
        await site.post("wifi", {"ssid": "café 🏠"})
        state = await site.until(lambda state: state["wifi"]["result"])
        assert state["wifi"]["result"]["ok"] and site.house.wifi.tried == [("café 🏠", "", None)]
        stored = json.loads((tmp_path / "settings.json").read_text("utf-8"))["wifi"]
        assert stored == [{"ssid": "café 🏠", "key": "", "security": "open"}]

    known = [{"ssid": "café 🏠", "key": "correct horse", "security": "wpa2"}]
    story(tmp_path, tell, heard=AIR, wifi=known)


def test_names_and_keys_are_measured_before_anything_is_tried(tmp_path):
    emoji = "🦊" * 8  # 32 bytes
    printable = "".join(chr(code) for code in range(32, 95))
    address = {"ip": "1.2.3.4", "mask": "255.0.0.0", "gateway": "1.2.3.1", "dns": "1.2.3.1"}
    refused = [
        ({"ssid": ""}, "ssid", "1-32 bytes"),
        ({"ssid": emoji + "x"}, "ssid", "1-32 bytes"),
        ({"ssid": "a\nb"}, "ssid", "1-32 bytes"),
        ({"ssid": 5}, "ssid", "a text"),
        ({"ssid": "x" * 100}, "ssid", "a text"),
        ({"ssid": "home", "key": "seven77"}, "key", "8-63 characters"),
        ({"ssid": "home", "key": "g" * 64}, "key", "8-63 characters"),
        ({"ssid": "home", "key": None}, "key", "a text"),
        ({"ssid": "office", "key": "12345678"}, "ssid", "enterprise"),
        ({"ssid": "home", "key": "", "hidden": 1}, "hidden", "true or false"),
        ({"ssid": "home", "key": "", "address": "1.2.3.4"}, "address", "ip, mask"),
        ({"ssid": "home", "key": "", "address": {}}, "address", "four numbers"),
        ({"ssid": "home", "key": "", "address": dict(address, ip="1.2.3.256")}, "address", "four numbers"),
        ({"ssid": "home", "key": "", "address": dict(address, dns="")}, "address", "four numbers"),
        ({"ssid": "home", "key": "", "address": dict(address, mask="255.0.255.0")}, "address", "ones before"),
        ({"ssid": "home", "key": "", "address": dict(address, gateway="2.2.3.1")}, "address", "not in the network"),
    ]

    async def tell(site):
        for body, field, words in refused:
            status, told = await site.post("wifi", body)
            assert status == 400 and told["field"] == field and words in told["error"], (body, told)
        assert site.house.wifi.tried == []
        for ssid, key in ((emoji, printable), ('"\\%00é', "f" * 64), ("x", "")):
            await site.post("wifi", {"ssid": ssid, "key": key})
            state = await site.until(lambda state: state["wifi"]["result"])
            assert state["wifi"]["result"]["ssid"] == ssid
            assert site.house.wifi.tried[-1] == (ssid, key, None)

    story(tmp_path, tell, heard=AIR)


def test_an_authority_of_ones_own_is_added_beside_the_account(tmp_path, monkeypatch):
    monkeypatch.setattr(ca_certs, "FOLDER", str(tmp_path / "certs"))
    pem = trustme.CA().cert_pem.bytes().decode()
    as_a_browser_has_it = pem.replace("\n", "")
    fields = {"url": "https://hub.lan", "certificate": as_a_browser_has_it}

    async def tell(site):
        body = {"backend": "openshock_user", "fields": dict(fields, certificate="-----BEGIN nothing")}
        status, told = await site.post("account", body)
        assert status == 400 and told["field"] == "certificate" and "not a certificate" in told["error"]
        assert (await site.get("state"))[1]["account"]["backend"] != "openshock_user"
        status, state = await site.post("account", {"backend": "openshock_user", "fields": fields})
        assert status == 200
        found = [
            each
            for backend in state["account"]["backends"]
            for each in backend["fields"]
            if each["key"] == "certificate"
        ]
        assert len(found) == 2, "OpenShock's: people run such servers themselves"
        for field in found:
            assert "1 saved" in field["label"] and field["set"] and field["value"] == ""
        assert list(ca_certs.Roots()) == [ssl.PEM_cert_to_DER_cert(pem)]
        assert "BEGIN" not in (tmp_path / "settings.json").read_text()
        assert (await site.post("account", {"backend": "openshock_user", "fields": {"certificate": ""}}))[0] == 200

    story(tmp_path, tell)


def test_a_ninth_network_is_refused_before_it_is_tried(tmp_path):
    async def tell(site):
        status, told = await site.post("wifi", {"ssid": "home", "key": "correct horse"})
        assert status == 400 and "up to 8" in told["error"] and site.house.wifi.tried == []

    story(tmp_path, tell, wifi=[{"ssid": f"n{number}", "key": ""} for number in range(8)])


def test_a_radio_that_refuses_is_a_result_and_the_next_try_works(tmp_path):
    async def tell(site):
        site.house.wifi.fault = OSError("Wifi Internal Error")
        await site.post("wifi", {"ssid": "home", "key": "correct horse"})
        state = await site.until(lambda state: state["wifi"]["result"])
        assert "Wifi Internal Error" in state["wifi"]["result"]["reason"] and not state["wifi"]["result"]["ok"]
        site.house.wifi.fault = RuntimeError("a bug")
        await site.post("wifi", {"ssid": "home", "key": "correct horse"})
        state = await site.until(lambda state: state["wifi"]["result"])
        assert not state["wifi"]["result"]["ok"] and state["wifi"]["testing"] is None
        site.house.wifi.fault = None
        while (await site.post("wifi", {"ssid": "home", "key": "correct horse"}))[0] == 409:
            await asyncio.sleep(0.01)
        assert (await site.until(lambda state: state["wifi"]["result"]))["wifi"]["result"]["ok"]

    story(tmp_path, tell)


# The account


def test_another_server_of_the_fleet_gets_nothing_that_the_first_one_gave(tmp_path):
    async def tell(site):
        settings = site.house.settings
        given = {"token": "t", "refresh": "r", "endpoint": "https://fleet.example/hubs/fleet", "device_guid": "0" * 32}
        for key, value in given.items():
            settings.set("dsp_fleet." + key, value)
        url = settings.get("dsp_fleet.url")
        await site.post("account", {"backend": "dsp_fleet", "fields": {"url": url}})
        assert settings.section("dsp_fleet")["token"] == "t", "it is the same server"
        await site.post("account", {"backend": "dsp_fleet", "fields": {"url": "https://other.example"}})
        kept = settings.section("dsp_fleet")
        assert [kept[key] for key in given] == [""] * 4 and kept["url"] == "https://other.example"

    story(tmp_path, tell)


class Api:
    """A server such as OpenShock's, as far as the set-up asks it."""

    def __init__(self):
        self.asked = []
        self.answers = {}
        self.app = web.Application()
        self.app.router.add_route("*", "/{path:.*}", self._serve)

    async def _serve(self, request):
        self.asked.append((request.path, request.headers.get("Open-Shock-Token"), request.headers["User-Agent"]))
        status, body = self.answers.get(request.path, (404, {"message": "no"}))
        return web.Response(status=status, body=body if isinstance(body, bytes) else json.dumps(body).encode())

    @asynccontextmanager
    async def open(self):
        runner = web.AppRunner(self.app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
        finally:
            await runner.cleanup()


def test_an_account_is_all_or_nothing_and_a_secret_stays_when_it_is_not_named(tmp_path):
    async def tell(site):
        fields = {"url": "https://hub.example", "token": "token-of-the-user-hub"}
        status, state = await site.post("account", {"backend": "openshock_user", "fields": fields})
        assert status == 200
        refused = [
            ({"backend": "nobody"}, "backend"),
            ({"backend": "../settings"}, "backend"),
            ({"fields": {}}, "backend"),
            ({"backend": "openshock_user", "fields": []}, "fields"),
            ({"backend": "openshock_user", "fields": {"nonsense": ""}}, "nonsense"),
            ({"backend": "openshock_user", "fields": {"token": "other", "url": "ftp://x"}}, "url"),
            ({"backend": "openshock_user", "fields": {"token": "x" * 257}}, "token"),
            ({"backend": "openshock_user", "fields": {"token": "a\nb"}}, "token"),
        ]
        for body, field in refused:
            status, told = await site.post("account", body)
            assert status == 400 and told["field"] == field, (body, told)
        _, state = await site.post("account", {"backend": "openshock_user", "fields": {"url": "http://10.0.0.2:8080"}})
        (own,) = [each for each in state["account"]["backends"] if each["name"] == "openshock_user"]
        fields = {field["key"]: field for field in own["fields"]}
        assert fields["url"]["value"] == "http://10.0.0.2:8080" and fields["token"]["set"] is True
        assert site.house.settings.get("openshock_user.token") == "token-of-the-user-hub"

    story(tmp_path, tell)


def test_an_account_without_a_token_needs_all_that_is_not_optional(tmp_path):
    async def tell(site):
        account = site.setup.account
        for fields, enough in (
            ({}, False),
            ({"link": "01960000-eeee-7000-8000-000000000001"}, False),
            ({"session": "a session"}, False),
            ({"session": "", "name": "Zoë"}, True),
            ({"link": ""}, False),
        ):
            status, _ = await site.post("account", {"backend": "openshock_share", "fields": fields})
            assert status == 200 and account.complete() is enough, fields
        for token in ("", "token-of-the-user-hub"):  # its device id is optional
            await site.post("account", {"backend": "openshock_user", "fields": {"token": token}})
            assert account.complete() is bool(token)

    story(tmp_path, tell)


def test_until_there_is_an_account_the_page_begins_with_the_one_for_a_code(tmp_path):
    async def tell(site):
        assert site.house.settings.get("backend") == "openshock_user"
        assert (await site.get("state"))[1]["account"]["backend"] == "openshock_gateway"
        _, state = await site.post("account", {"backend": "openshock_user", "fields": {}})
        assert state["account"]["backend"] == "openshock_user"  # somebody has chosen

    story(tmp_path, tell)

    async def later(site):
        assert (await site.get("state"))[1]["account"]["backend"] == "openshock_user"

    story(tmp_path, later, openshock_user__token="token-of-the-user-hub")


def test_does_it_reach_the_hub(tmp_path):
    one = {
        "id": "0000",
        "name": "a",
        "shockers": [{"id": "01960000-aaaa-7000-8000-000000000001", "rfId": 1, "model": "CaiXianlin"}],
    }
    cases = [
        (200, {"data": [one]}, True, "reaches the hub: 1 shockers"),
        (200, {"data": []}, True, "reaches the hub: 0 shockers"),
        (200, {"data": [one], "pad": "p" * 20_000}, True, "reaches the hub: many shockers"),
        (401, {}, False, "the server refuses this token (401)"),
        (403, {}, False, "the server refuses this token (403)"),
        (500, {}, False, "the server answers 500"),
        (200, b"<html>", False, "something answers there, but it is no OpenShock server"),
        (200, b"<html>" + b" " * 20_000, False, "something answers there, but it is no OpenShock server"),
        (200, b"[" * 5_000, False, "something answers there, but it is no OpenShock server"),
    ]

    async def tell(site):
        api = Api()
        async with api.open() as url:
            site.house.settings.set("openshock_user.url", url)
            site.house.wifi.joined = "home"
            for status, body, ok, words in cases:
                api.answers["/1/shockers/own"] = status, body
                _, state = await site.post("reach", {})
                assert state["account"]["reach"] == {"ok": None, "text": "asking"}
                state = await site.until(lambda state: state["account"]["reach"]["ok"] is not None)
                assert state["account"]["reach"] == {"ok": ok, "text": words}
                while site.setup._work.busy:
                    await asyncio.sleep(0.005)
        assert api.asked[0][1] == "token-of-the-user-hub" and api.asked[0][2].startswith(
            "OpenShock/0.1.0 (MicroPython; "
        )

    story(tmp_path, tell, openshock_user__token="token-of-the-user-hub")


@pytest.mark.parametrize(
    ("url", "online", "token", "words"),
    [
        ("http://127.0.0.1:9", True, "t", "connection refused"),
        ("http://127.0.0.1:9", True, "", "there is no token yet"),
        ("http://127.0.0.1:9", False, "t", "not connected to the internet yet"),
        ("https://hub.example", True, "t", "no root certificate"),
    ],
)
def test_why_it_does_not_reach_the_hub(tmp_path, url, online, token, words):
    async def tell(site):
        site.house.wifi.joined = "home" if online else None
        await site.post("reach", {})
        state = await site.until(lambda state: state["account"]["reach"]["ok"] is not None)
        assert state["account"]["reach"]["ok"] is False and words in state["account"]["reach"]["text"]

    story(tmp_path, tell, openshock_user__url=url, openshock_user__token=token)


def test_a_certificate_that_nobody_vouches_for_is_named(tmp_path):
    import ssl

    import trustme

    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("hub.example").configure_cert(context)
    other = ssl.PEM_cert_to_DER_cert(trustme.CA().cert_pem.bytes().decode())

    async def tell(site):
        server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0, ssl=context)
        site.setup.account.rooms = site.setup.account.rooms._replace(roots=(other,))
        port = server.sockets[0].getsockname()[1]
        site.house.settings.set("openshock_user.url", f"https://hub.example:{port}")
        site.house.wifi.joined = "home"
        await site.post("reach", {})
        state = await site.until(lambda state: state["account"]["reach"]["ok"] is not None)
        assert "certificate not trusted" in state["account"]["reach"]["text"]
        server.close()

    story(tmp_path, tell, openshock_user__token="t")


def test_a_pairing_code_and_every_way_it_can_fail(tmp_path):
    async def tell(site):
        assert await site.post("pair", {}) == (400, {"error": "enter the code that the website shows", "field": "code"})
        for code in ("12345", "1234567", "12345a", "１２３４５６", "..%2f.."):
            assert await site.post("pair", {"code": code}) == (400, {"error": "a code has 6 digits", "field": "code"})
        assert (await site.post("pair", {"code": 123456}))[0] == 400
        status, told = await site.post("pair", {"code": "123456"})
        assert status == 409 and "set up Wi-Fi first" in told["error"]
        site.house.wifi.joined = "home"
        api = Api()
        async with api.open() as url:
            site.house.settings.set("openshock_gateway.url", url)
            status, told = await site.post("pair", {"code": "123456"})
            assert status == 400 and told["error"].startswith("nobody knows this code") and told["field"] == "code"
            api.answers["/1/device/pair/222222"] = 429, {}
            assert (await site.post("pair", {"code": "222222"}))[0] == 429
            api.answers["/1/device/pair/333333"] = 200, {"data": None}
            assert (await site.post("pair", {"code": "333333"}))[1]["error"] == "the server's answer makes no sense"
            api.answers["/1/device/pair/444444"] = 200, {"data": "token-from-the-code"}
            assert await site.post("pair", {"code": " 444 444 "}) == (200, {"ok": True})
            assert site.house.settings.get("openshock_gateway.token") == "token-from-the-code"
            asked = len(api.asked)
            assert (await site.post("account", {"backend": "openshock_user"}))[0] == 200
            assert await site.post("pair", {"code": "444444"}) == (200, {"ok": True})  # the phone was lost meanwhile
            assert len(api.asked) == asked and site.house.settings.get("backend") == "openshock_gateway"
            site.house.settings.set("openshock_gateway.url", "http://127.0.0.1:9")
            status, told = await site.post("pair", {"code": "555555"})
            assert status == 502 and "connection refused" in told["error"]
            asked = len(api.asked)
            status, told = await site.post("pair", {"code": "444444"})  # the sixth within a minute
            assert status == 429 and told["error"].startswith("too many tries: wait ") and len(api.asked) == asked

    story(tmp_path, tell)


def test_tries_are_counted_by_the_minute_and_by_five(tmp_path):
    account = House(str(tmp_path / "s.json")).setup().account

    def tried(now_s):
        try:
            account_actions._count(account, now_s * 1000)
        except Exception as wrong:
            return wrong.words
        return ""

    assert [tried(second) for second in range(5)] == [""] * 5
    assert tried(5) == "too many tries: wait 56 seconds"
    assert [tried(second) for second in (60, 61, 62, 63, 64)] == [""] * 5
    assert tried(130) == "too many tries: wait 171 seconds"
    assert tried(301) == ""
