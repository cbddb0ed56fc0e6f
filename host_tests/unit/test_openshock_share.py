"""The backend of OpenShock's share links, message by message: the way in, what a link allows, what is asked and how it ends."""

import json

from firmware.backends._openshock_link import guid_in
from firmware.backends.openshock_share import Backend
from firmware.command import NOTE, SHOCK, SOUND, STOP, VIBRATE, Leave, Unasked, Wish
from host_tests.unit.openshock_words import BLUE, FAR, NOBODY, RED, hear, kinds_of, record_of
from host_tests.unit.rooms import NO_NUMBERS, raised

LINK = "01960000-eeee-7000-8000-000000000001"
AGENT = ("User-Agent", "OpenShock/0.1.0 (MicroPython; esp32)")
LIST = "https://api.openshock.app/1/public/shares/links/" + LINK
HUB = "https://api.openshock.app/1/hubs/share/link/" + LINK
GUEST = b'{"type":1,"target":"Welcome","arguments":[1]}\x1e'
OWNER = b'{"type":1,"target":"Welcome","arguments":[0]}\x1e'


def shocker(guid, name, permissions=None, limits=None, paused=0):
    """A shocker of a link as the server writes it; all but shocks and live control is allowed where nothing is said."""
    allowed = {"vibrate": True, "sound": True, "shock": False, "live": False}
    allowed.update(permissions or {})
    bounds = {"intensity": None, "duration": None}
    bounds.update(limits or {})
    return {"id": guid, "name": name, "permissions": allowed, "limits": bounds, "paused": paused}


def listed(*shockers):
    """The answer to GET /1/public/shares/links/{id}."""
    device = {"id": "01960000-bbbb-7000-8000-000000000001", "name": "desk hub", "shockers": list(shockers)}
    link = {"id": LINK, "name": "friends", "createdOn": "2025-01-02T03:04:05Z", "expiresOn": None, "devices": [device]}
    return json.dumps({"message": "", "data": link}).encode()


TWO = listed(
    shocker(RED, "Red Collar", limits={"intensity": 30, "duration": 2000}),
    shocker(BLUE, "blue", {"shock": True, "vibrate": False}),
)


def made(**changed):
    """A fresh backend."""
    settings = {"url": "https://api.openshock.app", "link": LINK, "name": "Zoë", "session": ""}
    settings.update(changed)
    return Backend(settings, AGENT[1])


def joined(known=TWO, welcome=GUEST, **changed):
    """A backend that has its list and was let in."""
    backend = made(**changed)
    backend.begin(0)
    if known is not None:
        assert backend.errand(0) == ("GET", LIST, [AGENT])
        backend.fetched(200, known, 0, 0)
    assert backend.errand(0) is None or known is None
    backend.hello(0)
    list(backend.receive(b"{}\x1e" + welcome, 0))
    assert backend.keepalive(0) == ()
    return backend


def asked(backend, shocker, action=VIBRATE, level=20, ms=500, now=0):
    """The arguments of Control that such a wish becomes."""
    if now:
        list(backend.receive(b"", now))  # a sign of life
    backend.ask("control", Wish(shocker, action, level, ms), now)
    message = [each for each in backend.keepalive(now) if b"Control" in each][0]
    record = json.loads(message[:-1])
    assert message[-1:] == b"\x1e" and record["type"] == 1 and record["target"] == "Control"
    assert isinstance(record["invocationId"], str)
    ((entry,),) = record["arguments"]
    return [entry[key] for key in ("id", "type", "intensity", "duration", "exclusive")]


def why_not(backend, shocker, action=VIBRATE, level=20, ms=500, now=0):
    """Why such a wish is refused, in words; nothing is sent then."""
    words = str(raised(Unasked, backend.ask, "control", Wish(shocker, action, level, ms), now))
    assert now or backend.keepalive(now) == ()
    return words


# the way in


def test_it_knocks_with_the_name_and_without_a_token():
    assert made().request() == (HUB + "?name=Zo%C3%AB", [AGENT])
    assert made(name="a b&c=d/é+🐈").request()[0] == HUB + "?name=a%20b%26c%3Dd%2F%C3%A9%2B%F0%9F%90%88"
    assert made(url="http://10.0.0.2:8080/behind/").request()[0].startswith("http://10.0.0.2:8080/behind/1/hubs/share/")


def test_the_owner_joins_by_session_and_needs_no_name():
    for session in ("s3ss10n", "openShockSession=s3ss10n; path=/", " s3ss10n "):
        backend = made(name="", session=session)
        assert backend.request() == (HUB, [AGENT, ("OpenShockSession", "s3ss10n")])
        backend.begin(0)
        assert backend.errand(0) == ("GET", LIST, [AGENT])  # the list is public: the session stays at home


def test_the_id_is_taken_out_of_whatever_somebody_pasted():
    for text in (
        LINK,
        LINK.upper(),
        " %s\t" % LINK,
        "https://openshock.app/s/" + LINK,
        "https://openshock.app/#/public/shares/links/%s?name=x" % LINK,
        "openshock.app/shares/%s/" % LINK,
    ):
        assert guid_in(text) == LINK, text
        assert made(link=text).request()[0].startswith(HUB + "?"), text


def test_what_is_no_id_is_none():
    for text in (
        "",
        "x",
        LINK[:-1],
        LINK + "0",
        "0" + LINK,
        LINK + "-0",
        LINK.replace("-", ""),
        LINK.replace("1", "g"),
        "-" * 36,
    ):
        assert guid_in(text) == "", text


def test_what_the_settings_lack_is_said_and_nobody_knocks():
    for changed, words in (
        ({"link": ""}, "no share link yet"),
        ({"link": "friends"}, "there is no id in the share link"),
        ({"name": ""}, "a guest of a share link needs a name"),
        ({"name": "  "}, "a guest of a share link needs a name"),
        ({"name": "x" * 33}, "at most 32 characters"),
        ({"name": "🐈" * 17}, "an emoji counts as two"),
    ):
        backend = made(**changed)
        backend.begin(0)
        left = raised(Leave, backend.errand, 0)
        assert words in left.reason and left.wait_ms == 300000 and words in backend.shown(), changed
    for name in ("x", "x" * 32, "é" * 32, "🐈" * 16):
        backend = made(name=name)
        backend.begin(0)
        assert backend.errand(0) and not backend.shown()


def test_it_is_welcomed_as_who_it_is():
    for welcome, words in (
        (GUEST, "joined the share link as a guest"),
        (OWNER, "joined the share link as a signed-in visitor"),
        (record_of("Welcome", 7), "joined the share link as somebody"),
        (record_of("welcome"), "joined the share link as somebody"),
    ):
        backend = made()
        backend.begin(0)
        assert backend.hello(0) == [b'{"protocol":"json","version":1}\x1e']
        assert list(backend.receive(b"{}\x1e" + welcome, 0)) == [(NOTE, words)]
        assert backend.pause_ms(1000, "closed") == 0


def test_a_link_that_is_not_there_is_said_and_waited_for_long():
    backend = made()
    backend.begin(0)
    backend.errand(0)
    left = raised(Leave, backend.fetched, 404, b"{}", 0, 0)
    assert "no such share link" in left.reason and left.wait_ms == 300000 and backend.shown() == left.reason


def test_a_link_that_closes_as_soon_as_it_is_open_is_told_as_what_it_may_be():
    for session in ("", "s"):
        backend = made(session=session)
        backend.begin(0)
        backend.hello(0)
        assert backend.pause_ms(0, "no answer to the handshake") == 0  # it was not open yet
        for _ in range(2):  # it may have been the network
            list(backend.receive(b"{}\x1e", 0))
            assert backend.pause_ms(0, "closed without a word") == 0 and backend.shown() == ""
            backend.begin(500)
            assert backend.pause_ms(0, "the network is gone") == 0  # that says nothing about the link
            backend.hello(500)
        list(backend.receive(b"{}\x1e", 500))
        assert backend.pause_ms(0, "closed without a word") == 300000
        assert "unknown or its time is over" in backend.shown() and ("session" in backend.shown()) == bool(session)
        backend.begin(1000)
        assert backend.pause_ms(0, "the network is gone") == 0  # that is another matter
        backend.hello(2000)
        list(backend.receive(b"{}\x1e" + GUEST, 2000))
        assert backend.shown() == "" and backend.pause_ms(0, "connection lost") == 0
        for pause_ms in (0, 0, 300000, 300000):  # who was let in has its chances again
            backend.begin(3000)
            backend.hello(3000)
            list(backend.receive(b"{}\x1e", 3000))
            assert backend.pause_ms(0, "closed without a word") == pause_ms


def test_a_close_record_behind_the_handshake_counts_at_once_unless_it_invites_back():
    for record, pause_ms in ((b'{"type":7}\x1e', 300000), (b'{"type":7,"allowReconnect":true}\x1e', 0)):
        backend = made()
        backend.begin(0)
        backend.hello(0)
        assert hear(backend, b"{}\x1e" + record)[1] is not None
        assert backend.pause_ms(0, "closed by the server") == pause_ms and bool(backend.shown()) == bool(pause_ms)


# the list of shockers


def test_the_list_is_asked_for_again_when_it_did_not_come():
    for status, body in (
        (0, b""),
        (500, b""),
        (429, b""),
        (200, b"{}"),
        (200, b"[]"),
        (200, b"\xff"),
        (200, b'{"data":null}'),
    ):
        backend = made()
        backend.begin(0)
        backend.errand(0)
        assert kinds_of(backend.fetched(status, body, 30000, 0)) == [NOTE]
        assert backend.errand(29999) is None
        assert backend.errand(30000) == ("GET", LIST, [AGENT])


def test_updated_asks_for_the_list_once_it_has_settled():
    backend = joined()
    for _ in range(5):
        assert hear(backend, record_of("Updated"), 20000)[:2] == ([], None)
    assert backend.errand(20499) is None
    assert backend.errand(20500) == ("GET", LIST, [AGENT])
    assert backend.errand(99999) is None
    hear(backend, record_of("updated"), 21000)
    assert backend.errand(30499) is None  # at most every ten seconds
    assert backend.errand(30500)
    backend.fetched(200, listed(shocker(RED, "Red Collar", paused=4)), 0, 30500)
    assert why_not(backend, "red collar") == "red collar is paused"


def test_a_press_asks_for_a_list_that_is_older_than_a_minute_and_the_next_is_judged_by_the_new_one():
    backend = joined()
    assert asked(backend, "blue", SOUND, now=59999)[0] == BLUE and backend.errand(59999) is None
    assert asked(backend, "blue", SOUND, now=60000)[0] == BLUE
    assert backend.errand(60000) == ("GET", LIST, [AGENT])
    backend.fetched(200, listed(shocker(BLUE, "blue", {"sound": False})), 0, 60500)
    assert "allows no sound" in why_not(backend, "blue", SOUND, now=61000)
    assert asked(backend, "blue", STOP, now=121000)[0] == BLUE and backend.errand(121000)


def test_a_link_that_was_deleted_is_said():
    backend = joined()
    asked(backend, "red collar", now=60000)
    assert backend.errand(60000)
    left = raised(Leave, backend.fetched, 404, b"{}", 0, 60500)
    assert left.reason == backend.shown() == "there is no such share link, or its time is over"


def test_every_connection_begins_with_a_fresh_list():
    backend = joined()
    backend.begin(60000)
    assert backend.errand(60000) == ("GET", LIST, [AGENT])


def test_damaged_shockers_are_skipped_and_the_others_stay():
    good = shocker(RED, "red")
    damaged = [
        None,
        7,
        [],
        {},
        dict(good, id=None),
        dict(good, id=5),
        dict(good, id="x" * 65),
        dict(good, name=None),
        dict(good, name=["red"]),
        dict(good, permissions=None),
        dict(good, permissions=[]),
        dict(good, limits=None),
        dict(good, limits="high"),
    ]
    for value in (-1, 101) + NO_NUMBERS[:6]:
        if value is not None and value == value and value not in (float("inf"), -float("inf")):
            damaged.append(dict(good, limits={"intensity": value, "duration": None}))
    for value in (0, 299, 65536, "1000", True):
        damaged.append(dict(good, limits={"intensity": None, "duration": value}))
    for bad in damaged:
        bad_list = (
            listed(bad, shocker(BLUE, "blue"))
            if not isinstance(bad, dict)
            else listed(dict(bad), shocker(BLUE, "blue"))
        )
        backend = joined(bad_list)
        assert asked(backend, "blue")[0] == BLUE
        assert "no such shocker" in why_not(backend, RED), bad
    many = joined(listed(*[shocker(FAR[:-3] + "%03d" % number, "n%d" % number) for number in range(200)]))
    assert asked(many, "n63")[0] == FAR[:-3] + "063"
    assert "no such shocker" in why_not(many, "n64")


# as a remote


def test_a_wish_becomes_control_within_the_limits():
    backend = joined()
    assert asked(backend, RED) == [RED, VIBRATE, 20, 500, False]
    assert asked(backend, RED.upper(), SOUND, 100, 5000) == [RED, SOUND, 30, 2000, False]
    assert asked(backend, BLUE, SHOCK, 100, 65535) == [BLUE, SHOCK, 100, 65535, False]
    assert asked(backend, "RED collar", STOP, 77, 1) == [RED, STOP, 0, 300, False]
    assert asked(backend, " blue ", SOUND, 0, 300) == [BLUE, SOUND, 0, 300, False]


def test_what_the_link_lowers_is_told():
    backend = joined()
    asked(backend, RED, VIBRATE, 90, 9000)
    assert list(backend.receive(b"", 1)) == [(NOTE, "the share link lowers it to 30, 2000 ms")]
    asked(backend, RED, VIBRATE, 30, 2000)
    assert list(backend.receive(b"", 1)) == []


def test_what_the_link_does_not_allow_is_refused_in_words():
    backend = joined(listed(shocker(RED, "red"), shocker(BLUE, "blue", {"vibrate": 1}), shocker(FAR, "far", paused=1)))
    assert why_not(backend, "red", SHOCK) == "the share link allows no shock for red"
    assert why_not(backend, "blue") == "the share link allows no vibrate for blue"  # only true is true
    assert why_not(backend, "far") == "far is paused"
    assert why_not(backend, "green") == "the service has no such shocker"
    assert why_not(backend, NOBODY) == "the service has no such shocker"
    assert why_not(backend, "red", 4) == "OpenShock knows stop, shock, vibrate and sound"
    assert "0-100" in why_not(backend, "red", VIBRATE, 101) and "0-100" in why_not(backend, "red", VIBRATE, -1)
    assert "300-65535" in why_not(backend, "red", VIBRATE, 20, 299) and "300-65535" in why_not(
        backend, "red", VIBRATE, 20, 65536
    )
    for value in NO_NUMBERS:
        why_not(backend, "red", VIBRATE, value)
        why_not(backend, "red", VIBRATE, 20, value)
        if value != STOP:
            why_not(backend, "red", value)


def test_a_stop_passes_whatever_the_list_says():
    backend = joined(listed(shocker(RED, "red", {"vibrate": False, "sound": False}, paused=7)))
    assert asked(backend, "red", STOP) == [RED, STOP, 0, 300, False]


def test_a_name_that_two_bear_names_nobody():
    backend = joined(listed(shocker(RED, "collar"), shocker(BLUE, "Collar")))
    assert why_not(backend, "collar") == "2 shockers have that name: use the id"
    assert asked(backend, BLUE)[0] == BLUE


def test_a_refusal_looks_whether_it_is_still_so():
    backend = joined(listed(shocker(RED, "red", paused=1)))
    assert why_not(backend, "red") == "red is paused"
    assert backend.errand(9999) is None
    assert backend.errand(10000) == ("GET", LIST, [AGENT])  # the server never tells of changes
    backend.fetched(200, listed(shocker(RED, "red")), 0, 10000)
    assert asked(backend, "red")[0] == RED


def test_nothing_can_be_asked_before_the_link_has_let_us_in():
    backend = made()
    assert "not let us in" in why_not_of_a_stranger(backend)
    backend.begin(0)
    backend.hello(0)
    list(backend.receive(b"{}\x1e", 0))
    assert "not let us in" in why_not_of_a_stranger(backend)
    backend = joined(known=None)
    assert why_not(backend, "red") == "the list of shockers has not come yet"


def why_not_of_a_stranger(backend):
    return str(raised(Unasked, backend.ask, "control", Wish("red", VIBRATE, 20, 500), 0))


def test_what_could_not_go_out_is_gone_with_its_connection():
    backend = joined()
    backend.ask("control", Wish(RED, VIBRATE, 20, 500), 0)
    backend.begin(100)
    backend.hello(200)
    list(backend.receive(b"{}\x1e" + GUEST, 200))
    assert backend.keepalive(200) == ()


def test_a_stop_goes_out_even_when_many_calls_wait():
    backend = joined()
    for _ in range(16):
        asked(backend, RED)
    assert "wait already" in why_not(backend, RED)
    backend.ask("control", Wish(RED, STOP, 0, 300), 0)
    (message,) = backend.keepalive(0)
    assert b"invocationId" not in message and b'"type":0' in message


def test_how_a_call_ended_is_told_when_it_ended_badly():
    backend = joined()
    asked(backend, RED)
    asked(backend, RED)
    assert hear(backend, b'{"type":3,"invocationId":"1","result":null}\x1e')[0] == []
    made, left, _ = hear(backend, b'{"type":3,"invocationId":"2","error":"An unexpected error occurred"}\x1e')
    assert (
        kinds_of(made) == [NOTE]
        and made[0][1].startswith("vibrate of ")
        and " failed: An unexpected" in made[0][1]
        and left is None
    )


def test_it_takes_nothing_else_from_the_device():
    backend = joined()
    for what in ("emergency", "seen", "respond", "pair", "coffee"):
        raised(Unasked, backend.ask, what, None, 0)
    assert backend.keepalive(0) == ()


# nothing that the service says moves a receiver


def test_no_message_makes_a_command():
    backend = joined()
    entry = {"id": RED, "type": 2, "intensity": 40, "duration": 500, "shocker": {"id": RED, "name": "red"}}
    for target in (
        "Control",
        "ControlV2",
        "Log",
        "EmergencyStop",
        "CaptivePortal",
        "OtaInstall",
        "Reboot",
        "Ask",
        "_ask",
        "begin",
    ):
        for arguments in ([], [[entry]], [{"name": "x"}, [entry]], [LINK, True]):
            made, left, answer = hear(backend, record_of(target, *arguments, call="9"))
            assert made == [] and left is None
            assert b'"error":"Client didn\'t provide a result."' in answer
