"""Settings: what each accepts and refuses, what a damaged file means, what is stored."""

import binascii

from firmware.config.settings import Refused, Settings, default, fits, is_secret, names, wanted
from host_tests.unit.rooms import INFINITY, NAN, NO_NUMBERS, Disk, PowerCut, raised
from lib import json_file

PATH = "settings.json"
STRICTEST = {
    "cap.shock_allowed": False,
    "cap.unverified_shock": False,
    "cap.shock": 0,
    "cap.vibrate": 0,
    "cap.sound": 0,
    "cap.light": 0,
    "cap.longest_ms": 1,
    "cap.budget": 0,
    "cap.rest_ms": 60000,
}
HOME = {"ssid": "home", "key": "12345678"}
ADDRESS = {"ip": "192.168.0.20", "mask": "255.255.255.0", "gateway": "192.168.0.1", "dns": "192.168.0.1"}
BUTTON = {"pin": 14, "shocker": "red", "action": "vibrate", "level": 30, "duration_ms": 500}
DIAL = {"a": 1, "b": 2, "press": 3, "shocker": "red", "action": "sound", "step": 5, "duration_ms": 500}
RULE = {"model": "d80", "rf_id": 1, "action": "sound", "level": 30, "duration_ms": 500, "once_in_s": 60}

NO_TEXT = (None, True, 0, 1.5, NAN, b"text", ["text"], {"text": 1}, "a\nb", "a\x00b", "a\x7fb", "a\x9bb", "\ud800")
NO_FLAG = (None, 0, 1, 0.0, "", "true", [], [True], {}, NAN)
NO_LIST = (None, True, 0, "", "[]", {}, (), HOME)

# key: (what fits, what does not)
CASES = {
    "board": (["generic-esp32", "a", "x" * 40, "é" * 20], ["", "x" * 41, "é" * 21] + list(NO_TEXT)),
    "hostname": (["OpenShock", "Zoë", "x" * 32], ["", "x" * 33] + list(NO_TEXT)),
    "backend": (["openshock_user", "x" * 40], ["", "x" * 41] + list(NO_TEXT)),
    "backend.second": (["", "valtronics", "x" * 40], ["x" * 41] + list(NO_TEXT)),
    "wifi": (
        [
            [],
            [HOME],
            [{"ssid": "open"}],
            [{"ssid": "open", "key": ""}],
            [{"ssid": "x"}],
            [{"ssid": "x" * 32, "key": "x" * 63}],
            [{"ssid": "猫", "key": "0123456789abcdefABCDEF0123456789" * 2}],
            [{"ssid": "home", "key": "12345678", "note": "what a newer version may add"}],
            [{"ssid": "home", "key": "12345678", "hidden": True, "security": "wpa2/wpa3", "address": ADDRESS}],
            [{"ssid": "home", "hidden": False, "security": "", "address": None}],
            [HOME] * 8,
        ],
        [
            [HOME] * 9,
            [{}],
            ["home"],
            [None],
            [[HOME]],
            [HOME, {}],
            [{"key": "12345678"}],
            [{"ssid": ""}],
            [{"ssid": "x" * 33}],
            [{"ssid": "猫" * 11}],
            [{"ssid": 5}],
            [{"ssid": "a\nb"}],
            [{"ssid": "home", "key": "1234567"}],
            [{"ssid": "home", "key": "x" * 64}],
            [{"ssid": "home", "key": "0" * 65}],
            [{"ssid": "home", "key": None}],
            [{"ssid": "home", "key": 12345678}],
            [{"ssid": "home", "key": "1234567\n8"}],
            [{"ssid": "home", "key": "0123456789abcdef" * 3 + "g123456789abcdef"}],
            [{"ssid": "home", "hidden": 1}],
            [{"ssid": "home", "hidden": None}],
            [{"ssid": "home", "security": 3}],
            [{"ssid": "home", "security": None}],
            [{"ssid": "home", "security": "x" * 17}],
            [{"ssid": "home", "address": "192.168.0.20"}],
            [{"ssid": "home", "address": {}}],
            [{"ssid": "home", "address": []}],
            [{"ssid": "home", "address": dict(ADDRESS, ip=None)}],
            [{"ssid": "home", "address": dict(ADDRESS, ip=3232235540)}],
            [{"ssid": "home", "address": dict(ADDRESS, mask="255.255.255.256")}],
            [{"ssid": "home", "address": dict(ADDRESS, gateway="192.168.0")}],
            [{"ssid": "home", "address": dict(ADDRESS, dns="1.1.1.1:53")}],
        ]
        + list(NO_LIST),
    ),
    "dns": (
        [[], ["1.1.1.1"], ["192.168.0.1:53", "0.0.0.0:1", "255.255.255.255:65535"]],
        [
            ["1.1.1.1"] * 4,
            [""],
            ["1.1.1"],
            ["1.1.1.1.1"],
            ["1.1.1.256"],
            ["1.1.1.1:"],
            ["1.1.1.0001"],
            ["1.1.1.1:0"],
            ["1.1.1.1:65536"],
            ["1.1.1.1:53:53"],
            ["1.1.1.²"],
            ["1.1.1.-1"],
            [" 1.1.1.1"],
            ["dns.example"],
            ["::1"],
            [None],
            [1],
            [["1.1.1.1"]],
        ]
        + list(NO_LIST),
    ),
    "time.servers": (
        [[], ["pool.ntp.org"], ["192.168.0.1:123", "ntp", "Time_1.lan:1123"]],
        [
            ["a"] * 4,
            [""],
            ["."],
            ["a b"],
            ["a/b"],
            ["http://a"],
            ["a:"],
            ["a:0"],
            ["a:65536"],
            ["::1"],
            ["é"],
            [None],
            [1],
        ]
        + [["x" * 254], ["a\n"], [["a"]]]
        + list(NO_LIST),
    ),
    "rf.pin": ([-1, 0, 4, 48], [-2, 49, 10**30] + list(NO_NUMBERS)),
    "estop.pin": ([-1, 0, 13, 48], [-2, 49] + list(NO_NUMBERS)),
    "rf.player": (["viper", "rmt"], ["", "RMT", None, 0, True, [], ["viper"], {}]),
    "rf.keep_alive": ([True, False], NO_FLAG),
    "console.echo": ([True, False], NO_FLAG),
    "led.brightness": ([0, 1, 10, 100], [-1, 101, 10**30] + list(NO_NUMBERS)),
    "portal.key": (
        ["", "12345678", "x" * 63, "ключ", "\"\\' $%€"],
        ["1234567", "x" * 64, "é" * 32, "клю", "12345678\n"] + list(NO_TEXT),
    ),
    "portal.open": ([True, False], NO_FLAG),
    "portal.port": ([1, 80, 8080, 65535], [0, -1, 65536, "80"] + list(NO_NUMBERS)),
    "portal.dns_port": ([1, 53, 65535], [0, -1, 65536] + list(NO_NUMBERS)),
    "update.channel": (["stable", "beta", "develop"], ["", "Stable", "stable|beta", "|", "nightly", None, 0, True, []]),
    "update.url": (
        ["", "https://firmware.example.org/openshock", "http://10.0.0.2:8080"],
        ["firmware.example.org", "ftp://example.org", "https://example.org?x", "https://example.org/" + "x" * 181]
        + list(NO_TEXT),
    ),
    "update.check_h": ([0, 1, 24, 168], [-1, 169, 10**30] + list(NO_NUMBERS)),
    "remote.inputs": (
        [
            [],
            [BUTTON],
            [BUTTON] * 4,
            [dict(BUTTON, action="stop", level=0, duration_ms=300), dict(BUTTON, action="shock", level=100)],
            [dict(BUTTON, pin=0, shocker="Zoë 🐈", duration_ms=30000, pressed="high", hold=True)],
            [dict(BUTTON, pin=48, shocker="x" * 128, pressed="low", hold=False, action="sound")],
            [{"pin": 14, "action": "seen"}, {"pin": 15, "action": "seen", "pressed": "high"}],
        ],
        [
            [BUTTON] * 5,
            [BUTTON, {}],
            ["red"],
            [None],
            [[BUTTON]],
            [dict(BUTTON, pin=-1)],
            [{"pin": -1, "action": "seen"}],
            [{"pin": 14, "action": "seen", "pressed": 1}],
            [dict(BUTTON, action="seen")],
            [dict(BUTTON, pin=49)],
            [dict(BUTTON, pin="14")],
            [dict(BUTTON, shocker="")],
            [dict(BUTTON, shocker="x" * 129)],
            [dict(BUTTON, shocker="a\nb")],
            [dict(BUTTON, shocker=7)],
            [dict(BUTTON, action="light")],
            [dict(BUTTON, action="Vibrate")],
            [dict(BUTTON, action="")],
            [dict(BUTTON, action=2)],
            [dict(BUTTON, action=["stop"])],
            [dict(BUTTON, level=101)],
            [dict(BUTTON, level=True)],
            [dict(BUTTON, duration_ms=299)],
            [dict(BUTTON, duration_ms=30001)],
            [dict(BUTTON, duration_ms=500.0)],
            [dict(BUTTON, pressed="up")],
            [dict(BUTTON, pressed=0)],
            [dict(BUTTON, hold=1)],
            [dict(BUTTON, hold=None)],
            [dict(BUTTON, duration=500)],  # a slip of the pen is told, not passed over
            [{"pin": 14, "shocker": "red", "action": "vibrate", "level": 30}],
        ]
        + list(NO_LIST),
    ),
    "remote.dial": (
        [
            {},
            DIAL,
            dict(DIAL, level=100, clicks=1, pressed="high", step=50),
            dict(DIAL, level=0, clicks=2, step=1, action="stop"),
            dict(DIAL, clicks=4, pressed="low", a=0, b=48),
        ],
        [
            dict(DIAL, a=-1),
            dict(DIAL, b=49),
            dict(DIAL, press=None),
            dict(DIAL, step=0),
            dict(DIAL, step=51),
            dict(DIAL, step=True),
            dict(DIAL, level=101),
            dict(DIAL, clicks=3),
            dict(DIAL, clicks=True),
            dict(DIAL, clicks="4"),
            dict(DIAL, action="light"),
            dict(DIAL, duration_ms=0),
            dict(DIAL, pressed=None),
            dict(DIAL, shocker=""),
            dict(DIAL, hold=True),
            dict(DIAL, pin=3),
            {"a": 1},
            [],
            [DIAL],
            "{}",
            None,
            True,
            0,
            (),
        ],
    ),
    "estop.enabled": ([True, False], NO_FLAG),
    "estop.normally_closed": ([True, False], NO_FLAG),
    "openshock_user.url": (
        [
            "https://api.openshock.app",
            "http://192.168.0.2:8080",
            "https://example.org/behind/a/path/",
            "http://[::1]:80",
            "HTTPS://EXAMPLE.ORG",
            "https://" + "x" * 192,
        ],
        [
            "",
            "api.openshock.app",
            "wss://api.openshock.app",
            "ftp://example.org",
            "https://",
            "https:///path",
            "https://user:secret@example.org",
            "https://example.org?x=1",
            "https://example.org#x",
            "https://example.org:0",
            "https://example.org:65536",
            "https://example.org:http",
            "https://exa mple.org",
            "https://exämple.org",
            "https://example.org\r\nX: y",
            "https://" + "x" * 193,
        ]
        + list(NO_TEXT),
    ),
    "openshock_user.token": (["", "x" * 256, "a b"], ["x" * 257, "é" * 129, "a\r\nX: y"] + list(NO_TEXT)),
    "openshock_user.device_id": (["", "01960000-bbbb-7000-8000-000000000001"], ["x" * 37] + list(NO_TEXT)),
    "openshock_user.negotiate": ([True, False], NO_FLAG),
    "openshock_user.remote_name": (["remote", "Zoë's pocket", "x" * 64], ["", "x" * 65] + list(NO_TEXT)),
    "openshock_user.stop_others": ([True, False], NO_FLAG),
    "openshock_gateway.url": (["http://10.0.0.2:8080"], ["api.openshock.app"] + list(NO_TEXT)),
    "openshock_gateway.token": (["", "x" * 256], ["x" * 257, "a\r\nX: y"] + list(NO_TEXT)),
    "openshock_gateway.oldest_ms": ([3000, 5000, 30000], [2999, 30001] + list(NO_NUMBERS)),
    "openshock_share.url": (["http://10.0.0.2:8080"], ["api.openshock.app"] + list(NO_TEXT)),
    "openshock_share.link": (
        ["", "01960000-eeee-7000-8000-000000000001", "https://openshock.app/s/01960000-eeee-7000-8000-000000000001"],
        ["x" * 201] + list(NO_TEXT),
    ),
    "openshock_share.name": (["", "Zoë 🐈", "🐈" * 32], ["x" * 129] + list(NO_TEXT)),
    "openshock_share.session": (["", "x" * 256], ["x" * 257, "a\r\nX: y"] + list(NO_TEXT)),
    "valtronics.url": (
        ["ws://10.0.0.2:8000/ws", "wss://example.org/ws/alerts", "http://10.0.0.2:8000", "https://example.org"],
        ["", "10.0.0.2:8000", "ftp://example.org", "ws://", "ws://example.org?token=1", "ws://a#b"] + list(NO_TEXT),
    ),
    "valtronics.token": (["", "x" * 900], ["x" * 901, "a\r\nX: y"] + list(NO_TEXT)),
    "valtronics.channels": (["", "alerts", "alerts,devices, telemetry"], ["x" * 81] + list(NO_TEXT)),
    "valtronics.device_id": (["", "1", "device-7", "1, 2"], ["x" * 81] + list(NO_TEXT)),
    "valtronics.filters": (
        [
            {},
            {"alerts": {"severity": ["critical", "warning"], "device_id": 1}, "system": {}},
            {"telemetry": {"metrics": ["temperature"], "frequency": "real-time"}, "devices": {"device_id": [1, 2, 3]}},
        ],
        [
            {"alert": {}},
            {"alerts": []},
            {"alerts": {"severity": None}},
            {"alerts": {"severity": [["critical"]]}},
            {"alerts": {"": "x"}},
            {"alerts": {"x": 1.5}},
            {"alerts": {"x": True}},
            {"alerts": {"x": "y" * 41}},
            {"alerts": {"x": ["y" * 40] * 10}},
            [],
            "{}",
            None,
            0,
            True,
        ],
    ),
    "dsp_fleet.url": (["https://api.dsp.lol", "http://10.0.0.2:8080"], ["", "ws://x", "https://x?y"] + list(NO_TEXT)),
    "dsp_fleet.token": (["", "eyJ.eyJ.x_-", "x" * 2000], ["x" * 2001, "a\r\nX: y"] + list(NO_TEXT)),
    "dsp_fleet.refresh": (["", "x" * 600], ["x" * 601] + list(NO_TEXT)),
    "dsp_fleet.endpoint": (["", "wss://x/hubs/fleet", "https://x"], ["/hubs/fleet", "wss://x?y=1"] + list(NO_TEXT)),
    "dsp_fleet.device_id": (["", "42"], ["x" * 41] + list(NO_TEXT)),
    "dsp_fleet.account_id": (["", "42"], ["x" * 41] + list(NO_TEXT)),
    "dsp_fleet.name": (["", "Zoë's van"], ["x" * 65] + list(NO_TEXT)),
    "dsp_fleet.device_guid": (["", "0" * 32], ["x" * 37] + list(NO_TEXT)),
    "dsp_fleet.latitude": (
        ["", "0", "52.51628", "-33.9", "90", "-90.0"],
        ["90.1", "-91", "+5", "5.", ".5", "1e1", "nan", "-", "5,1", "1" * 17, "--5", " 5", "٣"] + list(NO_TEXT),
    ),
    "dsp_fleet.longitude": (["", "13.3777", "-180", "180.0"], ["180.1", "east", "1.2.3"] + list(NO_TEXT)),
    "rules": (
        [[], [RULE], [dict(RULE, backend="valtronics", kind="alert", severity="warning", text="hot", channel=1)] * 8],
        [[RULE] * 9, [{}], [dict(RULE, action="shock")], [dict(RULE, once_in_s=0)], [dict(RULE, typo=1)]]
        + list(NO_LIST),
    ),
    "cap.shock_allowed": ([True, False], NO_FLAG),
    "cap.unverified_shock": ([True, False], NO_FLAG),
    "rf.end_frames_998dr": ([True, False], NO_FLAG),
    "cap.shock": ([0, 1, 99, 100], [-1, 101, 10**30] + list(NO_NUMBERS)),
    "cap.vibrate": ([0, 1, 99, 100], [-1, 101] + list(NO_NUMBERS)),
    "cap.sound": ([0, 100], [-1, 101] + list(NO_NUMBERS)),
    "cap.light": ([0, 100], [-1, 101] + list(NO_NUMBERS)),
    "cap.longest_ms": ([1, 300, 10000, 30000], [0, -1, 30001] + list(NO_NUMBERS)),
    "cap.budget": ([0, 3000, 6000], [-1, 6001] + list(NO_NUMBERS)),
    "cap.rest_ms": ([1000, 2000, 60000], [999, 60001, 0] + list(NO_NUMBERS)),
    "cap.own": (
        [
            [],
            [{"model": "d80", "rf_id": 0}],
            [{"model": "d80", "rf_id": 65535, "shock": 0, "longest_ms": 1, "shock_allowed": False}] * 16,
        ],
        [
            [{"model": "d80", "rf_id": 1}] * 17,
            [{"model": "d81", "rf_id": 1, "shock": 5}],
            [{"model": "CaiXianlin2", "rf_id": 1, "shock": 5}],
            [{}],
            [{"model": "d80"}],
            [{"rf_id": 1}],
            [{"model": "", "rf_id": 1}],
            [{"model": "d80", "rf_id": 65536}],
            [{"model": "d80", "rf_id": True}],
            [{"model": "d80", "rf_id": 1, "shock": 101}],
            [{"model": "d80", "rf_id": 1, "vibrate": "50"}],
            [{"model": "d80", "rf_id": 1, "longest_ms": 0}],
            [{"model": "d80", "rf_id": 1, "budget": 6000}],
            [{"model": "d80", "rf_id": 1, "own": []}],
            [{"model": "d80", "rf_id": 1, "nonsense": 1}],
        ]
        + list(NO_LIST),
    ),
}


def _settings(content=None):
    """Settings out of a file with these bytes; inside a `with Disk()`."""
    if content is not None:
        json_file.os.files[PATH] = content
    return Settings(PATH)


def _same(a, b):
    return type(a) is type(b) and a == b


def test_every_setting_is_in_the_cases():
    assert sorted(CASES) == sorted(names())
    assert len(set(names())) == len(names())
    assert [key for key in names() if is_secret(key)] == [
        "wifi",
        "portal.key",
        "openshock_user.token",
        "openshock_gateway.token",
        "openshock_share.session",
        "valtronics.token",
        "dsp_fleet.token",
        "dsp_fleet.refresh",
    ]


def test_every_default_fits_its_own_check():
    for key in names():
        assert fits(key, default(key)), key
        assert len(wanted(key)) > 2, key


def test_what_would_fit_is_said_in_words():
    for key, words in (
        ("estop.enabled", "true or false"),
        ("rf.pin", "a pin, or -1 for the board's own"),
        ("cap.longest_ms", "1-30000"),
        ("hostname", "1-32 characters"),
        ("portal.key", "none, or 8-63 characters"),
        ("update.channel", "stable or beta or develop"),
        ("dns", "up to 3 name servers, such as 1.1.1.1 or 192.168.0.1:53"),
        (
            "remote.inputs",
            "up to 4 buttons, each with pin, shocker (its name or id at the service), action (vibrate, sound, shock or "
            "stop), level (0-100), duration_ms (300-30000), and if you like pressed (low or high) and hold (true or false); "
            "or with pin and action seen: that says the last message was read",
        ),
    ):
        assert wanted(key) == words


def test_a_default_that_was_taken_is_nobody_elses():
    default("wifi").append(HOME)
    with Disk():
        _settings().get("wifi").append(HOME)
        assert default("wifi") == [] == _settings().get("wifi")


def test_what_fits_is_kept_and_read_again():
    for key, (good, _) in CASES.items():
        for value in good:
            with Disk():
                settings = _settings()
                settings.set(key, value)
                assert _same(settings.get(key), value), (key, value)
                settings.save()
                again = Settings(PATH)
                assert _same(again.get(key), value), (key, value)
                assert not again.damaged


def test_what_does_not_fit_is_refused_with_words():
    for key, (_, bad) in CASES.items():
        for value in bad:
            with Disk():
                settings = _settings()
                fault = raised(Refused, settings.set, key, value)
                assert str(fault) == "%s: %s" % (key, wanted(key))
                assert _same(settings.get(key), default(key))


def test_a_refusal_never_repeats_what_was_typed():
    with Disk():
        for key in names():
            fault = raised(Refused, _settings().set, key, "hunter2\n")
            assert "hunter2" not in str(fault)


def test_there_is_no_other_setting():
    with Disk():
        settings = _settings()
        strange = ("", " ", "cap", "cap.", "cap.shock.x", "CAP.SHOCK", "nonsense", "__class__", "schema", "crc32")
        for key in strange + (
            "board text",
            "board text 1 40",
            "cap.shock whole",
            "\nhostname",
            "hostname\n",
            "text",
            "0",
        ):
            assert str(raised(Refused, settings.set, key, 1)) == "there is no setting " + key
            for question in (settings.get, default, is_secret, wanted):
                raised(KeyError, question, key)
            raised(KeyError, fits, key, 1)
            raised(Refused, settings.lower, key, 0)


def test_no_file_means_the_defaults():
    with Disk():
        settings = _settings()
        assert settings.damaged == ""
        for key in names():
            assert _same(settings.get(key), default(key))


def test_a_damaged_file_means_the_defaults_and_the_strictest_caps():
    for content in (
        b"",
        b"{",
        b"[]",
        b"null",
        b"\x00" * 500,
        b"\xff\xfe{}",
        b'{"cap.shock":100 "board":"x"}',
        b" " * 9000,
    ):
        with Disk():
            settings = _settings(content)
            assert len(settings.damaged) > 5
            for key in names():
                assert _same(settings.get(key), STRICTEST.get(key, default(key))), key


def test_caps_stay_strictest_after_damage_until_somebody_raises_them():
    with Disk():
        settings = _settings(b"{")
        settings.set("wifi", [HOME])
        settings.save()
        settings = Settings(PATH)
        assert not settings.damaged and settings.get("wifi") == [HOME]
        for key in STRICTEST:
            assert _same(settings.get(key), STRICTEST[key]), key
        settings.set("cap.vibrate", 100)  # the default, and said by a person
        settings.save()
        settings = Settings(PATH)
        assert settings.get("cap.vibrate") == 100 and settings.get("cap.shock") == 0


def test_a_stored_value_that_makes_no_sense_reads_as_the_default_a_cap_as_the_strictest():
    # what JSON can carry of the bad values
    for key, (_, bad) in CASES.items():
        if key == "cap.own":
            continue
        for value in bad:
            if type(value) in (bytes, tuple) or value in ("\ud800", INFINITY, -INFINITY) or value != value:
                continue
            if type(value) is list and value and type(value[0]) in (bytes, tuple):
                continue
            with Disk():
                json_file.save(PATH, {key: value, "rf.keep_alive": False})
                settings = Settings(PATH)
                assert not settings.damaged, (key, value)
                safe = STRICTEST.get(key, default(key))
                assert _same(settings.get(key), safe) or key == "rf.keep_alive", (key, value)
                assert settings.get("rf.keep_alive") is False or key == "rf.keep_alive"
                if key in STRICTEST:  # one spoilt cap does not change its neighbours
                    other = "cap.light" if key != "cap.light" else "cap.sound"
                    assert settings.get(other) == 100


def test_own_caps_that_make_no_sense_make_all_caps_strictest():
    for bad in ([{"model": "d80", "rf_id": 1, "shock": 101}], [{"model": "d80"}], "none", [None], {}):
        with Disk():
            json_file.save(PATH, {"cap.own": bad, "cap.shock": 50})
            settings = Settings(PATH)
            assert settings.get("cap.own") == []
            for key in STRICTEST:
                assert _same(settings.get(key), STRICTEST[key]), (key, bad)


def test_own_caps_are_stored_by_the_models_own_names():
    spelt = (
        "CaiXianlin",
        "PetTrainer",
        "Pet-Trainer",
        "Petrainer998DR",
        "PetTrainer998DR",
        "WellturnT330",
        "T330",
        " D80 ",
    )
    with Disk():
        settings = _settings()
        given = [{"model": name, "rf_id": 1, "shock": 5} for name in spelt]
        settings.set("cap.own", given)
        settings.save()
        kept = Settings(PATH).get("cap.own")
        assert [entry["model"] for entry in kept] == [
            "caixianlin",
            "petrainer",
            "petrainer",
            "petrainer998dr",
            "petrainer998dr",
            "wellturnt330",
            "wellturnt330",
            "d80",
        ]
        assert given[0]["model"] == "CaiXianlin"


STRAYS = (
    "cap",
    "Cap",
    "caps",
    "cap.",
    "cap.shock_allowd",
    "cap.smell",
    "cap_shock",
    "CAP.SHOCK",
    "caps.shock",
    " cap.shock",
)
STRAYS += (
    "capshock",
    "shock_allowed",
    "shockAllowed",
    "longest_ms",
    "longestMs",
    "budget",
    "shock",
    "limit.shock",
    "cpa.rest_ms",
)


def test_s20_what_looks_like_a_cap_and_is_none_makes_all_caps_strictest():
    for key in STRAYS:
        with Disk():
            json_file.save(PATH, {key: False, "hostname": "desk", "cap.shock": 50})
            settings = Settings(PATH)
            assert not settings.damaged and settings.doubts == key
            for name in STRICTEST:
                assert _same(settings.get(name), STRICTEST[name]), (key, name)
            settings.set("hostname", "other")
            settings.save()  # nobody raised them
            settings = Settings(PATH)
            assert settings.doubts == "" and settings.get("cap.shock") == 0
            settings.set("cap.shock", 50)  # in person
            settings.save()
            assert Settings(PATH).get("cap.shock") == 50 and json_file.load(PATH).get(key) is None
    for key in ("captive.portal", "capacity", "portal.shock", "a.b", "shocker", "remote.sound", "x", "", "soundtrack"):
        with Disk():
            json_file.save(PATH, {key: False})
            assert Settings(PATH).doubts == "" and Settings(PATH).get("cap.shock") == 100, key


def test_only_differences_are_stored():
    with Disk() as disk:
        settings = _settings()
        for key in names():
            settings.set(key, default(key))
        settings.save()
        assert json_file.load(PATH) == {}
        assert disk.files[PATH] == b'{"schema":1,"crc32":"27801cc2"}'
        settings.set("cap.shock", 40)
        settings.set("hostname", "desk")
        settings.save()
        assert json_file.load(PATH) == {"cap.shock": 40, "hostname": "desk"}
        settings.set("cap.shock", 100)
        settings.save()
        assert json_file.load(PATH) == {"hostname": "desk"}
        assert sorted(disk.files) == [PATH]


def test_keys_of_another_version_stay():
    newer = {"portal.colour": "blue", "portal.shock": 3, "hostname": "desk", "x": [{"y": None}]}
    with Disk():
        json_file.save(PATH, newer)
        settings = Settings(PATH)
        settings.set("cap.shock", 1)
        settings.save()
        newer["cap.shock"] = 1
        assert json_file.load(PATH) == newer


def test_settings_that_are_too_large_together_are_refused():
    with Disk():
        json_file.save(PATH, {"hostname": "desk", "newer": "x" * 8000})
        settings = Settings(PATH)
        settings.set("openshock_user.token", "x" * 256)
        assert str(raised(Refused, settings.save)) == "all settings together: larger than 8 KiB"
        assert Settings(PATH).get("hostname") == "desk"
        assert Settings(PATH).get("openshock_user.token") == ""


def test_power_may_fail_at_any_write():
    for late in (False, True):
        for at in range(5, 10):
            with Disk(fails_at=at, late=late) as disk:
                settings = _settings()
                settings.set("cap.shock", 40)
                settings.set("cap.shock_allowed", False)
                settings.save()
                settings.set("cap.shock", 60)
                settings.set("cap.shock_allowed", True)
                raised(PowerCut, settings.save)
                after = Settings(PATH)
                assert not after.damaged
                both = after.get("cap.shock"), after.get("cap.shock_allowed")
                assert both == ((60, True) if late and at == 9 else (40, False)), (at, late)
                assert disk.steps == at + 1


def test_a_reset_leaves_nothing_and_a_refusal_everything():
    with Disk(fails_at=10, fault=OSError) as disk:
        settings = _settings()
        settings.set("hostname", "desk")
        settings.set("cap.shock", 40)
        settings.save()
        steps = disk.steps
        settings.reset()
        assert disk.steps == steps * 2 == 10
        assert settings.get("hostname") == "OpenShock" and settings.get("cap.shock") == 100
        assert json_file.load(PATH) == {}
        settings.set("hostname", "desk")
        raised(OSError, settings.reset)
        assert settings.get("hostname") == "desk"


def test_a_reset_mends_a_damaged_file():
    with Disk():
        with json_file.open(PATH, "w") as file:
            file.write("{")
        settings = Settings(PATH)
        assert settings.damaged and settings.get("cap.shock") == 0
        settings.reset()
        assert not settings.damaged and settings.get("cap.shock") == 100
        assert not Settings(PATH).damaged


def test_a_file_that_nobody_sealed_is_read_and_sealed_when_it_is_saved():
    for text in (
        b'{"hostname":"desk","cap.shock":40}',
        b'\n{ "hostname": "desk",\r\n  "cap.shock": 40 }\n',  # as a person writes it
    ):
        with Disk() as disk:
            settings = _settings(text)
            assert settings.damaged == "" and settings.get("cap.shock") == 40 and settings.get("hostname") == "desk"
            settings.set("hostname", "OpenShock")
            settings.save()
            assert disk.files[PATH] == b'{"cap.shock":40,"schema":1,"crc32":"bd30887c"}'


def test_a_later_schema_with_its_checksum_is_read():
    with Disk():
        text = b'{"cap.shock":40,"later":[1],"schema":2'
        settings = _settings(text + b',"crc32":"%08x"}' % binascii.crc32(text))
        assert settings.damaged == "" and settings.get("cap.shock") == 40
        settings.save()
        assert json_file.load(PATH) == {"cap.shock": 40, "later": [1]}


def test_a_damaged_file_is_kept_for_a_look_when_it_is_replaced():
    for content in (b"", b'{"wifi":', b"\xff" * 700, b'{"cap.shock":90,"schema":1,"crc32":"bd30887c"}'):
        with Disk() as disk:
            settings = _settings(content)
            assert settings.damaged and sorted(disk.files) == [PATH]  # a look changes nothing
            settings.save()
            assert settings.damaged == "" and disk.files["settings.damaged.json"] == content
            settings.set("hostname", "desk")
            settings.save()
            assert disk.files["settings.damaged.json"] == content
            disk.files[PATH] = b"newer damage"
            Settings(PATH).save()
            assert disk.files["settings.damaged.json"] == b"newer damage"
            assert sorted(disk.files) == ["settings.damaged.json", PATH]
            Settings(PATH).reset()
            assert sorted(disk.files) == [PATH], "after a reset there is no secret left"


def test_without_room_for_a_look_it_is_mended_all_the_same():
    for at in range(3):  # open, a piece, close
        with Disk(fails_at=at, fault=OSError) as disk:
            settings = _settings(b"{")
            settings.set("hostname", "desk")
            settings.save()
            assert sorted(disk.files) == [PATH]
            assert Settings(PATH).get("hostname") == "desk" and Settings(PATH).get("cap.shock") == 0


def test_power_may_fail_while_a_damaged_file_is_mended():
    after_it = set()
    for late in (False, True):
        for at in range(99):
            with Disk(fails_at=at, late=late) as disk:
                settings = _settings(b'{"cap.shock":90')
                settings.set("hostname", "desk")
                try:
                    settings.save()
                except PowerCut:
                    pass
                done = at >= disk.steps
                again = Settings(PATH)
                after_it.add(bool(again.damaged))
                assert again.get("hostname") == ("OpenShock" if again.damaged else "desk")
                for key in STRICTEST:
                    assert _same(again.get(key), STRICTEST[key]), (at, late, key)
            if done:
                break
    assert after_it == {False, True}


def test_power_may_fail_in_a_reset():
    seen = set()
    for late in (False, True):
        for at in range(99):
            with Disk(fails_at=at, late=late) as disk:
                disk.files["settings.damaged.json"] = b"secret"
                settings = _settings(b'{"cap.shock":40,"portal.key":"12345678"}')
                try:
                    settings.reset()
                except PowerCut:
                    pass
                done = at >= disk.steps
                again = Settings(PATH)
                both = again.get("cap.shock"), again.get("portal.key")
                assert again.damaged == "" and both in ((40, "12345678"), (100, "")), (at, late)
                if both == (100, ""):
                    assert "settings.damaged.json" not in disk.files
                seen.add(both)
            if done:
                break
    assert len(seen) == 2


def test_no_flipped_bit_raises_a_cap():
    with Disk() as disk:
        settings = _settings()
        settings.set("cap.shock", 30)
        settings.set("hostname", "é")
        settings.save()
        whole = disk.files[PATH]
        for at in range(len(whole)):
            for bit in range(8):
                settings = _settings(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
                assert settings.damaged and settings.get("cap.shock") == 0, (at, bit)
            assert _settings(whole[:at]).get("cap.shock") == 0
        assert _settings(whole).get("cap.shock") == 30


def test_a_section_is_a_table_of_its_own():
    with Disk():
        settings = _settings()
        settings.set("openshock_user.token", "secret")
        assert settings.section("openshock_user") == {
            "url": "https://api.openshock.app",
            "token": "secret",
            "device_id": "",
            "negotiate": False,
            "remote_name": "remote",
            "stop_others": False,
        }
        assert settings.section("nobody") == {}
        assert "own" in settings.section("cap")


def test_from_afar_a_cap_can_only_become_stricter():
    with Disk():
        settings = _settings()
        settings.set("cap.shock", 50)
        for key, value in (("cap.shock", 51), ("cap.shock", 100), ("cap.longest_ms", 10001), ("cap.budget", 3001)):
            assert "in person" in str(raised(Refused, settings.lower, key, value))
        for value in (-1,) + NO_NUMBERS:
            raised(Refused, settings.lower, "cap.shock", value)
        for value in (1000, 1999, False, 0, NAN):
            raised(Refused, settings.lower, "cap.rest_ms", value)
        settings.lower("cap.shock", 50)
        settings.lower("cap.shock", 20)
        settings.lower("cap.longest_ms", 1)
        settings.lower("cap.shock_allowed", False)
        raised(Refused, settings.lower, "cap.shock_allowed", True)
        assert (settings.get("cap.shock"), settings.get("cap.longest_ms")) == (20, 1)
        assert settings.get("cap.shock_allowed") is False
        raised(Refused, settings.lower, "cap.longest_ms", 0)


def test_from_afar_nothing_else_may_change():
    with Disk():
        settings = _settings()
        for key in names() + ["nonsense", ""]:
            if key not in STRICTEST:
                raised(Refused, settings.lower, key, CASES[key][0][0] if key in CASES else 1)
        assert settings.get("estop.enabled") is True
