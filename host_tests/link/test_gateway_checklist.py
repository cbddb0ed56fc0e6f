"""The checklist of a hub at the gateway (reference/openshock-api.md §j, V2), row by row: the link against the local hub."""

import asyncio

import aiohttp
import pytest
from hub_story import BLUE, DEVICE, HEADERS, HUB_TOKEN, RED, known_config
from link_story import AGENT, SECONDS, TIMES, Server, Story, hurry
from telling import as_test

from firmware.backends import openshock_gateway
from firmware.backends.openshock_gateway import Backend
from firmware.command import ACT, EMERGENCY, NOTE, PORTAL, REFUSE, RESTART, UPDATE
from firmware.link import connection as link_room
from host_tests.unit import flatsharp
from tools.hub import Hub, faults, flat
from tools.hub.gateway import ELSEWHERE

# no story waits as long as a device would; where a wait is looked at, it is read from what the link says
SHORT = {"_PAUSE_MS": 20, "_BUSY_MS": 20}
VIBRATE = 2


def device(url, token=HUB_TOKEN, news=None):
    """A link with the gateway's backend, not yet started."""
    return Story(url, Backend({"url": url, "token": token}, AGENT), news)


def told(*, short=(), **times):
    """Makes a test of `async def story(hub, device)`: a hub with these times, and a device that has connected to it."""

    def dress(story):
        def prepare(monkeypatch):
            hurry(monkeypatch)
            for name, value in dict(short or SHORT).items():
                monkeypatch.setattr(openshock_gateway, name, value)

        async def tell():
            hub = Hub(known_config(**times))
            url = await hub.start()
            try:
                async with device(url) as one:
                    await one.said("][link] connected")
                    await story(hub, one)
            finally:
                await hub.stop()

        return as_test(story, tell, 2 * SECONDS, prepare)

    return dress


LONG = {"_PAUSE_MS": 20_000, "_BUSY_MS": 5_000}  # the real ones
FAST = {"gateway_first_ping_ms": 30, "gateway_ping_ms": 30}


async def heard(hub, name, count=1, since=0):
    """The `count`-th message of that name that the hub heard."""
    return await hub.journal.wait("heard", lambda event: event["name"] == name, count, since, SECONDS)


async def ordered(one, order, count=1):
    """The details of the first `count` orders of that kind."""

    def found():
        details = [detail for what, detail in one.dispatcher.orders if what == order]
        return details if len(details) >= count else None

    return await one.dispatcher.until(found)


async def obeys(hub, one, intensity):
    """None as soon as the device has obeyed an order of that intensity."""
    await hub.control([{"id": RED, "type": VIBRATE, "intensity": intensity, "duration": 500}])
    await one.dispatcher.acted(intensity)


def gateway(hub):
    """The device's connection at the hub."""
    return hub.gateway.links[-1]


# pair, self, assignLCG


def test_row_pair_self_assign(monkeypatch):
    """A code becomes the token of 256 characters; `/1/device/self` and `assignLCG?version=2` follow, chunked bodies too."""
    hurry(monkeypatch)

    async def tell():
        hub = Hub(known_config())
        url = await hub.start()
        async with aiohttp.ClientSession(hub.url, headers=HEADERS) as http:
            code = (await (await http.get(f"/1/devices/{DEVICE}/pair")).json())["data"]
            assert len(code) == 6 and code.isdigit()
            answer = await http.get(f"/1/device/pair/{code}", headers={"Open-Shock-Token": ""})
            token = (await answer.json())["data"]
            assert len(token) == 256
            assert (await http.get(f"/1/device/pair/{code}")).status == 404
            for path in ("/1/device/self", "/2/device/assignLCG?version=2"):
                assert (await http.get(path, headers={"Device-Token": token})).headers["Transfer-Encoding"] == "chunked"
        async with device(url, token) as one:
            await one.said("][link] connected")
            assert (NOTE, "the server knows this hub") in one.dispatcher.orders
        await hub.stop()

    asyncio.run(asyncio.wait_for(tell(), 2 * SECONDS))


@pytest.mark.parametrize("where", ["self", "upgrade"])
def test_row_pair_self_assign_401_is_a_wait_of_minutes(where, monkeypatch):
    """401 to any request: a wait of minutes, and a message that says what to do."""

    @told(short=LONG)
    async def story(hub, one):
        if where == "self":
            hub.device.token = "another token"
            async with device(hub.url) as other:
                assert await other.next_try_ms("refused the hub token (401): pair this device again") >= 300_000
                assert "pair" in other.link.status
        else:
            hub.faults.refuse(401, where=faults.HUB)
            async with device(hub.url) as other:
                assert await other.next_try_ms("the server refused the token (401)") >= 300_000
        assert not [line for line in one.lines if "next try" in line]  # who is connected stays so

    story(monkeypatch)


@pytest.mark.parametrize(
    ("status", "retry_after_s", "least_ms"), [(429, 45, 45_000), (503, 60, 60_000), (503, None, 20_000)]
)
def test_row_pair_self_assign_429_and_503_have_their_waits(status, retry_after_s, least_ms, monkeypatch):
    """429 and 503 are obeyed with the wait that they ask for."""

    @told(short=LONG)
    async def story(hub, one):
        for where in (faults.REST, faults.HUB):
            hub.faults.refuse(status, retry_after_s, where=where)
            async with device(hub.url) as other:
                wait_ms = await other.next_try_ms(str(status))
                assert least_ms <= wait_ms <= least_ms + TIMES["_CAP_MS"]

    story(monkeypatch)


def test_row_pair_self_assign_a_new_node_after_three_connects_that_fail(monkeypatch):
    """After three connects that fail another node is asked for."""
    for room, times in ((link_room, TIMES), (openshock_gateway, SHORT)):
        for name, value in times.items():
            monkeypatch.setattr(room, name, value)

    async def tell():
        async with Server() as server:
            node = f'{{"host":"127.0.0.1","port":{server.port},"path":"/node/%d"}}'

            def answer(peer):
                asked = sum(each.path.startswith("/2/") for each in server.asked)
                peer.answer(200, (node % asked).encode() if peer.path.startswith("/2/") else b"{}")

            server.map_answer = answer
            async with device(f"http://127.0.0.1:{server.port}"):
                knocks = []
                for _ in range(7):
                    peer = await server.knock()
                    knocks.append(peer.path)
                    peer.answer(500)
                    peer.end()
        assert knocks == ["/node/1"] * 3 + ["/node/2"] * 3 + ["/node/3"]
        assert [peer.path for peer in server.asked] == ["/1/device/self"] + ["/2/device/assignLCG?version=2"] * 3

    asyncio.run(asyncio.wait_for(tell(), 2 * SECONDS))


# upgrade


@told()
async def test_row_upgrade(hub, one):
    """Device-Token, Firmware-Version and User-Agent go with the upgrade."""
    peer = gateway(hub).peer
    assert peer.user_agent == AGENT and peer.device is hub.device
    assert hub.device.firmware_version == "0.1.0"


@told(short={"_PAUSE_MS": 20_000, "_BUSY_MS": 20})
async def test_row_upgrade_412_is_tried_again_soon(hub, one):
    """412 (the last connection is being cleared away) is tried again soon."""
    hub.faults.refuse(412, where=faults.HUB)
    async with device(hub.url) as other:
        assert await other.next_try_ms("412") < 20_000
        await other.said("][link] connected")


# BootStatus


@told(**FAST)
async def test_row_boot_status_once_a_boot(hub, one):
    """BootStatus goes out once a boot, after the first connect."""
    event = await heard(hub, "BootStatus")
    assert event["fields"] == {"boot_type": 0, "version": "0.1.0", "update_id": 0}
    for count in (2, 3):
        mark = hub.journal.mark()
        hub.faults.cut()
        await hub.journal.wait("connected", count=count, timeout_s=SECONDS)
        await heard(hub, "Pong", 2, mark)
    assert [each["name"] for each in hub.journal.events("heard")].count("BootStatus") == 1


# Ping


@told(**FAST)
async def test_row_ping_one_pong_each(hub, one):
    """One Pong for each Ping, with the uptime in ms and the RSSI."""
    await heard(hub, "Pong", 20)
    pongs = [each["fields"] for each in hub.journal.events("heard") if each["name"] == "Pong"]
    uptimes = [pong["uptime"] for pong in pongs]
    assert uptimes == sorted(uptimes) and uptimes[0] > 0 and uptimes[-1] < 60_000  # milliseconds since the start
    assert {pong["rssi"] for pong in pongs} == {-61}
    assert hub.online(hub.device) and not hub.journal.events("disconnected")  # one too many would have ended it


@told(gateway_first_ping_ms=600_000)
async def test_row_ping_without_one_there_is_no_pong(hub, one):
    """Without a Ping there is no Pong."""
    for intensity in range(1, 30):
        await obeys(hub, one, intensity)
    assert [each["name"] for each in hub.journal.events("heard")] == ["BootStatus"]
    assert not hub.online(hub.device)


# no Ping for 90 s


@told(short={**SHORT, "_SILENT_MS": 300}, gateway_first_ping_ms=600_000)
async def test_row_no_ping_reconnects_and_the_timer_starts_at_connect(hub, one):
    """No Ping for 90 s, counted from the connect: reconnect."""
    for count in (1, 2):
        mark = hub.journal.mark()
        line = await one.said("no ping for 90 s", since=len(one.lines))
        assert "next try in" in line
        assert one.dispatcher.halts
        before_s = hub.journal.events("connected")[-1].at_s
        await hub.journal.wait("connected", since=mark, timeout_s=SECONDS)
        assert hub.journal.events("connected")[count].at_s - before_s >= 0.3
        await one.until(lambda: one.link.status == "connected" or None)


# ShockerCommandList


@told()
async def test_row_commands_of_the_owner(hub, one):
    """A list of commands is carried out, defaults and all."""
    orders = [
        {"id": RED, "type": 1, "intensity": 30, "duration": 700},
        {"id": BLUE, "type": 3, "intensity": 0, "duration": 300},
    ]
    await hub.control(orders)
    found = await ordered(one, ACT, 2)
    assert [tuple(each)[:5] for each in found] == [("caixianlin", 1234, 1, 30, 700), ("petrainer", 65535, 3, 0, 300)]
    await hub.stop_all()
    found = await ordered(one, ACT, 4)
    assert [(each.rf_id, each.action) for each in found[2:]] == [(1234, 0), (65535, 0)]


@told()
async def test_row_commands_unknown_ones_are_skipped_alone(hub, one):
    """An unknown model or action is skipped; its neighbours are carried out."""
    entries = [(0, 1, 2, 10, 500), (7, 2, 2, 10, 500), (0, 3, 9, 10, 500), (1, 4, 2, 20, 500)]
    gateway(hub).message(flat.commands(entries))
    await ordered(one, ACT, 2)
    assert [what for what, _ in one.dispatcher.orders if what in (ACT, REFUSE)] == [ACT, REFUSE, REFUSE, ACT]


@told()
async def test_row_commands_live_control_is_five_lists_a_second(hub, one):
    """Live control: five lists a second, each replaces the one before and ends by itself."""
    for _ in range(10):  # a client with ten frames a second, for a second
        hub.gateway.live.frame(hub.shockers[0], VIBRATE, 20)
        await asyncio.sleep(0.1)  # its pace
    found = await ordered(one, ACT, 5)
    assert all((each.rf_id, each.action, each.intensity, each.duration_ms) == (1234, 2, 20, 500) for each in found)
    assert len(found) <= 10  # the frames came ten times a second, the lists do not


# Trigger


@told()
async def test_row_trigger(hub, one):
    """Triggers: restart, emergency stop that latches, portal on and off; an unknown one is ignored."""
    await hub.captive_portal(True)
    await hub.captive_portal(False)
    gateway(hub).message(flat.trigger(9))
    await hub.emergency_stop()
    await hub.reboot()
    await ordered(one, RESTART)
    orders = [order for order in one.dispatcher.orders if order[0] in (PORTAL, EMERGENCY, RESTART)]
    assert orders == [(PORTAL, True), (PORTAL, False), (EMERGENCY, "gateway"), (RESTART, "gateway")]


# OtaUpdateRequest


class News:
    """What the service is still to be told, as firmware/ota/state.py has it."""

    def __init__(self):
        self.waiting = []

    def events(self):
        return list(self.waiting)

    def told(self, count):
        del self.waiting[:count]


def test_row_update_is_asked_for_and_reported(monkeypatch):
    """An OTA request starts an update; its steps are reported, a failure in at most 128 characters."""
    hurry(monkeypatch)

    async def tell():
        hub = Hub(known_config())
        url = await hub.start()
        news = News()
        async with device(url, news=news) as one:
            await hub.journal.wait("connected", timeout_s=SECONDS)
            await hub.ota_install("1.5.1-rc.1")
            assert await ordered(one, UPDATE) == ["1.5.1-rc.1"]
            news.waiting.append(["OtaInstallStarted", -7, "1.5.1-rc.1"])
            news.waiting += [["OtaInstallProgress", -7, task, task / 8] for task in range(7)]
            news.waiting.append(["OtaInstallFailed", -7, True, "x" * 500])
            await heard(hub, "OtaUpdateFailed")
            names = [each["name"] for each in hub.journal.events("heard")]
            assert names == ["BootStatus", "OtaUpdateStarted"] + ["OtaUpdateProgress"] * 7 + ["OtaUpdateFailed"]
            failed = hub.journal.events("heard")[-1]["fields"]
            assert failed == {"update_id": -7, "message": "x" * 128, "fatal": True}
            await one.dispatcher.until(lambda: not news.waiting or None)
            await obeys(hub, one, 44)  # still connected: nothing was too long for the server
        news.waiting.append(["OtaInstallSucceeded", 8])
        mark = hub.journal.mark()
        async with device(url, news=news):
            event = await heard(hub, "BootStatus", since=mark)
            assert event["fields"] == {"boot_type": 1, "version": "0.1.0", "update_id": 8}
        await hub.stop()

    asyncio.run(asyncio.wait_for(tell(), 2 * SECONDS))


# malformed, unknown payload


@told()
async def test_row_malformed_is_dropped_and_the_connection_stays(hub, one):
    """Malformed and unknown messages are dropped, and the connection stays."""
    bad = [b"\0", b"hello", b"\xff" * 300, bytes(4097), flat.commands([(0, 1, 2, 99, 500)])[:-9]]
    bad += [flatsharp.Writer().message((("B", 9), ("t", ()))), flatsharp.Writer().message((("B", 3),))]
    bad.append(flat.commands([(0, number, 2, 99, 500) for number in range(300)]))
    for data in bad:
        gateway(hub).message(data)
    text = flat.trigger(flat.EMERGENCY_STOP)
    assert text.isascii()
    gateway(hub).out.message(text, opcode=1)  # a message it would be, were it no text
    await obeys(hub, one, 12)
    notes = [detail for what, detail in one.dispatcher.orders if what == NOTE][1:]
    assert len(notes) == len(bad)
    assert not [detail for what, detail in one.dispatcher.orders if what == ACT and detail.intensity == 99]
    assert EMERGENCY not in [what for what, _ in one.dispatcher.orders]
    assert len(hub.journal.events("connected")) == 1


# fragments


@told()
async def test_row_fragments_are_accepted(hub, one):
    """Messages in fragments are accepted."""
    data = flat.commands([(0, number, 2, 10, 500) for number in range(64)])
    assert len(data) > 1024  # of which the gateway makes fragments
    gateway(hub).message(data)
    found = await ordered(one, ACT, 64)
    assert [each.rf_id for each in found] == list(range(64))


# close, drop


@pytest.mark.parametrize("end", [1000, 1002, 1007, "drop"])
def test_row_close_or_drop_stops_and_waits_twenty_seconds(end, monkeypatch):
    """Any close or drop stops everything; the next connect comes 20 s later at the earliest."""

    @told(short=LONG)
    async def story(hub, one):
        one.dispatcher.active = True
        if end == "drop":
            hub.faults.cut()
        else:
            await gateway(hub).close(end, "Normal closure")
        await one.dispatcher.until(lambda: one.dispatcher.halts)
        assert one.dispatcher.halts[0] == "link lost"
        assert await one.next_try_ms("closed by the server" if end != "drop" else "connection lost") >= 20_000

    story(monkeypatch)


@told(short=LONG)
async def test_row_close_different_location_waits_longer(hub, one):
    """Close with "different location" (another device has our token): a longer wait."""
    await gateway(hub).close(1000, ELSEWHERE)
    assert await one.next_try_ms("different location") >= 300_000
    assert one.dispatcher.halts


@told()
async def test_two_devices_with_one_token_are_told_so_and_one_of_them_waits(hub, one):
    """Each throws the other out, by a reset: after three in a row it says why, and waits for minutes."""
    words = "another device seems to use this token"
    async with device(hub.url) as other:
        asked = [asyncio.ensure_future(each.said(words)) for each in (one, other)]
        await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        for task in asked:
            task.cancel()
        waits, works = (one, other) if one.link.shown() else (other, one)
        tries = [line for line in waits.lines if "; next try in " in line]
        assert int(tries[-1].rpartition("next try in ")[2].removesuffix(" ms")) >= 300_000
        assert len(tries) >= 3 and ("Hub", "Says", words) in waits.link.facts()
        await obeys(hub, works, 21)


@told()
async def test_row_close_it_comes_back_and_obeys(hub, one):
    """After every end it comes back and obeys."""
    for count in range(2, 6):
        mark = hub.journal.mark()
        hub.faults.cut() if count % 2 else await gateway(hub).close(1000, "Normal closure")
        await hub.journal.wait("connected", since=mark, timeout_s=SECONDS)
        await obeys(hub, one, count)
