"""The checklist of OpenShock's share-link hub (reference/openshock-api.md §a.5, §e, §j), row by row, against the local hub."""

import asyncio
import urllib.parse

import pytest
from hub_story import BLUE, LINK, MADE, NOBODY, OWNER, RED, known_config
from link_story import AGENT, SECONDS, TIMES, Server, Story, hurry, text
from telling import as_test

from firmware.backends import _openshock_hub, openshock_share
from firmware.backends.openshock_share import Backend
from firmware.command import NOTE, Wish
from tools.hub import Hub, Share, faults

LONG_MS = 300_000
HELLO = b'{"protocol":"json","version":1}\x1e'
LIST = b'{"message":"","data":{"id":"%s","name":"friends","devices":[]}}' % LINK.encode()


def remote(url, **changed):
    """A link with the share backend, not yet started: a guest named Zoë, where nothing else is said."""
    settings = {"url": url, "link": LINK, "name": "Zoë", "session": "", **changed}
    return Story(url, Backend(settings, AGENT))


async def noted(one, words, since=0):
    """The first note with these words."""

    def found():
        notes = [detail for what, detail in one.dispatcher.orders[since:] if what == NOTE]
        return next((each for each in notes if words in each), None)

    return await one.dispatcher.until(found)


def told(**changed):
    """Makes a test of `async def story(hub, one)`: a hub, and a remote with these settings that has knocked there."""

    def dress(story):
        def prepare(monkeypatch):
            hurry(monkeypatch)
            monkeypatch.setattr(_openshock_hub, "_REFETCH_MS", 20)
            monkeypatch.setattr(openshock_share, "_SETTLE_MS", 10)

        async def tell():
            hub = Hub(known_config())
            url = await hub.start()
            hub.config.shares[0].shares[BLUE] = Share(vibrate=False)
            try:
                with_session = {"session": hub.config.owner_session} if changed.get("session") == "owner" else {}
                async with remote(url, **{**changed, **with_session}) as one:
                    await story(hub, one)
                    # nothing that this service says is for a receiver of ours
                    assert {what for what, _ in one.dispatcher.orders} <= {NOTE}
            finally:
                hub.faults.cut()
                await hub.stop()

        return as_test(story, tell, 2 * SECONDS, prepare)

    return dress


def by_hand(**changed):
    """Makes a test of `async def story(server, one)`: a server played by hand, and a remote that knocks there."""

    def dress(story):
        def prepare(monkeypatch):
            hurry(monkeypatch)

        async def tell():
            async with Server() as server:
                server.map_answer = lambda peer: peer.answer(200, LIST)
                async with remote(f"http://127.0.0.1:{server.port}", **changed) as one:
                    await story(server, one)

        return as_test(story, tell, 2 * SECONDS, prepare)

    return dress


async def joined(one, role="a guest", since=0):
    """None as soon as it was welcomed as that."""
    await noted(one, "joined the share link as " + role, since)


async def ordered(hub, mark):
    """(name of the shocker, type, intensity, duration, sender) of the next order at the hub."""
    log = await hub.journal.wait("log", since=mark, timeout_s=SECONDS)
    (entry,) = log["logs"]
    return entry["shocker"]["name"], entry["type"], entry["intensity"], entry["duration"], log["sender"]


# connect


@by_hand(name="J. & Zoë = 🐈?")
async def test_row_share_connect(server, one):
    """Connect: the name URL-encoded in the query, User-Agent, no token, no negotiation."""
    peer = await server.knock()
    path, _, query = peer.path.partition("?")
    assert path == f"/1/hubs/share/link/{LINK}"
    assert query.isascii() and urllib.parse.parse_qs(query, strict_parsing=True) == {"name": ["J. & Zoë = 🐈?"]}
    assert peer.headers["User-Agent"] == AGENT
    assert not {"Open-Shock-Token", "OpenShockSession", "Cookie", "Authorization"} & set(peer.headers)
    assert [each.path for each in server.asked] == [f"/1/public/shares/links/{LINK}"]
    assert server.asked[0].headers["User-Agent"] == AGENT


@pytest.mark.parametrize("link", [LINK.upper(), f"https://openshock.app/#/public/shares/links/{LINK}?x=1"])
def test_row_share_connect_by_a_pasted_link(link, monkeypatch):
    """Connect: the id is taken out of a whole link that somebody pasted."""

    @told(link=link)
    async def story(hub, one):
        await joined(one)

    story(monkeypatch)


@pytest.mark.parametrize("name", ["x", "x" * 32, "é" * 32, "🐈" * 16, "a/b?c#d&e=f%20+"])
def test_row_share_connect_names(name, monkeypatch):
    """Connect: names of 1 to 32 characters, as the server counts them; the owner sees them as they were written."""

    @told(name=name)
    async def story(hub, one):
        await joined(one)
        mark = hub.journal.mark()
        assert one.link.ask("control", Wish("red", 2, 5, 300)) == ""
        assert (await ordered(hub, mark))[4]["customName"] == name

    story(monkeypatch)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": ""}, "a guest of a share link needs a name"),
        ({"name": "x" * 33}, "at most 32 characters"),
        ({"name": "🐈" * 17}, "an emoji counts as two"),
        ({"link": ""}, "no share link yet"),
        ({"link": "https://example.org/friends"}, "no id in the share link"),
    ],
)
def test_row_share_connect_needs_a_link_and_a_name(changed, words, monkeypatch):
    """Connect: without a link, or a name that the server takes, no connection is tried, and a message says what is missing."""

    @told(**changed)
    async def story(hub, one):
        assert await one.next_try_ms(words) >= LONG_MS
        assert words in one.link.shown() and not hub.journal.events()

    story(monkeypatch)


@told(name="", session="owner")
async def test_row_share_connect_as_the_owner(hub, one):
    """Connect: with a session no name is needed; the order is the owner's own."""
    await joined(one, "a signed-in visitor")
    mark = hub.journal.mark()
    assert one.link.ask("control", Wish("red", 2, 5, 300)) == ""
    sender = (await ordered(hub, mark))[4]
    assert (sender["id"], sender["customName"]) == (OWNER, None) and sender["additionalItems"] == {"shareLinkId": LINK}


@by_hand(session="openShockSession=s3ss10n; Path=/")
async def test_row_share_connect_session_is_for_the_hub_alone(server, one):
    """Connect: a session goes with the WebSocket, not with the list, and never to another server."""
    peer = await server.knock()
    assert peer.headers["OpenShockSession"] == "s3ss10n" and "OpenShockSession" not in server.asked[0].headers
    async with Server() as other:
        peer.answer(307, Location=f"http://localhost:{other.port}/there")
        assert "s3ss10n" not in str((await other.knock()).headers)


# abort after the handshake


@pytest.mark.parametrize("why", ["expired", "forgotten", "session"])
def test_row_share_abort(why, monkeypatch):
    """Abort after the handshake: told as what it may be (link unknown or expired, bad session, name), and a long wait."""

    @told(**({"session": "no longer good"} if why == "session" else {}))
    async def story(hub, one):
        if why != "session":
            await joined(one)
            real = hub.config.shares[0]
            since = len(one.lines)

            def vanish(request):  # between the list and the socket
                real.expires_on = MADE
                if why == "forgotten":
                    hub.config.shares.clear()

            hub.faults.refusal = lambda where: vanish(where) if where == faults.HUB else None
            hub.faults.cut()
        else:
            since = 0
        words = "; next try in"
        await one.said("the share link was closed as soon as it was open", since)
        line = [each for each in one.lines[since:] if words in each][-1]
        assert int(line.rpartition("next try in ")[2].removesuffix(" ms")) >= LONG_MS
        assert "unknown or its time is over" in one.link.shown()
        assert ("session" in one.link.shown()) == (why == "session")
        assert one.link.ask("control", Wish("red", 2, 5, 300)) == "not connected: " + one.link.shown()

    story(monkeypatch)


@pytest.mark.parametrize("how", ["reset", "end", "close record", "close frame"])
def test_row_share_abort_in_every_shape(how, monkeypatch):
    """Abort after the handshake: a reset, an end or a close frame, three times in a row, mean what a Close record does at once."""

    @by_hand()
    async def story(server, one):
        pauses = []
        for _ in range(1 if how == "close record" else 3):
            since = len(one.lines)
            peer = await server.knock()
            peer.accept()
            assert await peer.frame() == (1, HELLO)
            peer.say(text(b"{}\x1e" + (b'{"type":7}\x1e' if how == "close record" else b"")))
            if how == "close frame":
                peer.say(b"\x88\x02\x03\xe8")
            await peer.writer.drain()
            await asyncio.sleep(0.05)  # the answer to the handshake arrives before the end, as from a server
            if how == "reset":
                peer.cut()
            elif how == "end":
                peer.end()
            pauses.append(await one.next_try_ms("next try in", since))
        assert pauses.pop() >= LONG_MS and max(pauses, default=0) <= TIMES["_CAP_MS"]
        assert "closed as soon as it was open" in one.link.shown()

    story(monkeypatch)


@told(link=NOBODY)
async def test_row_share_unknown_link(hub, one):
    """An unknown or expired link is known by its list (404): no connection is tried, a long wait."""
    assert await one.next_try_ms("there is no such share link, or its time is over") >= LONG_MS
    assert not hub.journal.events("record") and one.link.shown()


# Welcome


@told()
async def test_row_share_welcome_guest(hub, one):
    """Welcome: 1 is a guest; until it comes nothing can be asked."""
    assert one.link.ask("control", Wish("red", 2, 5, 300)) != ""
    await joined(one)
    assert one.link.ask("control", Wish("red", 2, 5, 300)) == "" and one.link.shown() == ""


@by_hand()
async def test_row_share_welcome_numbers(server, one):
    """Welcome: 0 and 1; a number that nobody knows is no fault."""
    peer = await server.knock()
    await peer.greet(b'{"type":1,"target":"Welcome","arguments":[7]}\x1e{"type":6}\x1e')
    await joined(one, "somebody")
    assert one.link.connected()


# Updated


@told()
async def test_row_share_updated(hub, one):
    """Updated: the list is fetched again, and what it says holds; several of them are one."""
    await joined(one)
    link, red = hub.config.shares[0], hub.shockers[0]
    mark = len(one.dispatcher.orders)
    hub.edit_share(link, red, paused=True)
    hub.edit_share(link, red, max_intensity=10)
    await noted(one, "2 shockers in the share link, 1 of them paused", mark)
    assert one.link.ask("control", Wish("red", 2, 20, 500)) == "red is paused"
    mark = len(one.dispatcher.orders)
    hub.edit_share(link, red, paused=False)
    await noted(one, "2 shockers in the share link, 0 of them paused", mark)
    mark = hub.journal.mark()
    assert one.link.ask("control", Wish("red", 2, 20, 500)) == ""
    assert (await ordered(hub, mark))[2] == 10
    assert not one.dispatcher.halts and len(hub.connections) == 1


@told()
async def test_row_share_updated_may_never_come(hub, one):
    """Updated may never come: what was refused by an old list is asked for again, so that the next press knows better."""
    await joined(one)
    red = hub.config.shares[0].shares[RED]
    red.paused = True
    hub.faults.cut()
    mark = len(one.dispatcher.orders)
    await noted(one, "1 of them paused", mark)
    await joined(one, since=mark)
    red.paused = False  # nobody says so
    mark = len(one.dispatcher.orders)
    assert one.link.ask("control", Wish("red", 2, 20, 500)) == "red is paused"
    await noted(one, "0 of them paused", mark)
    assert one.link.ask("control", Wish("red", 2, 20, 500)) == ""


# Control


@told()
async def test_row_share_control(hub, one):
    """Control: numbers for enums, an invocation id; by guid, or by a name in capitals and small letters."""
    await joined(one)
    for shocker in (RED, RED.upper(), "red", "RED", " Red "):
        mark = hub.journal.mark()
        assert one.link.ask("control", Wish(shocker, 2, 20, 500)) == ""
        assert (await ordered(hub, mark))[:4] == ("red", 2, 20, 500)
    record = await hub.received("Control")
    assert record["arguments"] == [[{"id": RED, "type": 2, "intensity": 20, "duration": 500, "exclusive": False}]]
    assert isinstance(record["invocationId"], str)


@told()
async def test_row_share_control_limits(hub, one):
    """Control: clamped to the link's limits here already, and the log says so; a stop passes as long as anything may."""
    await joined(one)
    mark, since = hub.journal.mark(), len(one.dispatcher.orders)
    assert one.link.ask("control", Wish("red", 3, 90, 9000)) == ""
    assert (await ordered(hub, mark))[:4] == ("red", 3, 30, 2000)
    record = await hub.received("Control")
    assert (record["arguments"][0][0]["intensity"], record["arguments"][0][0]["duration"]) == (30, 2000)
    await noted(one, "the share link lowers it to 30, 2000 ms", since)
    mark = hub.journal.mark()
    assert one.link.ask("control", Wish("red", 0, 90, 9000)) == ""
    assert (await ordered(hub, mark))[:4] == ("red", 0, 0, 300)


@told()
async def test_row_share_control_refusals(hub, one):
    """Control: what the server would refuse in silence is refused here in words: permission, pause, an unknown shocker."""
    await joined(one)
    mark = hub.journal.mark()
    for wish, words in (
        (Wish("red", 1, 5, 300), "the share link allows no shock for red"),
        (Wish("blue", 2, 5, 300), "the share link allows no vibrate for blue"),
        (Wish("green", 2, 5, 300), "the service has no such shocker"),
        (Wish(NOBODY, 2, 5, 300), "the service has no such shocker"),
        (Wish("red", 4, 5, 300), "OpenShock knows stop, shock, vibrate and sound"),
        (Wish("red", 2, 101, 300), "a level is 0-100"),
        (Wish("red", 2, 5, 299), "a duration is 300-65535 ms"),
    ):
        assert one.link.ask("control", wish) == words
    assert one.link.ask("control", Wish("blue", 1, 5, 300)) == ""
    assert (await ordered(hub, mark))[0] == "blue"
    assert len([event for event in hub.journal.events("record", mark) if event["record"].get("target")]) == 1
    assert not hub.journal.events("declined", mark)


@told()
async def test_row_share_control_silent_refusal(hub, one):
    """Control: the server's silence is not taken for success, and is no fault: the connection goes on."""
    await joined(one)
    hub.config.shares[0].expires_on = MADE
    mark = hub.journal.mark()
    assert one.link.ask("control", Wish("red", 2, 5, 300)) == ""
    await hub.received("Control", since=mark)
    hub.config.shares[0].expires_on = None
    assert one.link.ask("control", Wish("red", 2, 6, 300)) == ""
    assert (await ordered(hub, mark))[2] == 6 and len(hub.journal.events("log", mark)) == 1


@told()
async def test_row_share_no_log_feed(hub, one):
    """No Log feed, and nothing to obey: whatever the server calls, no receiver of ours moves."""
    await joined(one)
    (connection,) = hub.connections
    entry = {"id": RED, "shocker": {"id": RED, "name": "red"}, "type": 1, "intensity": 99, "duration": 9000}
    for target, arguments in (
        ("Log", [{"name": "x"}, [entry]]),
        ("Control", [[entry]]),
        ("ControlV2", [[entry], None]),
        ("EmergencyStop", [NOBODY]),
        ("CaptivePortal", [NOBODY, True]),
        ("OtaInstall", [NOBODY, "9.9.9"]),
        ("Reboot", [NOBODY]),
    ):
        with pytest.raises(RuntimeError):
            await connection.call(target, arguments, SECONDS)
    assert one.link.connected()


@told()
async def test_row_share_other_wishes(hub, one):
    """Only Control: an emergency stop, answers and pairing are refused in words."""
    await joined(one)
    for what in ("emergency", "seen", "respond", "pair"):
        assert one.link.ask(what, None) == "this service takes no such thing"


# coming back


@told()
async def test_row_share_reconnect(hub, one):
    """After a loss it comes back, and a press of before is never sent later."""
    await joined(one)
    for count in range(2, 5):
        mark, since = hub.journal.mark(), len(one.dispatcher.orders)
        hub.faults.cut()
        await one.dispatcher.until(lambda: one.dispatcher.halts)
        one.dispatcher.halts.clear()
        assert one.link.ask("control", Wish("red", 2, 9, 300)) in ("", "not connected", "no connection")
        await hub.connected(count=count, timeout_s=SECONDS)
        await joined(one, since=since)
        assert one.link.ask("control", Wish("red", 2, 10 + count, 300)) == ""
        assert (await ordered(hub, mark))[2] == 10 + count
        assert len(hub.journal.events("log", mark)) == 1


@pytest.mark.parametrize(
    ("status", "where"), [(401, faults.HUB), (429, faults.HUB), (503, faults.HUB), (500, faults.REST)]
)
def test_row_share_refused_for_a_while(status, where, monkeypatch):
    """401 is a long wait; 429, 5xx and a list that does not come are survived."""

    @told()
    async def story(hub, one):
        await joined(one)
        since, lines = len(one.dispatcher.orders), len(one.lines)
        hub.faults.refuse(status, where=where)
        hub.faults.cut()
        if status == 401:
            assert await one.next_try_ms("401", lines) >= LONG_MS
        else:
            await joined(one, since=since)
            assert one.link.ask("control", Wish("red", 2, 9, 300)) == ""

    story(monkeypatch)


@pytest.mark.parametrize("gone", ("deleted", "changed"))
def test_row_share_silent_link(gone, monkeypatch):
    """A link that was changed or deleted without a word, as the service does it: asked for again at a press, said at the next."""
    monkeypatch.setattr(openshock_share, "_OLD_MS", 0)

    @told()
    async def story(hub, one):
        hub.config.silent_links = True
        await joined(one)
        link = hub.config.shares[0]
        if gone == "deleted":
            hub.remove_share(link)
        else:
            hub.edit_share(link, hub.shockers[0], vibrate=False)
        since = len(one.dispatcher.orders)
        assert one.link.ask("control", Wish("red", 2, 5, 300)) == ""
        if gone == "deleted":
            await one.said("there is no such share link, or its time is over")
            assert one.link.ask("control", Wish("red", 2, 5, 300)).startswith(
                "not connected: there is no such share link"
            )
        else:
            await noted(one, "shockers in the share link", since)
            assert one.link.ask("control", Wish("red", 2, 5, 300)) == "the share link allows no vibrate for red"

    story(monkeypatch)
