"""Settings: what each accepts and refuses, what a damaged file means, what is stored."""

from firmware.settings import SECRET, TABLE, Refused, Settings
from host_tests.mp.rooms import INFINITY, NAN, NO_NUMBERS, Disk, PowerCut, raised
from lib import jsonfile

PATH = "settings.json"
STRICTEST = {
    "cap.shock_allowed": False,
    "cap.shock": 0,
    "cap.vibrate": 0,
    "cap.sound": 0,
    "cap.light": 0,
    "cap.longest_ms": 1,
    "cap.budget": 0,
    "cap.rest_ms": 60000,
}
HOME = {"ssid": "home", "key": "12345678"}

NO_TEXT = (None, True, 0, 1.5, NAN, b"text", ["text"], {"text": 1}, "a\nb", "a\x00b", "a\x7fb", "a\x9bb", "\ud800")
NO_FLAG = (None, 0, 1, 0.0, "", "true", [], [True], {}, NAN)
NO_LIST = (None, True, 0, "", "[]", {}, (), HOME)

# key: (what fits, what does not)
CASES = {
    "board": (["generic-esp32", "a", "x" * 40, "é" * 20], ["", "x" * 41, "é" * 21] + list(NO_TEXT)),
    "hostname": (["OpenShock", "Zoë", "x" * 32], ["", "x" * 33] + list(NO_TEXT)),
    "backend": (["openshock_user", "x" * 40], ["", "x" * 41] + list(NO_TEXT)),
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
    "rf.pin": ([-1, 0, 4, 48], [-2, 49, 10**30] + list(NO_NUMBERS)),
    "estop.pin": ([-1, 0, 13, 48], [-2, 49] + list(NO_NUMBERS)),
    "rf.player": (["viper", "rmt"], ["", "RMT", None, 0, True, [], ["viper"], {}]),
    "rf.keep_alive": ([True, False], NO_FLAG),
    "console.echo": ([True, False], NO_FLAG),
    "led.brightness": ([0, 1, 10, 100], [-1, 101, 10**30] + list(NO_NUMBERS)),
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
    "openshock_gateway.url": (["http://10.0.0.2:8080"], ["api.openshock.app"] + list(NO_TEXT)),
    "openshock_gateway.token": (["", "x" * 256], ["x" * 257, "a\r\nX: y"] + list(NO_TEXT)),
    "cap.shock_allowed": ([True, False], NO_FLAG),
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
        jsonfile.os.files[PATH] = content
    return Settings(PATH)


def _same(a, b):
    return type(a) is type(b) and a == b


def test_every_setting_is_in_the_cases():
    assert sorted(CASES) == sorted(TABLE)
    assert all(key in TABLE for key in SECRET)


def test_every_default_fits_its_own_check():
    for key, (default, fits, words) in TABLE.items():
        assert fits(default), key
        assert len(words) > 3, key


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
                assert str(fault) == "%s: %s" % (key, TABLE[key][2])
                assert _same(settings.get(key), TABLE[key][0])


def test_a_refusal_never_repeats_what_was_typed():
    with Disk():
        for key in SECRET:
            fault = raised(Refused, _settings().set, key, "hunter2\n")
            assert "hunter2" not in str(fault)


def test_there_is_no_other_setting():
    with Disk():
        settings = _settings()
        for key in ("", "cap", "cap.", "cap.shock.x", "CAP.SHOCK", "nonsense", "__class__"):
            assert str(raised(Refused, settings.set, key, 1)) == "there is no setting " + key
            raised(KeyError, settings.get, key)


def test_no_file_means_the_defaults():
    with Disk():
        settings = _settings()
        assert not settings.damaged
        for key in TABLE:
            assert _same(settings.get(key), TABLE[key][0])


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
            assert settings.damaged
            for key in TABLE:
                assert _same(settings.get(key), STRICTEST.get(key, TABLE[key][0])), key


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
                jsonfile.save(PATH, {key: value, "rf.keep_alive": False})
                settings = Settings(PATH)
                assert not settings.damaged, (key, value)
                wanted = STRICTEST.get(key, TABLE[key][0])
                assert _same(settings.get(key), wanted) or key == "rf.keep_alive", (key, value)
                assert settings.get("rf.keep_alive") is False or key == "rf.keep_alive"
                if key in STRICTEST:  # one spoilt cap does not change its neighbours
                    other = "cap.light" if key != "cap.light" else "cap.sound"
                    assert settings.get(other) == 100


def test_own_caps_that_make_no_sense_make_all_caps_strictest():
    for bad in ([{"model": "d80", "rf_id": 1, "shock": 101}], [{"model": "d80"}], "none", [None], {}):
        with Disk():
            jsonfile.save(PATH, {"cap.own": bad, "cap.shock": 50})
            settings = Settings(PATH)
            assert settings.get("cap.own") == []
            for key in STRICTEST:
                assert _same(settings.get(key), STRICTEST[key]), (key, bad)


def test_only_differences_are_stored():
    with Disk() as disk:
        settings = _settings()
        for key in TABLE:
            settings.set(key, TABLE[key][0])
        settings.save()
        assert jsonfile.load(PATH) == {}
        settings.set("cap.shock", 40)
        settings.set("hostname", "desk")
        settings.save()
        assert jsonfile.load(PATH) == {"cap.shock": 40, "hostname": "desk"}
        settings.set("cap.shock", 100)
        settings.save()
        assert jsonfile.load(PATH) == {"hostname": "desk"}
        assert sorted(disk.files) == [PATH]


def test_keys_of_another_version_stay():
    newer = {"portal.colour": "blue", "cap.smell": 3, "hostname": "desk", "x": [{"y": None}]}
    with Disk():
        jsonfile.save(PATH, newer)
        settings = Settings(PATH)
        settings.set("cap.shock", 1)
        settings.save()
        newer["cap.shock"] = 1
        assert jsonfile.load(PATH) == newer


def test_settings_that_are_too_large_together_are_refused():
    with Disk():
        jsonfile.save(PATH, {"hostname": "desk", "newer": "x" * 8000})
        settings = Settings(PATH)
        settings.set("openshock_user.token", "x" * 256)
        assert "8 KiB" in str(raised(Refused, settings.save))
        assert Settings(PATH).get("hostname") == "desk"
        assert Settings(PATH).get("openshock_user.token") == ""


def test_power_may_fail_at_any_write():
    for late in (False, True):
        for at in range(4, 8):
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
                assert both == ((60, True) if late and at == 7 else (40, False)), (at, late)
                assert disk.steps == at + 1


def test_a_reset_leaves_nothing_and_a_refusal_everything():
    with Disk(fails_at=8, fault=OSError) as disk:
        settings = _settings()
        settings.set("hostname", "desk")
        settings.set("cap.shock", 40)
        settings.save()
        steps = disk.steps
        settings.reset()
        assert disk.steps == steps * 2 == 8
        assert settings.get("hostname") == "OpenShock" and settings.get("cap.shock") == 100
        assert jsonfile.load(PATH) == {}
        settings.set("hostname", "desk")
        raised(OSError, settings.reset)
        assert settings.get("hostname") == "desk"


def test_a_reset_mends_a_damaged_file():
    with Disk():
        with jsonfile.open(PATH, "w") as file:
            file.write("{")
        settings = Settings(PATH)
        assert settings.damaged and settings.get("cap.shock") == 0
        settings.reset()
        assert not settings.damaged and settings.get("cap.shock") == 100
        assert not Settings(PATH).damaged


def test_a_section_is_a_table_of_its_own():
    with Disk():
        settings = _settings()
        settings.set("openshock_user.token", "secret")
        assert settings.section("openshock_user") == {
            "url": "https://api.openshock.app",
            "token": "secret",
            "device_id": "",
            "negotiate": False,
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
        for key in list(TABLE) + ["nonsense", ""]:
            if key not in STRICTEST:
                raised(Refused, settings.lower, key, CASES[key][0][0] if key in CASES else 1)
        assert settings.get("estop.enabled") is True
