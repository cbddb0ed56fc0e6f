"""The backend of OpenShock's user hub, message by message: the way in, Log, and the map that makes commands of it."""

import json

from firmware.backends._openshock_shockers import Own
from firmware.backends.openshock_user import Backend
from firmware.command import ACT, NOTE, REFUSE, Leave, Unasked, Wish
from host_tests.unit.openshock_words import (
    BLUE,
    CLOSE,
    DEVICE,
    FAR,
    HEADERS,
    MAP,
    NOBODY,
    OTHER,
    OWN,
    RED,
    RED_40,
    STATUS,
    TOKEN,
    WELCOME,
    acted,
    entry_of,
    greeted,
    hear,
    kinds_of,
    log_of,
    record_of,
    settings_with,
)
from host_tests.unit.rooms import NO_NUMBERS, raised
from lib.http_response import refusal

# the way in


def test_it_knocks_with_the_token_and_the_agent():
    backend = Backend(settings_with(), HEADERS[1][1])
    backend.begin(0)
    assert backend.request() == ("https://api.openshock.app/1/hubs/user", HEADERS)
    assert backend.errand(0) == ("GET", OWN, HEADERS)
    assert backend.errand(0) is None


def test_a_base_url_keeps_its_path():
    for base in ("http://192.168.0.2:8080/behind/a/proxy", "http://192.168.0.2:8080/behind/a/proxy/"):
        backend = Backend(settings_with(url=base), "a/1")
        backend.begin(0)
        assert backend.request()[0] == "http://192.168.0.2:8080/behind/a/proxy/1/hubs/user"
        assert backend.errand(0)[1] == "http://192.168.0.2:8080/behind/a/proxy/1/shockers/own"


def test_the_client_speaks_first_and_all_that_follows_may_be_glued():
    backend = Backend(settings_with(), "a/1")
    backend.begin(0)
    assert backend.hello(0) == [b'{"protocol":"json","version":1}\x1e']
    assert list(backend.receive(b"{}\x1e" + WELCOME + STATUS, 1)) == [(NOTE, "welcome")]
    assert backend.connection_id == "mY-c0nnect10n_id012345"
    assert backend.online == {DEVICE: "1.5.1"}


def test_every_connection_is_greeted_anew():
    backend = greeted()
    assert hear(backend, CLOSE)[1] is not None
    backend.begin(100)
    assert backend.hello(100) == [b'{"protocol":"json","version":1}\x1e']
    assert backend.keepalive(101) == ()
    assert hear(backend, b"{}\x1e" + WELCOME, 102)[:2] == ([(NOTE, "welcome")], None)


def test_a_refused_handshake_is_a_leave_in_the_servers_words():
    backend = Backend(settings_with(), "a/1")
    backend.begin(0)
    backend.hello(0)
    _, left, _ = hear(backend, b'{"error":"no such protocol"}\x1e', 1)
    assert "no such protocol" in left.reason and left.wait_ms == 0 and left.code == 1000


# Log: what was ordered becomes commands


def test_a_log_becomes_a_command_with_its_sender():
    backend = greeted()
    asked = entry_of(RED, 3, 40, 500, executedAt="2026-03-04T05:06:07.89Z")
    made, left, answers = hear(backend, log_of(asked, customName="desk button"))
    assert made == [acted("caixianlin", 1234, 3, 40, 500, "desk button", 1772600767890000)]
    assert (left, answers) == (None, b"")
    assert hear(backend, log_of(entry_of(BLUE)))[0] == [acted("petrainer", 65535, 2, 40, 500)]


def test_log_as_the_real_server_writes_it():
    record = (
        b'{"type":1,"target":"Log","arguments":[{"connectionId":"mY-c0nnect10n_id012345","additionalItems":'
        b'{"openshock.apiTokenId":"01960000-cccc-7000-8000-000000000001"},"id":"01960000-dddd-7000-8000-000000000001",'
        b'"name":"sample","image":"https://www.gravatar.com/avatar/00ff","customName":null},[{"shocker":'
        b'{"id":"01960000-aaaa-7000-8000-000000000001","name":"red"},"type":0,"intensity":7,"duration":300,'
        b'"executedAt":"2026-03-04T05:06:07Z"}]]}\x1e'
    )
    assert hear(greeted(), record)[0] == [acted("caixianlin", 1234, 0, 7, 300, "sample", 1772600767000000)]


def test_orders_keep_their_order_the_newest_last():
    made = hear(greeted(), log_of(entry_of(RED, 2, 10), entry_of(BLUE, 1, 20), entry_of(RED, 3, 30)))[0]
    assert [(detail.rf_id, detail.action, detail.intensity) for _, detail in made] == [
        (1234, 2, 10),
        (65535, 1, 20),
        (1234, 3, 30),
    ]


def test_a_stop_outlives_what_stands_beside_it():
    for entries in (
        (entry_of(RED, 0, 0, 300), entry_of(RED)),
        (entry_of(RED), entry_of(RED, 0, 0, 300)),
        (entry_of(RED.upper(), 0, 0, 300), entry_of(RED), entry_of(RED, 1, 100, 30000)),
        (entry_of(RED, 0, 0, 300), entry_of(RED.upper())),
    ):
        made = hear(greeted(), log_of(*entries))[0]
        assert made[-1] == acted("caixianlin", 1234, 0, 0, 300), entries
    made = hear(greeted(), log_of(entry_of(RED, 0, 0, 300), entry_of(BLUE)))[0]
    assert [detail.action for _, detail in made] == [0, 2]


def test_a_stop_is_heard_beside_what_does_not_fit():
    stop = entry_of(RED, 0, 0, 300)
    bad = (
        None,
        5,
        "text",
        [],
        {},
        {"shocker": None},
        {"shocker": {"id": 5}, "type": 2},
        {"shocker": {"id": RED}},
        [stop],
    )
    for entry in bad:
        for entries in ((entry, stop), (stop, entry)):
            made = hear(greeted(), log_of(*entries))[0]
            acts = [detail for order, detail in made if order == ACT]
            assert [detail.action for detail in acts] == [0], entries
            assert len(made) == 2 and NOTE in kinds_of(made), entries
    sixty = [{} for _ in range(60)]
    assert len(hear(greeted(), log_of(stop, *sixty))[0]) == 2  # one line for all of them


def test_a_stop_is_heard_whoever_says_it():
    for sender in (None, 5, "me", [], {}, {"name": 7}, {"name": None, "customName": {"a": 1}}):
        made = hear(greeted(), record_of("Log", sender, [entry_of(RED, 0, 0, 300)]))[0]
        assert [detail.action for order, detail in made] == [0], sender
        assert type(made[0][1].source) is str and 0 < len(made[0][1].source) <= 32


def test_wrong_values_go_to_the_judge_as_they_are():
    # refused there with their reason: the backend bends nothing
    for key in ("type", "intensity", "duration"):
        for value in (None, True, 1.5, "2", -1, 10**20, [2], {"a": 2}):
            if key == "type" and value is None:
                continue  # that means stop
            entry = entry_of(RED)
            entry[key] = value
            made = hear(greeted(), log_of(entry))[0]
            assert len(made) == 1 and made[0][0] == ACT, (key, value)
            field = {"type": "action", "intensity": "intensity", "duration": "duration_ms"}[key]
            assert getattr(made[0][1], field) == value and type(getattr(made[0][1], field)) is type(value)
    for key in ("intensity", "duration"):
        entry = entry_of(RED)
        del entry[key]
        assert kinds_of(hear(greeted(), log_of(entry))[0]) == [ACT]


def test_a_duration_that_the_service_allows_is_cut_and_no_other():
    for asked, made in (
        (30000, 30000),
        (30001, 30000),
        (65535, 30000),
        (65536, 65536),
        (30001.0, 30001.0),
        (True, True),
    ):
        (order,) = hear(greeted(), log_of(entry_of(RED, 2, 20, asked)))[0]
        assert order[1].duration_ms == made and type(order[1].duration_ms) is type(made), asked


def test_s05_what_looks_like_a_stop_is_one_and_hides_the_others():
    for stop in (0, False, 0.0, None, "0", "", "Stop", "STOP", " stop "):
        made = hear(greeted(), log_of(entry_of(RED, stop), entry_of(RED)))[0]
        assert [detail.action for _, detail in made] == [0] and type(made[0][1].action) is int
        made = hear(greeted(), record_of("Control", {"id": RED, "type": stop}))[0]
        assert [detail.action for _, detail in made] == [0], "one entry, and no list"


def test_s05_the_id_in_a_stop_may_be_spelt_in_any_way():
    for guid in (RED.upper(), RED.replace("-", ""), "{" + RED + "}", " " + RED, RED.replace("-", "").upper()):
        made = hear(greeted(), log_of(entry_of(guid, 0), entry_of(RED)))[0]
        assert [(detail.rf_id, detail.action) for _, detail in made] == [(1234, 0)], guid
        made = hear(greeted(), record_of("Control", [{"id": guid, "type": 0}]))[0]
        assert [(detail.rf_id, detail.action) for _, detail in made] == [(1234, 0)], guid


def test_a_moment_that_is_none_is_no_moment():
    for text in (
        "",
        "now",
        5,
        None,
        [],
        "2026-03-04",
        "2026-03-04T05:06:07",
        "2026-13-04T05:06:07Z",
        "x" * 30,
        "2026-03-04 05:06:07Z",
    ):
        made = hear(greeted(), log_of(entry_of(RED, executedAt=text)))[0]
        assert made[0][1].asked_us is None, text


def test_a_long_name_is_cut():
    made = hear(greeted(), log_of(entry_of(RED), customName="x" * 1000))[0]
    assert made[0][1].source == "x" * 32


# the map of shockers


def test_an_unknown_shocker_is_refused_and_asked_for_once():
    backend = greeted()
    made = hear(backend, log_of(entry_of(NOBODY)), 20000)[0]
    assert made == [(REFUSE, ("unknown", "shocker %s of sample" % NOBODY))]
    assert backend.errand(20000) == ("GET", OWN, HEADERS)
    assert backend.errand(20000) is None
    # asked again and again: the server is asked every ten seconds at most
    for now in (20001, 25000, 29999):
        hear(backend, log_of(entry_of(NOBODY), entry_of(NOBODY)), now)
        assert backend.errand(now) is None
    assert backend.errand(30000) is not None


def test_the_first_map_counts_for_the_rate_too():
    backend = greeted(now=5000)
    hear(backend, log_of(entry_of(NOBODY)), 5001)
    assert backend.errand(5001) is None and backend.errand(14999) is None
    assert backend.errand(15000) is not None


def test_an_update_asks_for_the_map_after_a_pause():
    backend = greeted()
    for kind in (0, 1, 2, 3):
        now = 20000 * (kind + 1)
        assert hear(backend, record_of("DeviceUpdate", DEVICE, kind), now)[0] == []
        assert hear(backend, record_of("DeviceUpdate", OTHER, kind), now + 50)[0] == []
        assert backend.errand(now + 99) is None
        assert backend.errand(now + 100) is not None
        assert backend.errand(now + 60000) is None


def test_other_updates_ask_for_nothing():
    backend = greeted()
    for kind in (4, 5, -1, None, "2", [2], {}):
        hear(backend, record_of("DeviceUpdate", DEVICE, kind), 20000)
        assert backend.errand(90000) is None, kind


def test_a_new_map_replaces_the_old_one():
    backend = greeted()
    hear(backend, record_of("DeviceUpdate", DEVICE, 2), 20000)
    backend.errand(20500)
    changed = MAP.replace("1234", "4321").replace("PetTrainer", "Petrainer998DR")
    left = [acted("caixianlin", 1234, 0, 0, 0, "map"), acted("petrainer", 65535, 0, 0, 0, "map")]
    made = backend.fetched(200, changed.encode(), 0, 20600)
    assert sorted(made[:2]) == sorted(left) and made[2:] == [(NOTE, "2 shockers known")]
    assert hear(backend, log_of(entry_of(RED)), 20700)[0][0][1].rf_id == 4321
    assert hear(backend, log_of(entry_of(BLUE)), 20800)[0][0][1].model == "petrainer998dr"


def test_a_map_that_does_not_come_leaves_the_old_one():
    for status, body in (
        (500, b""),
        (None, None),
        (404, MAP.encode()),
        (200, b""),
        (200, b"[]"),
        (200, b"{}"),
        (200, b"\xff"),
    ):
        backend = greeted()
        hear(backend, record_of("DeviceUpdate", DEVICE, 2), 20000)
        backend.errand(20500)
        if status is None:
            made, words = backend.unfetched("connection refused", 20600), "connection refused"
        else:
            made = backend.fetched(status, body, 0, 20600)
            words = "the answer makes no sense" if status == 200 else refusal(status)
        assert made == [(NOTE, "the list of shockers did not come: " + words)]
        assert hear(backend, log_of(entry_of(RED)), 20700)[0] == [(REFUSE, ("map", "shocker %s of sample" % RED))]
        assert kinds_of(hear(backend, log_of(entry_of(RED, 0)), 20700)[0]) == [ACT]
        assert backend.errand(30599) is None
        assert backend.errand(30600) is not None


def test_too_many_requests_are_heeded():
    backend = greeted(known=None)
    backend.errand(0)
    backend.fetched(429, b"", 90000, 0)
    assert backend.errand(89999) is None
    assert backend.errand(90000) is not None


def test_a_refused_token_is_a_leave_with_a_long_wait():
    for status in (401, 403):
        for backend in (greeted(known=None), greeted(known=None, negotiate=True)):
            while True:
                errand = backend.errand(0)
                fault = raised(Leave, backend.fetched, status, b"", 0, 0)
                assert fault.wait_ms >= 300000 and str(status) in fault.reason
                assert TOKEN not in fault.reason
                if errand[0] == "GET":
                    break


def test_every_model_has_its_file():
    for name, model in (
        ("CaiXianlin", "caixianlin"),
        ("caixianlin", "caixianlin"),
        ("PetTrainer", "petrainer"),
        ("Petrainer", "petrainer"),
        ("Petrainer998DR", "petrainer998dr"),
        ("WellturnT330", "wellturnt330"),
        ("T330", "wellturnt330"),
        ("D80", "d80"),
    ):
        backend = greeted(known=MAP.replace("CaiXianlin", name))
        assert hear(backend, log_of(entry_of(RED)))[0][0][1].model == model


def _own(*shockers):
    return json.dumps({"data": [{"id": DEVICE, "shockers": list(shockers)}]})


def test_unknown_models_and_damaged_entries_are_skipped():
    good = {"id": BLUE, "rfId": 7, "model": "D80"}
    bad = [None, 5, "x", [], {}]
    bad += [
        {"id": RED, "rfId": 1, "model": model} for model in ("Novelty9", "", None, 5, "../caixianlin", ["CaiXianlin"])
    ]
    bad += [{"id": RED, "rfId": rf_id, "model": "D80"} for rf_id in NO_NUMBERS + (-1, 65536) if rf_id == rf_id]
    bad += [{"id": guid, "rfId": 1, "model": "D80"} for guid in (None, 5, [], {})]
    for entry in bad:
        if type(entry) is dict and (
            type(entry.get("rfId")) in (bytes, tuple) or entry.get("rfId") in (float("inf"), -float("inf"))
        ):
            continue
        backend = greeted(known=_own(entry, good, entry))
        assert kinds_of(hear(backend, log_of(entry_of(RED)))[0]) == [REFUSE], entry
        assert hear(backend, log_of(entry_of(BLUE)))[0] == [acted("d80", 7, 2, 40, 500)], entry


def test_only_the_shockers_of_our_device_are_ours():
    assert hear(greeted(), log_of(entry_of(FAR)))[0] == []
    assert kinds_of(hear(greeted(device_id=OTHER.upper()), log_of(entry_of(FAR), entry_of(RED)))[0]) == [ACT]
    assert kinds_of(hear(greeted(device_id=""), log_of(entry_of(FAR), entry_of(RED)))[0]) == [ACT, ACT]
    assert kinds_of(hear(greeted(device_id=NOBODY), log_of(entry_of(FAR), entry_of(RED)))[0]) == []


def test_what_another_hub_of_the_account_is_told_asks_for_nothing():
    backend = greeted()
    hear(backend, log_of(*[entry_of(FAR, kind) for kind in (0, 1, 2, 3)]), 20000)
    assert backend.errand(20000) is None
    ordered = record_of("Control", [{"id": FAR, "type": 2, "intensity": 5, "duration": 500}])  # of this very device
    assert kinds_of(hear(backend, ordered, 20000)[0]) == [REFUSE] and backend.errand(90000) is None


def _moved(now=20000):
    """A backend whose red shocker got another id, and whose blue one is with the other hub now."""
    backend = greeted()
    hear(backend, record_of("DeviceUpdate", DEVICE, 2), now)
    assert backend.errand(now + 100) is not None
    blue = MAP[MAP.index('{"name":"blue"') : MAP.index('],"id"')]
    changed = MAP.replace("1234", "4321").replace("," + blue, "").replace('{"name":"far"', blue + ',{"name":"far"')
    return backend, backend.fetched(200, changed.encode(), 0, now + 200)


def test_s05_who_leaves_the_list_is_stopped_at_once():
    made = _moved()[1]
    assert [(order, detail.model, detail.rf_id, detail.action) for order, detail in made[:-1]] in (
        [(ACT, "caixianlin", 1234, 0), (ACT, "petrainer", 65535, 0)],
        [(ACT, "petrainer", 65535, 0), (ACT, "caixianlin", 1234, 0)],
    )


def test_s05_a_stop_is_obeyed_by_the_list_before_too():
    backend = _moved()[0]
    made = hear(backend, log_of(entry_of(RED, 0), entry_of(BLUE, 0)), 21000)[0]
    assert [(order, detail.rf_id, detail.action) for order, detail in made] == [
        (ACT, 1234, 0),
        (ACT, 4321, 0),
        (ACT, 65535, 0),
    ]
    made = hear(backend, log_of(entry_of(RED), entry_of(BLUE)), 21000)[0]
    assert [(order, detail.rf_id) for order, detail in made] == [(ACT, 4321)]
    assert backend.errand(90000) is None


def test_s05_a_list_that_changes_often_forgets_only_who_was_stopped():
    backend = greeted(known=_own({"id": RED, "rfId": 0, "model": "D80"}))
    for number in range(1, 200):
        hear(backend, record_of("DeviceUpdate", DEVICE, 2), number * 20000)
        backend.errand(number * 20000 + 100)
        guid = "01960000-aaaa-7000-8000-0000000%05x" % number
        made = backend.fetched(200, _own({"id": guid, "rfId": number, "model": "D80"}).encode(), 0, number * 20000)
        assert [(detail.rf_id, detail.action) for order, detail in made if order == ACT] == [(number - 1, 0)]
        assert len(backend._former) <= 64


def test_s16_a_list_that_is_known_to_be_old_makes_no_new_orders():
    backend = greeted()
    hear(backend, record_of("DeviceUpdate", DEVICE, 2), 20000)
    for now in (20000, 20200, 20300):
        assert hear(backend, log_of(entry_of(RED)), now)[0] == [(REFUSE, ("map", "shocker %s of sample" % RED))]
        assert [(order, detail.action) for order, detail in hear(backend, log_of(entry_of(RED, 0)), now)[0]] == [
            (ACT, 0)
        ]
        if now == 20200:
            assert backend.errand(now) is not None
    hear(backend, record_of("DeviceUpdate", DEVICE, 2), 20400)  # the list under way may be from before that
    backend.fetched(200, MAP.encode(), 0, 20500)
    assert kinds_of(hear(backend, log_of(entry_of(RED)), 20600)[0]) == [REFUSE]
    assert backend.errand(21199) is None and backend.errand(21200) is not None  # a second after the last one
    backend.fetched(200, MAP.encode(), 0, 21300)
    assert hear(backend, log_of(entry_of(RED)), 21400)[0] == [RED_40]


def test_s16_a_list_that_is_old_stays_old_over_a_reconnect():
    backend = greeted()
    hear(backend, record_of("DeviceUpdate", DEVICE, 2), 20000)
    backend.begin(20050)
    backend.errand(20100)
    backend.unfetched("no answer", 20200)
    backend.hello(20300)
    hear(backend, b"{}\x1e", 20300)
    assert kinds_of(hear(backend, log_of(entry_of(RED)), 20400)[0]) == [REFUSE]


def _largest():
    """The list of 4 hubs with 11 shockers each, with names of 64 characters, as the real server writes it: 22.5 KB."""
    hubs = []
    for hub in range(4):
        entries = []
        for number in range(11 * hub, 11 * hub + 11):
            entry = {"name": "%02d" % number + "\u00e4" * 56 + "\U0001f415" * 3, "isPaused": False}
            entry.update({"id": _guid(number), "rfId": 1000 + number, "model": "CaiXianlin"})
            entries.append(entry)
        hubs.append({"shockers": entries, "id": OTHER[:-1] + str(hub), "name": "h"})
    return json.dumps({"message": "", "data": hubs}).encode()


def _guid(number):
    return "01960000-aaaa-7000-8000-0000000000%02x" % number


def test_the_largest_list_is_taken_in_pieces_of_any_size_and_little_of_it_is_kept():
    text = _largest()
    for step in (1, 500, 1024, len(text)):
        listed = Own(OTHER[:-1] + "2")
        for at in range(0, len(text), step):
            listed.feed(text[at : at + step])
        assert listed.end() == "" and len(listed) == 44 and listed.count == 11
        assert listed.hubs == [OTHER[:-1] + str(hub) for hub in range(4)]
        assert [known for _, known in listed.items()] == [("caixianlin", 1022 + number) for number in range(11)]
        assert _guid(43) in listed and listed.get(_guid(43)) is None and listed.get(_guid(22).upper())
        assert listed.named("43" + "\u00e4" * 56 + "\U0001f415" * 3) == [_guid(43)]
        assert len(listed._rows) == 44 * 24


def test_a_list_with_no_memory_for_it_is_told_and_the_old_one_stays():
    backend = greeted()
    backend.begin(20000)
    assert backend.errand(20000)[0] == "GET"
    listed = backend.taker()
    listed._parts.feed = lambda piece: [][0:0] if piece else _no_memory()
    listed.feed(b"")
    ((order, words),) = backend.fetched(200, listed, 0, 20000)
    assert order == NOTE and "no memory" in words
    assert hear(backend, log_of(entry_of(RED)))[0] == [RED_40]


def _no_memory():
    raise MemoryError


def test_at_most_64_shockers_are_remembered():
    ids = ["01960000-aaaa-7000-8000-0000000000%02x" % number for number in range(80)]
    backend = greeted(known=_own(*[{"id": guid, "rfId": 9, "model": "D80"} for guid in ids]))
    kinds = [kinds_of(hear(backend, log_of(entry_of(guid)))[0])[0] for guid in ids]
    assert kinds == [ACT] * 64 + [REFUSE] * 16


SHARED_URL = "https://api.openshock.app/1/shockers/shared"
LENT = "01960000-aaaa-7000-8000-000000000009"
# as the real server writes it: owners, their hubs, and what of those is shared
SHARED = (
    '{"message":"","data":[{"id":"1","name":"friend","image":"https://x/y","devices":[{"id":"2","name":"their hub","shockers":'
    '[{"id":"%s","name":"Lent","isPaused":false,"permissions":{"vibrate":true},"limits":{"intensity":null}},{"id":"%s","name":"x"}]}]}]}'
) % (LENT.upper(), RED)


def wished(backend, shocker, now):
    """The guid that goes out, or why nothing does."""
    try:
        backend.ask("control", Wish(shocker, 2, 20, 500), now)
    except Unasked as no:
        return str(no)
    (message,) = backend.keepalive(now)
    return json.loads(message[:-1])["arguments"][0][0]["id"]


def test_a_remote_reaches_what_others_share_with_the_account():
    backend = Backend(settings_with(), "a/1")
    backend.wants_shared = True
    backend.begin(0)
    assert backend.errand(0)[1] == OWN
    backend.fetched(200, MAP.encode(), 0, 0)
    method, url, headers = backend.errand(0)
    assert (method, url, headers[0]) == ("GET", SHARED_URL, HEADERS[0])
    assert list(backend.fetched(200, SHARED.encode(), 0, 0)) == []
    assert backend.errand(0) is None
    backend.hello(0)
    assert list(backend.receive(b"{}\x1e", 0)) == []
    assert wished(backend, "lent", 1) == wished(backend, LENT, 2) == LENT
    assert wished(backend, "red", 3) == RED, "one's own keeps its name"


def test_who_is_no_remote_asks_for_it_when_somebody_wants_what_nobody_knows():
    backend = greeted()
    assert backend.errand(20_000) is None
    assert wished(backend, "lent", 20_000) == "the service has no such shocker"
    assert backend.errand(20_001)[1] == SHARED_URL
    backend.fetched(200, SHARED.encode(), 0, 20_002)
    assert wished(backend, "lent", 20_003) == LENT


def test_a_list_of_what_is_shared_that_does_not_come_ends_nothing():
    for status, body in (
        (401, b""),
        (403, b"{}"),
        (500, b""),
        (200, b"{}"),
        (200, b'{"data":[{"devices":5}]}'),
        (0, b""),
    ):
        backend = greeted()
        wished(backend, "lent", 20_000)
        assert backend.errand(20_001)[1] == SHARED_URL
        made = backend.fetched(status, body, 0, 20_002) if status else backend.unfetched("no answer", 20_002)
        assert [order for order, _ in made] == [NOTE]
        assert wished(backend, "red", 20_003) == RED


def test_s05_a_stop_outlives_what_stands_behind_it_in_a_record_that_is_read_in_parts():
    filler = [entry_of(NOBODY, executedAt="x" * 200) for _ in range(9)]
    record = (
        log_of(entry_of(RED, 0), *filler, entry_of(RED, 1), entry_of(BLUE)).replace(b": ", b":").replace(b", ", b",")
    )
    backend = greeted()
    made = []
    for at in range(0, len(record), 600):
        made += [order for order in hear(backend, record[at : at + 600])[0] if order[0] == ACT]
    assert [(detail.rf_id, detail.action) for _, detail in made] == [(1234, 0), (65535, 2)]
    assert hear(backend, log_of(entry_of(RED)))[0] == [RED_40], "that was another event"
