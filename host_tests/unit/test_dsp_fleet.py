"""The backend of DSP Fleet, message by message: pairing, tokens, messages, rescues, places and history."""

import binascii
import json

from firmware.backends.dsp_fleet import Backend
from firmware.command import ACT, EVENT, KEEP, NOTE, Event, Leave, Unasked
from host_tests.unit.rooms import raised

AGENT = "OpenShock/1.2.3 (MicroPython; test)"
WALL_S = 1800000000  # 2027-01-15T08:00:00Z
KEYS = (
    "url",
    "token",
    "refresh",
    "endpoint",
    "device_id",
    "account_id",
    "name",
    "device_guid",
    "latitude",
    "longitude",
)
GUID = "0123456789abcdef0123456789ABCDEF"


def heard(backend, data, now):
    """The orders of `data`, as the link takes them: one by one; that it then leaves is asked of the next `keepalive`."""
    made = []
    try:
        for order in backend.receive(data, now):
            made.append(order)
    except Leave:
        assert made, "a Leave alone is the test's"
    return made


def jwt(**claims):
    """A token with these claims; nobody here checks its signature."""
    body = binascii.b2a_base64(json.dumps(claims).encode()).decode().strip().rstrip("=")
    return "eyJh.%s.c2ln" % body.replace("+", "-").replace("/", "_")


TOKEN = jwt(exp=WALL_S + 3600, DeviceId=7)
NEW = jwt(exp=WALL_S + 7200, DeviceId=7)


def made(wall_s=WALL_S, **changed):
    """A Backend whose time of day is `wall_s`, a paired one unless something else is said."""
    settings = {key: "" for key in KEYS}
    settings.update({"url": "https://fleet.test", "token": TOKEN, "refresh": "r1", "device_id": "7", "name": "van"})
    settings.update({"latitude": "52.5", "longitude": "-13.25"})
    settings.update(changed)
    backend = Backend(settings, AGENT)
    backend.wall = lambda: None if wall_s is None else wall_s * 1000000
    return backend


def greeted(now=0, **changed):
    """One that has shaken hands and has told all that it tells at once."""
    backend = made(**changed)
    backend.begin(now)
    backend.request()
    backend.hello(now)
    heard(backend, b"{}\x1e", now)
    backend.keepalive(now)
    return backend


def said(target, *arguments):
    """A record of the server's."""
    return json.dumps({"type": 1, "target": target, "arguments": list(arguments)}).encode() + b"\x1e"


def answer(call_id, result=None, error=None):
    """The end of one of our calls."""
    message = {"type": 3, "invocationId": call_id}
    message.update({"result": result} if error is None else {"error": error})
    return json.dumps(message).encode() + b"\x1e"


def calls(backend, now=0):
    """[(target, arguments, id)] of what is sent at `now`; pings are left out."""
    records = b"".join(backend.keepalive(now)).split(b"\x1e")[:-1]
    messages = [json.loads(record) for record in records]
    return [(each["target"], each["arguments"], each.get("invocationId")) for each in messages if each["type"] == 1]


def pairing(now=0, **changed):
    """One without an account, greeted at PairingHub."""
    backend = made(**dict({"token": "", "refresh": "", "device_id": "", "name": ""}, **changed))
    backend.begin(now)
    assert backend.request() == ("https://fleet.test/hubs/pairing", [("User-Agent", AGENT)])
    assert backend.errand(now) is None
    backend.hello(now)
    heard(backend, b"{}\x1e", now)
    return backend


# pairing


def test_a_code_is_asked_for_and_shown():
    backend = pairing()
    assert backend.shown() == "pairing: no code yet"
    ((target, arguments, call_id),) = calls(backend)
    assert (target, arguments) == ("RequestPairingCode", [])
    assert heard(backend, answer(call_id, "AB12CD"), 1) == [(NOTE, "pairing code AB12CD")]
    assert backend.shown() == "pairing code AB12CD"
    assert calls(backend, 2) == []


def test_a_code_that_is_over_makes_room_for_a_new_one():
    backend = pairing()
    heard(backend, answer(calls(backend)[0][2], "AB12CD"), 1)
    for now in range(0, 600000, 15000):
        heard(backend, b"", now)
        assert calls(backend, now) == []
    ((target, _, call_id),) = calls(backend, 600001)
    assert target == "RequestPairingCode"
    heard(backend, answer(call_id, "EF34GH"), 600002)
    assert backend.shown() == "pairing code EF34GH"


def test_a_new_connection_needs_a_new_code():
    backend = pairing()
    heard(backend, answer(calls(backend)[0][2], "AB12CD"), 1)
    backend.begin(100)
    assert backend.shown() == "pairing: no code yet"
    backend.hello(100)
    heard(backend, b"{}\x1e", 101)
    assert calls(backend, 102)[0][0] == "RequestPairingCode"


def test_somebody_wants_another_code():
    backend = pairing()
    heard(backend, answer(calls(backend)[0][2], "AB12CD"), 1)
    backend.ask("pair", None, 5)
    assert calls(backend, 6)[0][0] == "RequestPairingCode"


def begun_by_init():
    backend = pairing()
    made = heard(backend, answer(calls(backend)[0][2], error="HubException: Method does not exist."), 1)
    assert made == [(NOTE, "the hub gives no pairing code: HubException: Method does not exist.")]
    assert calls(backend, 2) == []
    method, url, headers, body = backend.errand(3)
    assert (method, url, body) == ("POST", "https://fleet.test/api/device/init", b"{}")
    assert ("Content-Type", "application/json") in headers
    return backend


def test_where_the_hub_gives_no_codes_rest_does():
    backend = begun_by_init()
    answered = {"deviceGuid": GUID, "code": "XY99ZZ", "expiresIn": 60}
    assert backend.fetched(200, json.dumps(answered).encode(), 0, 4) == ()
    assert backend.errand(5) is None
    ((target, arguments, call_id),) = calls(backend, 5)
    assert (target, arguments) == ("RegisterConnectionForPairing", [GUID])
    assert heard(backend, answer(call_id, True), 6) == [
        (KEEP, ("dsp_fleet", {"device_guid": GUID})),
        (NOTE, "pairing code XY99ZZ"),
    ]
    # the link is per connection: after a new one it registers again
    backend.begin(100)
    backend.hello(100)
    heard(backend, b"{}\x1e", 101)
    ((target, arguments, call_id),) = calls(backend, 102)
    assert (target, arguments) == ("RegisterConnectionForPairing", [GUID])
    heard(backend, answer(call_id, True), 103)
    # and when its time is over, all begins anew
    for now in (20000, 40000, 60000, 60102):
        heard(backend, b"", now)
        assert calls(backend, now) == [] and backend.errand(now) is None
    assert calls(backend, 60103) == []
    assert backend.errand(60300)[1] == "https://fleet.test/api/device/init"


def test_whoever_is_not_known_any_more_starts_over():
    backend = pairing(device_guid=GUID)
    ((target, arguments, call_id),) = calls(backend)
    assert (target, arguments) == ("RegisterConnectionForPairing", [GUID])
    assert heard(backend, answer(call_id, False), 1)[0][1] == "the pairing begins anew: nobody knows it any more"
    assert calls(backend, 2) == [] and backend.errand(2) is None
    assert calls(backend, 10002) == []
    assert backend.errand(10003)[1] == "https://fleet.test/api/device/init"


def test_a_server_that_begins_no_pairing_is_asked_again_later():
    for status, body in ((404, b""), (200, b"nonsense"), (200, b'{"deviceGuid":"short"}'), (200, b"[]")):
        backend = begun_by_init()
        left = raised(Leave, backend.fetched, status, body, 5000, 4)
        words = "the answer makes no sense" if status == 200 else "the server answered 404: nothing is there"
        assert left.reason == "the server begins no pairing: " + words and left.wait_ms == 60000
        assert backend.errand(5) is None  # then it asks the hub again
    backend = begun_by_init()
    left = raised(Leave, backend.unfetched, "connection refused", 4)
    assert left.reason == "the server begins no pairing: connection refused" and left.wait_ms == 60000
    assert backend.errand(5) is None


BOUND = {
    "deviceId": 4294967295,
    "accountId": 12,
    "signalREndpoint": "wss://other.test/hubs/fleet",
    "name": "our van",
    "identifier": "x",
    "accessToken": TOKEN,
    "speedUnit": "km/h",
    "country": "DE",
    "accountTimezone": "Europe/Berlin",
    "periodicAirplaneModeOff": False,
}


def test_an_account_is_kept_and_leads_to_the_other_hub():
    backend = pairing()
    ((note, words), (keep, (name, kept))) = heard(backend, said("DeviceBound", BOUND), 5)
    assert (note, words, keep, name) == (NOTE, "paired as our van", KEEP, "dsp_fleet")
    assert kept == {
        "token": TOKEN,
        "refresh": "",
        "endpoint": "wss://other.test/hubs/fleet",
        "device_id": "4294967295",
        "account_id": "12",
        "name": "our van",
        "device_guid": "",
    }
    leave = raised(Leave, backend.keepalive, 6)
    assert leave.wait_ms == 0 and leave.meant
    backend.begin(10)
    assert backend.request()[0] == "wss://other.test/hubs/fleet?access_token=" + TOKEN
    assert backend.shown() == "paired as our van"


def test_an_account_in_pascal_case_with_a_refresh_token():
    backend = pairing()
    bound = {key[0].upper() + key[1:]: value for key, value in BOUND.items()}
    bound["RefreshToken"] = "r2"
    kept = heard(backend, said("deviceBound", bound), 5)[1][1][1]
    assert kept["token"] == TOKEN and kept["refresh"] == "r2" and kept["device_id"] == "4294967295"


def test_an_endpoint_that_leads_out_of_tls_or_nowhere_is_not_taken():
    for endpoint in (
        "ws://other.test/hubs/fleet",
        "http://x",
        "nonsense",
        "wss://x/?a=b",
        None,
        5,
        "wss://" + "x" * 300,
    ):
        backend = pairing()
        kept = heard(backend, said("DeviceBound", dict(BOUND, signalREndpoint=endpoint)), 5)[1][1][1]
        assert kept["endpoint"] == "", endpoint
    backend = pairing()
    kept = heard(backend, said("DeviceBound", dict(BOUND, signalREndpoint="/hubs/fleet")), 5)[1][1][1]
    assert kept["endpoint"] == "https://fleet.test/hubs/fleet"


def test_what_is_no_account_is_none():
    for bound in (
        None,
        5,
        [],
        {},
        dict(BOUND, accessToken=""),
        dict(BOUND, accessToken="a b"),
        dict(BOUND, accessToken="x" * 2001),
    ):
        backend = pairing()
        assert heard(backend, said("DeviceBound", bound), 5) == [
            (NOTE, "DeviceBound came with arguments that do not fit")
        ]
    assert list(greeted().receive(said("DeviceBound", BOUND), 5)) == []  # nobody is pairing


# the way in


def test_the_token_is_in_the_query_quoted():
    backend = made(token="a+b/c=&d", refresh="")
    backend.begin(0)
    assert backend.request() == (
        "https://fleet.test/hubs/fleet?access_token=a%2Bb%2Fc%3D%26d",
        [("User-Agent", AGENT)],
    )


def test_it_tells_who_it_is_and_where_with_every_argument():
    backend = made()
    backend.begin(0)
    backend.request()
    backend.hello(0)
    heard(backend, b"{}\x1e", 0)
    info, place = calls(backend)
    assert info[:2] == ("ReportDeviceInfo", [None, "1.2.3", "en"])
    assert place[:2] == ("ReportLocation", [52.5, -13.25, None, "1.2.3", "en"])
    assert calls(backend, 1) == []
    # and after each new connection
    backend.begin(1000)
    backend.request()
    backend.hello(1000)
    heard(backend, b"{}\x1e", 1000)
    assert [call[0] for call in calls(backend, 1000)] == ["ReportDeviceInfo", "ReportLocation"]


def test_without_a_place_none_is_told():
    for place in ({"latitude": ""}, {"longitude": ""}, {"latitude": "", "longitude": ""}):
        assert places(greeted(**place), 0, 2000000, 20000) == []


# tokens


def refreshing(backend, due_ms):
    """The id of the call that asks for a new token at `due_ms`, and not before."""
    for now in range(0, due_ms, 20000):
        heard(backend, b"", now)
        assert "RequestTokenRefresh" not in [call[0] for call in calls(backend, now)]
    heard(backend, b"", due_ms)
    found = [call for call in calls(backend, due_ms) if call[0] == "RequestTokenRefresh"]
    assert len(found) == 1 and found[0][1] == ["r1"]
    return found[0][2]


def test_a_new_token_is_asked_for_five_minutes_before_the_end():
    backend = greeted()
    call_id = refreshing(backend, 3300000)
    made = heard(backend, answer(call_id, {"accessToken": NEW, "refreshToken": "r2"}), 3300001)
    assert made == [(NOTE, "there is a new token"), (KEEP, ("dsp_fleet", {"token": NEW, "refresh": "r2"}))]
    backend.begin(3300002)
    assert backend.request()[0].endswith(NEW)


def test_a_short_token_is_renewed_when_a_quarter_is_left():
    refreshing(greeted(token=jwt(exp=WALL_S + 100)), 75000)


def test_a_token_without_an_end_is_renewed_twice_a_day():
    for token in ("no.jwt", "a.b.c", jwt(), jwt(exp="soon"), jwt(exp=True), jwt(exp=-5), jwt(exp=1e30), jwt(exp=None)):
        refreshing(greeted(token=token), 43200000 - 300000)
    refreshing(greeted(wall_s=None), 43200000 - 300000)


def test_names_of_a_new_token_in_any_case_and_an_old_refresh_token():
    for result in ({"AccessToken": NEW}, {"token": NEW, "RefreshToken": None}, {"jwt": NEW, "refreshToken": 5}):
        backend = greeted()
        call_id = refreshing(backend, 3300000)
        kept = heard(backend, answer(call_id, result), 3300001)[1][1][1]
        assert kept == {"token": NEW, "refresh": "r1"}


def test_no_new_token_leads_to_pairing():
    backend = greeted()
    made = heard(backend, answer(refreshing(backend, 3300000), None), 3300001)
    assert made[0] == (NOTE, "the refresh token is no longer good")
    assert made[1] == (KEEP, ("dsp_fleet", {"token": "", "refresh": "", "endpoint": "", "device_guid": ""}))
    assert "pairs anew" in raised(Leave, backend.keepalive, 3300002).reason
    backend.begin(3300010)
    assert backend.request()[0] == "https://fleet.test/hubs/pairing"


def test_an_answer_that_makes_no_sense_changes_nothing_and_it_asks_again():
    for result in (5, [], "x", {}, {"accessToken": 7}, {"accessToken": ""}, {"accessToken": "x" * 2001}):
        backend = greeted()
        made = heard(backend, answer(refreshing(backend, 3300000), result), 3300001)
        assert made == [(NOTE, "a new token that makes no sense")]
        heard(backend, b"", 3320000)
        heard(backend, b"", 3340000)
        heard(backend, b"", 3360000)
        assert "RequestTokenRefresh" in [call[0] for call in calls(backend, 3360001)]


def test_an_error_is_told_and_it_asks_again():
    backend = greeted()
    made = heard(backend, answer(refreshing(backend, 3300000), error="busy"), 3300001)
    assert made == [(NOTE, "no new token: busy")]


def ways(backend, *statuses):
    """Where it knocks, once for each of these answers, and once more."""
    knocked = []
    for status in statuses + (None,):
        backend.begin(0)
        knocked.append(backend.request()[0].replace("https://fleet.test/hubs/", "").partition("=")[0])
        if status:
            backend.pause_ms(status, "refused")
    return knocked


def test_a_refused_token_is_renewed_without_it_and_else_it_pairs_anew():
    assert ways(made(), 401, 401) == ["fleet?access_token", "fleet", "pairing"]
    assert ways(made(refresh=""), 401) == ["fleet?access_token", "pairing"]
    assert ways(made(), 503, 429, 500, 1006) == ["fleet?access_token"] * 5
    # one that seems to be over is first renewed; but perhaps it is the clock that is wrong
    assert ways(made(wall_s=WALL_S + 4000), 401, 403) == ["fleet", "fleet?access_token", "pairing"]


def test_who_came_for_a_new_token_asks_for_nothing_else():
    backend = made(wall_s=WALL_S + 4000)
    backend.begin(0)
    backend.request()
    backend.hello(0)
    heard(backend, b"{}\x1e", 0)
    ((target, arguments, call_id),) = calls(backend, 0)
    assert (target, arguments) == ("RequestTokenRefresh", ["r1"])
    made_ = heard(backend, answer(call_id, {"accessToken": NEW}), 1)
    assert made_[1] == (KEEP, ("dsp_fleet", {"token": NEW, "refresh": "r1"}))
    leave = raised(Leave, backend.keepalive, 2)
    assert leave.reason == "there is a new token" and leave.meant
    backend.begin(3)
    assert backend.request()[0].endswith("access_token=" + NEW)


def test_a_token_that_was_good_may_be_renewed_again_when_it_no_longer_is():
    backend = greeted()
    backend.begin(10)
    backend.request()
    assert ways(backend, 401, 401) == ["fleet?access_token", "fleet", "pairing"]


def test_somebody_wants_to_pair_anew_at_any_moment():
    backend = greeted()
    backend.ask("pair", None, 5)
    assert raised(Leave, backend.keepalive, 6).reason == "pairing anew"
    backend = made()
    backend.begin(0)
    backend.ask("pair", None, 1)
    assert raised(Leave, backend.request).reason == "pairing anew"
    backend = made()
    backend.begin(0)
    backend.request()
    backend.ask("pair", None, 1)  # while the socket opens
    backend.hello(2)
    assert heard(backend, b"{}\x1e", 3)[0][0] == KEEP
    assert raised(Leave, backend.keepalive, 4).reason == "pairing anew"


def test_the_number_of_this_device_may_be_in_the_token():
    backend = greeted(device_id="", name="")
    assert backend.shown() == "paired as 7"


# messages


def test_a_message_is_acknowledged_each_time_and_acted_on_once():
    backend = greeted()
    event = (EVENT, Event("dsp_fleet", "message", "", "come home"))
    assert heard(backend, said("ReceiveMessage", "m1", "come home", 10), 1) == [event]
    assert [call[:2] for call in calls(backend, 1)] == [("MessageReceived", ["m1"])]
    for now in (2, 3):
        assert heard(backend, said("receiveMessage", "m1", "come home", 10), now) == []
        assert [call[:2] for call in calls(backend, now)] == [("MessageReceived", ["m1"])]
    backend.begin(10)  # over a new connection, too
    backend.request()
    backend.hello(10)
    heard(backend, b"{}\x1e", 10)
    assert heard(backend, said("ReceiveMessage", "m1", "come home", 10), 11) == []
    assert ("MessageReceived", ["m1"]) in [call[:2] for call in calls(backend, 11)]


def test_so_many_messages_are_remembered_and_no_more():
    backend = greeted()
    for number in range(40):
        assert len(heard(backend, said("ReceiveMessage", str(number), "x", 1), number)) == 1
        calls(backend, number)
    assert heard(backend, said("ReceiveMessage", "8", "x", 1), 50) == []
    assert len(heard(backend, said("ReceiveMessage", "7", "x", 1), 50)) == 1


def test_even_while_many_calls_wait_it_is_acknowledged():
    backend = greeted()
    acknowledged = 0
    for number in range(30):
        heard(backend, said("ReceiveMessage", str(number), "x", 1), 1)
        acknowledged += len(calls(backend, 1))
    assert acknowledged == 30


def test_a_long_message_is_cut_for_the_rules():
    ((_, event),) = list(greeted().receive(said("ReceiveMessage", "m", "ä" * 500, 1), 1))
    assert event.text == "ä" * 200


def test_what_is_no_message_is_a_note():
    for arguments in ((), ("m",), (5, "x", 1), ("", "x", 1), ("m", None, 1), ("x" * 129, "x", 1), ("m", ["x"], 1)):
        backend = greeted()
        assert heard(backend, said("ReceiveMessage", *arguments), 1)[0][0] == NOTE, arguments
        assert calls(backend, 1) == []


def test_it_is_seen_and_answered_by_whoever_is_there():
    backend = greeted()
    assert str(raised(Unasked, backend.ask, "seen", None, 1)) == "there was no message yet"
    heard(backend, said("ReceiveMessage", "m1", "first", 10), 1)
    heard(backend, said("ReceiveMessage", "m2", "come home", 10), 1)
    calls(backend, 1)
    assert backend.shown() == "message: come home"
    backend.ask("seen", "m1", 2)
    assert [call[:2] for call in calls(backend, 2)] == [("MessageSeen", ["m1"])]
    assert backend.shown() == "message: come home"
    backend.ask("seen", None, 2)
    assert [call[:2] for call in calls(backend, 2)] == [("MessageSeen", ["m2"])]
    assert backend.shown() == "paired as van"
    backend.ask("respond", (None, "on my way"), 3)
    backend.ask("respond", ("m1", "no"), 3)
    backend.ask("respond", "yes", 3)
    assert [call[:2] for call in calls(backend, 3)] == [
        ("MessageResponse", ["m2", "on my way"]),
        ("MessageResponse", ["m1", "no"]),
        ("MessageResponse", ["m2", "yes"]),
    ]
    raised(Unasked, backend.ask, "seen", "m9", 4)
    raised(Unasked, backend.ask, "control", None, 4)
    raised(Unasked, backend.ask, "emergency", None, 4)
    raised(Unasked, pairing().ask, "seen", None, 4)
    raised(Unasked, made().ask, "seen", None, 4)


# zones


def test_zones_are_kept_replaced_added_and_taken_away():
    backend = greeted()
    assert heard(backend, said("ZoneSync", [{"id": 1, "name": "home"}, {"Id": 2, "Name": "work"}]), 1) == [
        (NOTE, "2 zones")
    ]
    heard(backend, said("ZoneAdded", {"zoneId": 3, "name": "school"}), 1)
    heard(backend, said("zoneAdded", {"id": 1, "name": "new home"}), 1)
    heard(backend, said("ZoneDeleted", 2), 1)
    heard(backend, said("ZoneDeleted", 99), 1)
    assert backend.zones == {1: "new home", 3: "school"}
    heard(backend, said("ZoneSync", [{"id": 9}, None, 5, {"name": "x"}]), 1)
    assert backend.zones == {9: ""}
    assert heard(backend, said("ZoneSync", 5), 1)[0][0] == NOTE and backend.zones == {9: ""}
    heard(backend, said("ZoneSync", [{"id": number, "name": "n" * 99} for number in range(100)]), 1)
    assert len(backend.zones) == 32 and backend.zones[0] == "n" * 40
    for wrong in (("ZoneSync",), ("ZoneSync", 5), ("ZoneAdded",), ("ZoneDeleted", [1]), ("ZoneDeleted",)):
        assert heard(backend, said(*wrong), 1)[0][0] == NOTE, wrong


# where it is


def places(backend, since, until, step=250):
    """When it told its place, in ms."""
    found = []
    for now in range(since, until, step):
        heard(backend, b"", now)
        found += [now for call in calls(backend, now) if call[0] == "ReportLocation"]
    return found


def test_a_place_is_told_every_fifteen_minutes():
    assert places(greeted(), 0, 2000000, 10000) == [900000, 1800000]


def test_and_faster_for_a_while():
    backend = greeted()
    assert heard(backend, said("StartFastLocation", 2, 7), 1000) == [(NOTE, "a location every 2 s")]
    assert places(backend, 1000, 30000) == [1000, 3000, 5000, 7000]
    heard(backend, said("startFastLocation", 1, 60), 30000)
    assert places(backend, 30000, 33000) == [30000, 31000, 32000]
    heard(backend, said("StopFastLocation"), 33000)
    assert places(backend, 33000, 940000, 10000) == [933000]
    heard(backend, said("StopFastLocation"), 940000)  # again: nothing changes
    assert places(backend, 940000, 1900000, 1000) == [1833000]


def test_what_is_no_pace_is_a_note():
    for arguments in ((), (1,), (0, 10), (-1, 10), (1, 0), (1.5, 10), ("1", 10), (True, 10), (3601, 10), (None, None)):
        assert list(greeted().receive(said("StartFastLocation", *arguments), 1))[0][0] == NOTE, arguments
    backend = greeted()
    heard(backend, said("StartFastLocation", 3600, 2**31), 1)  # an hour at most
    assert len(places(backend, 1, 7200001, 20000)) == 5  # at once, after an hour, and then each quarter of one


def test_a_fast_place_without_a_place_is_a_note():
    backend = greeted(latitude="")
    assert "dsp_fleet.latitude" in heard(backend, said("StartFastLocation", 1, 10), 1)[0][1]


# history


def history(backend, hours, now):
    """The samples of all requests that `hours` make."""
    assert heard(backend, said("RequestHistorySync", hours), now) == []
    samples = []
    while True:
        errand = backend.errand(now)
        if errand is None:
            return samples
        method, url, headers, body = errand
        assert (method, url) == ("POST", "https://fleet.test/api/devices/history-sync")
        assert ("Authorization", "Bearer " + TOKEN) in headers and len(body) < 4096
        samples += json.loads(body)["samples"]
        backend.fetched(200, b"", 0, now)


def test_the_samples_kept_are_sent():
    backend = greeted(wall_s=WALL_S + 600)
    backend.wall = lambda: (WALL_S + 600) * 1000000
    heard(backend, said("StartFastLocation", 60, 600), 0)
    assert places(backend, 0, 600001, 1000)[-1] == 600000
    sent = history(backend, 1, 600000)
    assert len(sent) == 12  # with the one at the start
    assert sent[-1] == {"lat": 52.5, "lon": -13.25, "batteryPercent": None, "recordedAt": "2027-01-15T08:10:00Z"}
    assert sent[1]["recordedAt"] == "2027-01-15T08:00:00Z"
    assert backend.errand(600001) is None


def test_two_hundred_samples_of_the_hours_that_are_wanted():
    backend = greeted()
    heard(backend, said("StartFastLocation", 10, 3600), 0)
    places(backend, 0, 3600001, 10000)
    assert len(history(backend, 24, 3600000)) == 200
    heard(backend, b"", 3610000)
    assert len(history(backend, 1, 3610000 + 3600000 - 100000)) == 10


def test_samples_of_the_time_without_a_connection_are_there_as_well():
    backend = greeted()
    backend.begin(4000000)
    backend.request()
    backend.hello(4000000)
    heard(backend, b"{}\x1e", 4000000)
    assert [call[0] for call in calls(backend, 4000000)] == ["ReportDeviceInfo", "ReportLocation"]
    moments = [each["recordedAt"][11:] for each in history(backend, 24, 4000000)]
    assert len(moments) == 5


def test_a_server_that_does_not_take_it_is_left_alone():
    backend = greeted()
    heard(backend, said("RequestHistorySync", 1), 1)
    assert backend.errand(1)
    assert backend.fetched(500, b"", 0, 1) == [(NOTE, "the server did not take the history: the server answered 500")]
    assert backend.errand(2) is None


def test_without_a_time_of_day_or_a_place_there_is_no_history():
    backend = greeted(wall_s=None)
    heard(backend, said("RequestHistorySync", 1), 1)
    assert backend.errand(1) is None
    assert list(greeted(latitude="").receive(said("RequestHistorySync", 1), 1))[0][0] == NOTE
    for hours in (0, -1, "1", 1.5, None):
        assert list(greeted().receive(said("RequestHistorySync", hours), 1))[0][0] == NOTE, hours


# rescues


def started(**changed):
    """What begins a rescue in which we are the one in need."""
    table = {"sessionId": "s1", "rescueeDeviceId": 7, "rescuerDeviceId": 8, "startedUtc": "2027-01-15T08:00:00Z"}
    table.update({"yourRole": "rescuee", "peerDeviceId": 8, "peerDisplayName": "their van"})
    table.update(changed)
    return said("RescueSessionStarted", {key: value for key, value in table.items() if value is not None})


def rescue(severity, text):
    """The order that a rescue makes."""
    return [(EVENT, Event("dsp_fleet", "rescue", severity, text))]


def test_a_rescue_is_told_once_though_it_comes_twice():
    backend = greeted()
    account = started(yourRole=None, peerDeviceId=None, peerDisplayName=None)
    assert heard(backend, started(), 1) == rescue("critical", "started, rescuee: their van")
    assert heard(backend, account, 2) == [] and heard(backend, started(), 3) == []
    end = said("RescueSessionEnded", {"sessionId": "s1", "endReason": "completed"})
    assert heard(backend, end, 4) == rescue("info", "ended, rescuee: completed")
    assert heard(backend, end, 5) == []


def test_the_accounts_own_copy_is_enough_and_that_of_others_is_nothing():
    bare = {"yourRole": None, "peerDeviceId": None, "peerDisplayName": None}
    assert list(greeted().receive(started(**bare), 1)) == rescue("critical", "started, rescuee: device 8")
    other = dict(bare, rescueeDeviceId=5, rescuerDeviceId=7)
    assert list(greeted().receive(started(**other), 1)) == rescue("high", "started, rescuer: device 5")
    assert list(greeted().receive(started(**dict(bare, rescueeDeviceId=5)), 1)) == []
    assert list(greeted().receive(started(rescueeDeviceId=5, rescuerDeviceId=6), 1)) == []
    assert list(greeted().receive(said("RescueSessionEnded", {"sessionId": "s9", "endReason": "completed"}), 1)) == []


def test_where_the_peer_is_every_ten_seconds_at_most():
    backend = greeted()
    place = said("RescuePeerLocation", {"peerDeviceId": 8, "lat": 52.5, "lon": 13.25, "atUtc": "x"})
    assert heard(backend, place, 1) == []  # nobody is to be rescued
    heard(backend, started(), 1)
    assert heard(backend, place, 2) == rescue("info", "their van is at 52.50000 13.25000")
    assert heard(backend, place, 3000) == []
    assert len([order for order, _ in heard(backend, place, 10002) if order == EVENT]) == 1
    for wrong in (
        {"peerDeviceId": 9, "lat": 1, "lon": 1},
        {"peerDeviceId": 8, "lat": "x", "lon": 1},
        {"peerDeviceId": 8},
    ):
        assert [order for order, _ in heard(backend, said("RescuePeerLocation", wrong), 30000) if order == EVENT] == []


def test_pascal_case_is_understood_as_well():
    table = {
        "SessionId": "s1",
        "RescueeDeviceId": 5,
        "RescuerDeviceId": 7,
        "YourRole": "rescuer",
        "PeerDisplayName": "Ann",
    }
    assert list(greeted().receive(said("rescueSessionStarted", table), 1)) == rescue("high", "started, rescuer: Ann")


def test_rescues_that_make_no_sense_make_nothing():
    for changed in ({"sessionId": None}, {"sessionId": ["x"]}, {"sessionId": "x" * 99}):
        assert list(greeted().receive(started(**changed), 1)) == []
    for wrong in ((), (5,), (None,), ("x",)):
        for name in ("RescueSessionStarted", "RescueSessionEnded"):
            assert [order for order, _ in greeted().receive(said(name, *wrong), 1)] == [NOTE]


# all else


def test_what_is_for_dashboards_is_passed_over_without_a_word():
    backend = greeted()
    for name in (
        "DeviceUpdated",
        "DeviceMessageReceived",
        "DeviceMessageAcknowledged",
        "DeviceMessageSeen",
        "DeviceMessageResponse",
        "SomethingNew",
    ):
        assert heard(backend, said(name, 7, True, 1.5, 2.5, "x", None, "1.0", "en", "x", "ok"), 1) == []
    assert calls(backend, 2) == []


def test_a_control_of_another_service_is_nothing_here():
    entry = {"id": "x", "type": 1, "intensity": 100, "duration": 30000}
    for name in ("Control", "ControlV2", "Log", "EmergencyStop"):
        assert [order for order, _ in greeted().receive(said(name, [entry], [entry]), 1) if order == ACT] == []
