"""What a self-hosted hub asks of the device and the device of it, what is tracked, how a connection ends."""

import json

from firmware.backends._openshock_control import control_entry
from firmware.backends.openshock_user import Backend
from firmware.command import ACT, EMERGENCY, NOTE, PORTAL, REFUSE, RESTART, UPDATE, Leave, Unasked
from host_tests.unit.openshock_words import (
    BLUE,
    CLOSE,
    DEVICE,
    HEADERS,
    MAP,
    NOBODY,
    OTHER,
    RED,
    RED_40,
    acted,
    control_of,
    entry_of,
    greeted,
    hear,
    kinds_of,
    log_of,
    record_of,
    settings_with,
)
from host_tests.unit.rooms import NO_NUMBERS, raised
from lib import signalr

# what a self-hosted hub asks of the device


def test_control_is_obeyed_and_answered():
    backend = greeted()
    made, left, answers = hear(backend, record_of("Control", [control_of(RED), control_of(BLUE, 0)], call="7"))
    assert made == [acted("caixianlin", 1234, 2, 40, 500, "hub"), acted("petrainer", 65535, 0, 40, 500, "hub")]
    assert answers == b'{"type":3,"invocationId":"7","result":null}\x1e'


def test_control_v2_names_who_asks():
    made = hear(greeted(), record_of("ControlV2", [control_of(RED)], "desk button"))[0]
    assert made == [acted("caixianlin", 1234, 2, 40, 500, "desk button")]
    assert hear(greeted(), record_of("ControlV2", [control_of(RED)], None))[0][0][1].source == "hub"
    assert kinds_of(hear(greeted(), record_of("Control", [control_of(NOBODY)]))[0]) == [REFUSE]


def test_names_of_methods_ignore_case():
    for name in ("control", "CONTROL", "controlV2"):
        assert kinds_of(hear(greeted(), record_of(name, [control_of(RED)]))[0]) == [ACT]


def test_the_other_four_are_obeyed_when_they_name_us():
    for device in (DEVICE, DEVICE.upper()):
        backend = greeted()
        assert hear(backend, record_of("EmergencyStop", device))[0] == [(EMERGENCY, "hub")]
        assert hear(backend, record_of("CaptivePortal", device, True))[0] == [(PORTAL, True)]
        assert hear(backend, record_of("CaptivePortal", device, False))[0] == [(PORTAL, False)]
        assert hear(backend, record_of("OtaInstall", device, "1.6.0-rc.1+5"))[0] == [(UPDATE, "1.6.0-rc.1+5")]
        assert hear(backend, record_of("Reboot", device))[0] == [(RESTART, "hub")]


def test_the_other_four_are_not_obeyed_when_they_name_somebody_else():
    for device in (OTHER, "", DEVICE + " ", DEVICE[:-1]):
        backend = greeted()
        for record in (
            record_of("CaptivePortal", device, True, call="2"),
            record_of("OtaInstall", device, "1.6.0", call="3"),
            record_of("Reboot", device, call="4"),
        ):
            made, left, answers = hear(backend, record)
            assert made == [] and left is None
            assert b'"result":null' in answers  # as the real server: silent


def test_s05_an_emergency_stop_is_obeyed_unless_it_names_another_device_beyond_doubt():
    for device in (DEVICE, DEVICE.upper(), DEVICE.replace("-", ""), "{" + DEVICE + "}", DEVICE + " "):
        assert hear(greeted(), record_of("EmergencyStop", device))[0] == [(EMERGENCY, "hub")]
        assert hear(greeted(device_id=DEVICE.replace("-", "")), record_of("EmergencyStop", device))[0]
    for device in (None, 5, 0.5, True, [], [OTHER], {}, {"id": OTHER}, "", "all", DEVICE[:-1], OTHER[:-1]):
        assert hear(greeted(), record_of("EmergencyStop", device))[0] == [(EMERGENCY, "hub")], device
    assert hear(greeted(), record_of("EmergencyStop"))[0] == [(EMERGENCY, "hub")]
    for device in (OTHER, OTHER.upper(), OTHER.replace("-", ""), "{" + OTHER + "}"):
        made, left, answers = hear(greeted(), record_of("EmergencyStop", device, call="1"))
        assert made == [] and left is None and b'"result":null' in answers


def test_without_an_id_only_the_emergency_stop_is_obeyed():
    for device in (DEVICE, OTHER, "", None, 5):
        backend = greeted(device_id="")
        assert hear(backend, record_of("EmergencyStop", device))[0] == [(EMERGENCY, "hub")]
        for record in (
            record_of("CaptivePortal", device, True),
            record_of("OtaInstall", device, "1.6.0"),
            record_of("Reboot", device),
        ):
            assert [kind for kind in kinds_of(hear(backend, record)[0]) if kind != NOTE] == []
    assert hear(greeted(device_id=""), record_of("EmergencyStop"))[0] == [(EMERGENCY, "hub")]


def test_an_invocation_said_twice_is_done_once():
    backend = greeted()
    assert kinds_of(hear(backend, record_of("Control", [control_of(RED)], call="9"))[0]) == [ACT]
    made, _, answers = hear(backend, record_of("Control", [control_of(RED)], call="9"))
    assert made == [(REFUSE, ("repeated", "Control"))]
    assert answers == b'{"type":3,"invocationId":"9","error":"said twice"}\x1e'
    for number in range(100):
        assert kinds_of(hear(backend, record_of("Control", [control_of(RED)], call=str(number + 10)))[0]) == [ACT]


SHAPES = (
    "Welcome",
    "DeviceStatus",
    "Log",
    "DeviceUpdate",
    "OtaInstallStarted",
    "OtaInstallProgress",
    "OtaInstallFailed",
    "OtaRollback",
    "OtaInstallSucceeded",
    "Control",
    "ControlV2",
    "EmergencyStop",
    "CaptivePortal",
    "OtaInstall",
    "Reboot",
)
ODD = (
    None,
    True,
    0,
    -1,
    1.5,
    "",
    "text",
    DEVICE,
    [],
    [None],
    [[]],
    [[[]]],
    [5],
    {},
    {"id": RED},
    {"data": []},
    [{}],
    ["x"],
    [[{}]],
)


def test_wrong_shapes_never_end_the_connection_and_are_answered():
    backend = greeted()
    number = 0
    for target in SHAPES + ("Nonsense", "log ", "__init__", "_log", "x" * 200):
        for first in ODD:
            for arguments in ([], [first], [first, first], [DEVICE, first], [first] * 6):
                number += 1
                made, left, answers = hear(backend, record_of(target, *arguments, call="c%d" % number))
                assert left is None, (target, arguments)
                assert answers.count(b'"invocationId":"c%d"' % number) == 1, (target, arguments, answers)
                for order, _ in made:
                    assert order in (ACT, REFUSE, EMERGENCY, PORTAL, UPDATE, RESTART, NOTE)
                    dangerous = order in (ACT, UPDATE, PORTAL, RESTART)
                    assert not dangerous or DEVICE in arguments, (target, arguments, made)
    assert number == len(ODD) * 5 * (len(SHAPES) + 5)
    if backend.errand(90000):  # some of them say that the list has changed
        backend.fetched(200, MAP.encode(), 0, 90000)
    assert hear(backend, log_of(entry_of(RED)))[0] == [RED_40]


def test_an_update_needs_a_version_in_words():
    for version in (None, 5, True, [], {}, ["1.6.0"]):
        made = hear(greeted(), record_of("OtaInstall", DEVICE, version))[0]
        assert kinds_of(made) == [NOTE], version
    made = hear(greeted(), record_of("OtaInstall", DEVICE, "1" * 1000))[0]
    assert made == [] or len(made[0][1]) <= 200


def test_unknown_methods_are_answered_with_an_error():
    made, left, answers = hear(greeted(), record_of("MakeCoffee", call="3"))
    assert made == [] and left is None
    assert answers == b'{"type":3,"invocationId":"3","error":"Client didn\'t provide a result."}\x1e'


# what is tracked for the status


def test_who_is_online():
    backend = greeted()
    hear(backend, record_of("DeviceStatus", [{"device": DEVICE, "online": True, "firmwareVersion": "1.5.1"}]))
    hear(backend, record_of("DeviceStatus", [{"device": OTHER, "online": True, "firmwareVersion": None}]))
    assert backend.online == {DEVICE: "1.5.1", OTHER: None}
    hear(backend, record_of("DeviceStatus", [{"device": DEVICE, "online": False, "firmwareVersion": "1.5.1"}]))
    assert backend.online == {DEVICE: None, OTHER: None}


def test_the_five_words_about_updates():
    backend = greeted()
    for target, rest in (
        ("OtaInstallStarted", [-5, "1.5.1"]),
        ("OtaInstallProgress", [-5, 4, 0.25]),
        ("OtaInstallFailed", [-5, True, "flash is full"]),
        ("OtaRollback", [-5]),
        ("OtaInstallSucceeded", [-5]),
    ):
        assert hear(backend, record_of(target, DEVICE, *rest))[0] == []
        assert backend.updates == {DEVICE: [target] + rest}


def test_what_is_remembered_of_strangers_is_bounded():
    backend = greeted()
    for number in range(200):
        device = "device %d" % number
        hear(backend, record_of("DeviceStatus", [{"device": device, "online": True, "firmwareVersion": "v" * 900}]))
        hear(backend, record_of("OtaInstallFailed", device, 1, False, "x" * 1000, *range(50)))
    hear(backend, record_of("DeviceStatus", [{"device": "d" * 1000, "online": True, "firmwareVersion": "1"}]))
    hear(backend, record_of("Welcome", "c" * 1000))
    assert len(backend.online) <= 64 and len(backend.updates) <= 64
    assert all(len(key) <= 200 for key in backend.online)
    assert all(version is None or len(version) <= 200 for version in backend.online.values())
    assert all(len(json.dumps(words)) <= 400 for words in backend.updates.values())
    assert len(backend.connection_id) <= 200


# keeping alive, and the end


def test_pings_go_out_and_silence_is_a_leave():
    backend = greeted()
    assert backend.keepalive(14999) == ()
    assert list(backend.keepalive(15000)) == [b'{"type":6}\x1e']
    assert backend.keepalive(29999) == ()
    fault = raised(Leave, backend.keepalive, 30000)
    assert "30 s" in fault.reason and fault.wait_ms == 0
    backend = greeted()
    assert list(backend.receive(b"", 29000)) == []  # any byte is a sign of life
    list(backend.receive(b'{"type":6}\x1e', 29500))
    backend.keepalive(59000)


def test_a_server_that_never_answers_the_handshake_is_left():
    backend = Backend(settings_with(), "a/1")
    backend.begin(0)
    backend.hello(0)
    assert "handshake" in raised(Leave, backend.keepalive, 15000).reason


def test_a_close_says_whether_we_may_come_back():
    _, left, _ = hear(greeted(), b'{"type":7,"error":"going down","allowReconnect":true}\x1e')
    assert "going down" in left.reason and left.wait_ms == 0 and left.code == 1000
    for record in (
        b'{"type":7}\x1e',
        b'{"type":7,"allowReconnect":false}\x1e',
        b'{"type":7,"allowReconnect":"true"}\x1e',
    ):
        _, left, _ = hear(greeted(), record)
        assert left.wait_ms == 60000, record


def test_what_came_before_the_close_is_obeyed():
    backend = greeted()
    made, left, _ = hear(
        backend, log_of(entry_of(RED, 0, 0, 300)) + record_of("EmergencyStop", DEVICE) + CLOSE + log_of(entry_of(RED))
    )
    assert kinds_of(made) == [ACT, EMERGENCY] and left is not None
    raised(Leave, backend.keepalive, 1)
    assert list(backend.goodbye()) == []


def test_a_broken_record_ends_the_connection_with_its_code():
    for record, code in (
        (b"{\x1e", 1007),
        (b'{"type":1}\x1e', 1007),
        (b'{"type":1,"target":"Log","arguments":[1 2]}\x1e', 1007),
        (b'{"type":1,"target":"Log","arguments":{}}\x1e', 1007),
        (b"\xff\x1e", 1007),
        (b"[" * 200 + b"\x1e", 1007),
    ):
        made, left, _ = hear(greeted(), log_of(entry_of(RED)) + record)
        assert made == [RED_40] and left.code == code and left.wait_ms == 0, record[:40]
        assert "protocol" in left.reason or "server" in left.reason


def test_we_say_goodbye_properly():
    backend = greeted()
    assert list(backend.goodbye()) == [b'{"type":7}\x1e']


def test_without_memory_for_a_connection_there_is_nothing_to_say():
    """The fault in the log is the MemoryError then, and no other on top of it."""

    def full(now, split):
        raise MemoryError

    backend, session = greeted(), signalr.Session
    signalr.Session = full
    try:
        raised(MemoryError, backend.hello, 5)
    finally:
        signalr.Session = session
    assert list(backend.goodbye()) == []


# what the device can ask of the server


def test_the_six_calls_as_the_server_wants_them():
    backend = greeted()
    entry = control_entry(RED, 2, 18, 900)
    quick = control_entry(RED, 3, 40, 500, exclusive=True)
    calls = [
        ("Control", [[entry]], b"[[%s]]" % json_of(entry)),
        ("ControlV2", [[quick], "desk button"], b'[[%s],"desk button"]' % json_of(quick)),
        ("ControlV2", [[], None], b"[[],null]"),
        ("CaptivePortal", [DEVICE, True], b'["%s",true]' % DEVICE.encode()),
        ("EmergencyStop", [DEVICE], b'["%s"]' % DEVICE.encode()),
        ("OtaInstall", [DEVICE, "1.5.1"], b'["%s","1.5.1"]' % DEVICE.encode()),
        ("Reboot", [DEVICE], b'["%s"]' % DEVICE.encode()),
    ]
    for number, (name, arguments, written) in enumerate(calls, 1):
        assert backend._call(name, arguments, 0) == str(number)
        head = b'{"type":1,"invocationId":"%d","target":"%s","arguments":' % (number, name.encode())
        assert list(backend.keepalive(0)) == [head + written + b"}\x1e"]
    assert entry == {"id": RED, "type": 2, "intensity": 18, "duration": 900, "exclusive": False}
    assert quick["exclusive"] is True


def json_of(value):
    return json.dumps(value, separators=(",", ":")).encode()


def test_a_control_that_no_server_takes_cannot_be_made():
    good = (RED, 2, 18, 900)
    control_entry(*good)
    for at, values in ((1, (4, -1)), (2, (-1, 101)), (3, (299, 65536))):
        for value in values + NO_NUMBERS:
            arguments = list(good)
            arguments[at] = value
            raised(ValueError, control_entry, *arguments)


def test_how_our_calls_end():
    backend = greeted()
    backend._call("Reboot", [DEVICE], 0)
    backend._call("Reboot", [DEVICE], 0)
    assert hear(backend, b'{"type":3,"invocationId":"1","result":null}\x1e')[0] == []
    made = hear(backend, b'{"type":3,"invocationId":"2","error":"no"}\x1e')[0]
    assert kinds_of(made) == [NOTE] and "no" in made[0][1]
    assert hear(backend, b'{"type":3,"invocationId":"77","error":"no"}\x1e')[0] == []


def test_a_call_that_nobody_answers_is_told_with_the_next_message():
    backend = greeted()
    backend._call("Reboot", [DEVICE], 0)
    assert len(backend.keepalive(9999)) == 1  # the call itself
    assert list(backend.keepalive(9999)) == []
    backend.keepalive(10000)
    assert list(backend.receive(b"", 10001)) == [(NOTE, "Reboot failed: no answer in time")]
    assert list(backend.receive(b"", 10002)) == []


def test_an_id_is_forgotten_after_a_while():
    backend = greeted()
    for number in range(200):
        hear(backend, record_of("Nonsense", call="n%d" % number))
    assert kinds_of(hear(backend, record_of("Control", [control_of(RED)], call="n1"))[0]) == [ACT]
    assert kinds_of(hear(backend, record_of("Control", [control_of(RED)], call="n199"))[0]) == [REFUSE]


def test_nothing_can_be_called_before_the_greeting():
    backend = Backend(settings_with(), "a/1")
    backend.begin(0)
    backend.hello(0)
    assert str(raised(Unasked, backend._call, "Reboot", [DEVICE], 0)) == "no connection"


# negotiation, for the servers that want it


def _negotiating(**changed):
    backend = Backend(settings_with(negotiate=True, **changed), HEADERS[1][1])
    backend.begin(0)
    assert backend.errand(0)[0] == "GET"
    backend.fetched(200, MAP.encode(), 0, 0)
    return backend


OFFER = (
    b'{"negotiateVersion":1,"connectionId":"i","connectionToken":"t/1+",'
    b'"availableTransports":[{"transport":"WebSockets","transferFormats":["Text"]}]}'
)


def test_a_negotiation_comes_before_the_knock():
    backend = _negotiating()
    url = "https://api.openshock.app/1/hubs/user"
    assert backend.errand(0) == ("POST", url + "/negotiate?negotiateVersion=1", HEADERS)
    assert list(backend.fetched(200, OFFER, 0, 0)) == []
    assert backend.errand(0) is None
    assert backend.request() == (url + "?id=t%2F1%2B", HEADERS)
    backend.begin(20000)  # a token is good for one connection
    assert backend.errand(20000)[0] == "GET"
    backend.fetched(200, MAP.encode(), 0, 20000)
    assert backend.errand(20000)[0] == "POST"


def test_a_negotiation_may_lead_to_another_server_which_never_sees_our_token():
    backend = _negotiating()
    backend.errand(0)
    backend.fetched(200, b'{"url":"https://other.example/hub?x=1","accessToken":"jwt"}', 0, 0)
    agent = HEADERS[1]
    there = [agent, ("Authorization", "Bearer jwt")]
    assert backend.errand(0) == ("POST", "https://other.example/hub/negotiate?x=1&negotiateVersion=1", there)
    backend.fetched(200, OFFER, 0, 0)
    assert backend.request() == ("https://other.example/hub?x=1&id=t%2F1%2B", there)
    backend.begin(20000)
    assert backend.request()[1] == HEADERS  # the next connection begins at home


def test_a_negotiation_that_leads_nowhere_is_a_leave():
    for status, body, wait_ms in ((404, b"", 0), (503, b"", 30000), (200, b"{}", 0), (200, b"\xff", 0)):
        backend = _negotiating()
        backend.errand(0)
        assert raised(Leave, backend.fetched, status, body, wait_ms, 0).wait_ms == wait_ms
    backend = _negotiating()
    backend.errand(0)
    assert raised(Leave, backend.unfetched, "connection refused", 0).reason == "connection refused"
    backend = _negotiating()
    backend.errand(0)
    left = raised(Leave, backend.fetched, 200, b'{"url":"http://plain.example/hub"}', 0, 0)
    assert left.reason == "a redirect that leaves TLS"
    backend = _negotiating()
    for _ in range(5):
        assert backend.errand(0)[0] == "POST"
        backend.fetched(200, b'{"url":"https://other.example/hub"}', 0, 0)
    assert backend.errand(0)[0] == "POST"
    left = raised(Leave, backend.fetched, 200, b'{"url":"https://other.example/hub"}', 0, 0)
    assert left.reason == "more than 5 redirects"
