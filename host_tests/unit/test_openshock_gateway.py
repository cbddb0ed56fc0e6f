"""The backend of OpenShock's gateway, message by message: the way in, commands, triggers, pongs, updates."""

import json

from firmware.backends.openshock_gateway import Backend
from firmware.command import ACT, EMERGENCY, NOTE, PORTAL, REFUSE, RESTART, UPDATE, Command, Leave
from host_tests.unit import flatsharp
from host_tests.unit.rooms import raised
from lib.flatbuffers import root

TOKEN = "h" * 256
AGENT = "OpenShock/0.1.0-rc.1+abc (MicroPython; esp32)"
HEADERS = [("Device-Token", TOKEN), ("Firmware-Version", "0.1.0-rc.1+abc"), ("User-Agent", AGENT)]
SELF = "https://api.openshock.app/1/device/self"
ASSIGN = "https://api.openshock.app/2/device/assignLCG?version=2"
# as the real server writes them (reference/openshock-api.md §d.1)
KNOWN = b'{"message":"","data":{"id":"01960000-bbbb-7000-8000-000000000001","name":"desk","shockers":[]}}'
NODE = b'{"host":"gw.example","port":443,"path":"/2/ws/hub","country":"NL"}'


def backend_with(url="https://api.openshock.app", token=TOKEN, agent=AGENT):
    """A backend that has not begun."""
    return Backend({"url": url, "token": token}, agent)


def assigned(now=0, node=NODE):
    """A backend that may knock."""
    backend = backend_with()
    backend.rssi = lambda: -67
    backend.begin(now)
    assert backend.errand(now) == ("GET", SELF, HEADERS)
    backend.fetched(200, KNOWN, 0, now)
    assert backend.errand(now) == ("GET", ASSIGN, HEADERS)
    backend.fetched(200, node, 0, now)
    assert backend.errand(now) is None
    return backend


def up(now=0):
    """A backend whose connection is open."""
    backend = assigned(now)
    backend.request()
    backend.hello(now)
    return backend


def knocks(backend, now=0):
    """None; one more connection is tried, and does not come about."""
    backend.begin(now)
    while backend.errand(now):
        backend.fetched(200, NODE, 0, now)
    backend.request()


def said(message):
    """(number of the payload, its table) of one of our messages."""
    table = root(message)
    return table.number(0, "B"), table.table(1)


def semver(table):
    """The fields of a SemVer."""
    return tuple([table.number(slot, "H") for slot in range(3)]) + (table.text(3), table.text(4))


def acted(model, rf_id, action, level, ms):
    """The order that a good command becomes."""
    return (ACT, Command(model, rf_id, action, level, ms, None, "gateway", None))


# the way in


def test_it_shows_its_token_and_asks_for_a_node():
    backend = assigned()
    assert backend.request() == ("wss://gw.example:443/2/ws/hub", HEADERS)


def test_a_server_without_tls_names_nodes_that_may_be_without():
    backend = backend_with(url="http://192.168.0.2:8080/behind/")
    backend.begin(0)
    assert backend.errand(0)[1] == "http://192.168.0.2:8080/behind/1/device/self"
    backend.fetched(200, KNOWN, 0, 0)
    assert backend.errand(0)[1] == "http://192.168.0.2:8080/behind/2/device/assignLCG?version=2"
    backend.fetched(200, b'{"host":"192.168.0.2","port":8080,"path":"/behind/2/ws/hub"}', 0, 0)
    assert backend.request()[0] == "ws://192.168.0.2:8080/behind/2/ws/hub" and backend.TLS_FIRST


def test_what_the_server_tells_of_this_hub_keeps_nobody_from_working():
    for body in (b"", b"[]", b"{", b'{"data":{"shockers":[{"model":"NewModel","rfId":1}]}}', b"\xff" * 9000):
        backend = backend_with()
        backend.begin(0)
        backend.errand(0)
        assert backend.fetched(200, body, 0, 0) == [(NOTE, "the server knows this hub")]
        assert backend.errand(0)[1] == ASSIGN


def test_a_token_that_is_refused_is_a_long_wait_and_clear_words():
    for status in (401, 403):
        for known in (False, True):
            backend = backend_with()
            backend.begin(0)
            if known:
                backend.fetched(200, KNOWN, 0, 0)
            left = raised(Leave, backend.fetched, status, b"", 0, 0)
            assert left.wait_ms == 300000 and "token" in left.reason and "pair" in left.reason
            assert backend.errand(0)[1] == SELF
    left = raised(Leave, backend_with(token="").errand, 0)
    assert left.wait_ms == 300000 and "pair" in left.reason


def test_a_server_that_cannot_now_says_how_long_to_wait():
    for status, wait_ms in ((429, 30000), (503, 7000), (500, 0), (404, 0), (400, 0), (0, 0)):
        for known in (False, True):
            backend = backend_with()
            backend.begin(0)
            if known:
                backend.fetched(200, KNOWN, 0, 0)
            left = raised(Leave, backend.fetched, status, b"", wait_ms, 0)
            assert left.wait_ms == wait_ms and left.reason
            assert backend.errand(0)[1] == (ASSIGN if known else SELF)
            assert backend.pause_ms(left.status, left.reason) == 20000


def test_a_node_that_makes_no_sense_is_none():
    good = json.loads(NODE)
    wrong = [b"", b"null", b"[]", b"{}", b"{", b'"x"', b"7", b"\xff", NODE + b" " * 800]
    for key, values in (
        ("host", ("", None, 7, "a/b", "a b", "a@b", "a?b", "x\r\nY: z", "é")),
        ("port", (0, -1, 65536, "443", None, 443.0, True)),
        ("path", ("", "x", None, 7, [])),
    ):
        for value in values:
            wrong.append(json.dumps(dict(good, **{key: value})).encode())
    for body in wrong:
        backend = backend_with()
        backend.begin(0)
        backend.fetched(200, KNOWN, 0, 0)
        assert "makes no sense" in raised(Leave, backend.fetched, 200, body, 0, 0).reason, body
        assert backend.errand(0)[1] == ASSIGN


def test_three_connections_that_fail_bring_another_node():
    backend = assigned()
    for _ in range(3):
        backend.begin(0)
        assert backend.errand(0) is None
        assert backend.request()[0] == "wss://gw.example:443/2/ws/hub"
    backend.begin(0)
    assert backend.errand(0) == ("GET", ASSIGN, HEADERS)
    backend.fetched(200, NODE.replace(b"gw.", b"other."), 0, 0)
    assert backend.request()[0] == "wss://other.example:443/2/ws/hub"
    knocks(backend)
    knocks(backend)
    backend.begin(0)
    assert backend.errand(0)[1] == ASSIGN


def test_a_connection_that_was_up_is_followed_by_a_new_node():
    backend = up()
    backend.begin(1)
    assert backend.errand(1)[1] == ASSIGN


def test_the_pause_is_twenty_seconds_but_for_those_who_know_better():
    backend = up()
    for status in (0, 429, 500, 503, 1000, 1002, 1007):
        assert backend.pause_ms(status, "closed by the server: %d Normal closure" % status) == 20000
    assert backend.pause_ms(412, "the server answered 412") == 5000
    left = "closed by the server: 1000 Hub is connecting from a different location"
    assert backend.pause_ms(1000, left) == 300000


def test_resets_soon_after_the_connect_mean_another_device_with_this_token():
    reset = "connection lost ([Errno 104] ECONNRESET)"
    backend, now = up(), 0
    for n_resets in range(1, 6):
        told = backend.lost(reset, now + 21_000)
        assert [detail for _, detail in told] == (["another device seems to use this token"] if n_resets == 3 else [])
        assert backend.pause_ms(0, reset) == (300_000 if n_resets >= 3 else 20_000)
        assert bool(backend.shown()) == (n_resets >= 3)
        now += 50_000
        backend.hello(now)
    assert not backend.lost(reset, now + 61_000) and not backend.shown(), "it lasted"
    for other in ("closed by the server: 1000 Normal closure", "connection lost (Wi-Fi is gone)", "no ping for 90 s"):
        for _ in range(2):
            backend.hello(now)
            backend.lost(reset, now + 1000)
        backend.hello(now)
        backend.lost(other, now + 1000)
        backend.hello(now)
        assert not backend.lost("connection lost (closed without a word)", now) and not backend.shown(), other


# pings


def test_the_first_message_tells_once_how_it_booted():
    backend = assigned()
    backend.request()
    ((kind, status),) = [said(message) for message in backend.hello(0)]
    assert kind == 2 and status.number(0, "B") == 0 and status.number(2, "i") == 0
    assert semver(status.table(1)) == (0, 1, 0, "rc.1", "abc")
    for now in (1, 2):
        knocks(backend, now)
        assert backend.hello(now) == []


def test_a_version_is_told_as_far_as_it_is_one():
    for version, fields in (
        ("1.2.3", (1, 2, 3, None, None)),
        ("1.2", (1, 2, 0, None, None)),
        ("65535.70000.0", (65535, 65535, 0, None, None)),
        ("x.1.y-z", (0, 1, 0, "z", None)),
        ("1.2.3+b-c", (1, 2, 3, None, "b-c")),
        ("1.2.3-" + "p" * 100, (1, 2, 3, "p" * 58, None)),
    ):
        backend = backend_with(agent="OpenShock/%s (MicroPython; x)" % version)
        assert semver(said(backend.hello(0)[0])[1].table(1)) == fields


def test_each_ping_has_one_pong():
    backend = up()
    assert backend.keepalive(4000) == ()
    assert backend.receive(flatsharp.ping(1767225600000), 5000) == ()
    ((kind, pong),) = [said(message) for message in backend.keepalive(5001)]
    assert (kind, pong.number(0, "Q"), pong.number(1, "i")) == (1, 5001, -67)
    assert backend.keepalive(5002) == () == backend.keepalive(5003)
    backend.receive(flatsharp.ping(1), 20000)
    backend.receive(flatsharp.ping(2), 20000)
    assert len(backend.keepalive(20000)) == 2
    assert backend.keepalive(20000) == ()


def test_the_uptime_outgrows_32_bits():
    backend = up()
    now = 50 * 86400000
    backend.hello(now)
    backend.receive(flatsharp.ping(1 << 63), now)
    (pong,) = backend.keepalive(now)
    assert said(pong)[1].number(0, "Q") == 4320000000


def test_a_pong_that_is_owed_is_not_owed_to_the_next_connection():
    backend = up()
    backend.receive(flatsharp.ping(1), 5000)
    knocks(backend, 6000)
    backend.hello(6000)
    assert backend.keepalive(6001) == ()


def test_without_a_ping_for_90_s_it_leaves():
    backend = up(1000)
    assert backend.keepalive(90999) == ()
    assert "no ping" in raised(Leave, backend.keepalive, 91000).reason
    backend.receive(flatsharp.ping(1), 91000)
    assert len(backend.keepalive(91000)) == 1
    assert backend.keepalive(180999) == ()
    raised(Leave, backend.keepalive, 181000)
    knocks(backend, 200000)
    backend.hello(200000)
    assert backend.keepalive(289999) == ()  # counted from the new connection on


def test_nothing_but_a_ping_counts_as_one():
    backend = up()
    for message in (b"", flatsharp.trigger(9), b"rubbish", flatsharp.commands([])):
        backend.receive(message, 89000)
    raised(Leave, backend.keepalive, 90000)


# commands


def test_every_model_and_every_action_has_its_number():
    models = ("caixianlin", "petrainer", "petrainer998dr", "wellturnt330")
    entries = [(model, 1000 + model, action, 40, 500) for model in range(4) for action in range(1, 4)]
    made = up().receive(flatsharp.commands(entries), 1)
    assert made == [acted(models[model], rf_id, action, 40, 500) for model, rf_id, action, _, _ in entries]


def test_what_is_left_out_is_zero():
    assert up().receive(flatsharp.commands([(0, 0, 0, 0, 0)]), 1) == [acted("caixianlin", 0, 0, 0, 0)]


def test_numbers_arrive_whole_and_are_not_judged_here():
    entries = [(0, 65535, 2, 255, 65535), (3, 32768, 1, 128, 32768)]
    assert up().receive(flatsharp.commands(entries), 1) == [
        acted("caixianlin", 65535, 2, 255, 30000),  # a duration that the service allows is cut to what we allow
        acted("wellturnt330", 32768, 1, 128, 30000),
    ]
    entries = [(0, 1, 2, 9, 30001), (0, 1, 2, 9, 30000), (0, 1, 2, 9, 29999)]
    assert [each[1].duration_ms for each in up().receive(flatsharp.commands(entries), 1)] == [30000, 30000, 29999]


def test_an_unknown_model_or_action_is_refused_alone():
    entries = [(0, 1, 2, 10, 500), (4, 2, 2, 10, 500), (255, 3, 0, 0, 300), (1, 4, 4, 10, 500), (1, 5, 255, 1, 1)]
    entries.append((1, 6, 3, 20, 600))
    assert up().receive(flatsharp.commands(entries), 1) == [
        acted("caixianlin", 1, 2, 10, 500),
        (REFUSE, ("model", "number 4, id 2 of gateway")),
        (REFUSE, ("model", "number 255, id 3 of gateway")),
        (REFUSE, ("action", "number 4 for id 4 of gateway")),
        (REFUSE, ("action", "number 255 for id 5 of gateway")),
        acted("petrainer", 6, 3, 20, 600),
    ]


def test_the_order_is_kept_and_a_stop_outlives_what_stands_behind_it():
    entries = [(0, 1, 2, 10, 500), (0, 1, 0, 0, 300), (0, 1, 1, 99, 9000), (1, 1, 2, 5, 500), (0, 2, 2, 5, 500)]
    assert up().receive(flatsharp.commands(entries), 1) == [
        acted("caixianlin", 1, 2, 10, 500),
        acted("caixianlin", 1, 0, 0, 300),
        acted("petrainer", 1, 2, 5, 500),
        acted("caixianlin", 2, 2, 5, 500),
    ]


def test_a_list_of_too_many_is_dropped():
    entry = (0, 1, 2, 10, 500)
    assert len(up().receive(flatsharp.commands([entry] * 64), 1)) == 64
    ((what, words),) = up().receive(flatsharp.commands([entry] * 65), 1)
    assert what == NOTE and "64" in words


def test_a_list_with_one_damaged_entry_makes_no_command_at_all():
    good = flatsharp.commands([(0, 1, 2, 10, 500), (0, 2, 2, 10, 500), (0, 3, 2, 10, 500)])
    assert len(up().receive(good, 1)) == 3
    count = good.index(b"\x03\x00\x00\x00", 20)
    for number in range(3):
        bad = bytearray(good)
        bad[count + 4 + 4 * number + 2] = 0x7F
        ((what, words),) = up().receive(bytes(bad), 1)
        assert what == NOTE and "damaged" in words


# triggers and updates


def test_triggers_have_their_numbers():
    orders = [up().receive(flatsharp.trigger(number), 1) for number in range(4)]
    assert orders == [[(RESTART, "gateway")], [(EMERGENCY, "gateway")], [(PORTAL, True)], [(PORTAL, False)]]
    for number in (4, 255):
        assert up().receive(flatsharp.trigger(number), 1) == [(NOTE, "a trigger %d, which nobody knows" % number)]


def test_an_update_is_asked_for_by_its_version():
    for fields, version in (
        ((1, 5, 1), "1.5.1"),
        ((0, 0, 0), "0.0.0"),
        ((65535, 0, 1, "rc.1"), "65535.0.1-rc.1"),
        ((1, 5, 2, "develop", "1a2b3c4d"), "1.5.2-develop+1a2b3c4d"),
        ((1, 5, 2, None, "b"), "1.5.2+b"),
        ((1, 5, 2, "", ""), "1.5.2"),
    ):
        assert up().receive(flatsharp.update_request(*fields), 1) == [(UPDATE, version)]
    ((what, words),) = up().receive(flatsharp.update_request(1, 2, 3, "p" * 60), 1)
    assert what == NOTE and "64" in words


def test_a_payload_that_is_unknown_or_missing_is_a_note():
    for number in (0, 5, 255):
        data = flatsharp.Writer().message((("B", number), ("t", ())))
        ((what, words),) = up().receive(data, 1)
        assert what == NOTE and ("kind %d" % number) in words
    for number in (1, 2, 3, 4):
        ((what, words),) = up().receive(flatsharp.Writer().message((("B", number),)), 1)
        assert what == NOTE and "no payload" in words
    ((what, words),) = up().receive(flatsharp.Writer().message((("B", 4), ("t", ()))), 1)
    assert what == NOTE and "no version" in words


def test_what_is_no_message_is_a_note():
    for data in (b"\0", b"hello", b'{"type":6}\x1e', b"\xff" * 64, bytes(5000), flatsharp.ping(1)[:-5]):
        ((what, words),) = up().receive(data, 1)
        assert what == NOTE and "damaged" in words, data


def test_a_sign_of_life_makes_nothing():
    assert not up().receive(b"", 1)


# what is told of updates


def test_an_update_is_told_step_by_step():
    backend = up()
    (message,) = backend.report(("OtaInstallStarted", -5, "1.5.1-rc.1"))
    kind, started = said(message)
    assert (kind, started.number(0, "i")) == (3, -5) and semver(started.table(1)) == (1, 5, 1, "rc.1", None)
    for task in range(7):
        (message,) = backend.report(["OtaInstallProgress", -5, task, 0.25])
        kind, progress = said(message)
        assert (kind, progress.number(0, "i"), progress.number(1, "B")) == (4, -5, task)
        assert progress.number(2, "f") == 0.25
    for fatal in (False, True):
        (message,) = backend.report(("OtaInstallFailed", -5, fatal, "no space"))
        kind, failed = said(message)
        assert (kind, failed.number(0, "i"), failed.text(1), failed.number(2, "B")) == (5, -5, "no space", int(fatal))


def test_the_reason_of_a_failure_fits_the_servers_column():
    backend = up()
    for reason, told in (
        ("x" * 128, "x" * 128),
        ("x" * 129, "x" * 128),
        ("ü" * 200, "ü" * 128),
        ("😀" * 200, "?" * 128),
    ):
        (message,) = backend.report(("OtaInstallFailed", 1, False, reason))
        assert said(message)[1].text(1) == told


def test_how_an_update_ended_is_how_the_device_booted():
    for name, number in (("OtaInstallSucceeded", 1), ("OtaRollback", 2)):
        backend = assigned()
        backend.request()
        assert not backend.report((name, 77))
        ((kind, status),) = [said(message) for message in backend.hello(0)]
        assert (kind, status.number(0, "B"), status.number(2, "i")) == (2, number, 77)
        knocks(backend)
        assert backend.hello(0) == []


def test_the_steps_of_an_update_come_before_its_result():
    number = 77
    steps = (("OtaInstallProgress", number, 6, 1.0), ("OtaInstallFailed", number, True, "faults in radio"))
    for events, kinds in (
        (steps[:1] + (("OtaInstallSucceeded", number),), [4, 2]),
        (steps + (("OtaRollback", number),), [4, 5, 2]),
        (steps, [4, 5, 2]),
    ):
        backend = assigned()
        backend.request()
        assert not [message for event in events for message in backend.report(event)]
        assert [said(message)[0] for message in backend.hello(0)] == kinds
        assert [said(message)[0] for event in steps for message in backend.report(event)] == [4, 5], (
            "at once from now on"
        )
        knocks(backend)
        assert backend.hello(0) == []


def test_an_update_that_proves_itself_late_is_told_late():
    backend = up()
    ((kind, status),) = [said(message) for message in backend.report(("OtaInstallSucceeded", 77))]
    assert (kind, status.number(0, "B"), status.number(2, "i")) == (2, 1, 77)
    knocks(backend)
    assert backend.hello(0) == []


# how old a command may be


def refusals(made):
    """The reasons and words of what is refused in orders."""
    return [detail for what, detail in made if what == REFUSE]


def test_what_is_not_proven_fresh_is_refused_and_stops_are_not():
    backend = up(1000)
    backend.answered(1000, 0)
    entries = flatsharp.commands([(0, 1, 2, 10, 500), (0, 2, 0, 0, 300), (0, 3, 4, 10, 500)])
    assert backend.receive(entries, 6000)[0] == acted("caixianlin", 1, 2, 10, 500)
    assert backend.receive(entries, 6001) == [
        (REFUSE, ("stale", "vibrate for id 1 of gateway")),
        acted("caixianlin", 2, 0, 0, 300),
        (REFUSE, ("action", "number 4 for id 3 of gateway")),
    ]
    backend.answered(5000, 2500)
    assert not refusals(backend.receive(flatsharp.commands([(0, 1, 2, 10, 500)]), 10000))
    backend.answered(9000, 2501)  # it stood still: who knows what waits behind that answer
    assert refusals(backend.receive(flatsharp.commands([(0, 1, 2, 10, 500)]), 10001))


def test_a_late_ping_counts_until_a_proof_and_a_drift_does_not():
    backend = up(0)
    command = flatsharp.commands([(0, 1, 2, 10, 500)])
    now = 0
    for ping in range(1000):  # four hours, in which its clock loses 14 s
        now = 15000 * ping
        backend.answered(now, 10)
        backend.receive(flatsharp.ping(1767225600000 + 14985 * ping), now)
        assert not refusals(backend.receive(command, now))
    told = 1767225600000 + 14985 * 1000
    now += 15000 + 5100
    backend.answered(now - 10, 10)
    backend.receive(flatsharp.ping(told), now)
    assert refusals(backend.receive(command, now))
    backend.answered(now, 10)
    assert refusals(backend.receive(command, now + 10)), "that ping left with the late one, not behind it"
    backend.answered(now + 1, 10)
    assert not refusals(backend.receive(command, now + 11))
