"""The link against a server played by hand: how it goes up, what it hears, how it ends and comes back, and that it always stops."""

import asyncio
import functools

import pytest
from link_story import AGENT, DEVICE, RED, TIMES, TOKEN, Server, Story, hurry, order, text, told

from firmware.command import ACT, EMERGENCY, HALT, NOTE, REFUSE, Leave, Service, Unasked, Wish
from firmware.link import connection as link_room
from firmware.link.http_and_websocket import Reach
from lib import login_page, tasks

LONG_MS = 300_000


async def up(server, story, before=0):
    """The Peer of a connection that is up; an order was obeyed on it."""
    peer = await server.knock()
    await peer.greet(order(1 + before))
    await story.dispatcher.acted(1 + before)
    return peer


async def again(server, story):
    """None; after whatever has happened the device connects once more, and obeys."""
    peer = await up(server, story, before=60)
    assert not peer.writer.is_closing()


# the way up


@told
async def test_it_fetches_the_map_knocks_greets_and_obeys(server, story):
    peer = await server.knock()
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("GET", "/1/shockers/own")
    assert (peer.method, peer.path) == ("GET", "/1/hubs/user")
    for request in (asked, peer):
        assert request.headers["Open-Shock-Token"] == TOKEN
        assert request.headers["User-Agent"] == AGENT
        assert request.headers["Host"] == f"127.0.0.1:{server.port}"
    await peer.greet()
    peer.say(text(order(40)))
    await story.dispatcher.acted(40)
    kinds = [kind for kind, _ in story.dispatcher.orders]
    assert kinds == [NOTE, ACT] and story.dispatcher.orders[1][1].rf_id == 1234
    assert story.link.status == "connected" and story.beats
    assert not story.dispatcher.halts


@told
async def test_everything_may_come_in_one_segment(server, story):
    peer = await server.knock()
    peer.accept(behind=text(b"{}\x1e" + order(41)) + text(order(42)))
    await story.dispatcher.acted(42)
    await story.dispatcher.acted(41)


@told
async def test_everything_may_come_byte_by_byte_and_in_fragments(server, story):
    peer = await server.knock()
    peer.accept()
    half = len(order(43)) // 2
    frames = text(b"{}\x1e" + order(43)[:half], final=False) + text(b"p", opcode=9) + text(order(43)[half:], opcode=0)
    for byte in frames:
        peer.say(bytes((byte,)))
        await peer.writer.drain()
        await asyncio.sleep(0)
    await story.dispatcher.acted(43)


@told
async def test_a_ping_is_answered_with_its_payload(server, story):
    peer = await up(server, story)
    peer.say(text(b"are you there", opcode=9) + text(b"", opcode=9))
    assert await peer.frame() == (10, b"are you there")
    assert await peer.frame() == (10, b"")


@told
async def test_an_invocation_with_an_id_is_answered(server, story):
    peer = await up(server, story)
    peer.say(text(b'{"type":1,"target":"EmergencyStop","arguments":["%s"],"invocationId":"5"}\x1e' % DEVICE.encode()))
    assert await peer.frame() == (1, b'{"type":3,"invocationId":"5","result":null}\x1e')
    assert (EMERGENCY, "hub") in story.dispatcher.orders


@told
async def test_a_map_that_changes_is_fetched_while_the_connection_stays(server, story):
    peer = await up(server, story)
    peer.say(text(order(50, guid=DEVICE)))  # nobody knows this one
    await story.dispatcher.until(lambda: any(kind == REFUSE for kind, _ in story.dispatcher.orders))
    assert len(server.asked) == 1  # it is asked for again ten seconds after the first time at the soonest
    peer.say(text(order(51)))
    await story.dispatcher.acted(51)


@told
async def test_without_a_map_it_connects_all_the_same(server, story):
    server.map_answer = lambda peer: peer.answer(500)
    peer = await server.knock()
    await peer.greet(order(1))
    await story.dispatcher.until(lambda: any(kind == REFUSE for kind, _ in story.dispatcher.orders))
    assert any("did not come: the server answered 500" in str(detail) for _, detail in story.dispatcher.orders)


@told
async def test_two_sockets_are_never_open_at_once(server, story):
    for _ in range(5):
        peer = await up(server, story)
        assert server.knocks.empty()
        peer.cut()
        await story.dispatcher.until(lambda: story.dispatcher.halts)
        story.dispatcher.orders.clear()


# servers that say no


@told
async def test_redirects_are_followed_three_at_most(server, story):
    for number in range(3):
        peer = await server.knock()
        assert peer.headers["Open-Shock-Token"] == TOKEN
        peer.answer(307, Location=f"/elsewhere/{number}")
    peer = await server.knock()
    assert peer.path == "/elsewhere/2"
    await peer.greet(order(1))
    await story.dispatcher.acted(1)
    peer.cut()
    for number in range(4):
        peer = await server.knock()
        assert peer.path == ("/1/hubs/user" if number == 0 else "/around")  # it begins at home again
        peer.answer(302, Location="/around")
    assert await story.next_try_ms("more than 3 redirects") <= 1000
    await again(server, story)


def test_a_token_follows_from_http_to_https_of_one_host(monkeypatch):
    asked = []

    @told
    async def story(server, story):
        dial = story.link._reach._dial
        reached = asyncio.Event()

        async def dialled(url, host, port, secure, opening):
            if not secure:
                return await dial(url, host, port, secure, opening)
            asked.append((url, opening))
            reached.set()
            raise Leave("no TLS here")

        story.link._reach._dial = dialled
        (await server.knock()).answer(301, Location=f"https://127.0.0.1:{server.port}/1/hubs/user")
        await asyncio.wait_for(reached.wait(), 10)
        assert TOKEN.encode() in asked[0][1]
        del asked[:]
        reached.clear()
        (await server.knock()).answer(301, Location=f"https://localhost:{server.port}/1/hubs/user")
        await asyncio.wait_for(reached.wait(), 10)
        assert TOKEN.encode() not in asked[0][1]

    story(monkeypatch)


@pytest.mark.parametrize("there", ["http://localhost:{other}/there", "http://127.0.0.1:{other}/there"])
def test_another_server_never_sees_the_token(there, monkeypatch):
    @told
    async def story(server, story):
        async with Server() as other:
            peer = await server.knock()
            peer.answer(307, Location=there.format(other=other.port))
            peer = await other.knock()
            assert peer.path == "/there" and peer.headers["User-Agent"] == AGENT
            assert TOKEN not in str(peer.headers)
            await peer.greet(order(1))
            await story.dispatcher.acted(1)

    story(monkeypatch)


class Doors:
    """A Reach whose connections fail as `ways` says: scheme → the words of the Leave, a status, or None for an open one."""

    def __init__(self, **ways):
        self.ways = ways
        self.tried = []
        self.reach = Reach(None, None, [])
        self.reach._knock = self._knock

    async def _knock(self, url, headers, say, timed=True):
        assert timed or url.startswith("wss")
        scheme = url.partition(":")[0]
        self.tried.append(scheme)
        way = self.ways[scheme]
        if way is not None:
            raise Leave(str(way), status=way if isinstance(way, int) else 0)
        return "reader", "writer", b""

    def knock(self, url="ws://hub.lan:81/x", tls_first=True):
        """What was tried, and whether it was opened."""
        del self.tried[:]
        try:
            asyncio.run(self.reach.knock(url, [], None, tls_first))
        except Leave:
            return self.tried, False
        return self.tried, True


def test_a_gateway_of_a_plain_api_is_tried_by_tls_first():
    doors = Doors(wss=None, ws=None)
    assert doors.knock() == (["wss"], True)
    assert doors.knock(tls_first=False) == (["ws"], True)
    for words in ("hub.lan port 81: certificate not trusted", "hub.lan: there is no such name", 401, 412):
        doors.ways["wss"] = words
        assert doors.knock() == (["wss"], False), "who speaks TLS is never asked without"
    for words in ("hub.lan port 81: the other side does not speak TLS", "hub.lan port 81: the other side closed"):
        doors = Doors(wss=words, ws=None)
        assert doors.knock() == (["wss", "ws"], True)
        assert doors.knock() == (["ws"], True), "it is known by now"
        assert doors.knock("ws://other.lan/x") == (["wss", "ws"], True), "of that one alone"
        doors.knock()
        doors.ways.update(ws=412)
        assert doors.knock() == (["ws"], False)
        doors.ways.update(ws=400, wss=None)
        assert doors.knock() == (["ws"], False)
        assert doors.knock() == (["wss"], True), "TLS has come"
    doors = Doors(wss="the other side does not speak TLS", ws=None)
    assert doors.knock("wss://hub.lan/x") == (["wss"], False), "an API with TLS names gateways with TLS"


LOGIN = "a login page is in the way (captive portal): login.example"


@pytest.mark.parametrize("backend_fetches", [False, True])
def test_a_login_page_in_the_way_is_told_apart_from_no_internet(backend_fetches, monkeypatch):
    async def tell():
        async with Server() as server:
            monkeypatch.setattr(login_page, "PORT", server.port)
            server.map_answer = lambda peer: peer.answer(302, Location="http://login.example/?from=here")
            # the same port: a network that answers for everybody speaks no TLS there either
            async with Story(f"https://localhost:{server.port}") as story:
                if not backend_fetches:
                    story.link._backend.errand = lambda now: None
                await story.said(LOGIN)
                server.map_answer = lambda peer: peer.answer(301, Location="https://localhost/")
                since = len(story.lines)
                assert LOGIN not in await story.said("next try", since + 1)

    hurry(monkeypatch)
    asyncio.run(tell())


@told
async def test_a_network_that_wants_a_login_says_so_by_itself(server, story):
    (await server.knock()).answer(511)
    await story.said("the network wants a login first")


@told
async def test_a_refusal_is_an_answer_too(server, story):
    before = story.link.reached_ms()
    await asyncio.sleep(0.01)
    (await server.knock()).answer(401)
    await story.said("refused the token")
    assert story.link.reached_ms() > before


@told
async def test_a_redirect_to_nowhere_is_no_way(server, story):
    for location in ("ftp://example.org/", "http://user@example.org/", "http://:0/", "\x01", "http://[/"):
        since = len(story.lines)
        (await server.knock()).answer(302, Location=location)
        await story.said("a redirect to where nobody may go", since)
    (await server.knock()).answer(302)
    await story.said("answered 302")
    await again(server, story)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_means_a_long_wait(status, monkeypatch):
    @told
    async def story(server, story):
        (await server.knock()).answer(status)
        assert await story.next_try_ms(f"the server refused the token ({status})") >= LONG_MS
        assert str(status) in story.link.status

    story(monkeypatch)


@told
async def test_a_token_that_the_map_refuses_means_a_long_wait(server, story):
    server.map_answer = lambda peer: peer.answer(401)
    assert await story.next_try_ms("refused the token (401)") >= LONG_MS
    assert server.knocks.empty()


@told
async def test_retry_after_is_heeded(server, story):
    (await server.knock()).answer(429, Retry_After=7)
    assert 7000 <= await story.next_try_ms("answered 429") <= 7000 + TIMES["_CAP_MS"]


@told
async def test_a_server_that_is_busy_may_say_when(server, story):
    (await server.knock()).answer(503)
    assert await story.next_try_ms("answered 503") <= TIMES["_CAP_MS"]
    since = len(story.lines)
    (await server.knock()).answer(503, Retry_After=120)
    assert await story.next_try_ms("answered 503", since) >= 120_000


@told
async def test_answers_that_are_none_are_survived(server, story):
    bad = [
        (b"", "the connection ended before the answer did"),
        (b"HTTP/1.1 101 x\r\nUpg", "the connection ended before the answer did"),
        (b"\x16\x03\x01\x02\x00\x01", "the connection ended before the answer did"),
        (b"SSH-2.0-x\r\n", "not an HTTP/1 answer"),
        (b"HTTP/1.1 101\r\n\x00: y\r\n\r\n", "a control character in a head"),
        (b"HTTP/1.1 101 x\r\nDate: " + b"y" * 9000, "a head or a line of it is too long"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "answered 200"),
        (b"HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n", "answered 404"),
        (b"HTTP/1.1 500 x\r\n\r\n", "answered 500"),
        (b"HTTP/1.1 101 x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", "upgrades to something else"),
    ]
    for data, words in bad:
        since = len(story.lines)
        peer = await server.knock()
        peer.say(data)
        await peer.writer.drain()
        peer.end()
        assert await story.next_try_ms(words, since) <= TIMES["_CAP_MS"], data
    peer = await server.knock()
    peer.accept(key="another key")
    await story.said("did not read the key")
    await again(server, story)


@told
async def test_nobody_at_home_is_survived(server, story):
    (await server.knock()).cut()
    server._server.close()
    await story.until(lambda: sum("next try in" in line for line in story.lines) >= 3)
    server._server = await asyncio.start_server(server._serve, "127.0.0.1", server.port)
    await again(server, story)


@told
async def test_a_name_that_nobody_knows_is_survived(server, story):
    real = story.network.resolve

    async def nobody(host):
        from lib import resolver

        raise resolver.NotFound(host, "there is no such name", True)

    (await server.knock()).cut()
    story.network.resolve = nobody
    since = len(story.lines)
    await story.said("next try in", since + 1)
    story.network.resolve = real
    await again(server, story)


# what a server should not send


GARBAGE = [
    (b"\xf3\x05hello", 1002),
    (b"\x83\x00", 1002),  # a reserved opcode
    (b"\x81\x85\x00\x00\x00\x00hello", 1002),  # masked
    (b"\x80\x05hello", 1002),  # a fragment of nothing
    (b"\x09\x00", 1002),  # a ping in fragments
    (b"\x89\x7e\x00\x7e" + b"x" * 126, 1002),  # a ping of 126 bytes
    (b"\x81\x7e\x00\x05hello", 1002),  # a length in a long form
    (b"\x88\x01x", 1002),  # a close of one byte
    (b"\x88\x02\x03\xec", 1002),  # 1004 may not be sent
    (text(b"\xc3\x28\x1e"), 1007),
    (text(b"\xed\xa0\x80\x1e"), 1007),
    (text(b"\xc3", final=False) + text(b"\x28", opcode=0), 1007),
    (text(b"{\x1e"), 1007),
    (text(b"[]\x1e"), 1007),
    (text(b"no record\x1e"), 1007),
    (text(b'{"type":1,"target":"Log","arguments":{}}\x1e'), 1007),
    (text(b'{"type":1,"target":"Log","arguments":[1 2]}\x1e'), 1007),
    (text(b'{"type":6,"x":' + b"[" * 1000 + b"]" * 1000 + b"}\x1e"), 1007),
]


@pytest.mark.parametrize("number", range(len(GARBAGE)))
def test_garbage_ends_the_connection_with_the_right_code_and_nothing_else(number, monkeypatch):
    data, code = GARBAGE[number]

    @told
    async def story(server, story):
        peer = await up(server, story)
        before = list(story.dispatcher.orders)
        peer.say(data + text(order(99)))
        assert (await peer.closed())[0] == code
        assert story.dispatcher.orders == before
        assert story.dispatcher.halts
        assert await story.next_try_ms("; next try in") <= TIMES["_CAP_MS"]
        await again(server, story)

    story(monkeypatch)


LARGE = b'{"type":6,"x":"' + b"x" * 16384 + b'"}\x1e'


@pytest.mark.parametrize("behind", [b"", order(70) * 50])
def test_a_record_above_16_kb_stops_everything_is_told_and_the_link_stays(behind, monkeypatch):
    @told
    async def story(server, story):
        peer = await up(server, story)
        peer.say(text(LARGE + behind + order(71)))
        await story.dispatcher.acted(71)
        (halt,) = [detail for kind, detail in story.dispatcher.orders if kind == HALT]
        assert halt == "a record above 16384 bytes"
        assert any("was not read: everything stops" in str(detail) for _, detail in story.dispatcher.orders)
        assert server.knocks.empty() and not story.dispatcher.halts

    story(monkeypatch)


@told
async def test_a_record_without_an_end_stops_everything_long_before_that(server, story):
    peer = await up(server, story)
    peer.say(b"\x81\x7f\x00\x00\x00\x00\x7f\xff\xff\xff")  # two gigabytes are announced
    for _ in range(40):
        peer.say(b"x" * 1000)
    await story.dispatcher.until(lambda: any(kind == HALT for kind, _ in story.dispatcher.orders))
    peer.cut()
    await again(server, story)


@told
async def test_a_message_of_any_size_is_heard_record_by_record(server, story):
    peer = await up(server, story)
    peer.say(text(b'{"type":6}\x1e' * 10_000 + order(72)))
    await story.dispatcher.acted(72)
    assert not story.dispatcher.halts


@told
async def test_what_came_before_the_garbage_is_obeyed(server, story):
    peer = await up(server, story)
    peer.say(text(order(33)) + b"\xf3\x05hello")
    await story.dispatcher.acted(33)
    assert (await peer.closed())[0] == 1002


# how it ends


@told
async def test_a_close_that_invites_back_is_followed_by_a_short_wait(server, story):
    peer = await up(server, story)
    peer.say(text(order(34) + b'{"type":7,"error":"going down","allowReconnect":true}\x1e'))
    await story.dispatcher.acted(34)
    code, before = await peer.closed()
    assert code == 1000 and (1, b'{"type":7}\x1e') not in before
    assert await story.next_try_ms("going down") <= TIMES["_CAP_MS"]
    await again(server, story)


@pytest.mark.parametrize("close", [b'{"type":7}', b'{"type":7,"error":"no"}', b'{"type":7,"allowReconnect":false}'])
def test_a_close_that_does_not_is_followed_by_a_long_one(close, monkeypatch):
    @told
    async def story(server, story):
        peer = await up(server, story)
        peer.say(text(close + b"\x1e"))
        assert (await peer.closed())[0] == 1000
        assert await story.next_try_ms("closed by the server") >= 60_000

    story(monkeypatch)


@pytest.mark.parametrize("close", [b"\x88\x00", b"\x88\x02\x03\xe8", b"\x88\x06\x03\xf3busy", b"\x88\x02\x0f\xa0"])
def test_a_close_frame_is_answered(close, monkeypatch):
    @told
    async def story(server, story):
        peer = await up(server, story)
        peer.say(close)
        opcode, payload = await peer.frame()
        assert opcode == 8 and payload == close[2:4]
        await story.said("closed by the server")
        await again(server, story)

    story(monkeypatch)


@pytest.mark.parametrize("how", ["cut", "end"])
def test_an_abrupt_end_stops_everything(how, monkeypatch):
    @told
    async def story(server, story):
        peer = await up(server, story)
        story.dispatcher.active = True
        getattr(peer, how)()
        await story.dispatcher.until(lambda: story.dispatcher.halts)
        assert story.dispatcher.halts[0] == "link lost"
        await story.said("connection lost")
        await again(server, story)

    story(monkeypatch)


@told
async def test_an_end_in_the_middle_of_anything_stops_everything(server, story):
    stages = (lambda peer: None, lambda peer: peer.accept(), lambda peer: peer.accept(behind=text(b"{}\x1e")[:3]))
    for stage in stages:
        story.dispatcher.halts.clear()
        peer = await server.knock()
        stage(peer)
        peer.cut()
        await story.dispatcher.until(lambda: story.dispatcher.halts)
    await again(server, story)


@told
async def test_silence_while_something_is_active_stops_everything(server, story):
    peer = await up(server, story)
    story.dispatcher.active = True
    assert await peer.frame() == (9, b"")  # are you there?
    await story.dispatcher.until(lambda: story.dispatcher.halts)
    await story.said("silent while something is active")
    await again(server, story)


@told
async def test_pongs_are_a_sign_of_life(server, story):
    peer = await up(server, story)
    story.dispatcher.active = True
    for _ in range(10):  # three times as long as silence would last
        opcode, payload = await peer.frame()
        assert opcode == 9
        peer.say(text(payload, opcode=10))
    assert not story.dispatcher.halts
    await story.dispatcher.until(lambda: story.dispatcher.halts)  # and then there are none


@told
async def test_silence_while_nothing_is_active_is_no_fault(server, story):
    peer = await up(server, story)
    marks = []
    clock = story.link._clock
    while not marks or clock() - marks[0] < 3 * TIMES["_SILENT_MS"]:
        marks.append(clock())
        await asyncio.sleep(0.01)
    story.dispatcher.active = True  # the silence before does not count
    opcode, payload = await peer.frame()
    assert opcode == 9 and not story.dispatcher.halts
    peer.say(text(payload, opcode=10) + text(order(35)))
    await story.dispatcher.acted(35)


@told
async def test_silence_is_noticed_though_nothing_can_be_sent(server, story):
    peer = await up(server, story)
    flood = text(b"x" * 125, opcode=9) * 4000
    peer.writer.transport.pause_reading()
    for _ in range(8):  # pings whose pongs nobody reads: the device can send nothing any more, and reads all the same
        peer.say(flood)
        await peer.writer.drain()
    story.dispatcher.active = True
    await story.dispatcher.until(lambda: story.dispatcher.halts)
    await story.said("silent while something is active")
    peer.cut()
    await again(server, story)


@told
async def test_when_wifi_goes_everything_stops(server, story):
    peer = await up(server, story)
    story.dispatcher.active = True
    story.network.reach = False
    await story.dispatcher.until(lambda: story.dispatcher.halts)
    await story.said("Wi-Fi is gone")
    story.network.reach = True
    peer.cut()
    await again(server, story)


@told
async def test_a_device_that_leaves_says_goodbye(server, story):
    peer = await up(server, story)
    story.task.cancel()
    code, before = await peer.closed()
    assert code == 1000 and before == [(1, b'{"type":7}\x1e')]
    assert story.dispatcher.halts


@told
async def test_a_fault_in_the_house_stops_everything_and_it_comes_back(server, story):
    peer = await up(server, story)
    story.dispatcher.fault = RuntimeError("broken")
    peer.say(text(order(36)))
    await story.said("RuntimeError: broken")
    assert "link lost" in story.dispatcher.halts
    story.dispatcher.fault = None
    await again(server, story)


@told
async def test_a_server_that_never_greets_is_left(server, story):
    peer = await server.knock()
    peer.accept()
    peer.say(text(b'{"error":"The protocol is not supported."}\x1e'))
    await story.said("The protocol is not supported.")
    assert (await peer.closed())[0] == 1000
    await again(server, story)


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999", "http://", "http://exa mple", "gopher://example"])
def test_an_address_that_is_none_is_a_line_in_the_log_and_a_long_wait(url):
    async def tell():
        async with Story(url) as story:
            assert await story.next_try_ms("; next try in") >= LONG_MS

    asyncio.run(asyncio.wait_for(tell(), 20))


def test_red_is_the_shocker_of_these_stories():
    assert RED.encode() in order(1) and b'"intensity": 1' in order(1)


# what somebody at the device wants of the service


@told
async def test_what_somebody_here_wants_of_the_service_is_asked_or_refused_in_words_and_never_kept(server, story):
    def ask(what, detail, now):
        if what != "seen":
            raise Unasked("this service takes no such thing")
        asked.append(detail)

    asked = []
    story.link._backend.ask = ask
    assert story.link.ask("seen", "m-1") == "not connected"
    await up(server, story)
    assert asked == [], "nothing is said later than it was meant"
    assert story.link.ask("seen", "m-2") == "" and asked == ["m-2"]
    assert story.link.ask("pair", None) == "this service takes no such thing"


@told
async def test_a_connection_that_was_left_on_purpose_is_no_loss(server, story):
    def leave(now):
        raise Leave("paired", meant=True)

    story.link._backoff = tasks.Backoff(10, 2000, chance=lambda: 0.5)
    stay = story.link._backend.keepalive
    pauses = []
    for is_meant in (True, True, True, False, False, False, True, True, False):
        since = len(story.lines)
        peer = await up(server, story)
        if is_meant:
            story.link._backend.keepalive = leave
        else:
            peer.cut()
        pauses.append(await story.next_try_ms("; next try in", since))
        story.link._backend.keepalive = stay
    assert pauses == [5, 5, 5, 5, 10, 20, 5, 5, 40]


@told
async def test_without_memory_to_tell_the_service_nobody_falls(server, story):
    def ask(what, detail, now):
        raise MemoryError("memory allocation failed")

    story.link._backend.ask = ask
    await up(server, story)
    assert story.link.ask("emergency", None) == "memory allocation failed"


@told
async def test_a_service_that_takes_nothing_says_so(server, story):
    await up(server, story)
    story.link._backend.ask = functools.partial(Service.ask, story.link._backend)
    assert story.link.ask("control", Wish("red", 2, 20, 500)) == "this service takes no such thing"
    story.link._backend.shown = lambda: "pairing code 4F7KQ2"
    assert story.link.shown() == "pairing code 4F7KQ2"


# what waits when it ends, or cannot go out


@told
async def test_what_somebody_here_wants_goes_out_at_once(server, story):
    peer = await up(server, story)
    link_room._TEND_MS = 3_600_000  # from the next look on only what was asked for wakes the writer
    await asyncio.sleep(2 * TIMES["_TEND_MS"] / 1000)
    assert story.link.ask("control", Wish(RED, 2, 20, 500)) == ""
    _, payload = await peer.frame()
    assert b'"ControlV2"' in payload


@pytest.mark.parametrize("how", ["cut", "end", "close", "garbage"])
def test_calls_under_way_end_with_an_error_when_the_connection_ends(how, monkeypatch):
    @told
    async def story(server, story):
        peer = await up(server, story)
        for action in (1, 2):
            assert story.link.ask("control", Wish(RED, action, 20, 500)) == ""
            await peer.frame()
        if how in ("cut", "end"):
            getattr(peer, how)()
        else:
            peer.say(b"\x88\x02\x03\xe8" if how == "close" else b"\xff\xff")
        await story.dispatcher.until(lambda: len(failed(story)) == 2)
        assert [words.split(" failed: ")[0] for words in failed(story)] == [f"shock of {RED}", f"vibrate of {RED}"]
        assert not any("next try" in line for line in story.lines), "they end at once"
        await again(server, story)
        assert len(failed(story)) == 2

    story(monkeypatch)


def failed(story):
    """The notes of calls that failed."""
    return [detail for kind, detail in story.dispatcher.orders if kind == NOTE and " failed: " in detail]


@told
async def test_a_call_whose_time_was_over_is_told_though_the_connection_ends_before_the_next_byte(server, story):
    peer = await up(server, story)
    assert story.link.ask("control", Wish(RED, 2, 20, 500)) == ""
    await peer.frame()
    session = story.link._backend._session
    session._calls = dict.fromkeys(session._calls, 0)  # it is over
    while session._calls:
        await asyncio.sleep(0.005)
    peer.cut()
    await story.dispatcher.until(lambda: failed(story))
    assert failed(story) == [f"vibrate of {RED} failed: no answer in time"]


@told
async def test_who_speaks_and_takes_nothing_is_left(server, story):
    peer = await up(server, story)
    peer.writer.transport.pause_reading()
    news = asyncio.create_task(chatter(peer))
    while not any("the other side takes nothing" in line for line in story.lines):
        story.link._backend._wanted = [b"x" * 100_000]
        story.link._due.set()
        await asyncio.sleep(0.01)
    news.cancel()
    peer.cut()
    await again(server, story)


async def chatter(peer):
    """Never returns; pings, so that it is not silence that is noticed."""
    while True:
        peer.say(text(b'{"type":6}\x1e'))
        await asyncio.sleep(0.01)
