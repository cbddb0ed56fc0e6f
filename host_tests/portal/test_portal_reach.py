"""Does it reach the hub? Every service that the device knows, asked by the real set-up at the local hub, by the address at work."""

import asyncio
from functools import wraps

import pytest
from aiohttp import web
from portal_site import opened

from firmware.config.settings import Settings
from firmware.portal import check, check_connection, check_http, pairing
from lib import plugins, tls
from tools.hub import Config, Hub, models

NO_LINK = "there is no such share link, or its time is over"
AGENT = ("User-Agent", "OpenShock/0.1.0 (MicroPython; generic-esp32)")


def told(story):
    """Makes a test of `async def story(site, hub)`: a set-up that is online, and a hub whose addresses the settings hold."""

    @wraps(story)
    def test(tmp_path):
        async def tell():
            hub = Hub(Config.sample())
            await hub.start()
            try:
                async with opened(tmp_path) as site:
                    for name in ("openshock_user", "openshock_gateway", "openshock_share", "dsp_fleet"):
                        site.house.settings.set(name + ".url", hub.url + "/")
                    site.house.settings.set("valtronics.url", hub.url + "/valtronics/ws")
                    site.house.wifi.joined = "home"
                    await asyncio.wait_for(story(site, hub), 60)
            finally:
                await hub.stop()

        asyncio.run(tell())

    del test.__wrapped__  # pytest would look for fixtures
    return test


async def reach(site, backend, **fields):
    """(ok, words) of the check that the page makes, after these settings of the backend were made."""
    site.house.settings.set("backend", backend)
    for key, value in fields.items():
        site.house.settings.set(f"{backend}.{key}", value)
    while site.setup._work.busy:
        await asyncio.sleep(0.005)
    await site.post("reach", {})
    reach = (await site.until(lambda state: state["account"]["reach"]["ok"] is not None))["account"]["reach"]
    return reach["ok"], reach["text"]


@told
async def test_the_gateway_and_the_user_hub_by_their_tokens(site, hub):
    assert await reach(site, "openshock_gateway") == (False, "there is no token yet")
    assert await reach(site, "openshock_gateway", token=hub.device.token) == (True, "reaches the hub")
    assert await reach(site, "openshock_gateway", token="x") == (False, "the server refuses this token (401)")
    assert await reach(site, "openshock_user", token=hub.token) == (True, "reaches the hub: 3 shockers")
    assert await reach(site, "openshock_user", token="x") == (False, "the server refuses this token (401)")


@told
async def test_a_share_link_by_its_id_and_by_who_may_join(site, hub):
    link = hub.config.shares[0].guid
    assert await reach(site, "openshock_share") == (False, "no share link yet")
    assert await reach(site, "openshock_share", link="half") == (False, "there is no id in the share link that was set")
    assert await reach(site, "openshock_share", link=link) == (False, "a guest of a share link needs a name")
    assert await reach(site, "openshock_share", name="Zoë") == (True, "reaches the hub: as a guest")
    while hub.connections:  # it leaves again
        await asyncio.sleep(0.01)
    yourself = (True, "reaches the hub: as yourself")
    assert await reach(site, "openshock_share", session=hub.config.owner_session) == yourself
    closed = (False, "the share link refuses this name or session")
    assert await reach(site, "openshock_share", session="of yesterday") == closed
    assert await reach(site, "openshock_share", session="", link=link[:-4] + "0000") == (False, NO_LINK)


@told
async def test_the_fleet_with_a_token(site, hub):
    token = hub.fleet.tokens.make(1, 1)
    assert await reach(site, "dsp_fleet", token=token) == (True, "reaches the hub: paired")
    assert hub.fleet.states[1]  # it has told who it is, as it will at work
    assert await reach(site, "dsp_fleet", token="a.b.c") == (False, "the server refuses this token (401)")
    site.house.settings.set("dsp_fleet.url", "http://127.0.0.1:9")  # the account has an address of its own
    endpoint = hub.url.replace("http", "ws") + "/hubs/fleet"
    assert await reach(site, "dsp_fleet", token=token, endpoint=endpoint) == (True, "reaches the hub: paired")


@told
async def test_valtronics_in_both_dialects(site, hub):
    assert await reach(site, "valtronics") == (False, "there is no token yet")
    assert await reach(site, "valtronics", token="x") == (False, "the server refuses this token (invalid_token)")
    assert await reach(site, "valtronics", token=hub.token) == (True, "reaches the hub: logged in")
    public = hub.url.replace("http", "ws") + "/valtronics/public/ws"
    assert await reach(site, "valtronics", url=public, token="") == (True, "reaches the hub: no token is wanted")
    assert await reach(site, "valtronics", url=hub.url + "/nothing") == (False, "the server answers 404")


@told
async def test_nobody_there_is_said_of_every_service(site, hub):
    token = hub.fleet.tokens.make(1, 1)
    link = {"link": hub.config.shares[0].guid, "name": "Zoë"}
    for backend, fields in (
        ("openshock_gateway", {"token": "t"}),
        ("openshock_user", {"token": "t"}),
        ("openshock_share", link),
        ("dsp_fleet", {"token": token}),
        ("valtronics", {"token": "t"}),
    ):
        site.house.wifi.joined = None
        assert await reach(site, backend, **fields) == (False, "not connected to the internet yet")
        site.house.wifi.joined = "home"
        ok, words = await reach(site, backend, url="http://127.0.0.1:9")
        assert ok is False and words.endswith("connection refused"), (backend, words)
    assert await reach(site, "dsp_fleet", token="") == (False, "127.0.0.1 port 9: connection refused")


def test_a_service_that_the_set_up_does_not_know_is_not_guessed_at(tmp_path):
    async def tell():
        async with opened(tmp_path) as site:
            site.house.wifi.joined = "home"
            words = "nobody can be asked from here: the lamp tells after the restart"
            assert await reach(site, "sixth") == (False, words)

    asyncio.run(tell())


# what a server may say


@pytest.mark.parametrize(
    ("backend", "answers", "ok", "words"),
    [
        ("openshock_share", ["{}\x1e"], False, "the share link refuses this name or session"),
        ("openshock_share", ["{}", "\x1e"], False, "the share link refuses this name or session"),
        (
            "openshock_share",
            ['{}\x1e{"type":1,"target":"welcome","arguments":[0]}\x1e'],
            True,
            "reaches the hub: as yourself",
        ),
        ("dsp_fleet", ["{}\x1e"], False, "the server refuses this token (closed)"),
        (
            "dsp_fleet",
            ['{}\x1e{"type":6}\x1e', '{"type":3,"invocationId":"1","error":"unauthorized: t-o-k-e-n"}\x1e'],
            False,
            "the server refuses this token (unauthorized: ***)",
        ),
        ("dsp_fleet", ['{"error":"no such protocol"}\x1e'], False, "the server does not let us in: no such protocol"),
        ("dsp_fleet", ["{}\x1e", '{"type":3,"invocationId":"1","result":null}\x1e'], True, "reaches the hub: paired"),
        ("valtronics", ["[]", "{", '{"type":"heartbeat"}'], False, "the server closes at once"),
        (
            "valtronics",
            ['{"type":"auth_response","success":false,"error":"t-o-k-e-n is wrong"}'],
            False,
            "the server refuses this token (*** is wrong)",
        ),
        (
            "valtronics",
            ['{"type":"alert"}', '{"type":"auth_response","success":true}'],
            True,
            "reaches the hub: logged in",
        ),
    ],
)
def test_what_a_server_answers(tmp_path, backend, answers, ok, words):
    """It says that, and closes: nothing of it may hold the token, whatever comes back."""

    async def tell():
        async def serve(request):
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            await socket.receive()
            for answer in answers:
                await socket.send_str(answer)
            await socket.close()
            return socket

        app = web.Application()
        app.router.add_get("/{any:.*}", serve)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        own = {"url": f"http://127.0.0.1:{runner.addresses[0][1]}", "token": "t-o-k-e-n", "endpoint": ""}
        link = ("0" * 36, "?name=x", []) if backend == "openshock_share" else ()
        async with opened(tmp_path) as site:
            door = check_connection.DOORS[backend](own, [AGENT], *link)
            assert await check_connection.knocked(site.setup.account.rooms, door) == (ok, words)
        await runner.cleanup()

    asyncio.run(tell())


# by the address at work


def settings(tmp_path, **values):
    """Settings with these values; a blank file each time."""
    made = Settings(str(tmp_path / "address.json"))
    for key, value in values.items():
        made.set(key.replace("__", "."), value)
    return made


def at_work(name, made):
    """(url, headers) of the request by which the plug itself would begin, the first errand where there is one."""
    backend = plugins.load("firmware.backends", name).Backend(made.section(name), AGENT[1])
    backend.begin(0)
    errand = backend.errand(0) if name in check_http._QUESTIONS else None
    return (errand[1], errand[2]) if errand else backend.request()


def test_the_address_and_what_is_shown_there_are_those_of_the_plug(tmp_path):
    guid = models.wire.new_guid()
    worlds = [
        ("openshock_share", {"url": "https://own.example/api/", "link": f"https://x/{guid}", "name": "Zoë & me"}),
        ("openshock_share", {"link": guid, "session": "OpenShockSession=abc; x"}),
        ("dsp_fleet", {"token": "a b.c", "url": "http://10.0.0.2:8080"}),
        ("dsp_fleet", {"token": "a.b.c", "endpoint": "wss://other.example/deep/hub"}),
    ]
    for url in ("ws://localhost:8000", "HTTPS://x.example/", "http://x.example:1/deep/ws", "wss://x.example"):
        worlds.append(("valtronics", {"url": url, "token": "t"}))
    for name, values in worlds:
        made = settings(tmp_path, **{f"{name}.{key}": value for key, value in values.items()})
        own = made.section(name)
        link = ()
        if name == "openshock_share":
            from firmware.backends import _openshock_link

            missing, *link = _openshock_link.read(own)
            assert missing == ""
        door = check_connection.DOORS[name](own, [AGENT], *link)
        assert (door.url, door.headers) == at_work(name, made), name
    for name, (path, header, _) in check_http._QUESTIONS.items():
        made = settings(tmp_path, **{name + ".url": "http://10.0.0.2:8080/", name + ".token": "t"})
        url, headers = at_work(name, made)
        assert url == "http://10.0.0.2:8080" + path and (header, "t") in headers
    plug = plugins.load("firmware.backends", "openshock_share")
    own = settings(tmp_path, openshock_share__link=guid, openshock_share__name="x").section("openshock_share")
    backend = plug.Backend(own, AGENT[1])
    backend.begin(0)
    assert backend.errand(0)[1] == "https://api.openshock.app/1/public/shares/links/" + guid


def test_no_service_is_forgotten():
    assert {*check._BY_HTTP, *check._BY_KNOCKING} == set(plugins.names("firmware.backends"))
    assert check_http._QUESTIONS.keys() == set(check._BY_HTTP)
    assert check_connection.DOORS.keys() == set(check._BY_KNOCKING)


@pytest.mark.parametrize("fault", [MemoryError(), "hub.test port 443: " + tls.NO_MEMORY])
def test_where_there_was_no_memory_it_is_asked_again_and_at_last_nobody_claims_to_know(monkeypatch, fault):
    tries = []

    async def short_of_memory(rooms, name):
        tries.append(name)
        if isinstance(fault, MemoryError):
            raise fault
        return False, fault

    monkeypatch.setattr(check, "_PAUSE_MS", 0)
    monkeypatch.setattr(check, "_knocked", short_of_memory)
    told = asyncio.run(check.reached(None, "valtronics", None, None))
    assert told == (False, "nobody can be asked from here: the lamp tells after the restart")
    assert tries == ["valtronics"] * 3


def test_what_decides_on_the_next_question_is_what_the_door_says():
    own = {"url": "https://x"}
    assert check_connection.share(own, [], "id", "", []).closed == check._CLOSED
    assert check._NO_MEMORY == pairing._NO_MEMORY == tls.NO_MEMORY
