"""The console: OpenShock's grammar as its tools speak it, what a person types, what stops, what stays secret, what it survives."""

import json

from firmware import requests
from firmware.command import ACT
from host_tests.unit.console_story import PATH, Desk
from host_tests.unit.rooms import Dice, caps, command
from host_tests.unit.test_roots import BASE64, ROOT, Folder
from lib import ca_certs
from lib.log import ERROR, INFO

HOME = b'{"board":"simulated","wifi":[{"ssid":"home","key":"very secret"}],"openshock_user.token":"t0ken"}'
SAVED = "$SYS$|Success|Saved config, restarting..."
PULSE = {"model": "caixianlin", "id": 1234, "type": "vibrate", "intensity": 20, "durationMs": 500}


def told(desk):
    """The last line of the log."""
    return desk.lines[-1]


def stored(desk):
    """What the file holds, apart from its seal."""
    content = json.loads(desk.disk.files[PATH].decode())
    content.pop("schema", None)
    content.pop("crc32", None)
    return content


# --- as OpenShock's tools speak to it


def test_each_value_is_told_under_its_key():
    with Desk(HOME) as desk:
        for asked, answer in (
            ("echo", "SerialEcho|true"),
            ("rftxpin", "RmtPin|4"),
            ("estop enabled", "EStopEnabled|true"),
            ("estop pin", "EStopPin|13"),
            ("domain", "Domain|api.openshock.app"),
            ("hostname", "Hostname|OpenShock"),
            ("keepalive", "KeepAlive|true"),
            ("estop", "EStop|clear"),
        ):
            assert desk.ask(asked) == "$SYS$|Response|" + answer
            assert desk.ask(asked.upper() + "  ") == "$SYS$|Response|" + answer
        assert desk.ask("validgpios").startswith("$SYS$|Response|ValidGPIOs|1,3,4,5,")
        assert desk.requests == [] and desk.disk.files[PATH] == HOME


def test_a_flasher_waits_for_sysinfo_then_sends_three_commands_and_a_reset():
    with Desk() as desk:
        lines = desk.asks("sysinfo")
        assert "$SYS$|Response|WiFiInfo|Connected|false" in lines
        assert lines[1] == "$SYS$|Response|RTOSInfo|UptimeMS|1000"
        assert lines[2] == "$SYS$|Response|RTOSInfo|Uptime|0d 0h 0m 1s"
        for line, name in zip(lines[3:], ("Used Heap", "Free IDF", "Largest IDF")):
            assert line.startswith("$SYS$|Response|RTOSInfo|%s|" % name)
        for kind, level, ms in (("sound", 0, 1000), ("vibrate", 1, 1000), ("stop", 0, 300)):
            order = {"model": "caixianlin", "id": 4711, "type": kind, "intensity": level, "durationMs": ms}
            assert desk.ask("rftransmit " + json.dumps(order)) == "$SYS$|Success|Command sent"
        assert desk.on_air() == 0
        assert desk.asks("factoryreset") == ["Resetting to factory defaults...", "Restarting..."]
        assert stored(desk) == {}


def test_sysinfo_tells_the_address_and_what_else_is_known():
    with Desk() as desk:
        desk.air.joined = "cabin"
        desk.clock.ms = ((2 * 24 + 3) * 60 + 4) * 60000 + 5000
        lines = desk.asks("sysinfo")
        for line in ("RTOSInfo|Uptime|2d 3h 4m 5s", "WiFiInfo|Connected|true", "WiFiInfo|IPv4|192.168.0.20"):
            assert "$SYS$|Response|" + line in lines
        assert "$SYS$|Response|WiFiInfo|RSSI|-40" in lines and "$SYS$|Response|Hub|Connected|true" in lines
        assert "$SYS$|Response|Status|WiFi|192.168.0.20" in desk.asks("status")


def test_jsonconfig_is_openshocks_document_and_ends_with_two_braces():
    with Desk(HOME) as desk:
        line = desk.ask("jsonconfig")
        start = "$SYS$|Response|JsonConfig|"
        assert line.startswith(start + '{"rf":{') and line.endswith("}}")
        document = json.loads(line[len(start) :])
        assert document["rf"] == {"txPin": -1, "keepAliveEnabled": True}
        assert document["wifi"]["credentials"] == [{"id": 1, "ssid": "home", "password": "***"}]
        assert document["backend"] == {"domain": "api.openshock.app", "authToken": "***"}
        assert document["serialInput"] == {"echoEnabled": True}
        assert document["estop"] == {"enabled": True, "gpioPin": -1}
        assert document["settings"]["cap.shock"] == 100 and document["settings"]["board"] == "simulated"


def test_what_jsonconfig_gave_can_be_given_back():
    with Desk(HOME) as desk:
        for asked in ("jsonconfig", "jsonconfig --secrets"):
            line = desk.ask(asked)
            assert desk.ask("jsonconfig " + line.split("|", 3)[3]) == SAVED
            assert stored(desk) == json.loads(HOME.decode())


def test_jsonconfig_takes_openshocks_own():
    theirs = {
        "rf": {"txPin": 15, "keepAliveEnabled": False},
        "wifi": {
            "accessPointSSID": "OpenShock-",
            "hostname": "desk",
            "credentials": [{"id": 7, "ssid": "Füchse 🦊", "password": 'a"b\\c|d $x', "authMode": 3}],
        },
        "captivePortal": {"alwaysEnabled": False},
        "backend": {"domain": "api.example.org", "authToken": "abc"},
        "serialInput": {"echoEnabled": False},
        "otaUpdate": {"isEnabled": True},
        "estop": {"enabled": False, "gpioPin": 14},
    }
    with Desk() as desk:
        lines = desk.asks("jsonconfig " + json.dumps(theirs))
        assert lines == ["Names that mean nothing here were left out.", SAVED]
        assert stored(desk) == {
            "board": "simulated",
            "rf.pin": 15,
            "rf.keep_alive": False,
            "hostname": "desk",
            "wifi": [{"ssid": "Füchse 🦊", "key": 'a"b\\c|d $x'}],
            "openshock_user.url": "https://api.example.org",
            "openshock_user.token": "abc",
            "console.echo": False,
            "estop.enabled": False,
            "estop.pin": 14,
        }


def test_one_wrong_value_and_nothing_of_a_document_is_taken():
    with Desk(HOME) as desk:
        for wrong in (
            '{"wifi":{"hostname":"desk"},"rf":{"txPin":99}}',
            '{"wifi":{"hostname":"desk"},"rf":{"txPin":2}}',
            '{"wifi":{"hostname":"desk"},"settings":{"cap.shock":101}}',
            '{"wifi":{"hostname":"desk"},"settings":{"no.such":1}}',
            '{"wifi":{"hostname":"desk","credentials":[{"ssid":"new","password":"***"}]}}',
            '{"wifi":{"hostname":"desk","credentials":{}}}',
            '{"wifi":{"hostname":"desk","credentials":[1]}}',
            '{"wifi":{"hostname":"desk"},"rf":[]}',
            '{"wifi":{"hostname":"desk"},"backend":{"domain":1}}',
            '{"wifi":{"hostname":"desk"}',
            "[]",
        ):
            assert desk.ask("jsonconfig " + wrong).startswith("$SYS$|Error|"), wrong
            assert desk.ask("hostname") == "$SYS$|Response|Hostname|OpenShock", wrong
        assert desk.disk.files[PATH] == HOME and desk.requests == []
        assert desk.ask("jsonconfig {}") == "$SYS$|Success|Nothing to change"


# --- changes


def test_a_change_is_saved_and_used_after_a_second_without_input():
    with Desk() as desk:
        assert desk.ask("hostname desk") == SAVED
        assert stored(desk) == {"board": "simulated", "hostname": "desk"}
        assert desk.dispatcher.locked == "settings changed"
        desk.hears(900)
        assert desk.ask("keepalive false") == SAVED
        desk.hears(990)
        assert desk.requests == []
        desk.hears(20)
        assert desk.requests == [(requests.RESTART, "new settings, by the console")]
        desk.hears(5000)
        assert len(desk.requests) == 1


def test_a_change_stops_what_is_running():
    with Desk() as desk:
        assert desk.ask("rftransmit " + json.dumps(PULSE)) == "$SYS$|Success|Command sent"
        assert desk.on_air() == 1
        assert desk.ask("rftxpin 5") == SAVED
        assert desk.on_air() == 0
        assert desk.ask("rftransmit " + json.dumps(PULSE)) == "$SYS$|Error|the radio is locked"


def test_each_setting_can_be_set():
    with Desk() as desk:
        for asked, key, value in (
            ("rftxpin 5", "rf.pin", 5),
            ("rftxpin -1", "rf.pin", -1),
            ("estop pin 14", "estop.pin", 14),
            ("estop enabled FALSE", "estop.enabled", False),
            ("keepalive false", "rf.keep_alive", False),
            ("hostname Zoë's  hub", "hostname", "Zoë's  hub"),
            ("domain hub.example.org", "openshock_user.url", "https://hub.example.org"),
            ("domain http://10.0.0.1:8080", "openshock_user.url", "http://10.0.0.1:8080"),
            ("authtoken aBc|1 2", "openshock_user.token", "aBc|1 2"),
            ("caps shock 30", "cap.shock", 30),
            ("caps set shock_allowed false", "cap.shock_allowed", False),
            ('caps own [{"model":"d80","rf_id":7,"shock":5}]', "cap.own", [{"model": "d80", "rf_id": 7, "shock": 5}]),
            ('networks [{"ssid":"a","password":""}]', "wifi", [{"ssid": "a", "key": ""}]),
        ):
            assert desk.ask(asked) == SAVED, asked
            assert desk.settings.get(key) == value, asked
        assert desk.ask("domain") == "$SYS$|Response|Domain|http://10.0.0.1:8080"


def test_s20_a_cap_that_cannot_be_understood_is_refused_with_its_reason():
    with Desk(b'{"board":"generic-esp32"}') as desk:
        for asked in (
            'jsonconfig {"cap":{"shock_allowed":false}}',
            'jsonconfig {"caps":{"shock":5}}',
            'jsonconfig {"rf":{"cap.shock":5}}',
            'jsonconfig {"rf":{"txPin":4,"longest_ms":5}}',
        ):
            assert desk.ask(asked) == '$SYS$|Error|a cap is set so: {"settings":{"cap.shock":20}}', asked
        for asked, words in (
            ('jsonconfig {"settings":{"cap.shock_allowd":false}}', "there is no such setting"),
            ("caps shock_allowd false", "with a name that caps shows"),
            (
                'caps own [{"model":"CaiXianlin9","rf_id":7,"shock":5}]',
                "model (one of those that this firmware can drive)",
            ),
            ('caps own [{"model":"d80","rf_id":7,"shok":5}]', "caps of their own"),
        ):
            answer = desk.ask(asked)
            assert answer.startswith("$SYS$|Error|") and words in answer, (asked, answer)
        assert desk.settings.get("cap.shock_allowed") is True and desk.settings.get("cap.own") == []
        assert desk.ask('caps own [{"model":"PetTrainer","rf_id":7,"shock":5}]') == SAVED
        assert desk.settings.get("cap.own") == [{"model": "petrainer", "rf_id": 7, "shock": 5}]


def test_a_pin_that_decides_how_the_chip_starts_is_warned_about_and_taken():
    with Desk(b'{"board":"generic-esp32"}') as desk:
        words = "GPIO15 decides how the chip starts: what is wired to it must leave it alone at that moment"
        assert desk.asks("rftxpin 15") == ["Take care: %s." % words, SAVED]
        assert desk.settings.get("rf.pin") == 15
        assert desk.ask("rftxpin 6").startswith("$SYS$|Error|GPIO6 of this chip cannot be used: ")
        assert desk.ask("rftxpin 36") == "$SYS$|Error|GPIO36 can be read, and not driven"
        assert desk.ask('jsonconfig {"estop":{"gpioPin":15}}').startswith("$SYS$|Error|GPIO15 decides")
        assert desk.settings.get("rf.pin") == 15 and desk.settings.get("estop.pin") == -1


def test_buttons_are_set_where_their_pins_are_free():
    button = {"pin": 27, "shocker": "red", "action": "vibrate", "level": 30, "duration_ms": 500}
    line = 'jsonconfig {"settings":{"remote.inputs":%s}}'
    with Desk(b'{"board":"generic-esp32","rf.pin":25}') as desk:
        assert desk.ask(line % json.dumps([button])) == SAVED
        assert desk.settings.get("remote.inputs") == [button]
        for pin, words in (
            (25, "button 1: GPIO25 is that of the transmitter"),
            (34, "button 1: GPIO34 has no pull-up"),
            (12, "button 1: GPIO12 decides how the chip starts"),
            (6, "button 1: GPIO6 of this chip cannot be used"),
        ):
            button["pin"] = pin
            assert desk.ask(line % json.dumps([button])).startswith("$SYS$|Error|" + words), pin
        assert desk.ask("rftxpin 27") == "$SYS$|Error|button 1: GPIO27 is that of the transmitter"
        assert desk.ask("estop pin 27") == "$SYS$|Error|button 1: GPIO27 is that of the emergency stop"
        assert desk.settings.get("remote.inputs")[0]["pin"] == 27 and desk.settings.get("rf.pin") == 25


def test_here_a_cap_may_be_raised():
    with Desk(b'{"board":"simulated","cap.shock":10}') as desk:
        assert json.loads(desk.ask("caps").split("|")[3])["shock"] == 10
        assert desk.ask("caps shock 80") == SAVED
        assert json.loads(desk.ask("caps get").split("|")[3])["shock"] == 80


def test_what_cannot_be_is_refused_in_one_line():
    with Desk(HOME) as desk:
        for wrong in (
            "nonsense",
            "help nonsense",
            "rftxpin abc",
            "rftxpin 1.5",
            "rftxpin ५",
            "rftxpin 99999999999999999999",
            "rftxpin 60",
            "rftxpin -2",
            "rftxpin 13",
            "estop pin 4",
            "estop pin 60",
            "estop enabled 1",
            "estop nonsense",
            "keepalive maybe",
            "echo 1",
            "hostname " + "x" * 33,
            "domain ftp://example.org",
            "domain exa mple",
            "domain a?b",
            "authtoken " + "x" * 257,
            "networks nonsense",
            "networks {}",
            "networks [1]",
            'networks [{"ssid":""}]',
            'networks [{"ssid":"a","password":"short"}]',
            'networks [{"ssid":"a","password":1}]',
            'networks [{"password":"12345678"}]',
            'networks [{"ssid":"other","password":"***"}]',
            "caps nonsense 1",
            "caps shock",
            "caps shock 101",
            "caps shock abc",
            "caps own 1",
            "rawconfig",
            "rawconfig AAAA",
            "rftransmit",
            "rftransmit 1",
            "rftransmit {}",
            "rftransmit [1 2}",
            "control",
            "control caixianlin 1 vibrate 20",
            "control caixianlin x vibrate 20 500",
        ):
            answer = desk.ask(wrong)
            assert answer.startswith("$SYS$|Error|") and len(answer) > 20, wrong
        assert desk.disk.files[PATH] == HOME and desk.requests == [] and desk.on_air() == 0


def test_a_storage_that_refuses_leaves_all_as_it_was():
    with Desk(HOME, fails_at=0) as desk:
        assert desk.ask("hostname desk").startswith("$SYS$|Error|the storage or the radio refuses")
        assert desk.ask("hostname") == "$SYS$|Response|Hostname|OpenShock"
        assert desk.requests == [] and desk.dispatcher.locked == ""
    with Desk(HOME, fails_at=0) as desk:
        assert desk.asks("factoryreset")[-1].startswith("$SYS$|Error|")
        assert desk.disk.files[PATH] == HOME and desk.requests == []


def test_settings_that_name_no_known_board_can_be_mended():
    with Desk(b'{"board":"nowhere"}') as desk:
        assert desk.ask("rftxpin") == "$SYS$|Error|the settings name a board that nobody knows"
        assert desk.ask("rftxpin 5") == "$SYS$|Error|the settings name a board that nobody knows"
        assert desk.ask('jsonconfig {"settings":{"board":"simulated"}}') == SAVED


# --- secrets


def test_secrets_are_masked_unless_asked_for():
    with Desk(HOME) as desk:
        for asked in ("networks", "authtoken", "jsonconfig"):
            masked = desk.ask(asked)
            assert "very secret" not in masked and "t0ken" not in masked and "***" in masked
        assert desk.ask("authtoken --secrets") == "$SYS$|Response|AuthToken|t0ken"
        assert "very secret" in desk.ask("networks --secrets") and "t0ken" in desk.ask("jsonconfig --secrets")
        assert desk.ask("authtoken ***") == SAVED and desk.settings.get("openshock_user.token") == "t0ken"
        assert desk.ask('networks [{"ssid":"home","password":"***"},{"ssid":"b","password":"87654321"}]') == SAVED
        assert desk.settings.get("wifi") == [{"ssid": "home", "key": "very secret"}, {"ssid": "b", "key": "87654321"}]


def test_a_mask_of_nothing_is_no_secret():
    with Desk() as desk:
        assert desk.ask("authtoken") == "$SYS$|Response|AuthToken|"
        assert desk.ask("authtoken ***").startswith("$SYS$|Error|")


def test_no_answer_and_no_log_line_repeats_what_was_typed():
    with Desk() as desk:
        for wrong in (
            "hunter2hunter2",
            "networks hunter2hunter2",
            'networks [{"ssid":"a","password":"hunter2hunter2\\u0001"}]',
            "authtoken " + "hunter2hunter2" * 20,
            "rftransmit hunter2hunter2",
            'jsonconfig {"hunter2hunter2":1}',
            "hostname hunter2hunter2" + "x" * 30,
        ):
            assert "hunter2" not in desk.ask(wrong), wrong
        assert not any("hunter2" in line for line in desk.lines)


# --- sending and stopping


def test_a_pulse_goes_through_the_dispatcher_as_every_other():
    with Desk() as desk:
        assert desk.ask("rftransmit " + json.dumps(PULSE)) == "$SYS$|Success|Command sent"
        assert told(desk).endswith("console vibrate 20 for 500 ms to caixianlin 1234")
        assert desk.ask("control T330 5 Sound 30 1000") == "$SYS$|Success|Command sent"
        assert told(desk).endswith("console sound 30 for 1000 ms to wellturnt330 5")
        for name, model in (("Cai-XianLin", "caixianlin"), ("PetTrainer998DR", "petrainer998dr"), ("D80", "d80")):
            assert desk.ask("control %s 6 vibrate 1 300" % name) == "$SYS$|Success|Command sent"
            assert told(desk).endswith(model + " 6")
        assert desk.on_air() == 5


def test_a_refusal_is_answered_with_its_reason():
    with Desk(bounds=caps(shock_allowed=False)) as desk:
        for change, reason in (
            ({"type": "shock"}, "shocks are switched off here"),
            ({"intensity": 101}, "level outside 0-100"),
            ({"intensity": -1}, "level outside 0-100"),
            ({"intensity": 20.0}, "level outside 0-100"),
            ({"intensity": None}, "level outside 0-100"),
            ({"durationMs": 30001}, "duration outside 1-30000 ms"),
            ({"durationMs": True}, "duration outside 1-30000 ms"),
            ({"id": 65536}, "no such receiver id"),
            ({"id": "1"}, "no such receiver id"),
            ({"model": "nonsense"}, "unknown model"),
            ({"model": "../app"}, "unknown model"),
            ({"model": 1}, "a model's name, and one of stop shock vibrate sound light"),
            ({"type": 2}, "a model's name, and one of stop shock vibrate sound light"),
            ({"type": "zap"}, "a model's name, and one of stop shock vibrate sound light"),
            ({"model": "wellturnt330", "type": "light"}, "this receiver cannot do that"),
        ):
            order = PULSE.copy()
            order.update(change)
            assert desk.ask("rftransmit " + json.dumps(order)) == "$SYS$|Error|" + reason, change
        assert desk.on_air() == 0


def test_caps_and_latch_bind_the_console():
    with Desk(bounds=caps(vibrate=15)) as desk:
        assert desk.ask("rftransmit " + json.dumps(PULSE)) == "$SYS$|Success|Command sent"
        assert "vibrate 15" in told(desk)
        assert desk.ask("estop trip").startswith("$SYS$|Success|")
        assert desk.on_air() == 0 and desk.latch.latched and desk.store.kept == {"estop": 1}
        assert desk.ask("estop") == "$SYS$|Response|EStop|latched"
        assert "$SYS$|Response|Status|EStop|latched" in desk.asks("status")
        assert desk.ask("rftransmit " + json.dumps(PULSE)) == "$SYS$|Error|the emergency stop is latched"
        assert desk.ask("estop clear") == "$SYS$|Success|The emergency stop is cleared"
        assert not desk.latch.latched and desk.store.kept == {"estop": 0} and desk.on_air() == 0
        assert desk.ask("estop clear") == "$SYS$|Success|It was not latched"


def test_a_latch_that_cannot_be_cleared_is_told():
    with Desk() as desk:
        desk.ask("estop trip")
        desk.store.broken = True
        assert desk.ask("estop clear").startswith("$SYS$|Error|")
        assert desk.latch.latched


def test_stop_stops_everything():
    with Desk() as desk:
        for rf_id in range(3):
            desk.ask("control caixianlin %d vibrate 20 5000" % rf_id)
        assert desk.on_air() == 3
        assert desk.hears(b"STOP\r\n") == b"> STOP\r\n$SYS$|Success|Everything stops\r\n"
        assert desk.on_air() == 0 and told(desk).endswith("all: console")


CODE = "If the page asks for a code: 0123456789abcdef"


def test_requests_are_handed_on():
    with Desk() as desk:
        assert desk.ask("restart") == "Restarting..."
        assert desk.ask("portal") == "$SYS$|Success|The set-up page opens"
        states = "error,e-stop to be released,e-stop clearing,e-stop latched,command sent,updating,set-up,connected"
        states += ",no hub,no Wi-Fi,pairing"
        shown = "$SYS$|Success|The lamp shows them one after the other"
        assert desk.asks("ledtest") == ["$SYS$|Response|LedTest|" + states, shown]
        assert (
            desk.requests == [(requests.RESTART, "console"), (requests.OPEN_PORTAL, requests.ASKED)]
            and desk.lamp.tested == 1
        )


def test_a_board_without_a_lamp_says_so():
    with Desk() as desk:
        desk.console.rooms = desk.console.rooms.__class__(
            *[None if room is desk.lamp else room for room in desk.console.rooms]
        )
        assert desk.ask("ledtest") == "$SYS$|Error|this board has no lamp"


def test_in_set_up_mode_the_way_in_is_told_when_asked():
    with Desk(access=("OpenShock-AA", "k3y k3y k3y", "0123456789abcdef")) as desk:
        words = "Set-up: join the network OpenShock-AA with the key k3y k3y k3y, then open http://4.3.2.1/"
        assert desk.asks("portal") == ["$SYS$|Response|SetUp|OpenShock-AA", words, CODE]
        assert desk.requests == []
    with Desk(access=("OpenShock-AA", "", "0123456789abcdef")) as desk:
        words = "Set-up: join the network OpenShock-AA (open), then open http://4.3.2.1/"
        assert desk.asks("portal")[1:] == [words, CODE]


def test_the_log_can_be_read():
    with Desk() as desk:
        assert desk.asks("log") == ["$SYS$|Success|0 lines"]
        desk.log.line(ERROR, "place", "what happened")
        lines = ["$SYS$|Response|Log|[1000][error][place] what happened", "$SYS$|Success|1 lines"]
        assert desk.asks("log") == lines
        for number in range(200):
            desk.log.line(INFO, "n", str(number))
        lines = desk.asks("log")
        assert lines[-2].endswith("[info][n] 199") and lines[-1] == "$SYS$|Success|%d lines" % (len(lines) - 1)
        assert len(lines) > 45


def test_each_refusal_is_told_also_when_the_same_one_is_in_the_log_already():
    with Desk() as desk:
        desk.dispatcher.lock("test")
        for _ in range(3):  # within one millisecond
            assert desk.asks("control caixianlin 1 vibrate 20 500") == ["$SYS$|Error|the radio is locked"]


def test_help_tells_of_every_command():
    with Desk() as desk:
        lines = desk.asks("help")
        names = {line.split(" ")[0] for line in lines[:-1]}
        for name in names - {"rawconfig"}:
            if name not in ("restart", "factoryreset", "repl", "portal", "estop"):
                assert "no such command" not in desk.asks(name)[0], name
        theirs = (
            "help version restart sysinfo echo validgpios rftxpin estop domain authtoken hostname networks keepalive"
        )
        theirs += " jsonconfig rawconfig rftransmit factoryreset ledtest"
        ours = "status log caps control stop portal update repl remote seen respond pair rules certificates"
        assert names == set((theirs + " " + ours).split())
        assert desk.ask("help rftxpin").startswith("rftxpin [NUMBER]")
        assert len(desk.asks("help estop")) == 3


def test_version_tells_what_runs_here():
    with Desk() as desk:
        lines = desk.asks("version")
        assert lines[0].startswith("Version: 0.") and lines[1:] == ["Board: simulated", "Chip: simulated"]


# --- what goes to the services


def test_what_somebody_here_wants_done_elsewhere_goes_to_the_service():
    with Desk() as desk:
        assert desk.ask("remote red collar vibrate 20 500").startswith("$SYS$|Success|")
        assert desk.ask("seen").startswith("$SYS$|Success|")
        assert desk.ask("seen m-17").startswith("$SYS$|Success|")
        assert desk.ask("respond I am fine, thanks").startswith("$SYS$|Success|")
        assert desk.ask("pair").startswith("$SYS$|Success|")
        assert desk.asked == [
            ("control", ("red collar", 2, 20, 500)),
            ("seen", None),
            ("seen", "m-17"),
            ("respond", (None, "I am fine, thanks")),
            ("pair", None),
        ]
        assert desk.on_air() == 0


def test_what_the_service_cannot_do_is_told_and_what_makes_no_sense_is_not_asked():
    with Desk() as desk:
        for line in (
            "remote",
            "remote red vibrate 20",
            "remote red tickle 20 500",
            "remote red vibrate x 500",
            "respond",
        ):
            assert desk.ask(line).startswith("$SYS$|Error|"), line
        assert desk.asked == []
        desk.refusal = "not connected"
        assert desk.ask("remote red stop 0 300") == "$SYS$|Error|not connected"


# --- what a person types


def test_a_person_sees_what_is_typed_and_a_program_does_not():
    with Desk() as desk:
        assert desk.hears(b"echo\r\n") == b"> echo\r\n$SYS$|Response|SerialEcho|true\r\n"
        assert desk.hears(b"$echo\r\n") == b"$SYS$|Response|SerialEcho|true\r\n"
        assert desk.hears(b"echo false\n") == b"> echo false\r\n$SYS$|Success|Saved config\r\n"
        assert desk.hears(b"echo\n") == b"$SYS$|Response|SerialEcho|false\r\n"
        assert desk.requests == [] and stored(desk)["console.echo"] is False


def test_the_echo_is_as_it_was_after_a_restart():
    with Desk(b'{"console.echo":false}') as desk:
        assert desk.hears(b"echo\n") == b"$SYS$|Response|SerialEcho|false\r\n"


def test_any_line_end_ends_a_line_and_empty_lines_say_nothing():
    with Desk() as desk:
        for end in (b"\r", b"\n", b"\r\n"):
            assert desk.hears(b"$estop" + end) == b"$SYS$|Response|EStop|clear\r\n"
        assert desk.hears(b"\r\n\r\n\n\n  \n$\n$  \n") == b"> \x20 \r\n"[:4] + b"\r\n"


def test_backspace_takes_back_whole_characters():
    with Desk() as desk:
        assert desk.hears(b"\x08\x7f$hostname Zo\xc3\xab\x08\xc3\xb6\xf0\x9f\xa6\x8a\x7fx\r").endswith(
            b"Saved config, restarting...\r\n"
        )
        assert desk.settings.get("hostname") == "Zoöx"
        assert desk.hears(b"ab\x08") == b"> ab\x08 \x08"
        assert desk.hears(b"\x08\x08\x08\x08", b"$estop\r").endswith(b"$SYS$|Response|EStop|clear\r\n")


def test_ctrl_c_on_a_line_takes_the_line_back():
    with Desk() as desk:
        assert desk.hears(b"restart\x03") == b"> restart^C\r\n"
        assert desk.hears(b"\r") == b"" and desk.requests == [] and desk.left == 0


def leaves(desk, *typed):
    """True when the console left to the REPL."""
    try:
        desk.hears(*typed)
    except KeyboardInterrupt:
        return True
    return False


def test_a_lone_ctrl_c_leaves_to_the_repl_when_everything_is_quiet():
    for typed in (b"\x03", b"\r\x03", b"\r\x03\x03", b"estop\r\n\x03", b"$repl\n", b"abc\x03\x03"):
        with Desk() as desk:
            desk.dispatcher.obey(ACT, command())
            assert desk.on_air() == 1
            assert leaves(desk, typed), typed
            assert desk.left == 1 and desk.on_air() == 0
            assert desk.dispatcher.locked == "console" and desk.line.held is False


def test_what_follows_ctrl_c_is_left_for_the_repl():
    with Desk() as desk:
        assert leaves(desk, b"\r\x03\r\x01")
        assert [desk.line.get(), desk.line.get()] == [13, 1]


def test_ctrl_c_among_noise_is_noise():
    with Desk() as desk:
        assert not leaves(desk, b"\xff\xfe\r\x03\x00\r\x03")
        assert not leaves(desk, b"\x80\n", 99, b"\x03")
        assert leaves(desk, b"\x80\n", 101, b"\x03")


def test_behind_a_whole_line_it_leaves_the_memory_sooner_than_in_the_middle_of_one():
    for typed, ms in ((b"$estop\n", 5000), (b"est\x7f\x7f\x7f", 5000), (b"est", 20000), (b"x" * 5000, 20000)):
        for silent_ms in (ms - 1000, ms + 1000):
            with Desk() as desk:
                assert desk.stays(typed, silent_ms) is (silent_ms < ms), (typed[:5], silent_ms)


def test_control_characters_are_dropped():
    with Desk() as desk:
        assert desk.hears(b"\x00$es\x01to\x1bp\x02\x04\t\r") == b"$SYS$|Response|EStop|clear\r\n"


def test_a_line_that_is_not_utf8_is_refused():
    with Desk() as desk:
        for line in (b"\xff", b"hostname \xc3", b"\xed\xa0\x80", b"stop\xc0\x80"):
            assert desk.hears(b"$" + line + b"\n") == b"$SYS$|Error|not a line of UTF-8\r\n"


def test_a_line_has_an_end():
    with Desk() as desk:
        fitting = b"$authtoken " + b"x" * 4085
        assert len(fitting) == 4096
        assert b"none, or 1-256 characters" in desk.hears(fitting + b"\n")
        assert desk.hears(fitting + b"x\n") == b"$SYS$|Error|a line has at most 4096 bytes\r\n"
        assert desk.hears(b"x" * 10000 + b"\nstop\n").count(b"$SYS$|Error|") == 1
        assert desk.hears(b"$" + b"[" * 3000 + b"\n") == b"$SYS$|Error|there is no such command; help lists them\r\n"
        assert desk.ask("networks " + "[" * 3000).startswith("$SYS$|Error|not JSON")
        assert desk.ask("estop") == "$SYS$|Response|EStop|clear"


def test_a_long_line_can_be_taken_back():
    with Desk() as desk:
        assert desk.hears(b"$" + b"x" * 5000 + b"\x03") == b""
        assert desk.ask("estop") == "$SYS$|Response|EStop|clear"


def test_noise_is_survived():
    dice = Dice(7)
    with Desk(HOME) as desk:
        for _ in range(20):
            noise = bytes([dice.below(256) for _ in range(500)])
            assert not leaves(desk, noise)
        heard = desk.hears(b"\n", 200, b"$estop\n")
        assert heard.endswith(b"$SYS$|Response|EStop|clear\r\n")
        assert desk.disk.files[PATH] == HOME and desk.on_air() == 0 and desk.left == 0


# --- Improv on the same line


def rpc(command, payload=b""):
    data = bytes((command, len(payload))) + payload
    head = b"IMPROV\x01\x03" + bytes((len(data),)) + data
    return head + bytes((sum(head) & 0xFF,)) + b"\n"


def packets(heard):
    """(type, data) of each packet that was heard."""
    found = []
    at = heard.find(b"IMPROV\x01")
    while at >= 0:
        size = heard[at + 8]
        assert sum(heard[at : at + 9 + size]) & 0xFF == heard[at + 9 + size]
        assert heard[at - 1] == 10 and heard[at + 10 + size] == 10
        found.append((heard[at + 7], heard[at + 9 : at + 9 + size]))
        at = heard.find(b"IMPROV\x01", at + 9 + size)
    return found


def strings(*words):
    body = b"".join([bytes((len(word),)) + word for word in words])
    return bytes((len(body),)) + body


JOIN = b"\x05cabin\x0812345678"


def test_a_client_sees_a_device_that_is_ready_then_one_that_is_provisioned():
    with Desk() as desk:
        assert desk.hears(rpc(2)) == b"\nIMPROV\x01\x01\x01\x02\xe2\n"
        heard = packets(desk.hears(rpc(1, JOIN)))
        assert heard == [(1, b"\x03"), (1, b"\x04"), (4, b"\x01" + strings(b"http://192.168.0.20/"))]
        assert desk.air.tried == [("cabin", "12345678")]
        assert stored(desk)["wifi"] == [{"ssid": "cabin", "key": "12345678"}]
        assert desk.requests == [(requests.PROVISIONED, "cabin")] and "12345678" not in told(desk)
        heard = packets(desk.hears(rpc(2)))
        assert heard == [(1, b"\x04"), (4, b"\x02" + strings(b"http://192.168.0.20/"))]


def test_a_network_that_does_not_take_us_is_not_saved():
    with Desk(HOME) as desk:
        for payload in (
            b"\x05cabin\x0887654321",
            b"\x06broken\x00",
            b"\x00\x00",
            b"\x05cabin\x03123",
            b"\x21" + b"x" * 33 + b"\x00",
        ):
            heard = packets(desk.hears(rpc(1, payload)))
            assert heard[-2:] == [(2, b"\x03"), (1, b"\x04")], payload
        assert desk.disk.files[PATH] == HOME and desk.requests == []
        assert desk.air.tried == [("cabin", "87654321"), ("broken", "")]
    with Desk() as desk:
        assert packets(desk.hears(rpc(1, b"\x05cabin\x00"))) == [(1, b"\x03"), (2, b"\x03"), (1, b"\x02")]


def test_a_network_that_cannot_be_saved_was_not_joined():
    with Desk(HOME, fails_at=0) as desk:
        assert packets(desk.hears(rpc(1, JOIN))) == [(1, b"\x03"), (2, b"\x03"), (1, b"\x04")]
        assert desk.settings.get("wifi") == [{"ssid": "home", "key": "very secret"}]


def test_a_ninth_network_takes_the_place_of_the_first_and_a_known_one_its_own():
    nets = [{"ssid": "n%d" % at, "key": ""} for at in range(8)]
    with Desk(json.dumps({"wifi": nets}).encode()) as desk:
        desk.hears(rpc(1, JOIN))
        assert [known["ssid"] for known in stored(desk)["wifi"]] == ["n%d" % at for at in range(1, 8)] + ["cabin"]
    nets[3] = {"ssid": "cabin", "key": "old key 1"}
    with Desk(json.dumps({"wifi": nets}).encode()) as desk:
        desk.hears(rpc(1, JOIN))
        assert [known["ssid"] for known in stored(desk)["wifi"]] == ["n0", "n1", "n2", "n4", "n5", "n6", "n7", "cabin"]
        assert stored(desk)["wifi"][-1]["key"] == "12345678"


def test_what_is_running_stops_before_another_network_is_tried():
    with Desk() as desk:
        desk.ask("control caixianlin 1 vibrate 20 5000")
        desk.hears(rpc(1, JOIN))
        assert desk.on_air() == 0


def test_a_client_asks_who_is_there():
    with Desk(b'{"board":"generic-esp32s3","hostname":"kitchen"}') as desk:
        version = desk.asks("version")[0][9:].encode()
        about = strings(b"OpenShock", version, b"ESP32-S3", b"kitchen", b"MicroPython")
        assert packets(desk.hears(rpc(3))) == [(4, b"\x03" + about)]
    with Desk(b'{"board":"nowhere"}') as desk:
        assert packets(desk.hears(rpc(3))) == [(2, b"\xff")]


def test_a_scan_names_each_network_and_ends_with_an_empty_answer():
    with Desk() as desk:
        assert packets(desk.hears(rpc(4))) == [
            (4, b"\x04" + strings(b"cabin", b"-40", b"YES")),
            (4, b"\x04" + strings("Füchse 🦊".encode(), b"-71", b"YES")),
            (4, b"\x04" + strings("café".encode(), b"-9", b"NO")),
            (4, b"\x04\x00"),
        ]


def test_nobody_scans_while_a_receiver_is_on_the_air():
    with Desk() as desk:
        desk.ask("control caixianlin 1 vibrate 20 5000")
        assert packets(desk.hears(rpc(4))) == [(2, b"\xff")]


def test_the_hostname_is_read_and_set():
    with Desk() as desk:
        assert packets(desk.hears(rpc(5))) == [(4, b"\x05" + strings(b"OpenShock"))]
        assert packets(desk.hears(rpc(5, b"desk-2"))) == [(4, b"\x05" + strings(b"desk-2"))]
        assert stored(desk)["hostname"] == "desk-2"
        for wrong in (b"-desk", b"desk-", b"de sk", b"de_sk", b"d\xc3\xa9sk", b"\xff", b"x" * 33):
            assert packets(desk.hears(rpc(5, wrong))) == [(2, b"\x05")], wrong
        assert packets(desk.hears(rpc(6))) == [(4, b"\x06" + strings(b"desk-2"))]
        assert packets(desk.hears(rpc(6, b"other"))) == [(2, b"\x02")]


def test_what_nobody_knows_and_what_is_broken_is_answered_with_an_error():
    with Desk() as desk:
        for unknown in (0, 7, 8, 200, 255):
            assert packets(desk.hears(rpc(unknown))) == [(2, b"\x02")]
        assert packets(desk.hears(rpc(2)[:-2] + b"\x00\n")) == [(2, b"\x01")]
        for payload in (b"", b"\x05cabin", b"\x05cabin\x09123", b"\x01a\x01b\x01c", b"\x01\xff\x00", b"\x01a\x02\xc3("):
            assert packets(desk.hears(rpc(1, payload))) == [(2, b"\x01")], payload
        assert desk.air.tried == []


def test_while_a_network_is_tried_the_line_is_open():
    import asyncio

    with Desk() as desk:
        desk.air.gate = asyncio.Event()
        desk.dispatcher.obey(ACT, command())
        heard = desk.hears(rpc(1, JOIN), rpc(2), rpc(4), rpc(1, JOIN), b"$estop\n", b"$stop\n")
        assert packets(heard) == [(1, b"\x03"), (1, b"\x03"), (2, b"\xff"), (2, b"\xff")]
        assert b"EStop|clear" in heard and b"Everything stops" in heard
        assert desk.air.tried == [("cabin", "12345678")]
        desk.air.gate.set()
        assert packets(desk.hears(rpc(2))) == [(1, b"\x02")]


def test_packets_with_noise_around_are_found_and_what_is_typed_around_them_too():
    with Desk() as desk:
        noise = b"\xff\x00IMPR\x03\x07IMPROV\x01\x03\xff\x01abc"
        heard = desk.hears(noise, 150, rpc(2) + b"$estop\n" + rpc(2), noise)
        assert packets(heard) == [(1, b"\x02"), (1, b"\x02")]
        assert b"$SYS$|Response|EStop|clear\r\n" in heard


# --- rules

RULE = (
    '{"backend":"valtronics","kind":"alert","severity":"warning","model":"caixianlin","rf_id":4321,'
    '"action":"vibrate","level":60,"duration_ms":800}'
)


def test_rules_are_added_listed_and_removed():
    with Desk(HOME) as desk:
        assert desk.ask("rules") == "$SYS$|Success|0 rules"
        assert desk.ask("rules add " + RULE) == SAVED
        assert stored(desk)["rules"] == [json.loads(RULE)]
        told = desk.asks("rules")
        assert told[-1] == "$SYS$|Success|1 rules"
        start = "$SYS$|Response|Rules|1|"
        assert told[0].startswith(start) and json.loads(told[0][len(start) :]) == json.loads(RULE)
        assert desk.ask("rules remove 2") == "$SYS$|Error|there are 1 rules"
        assert desk.ask("rules remove 1") == SAVED
        assert "rules" not in stored(desk)
        assert desk.ask("rules remove 1") == "$SYS$|Error|there is no rule"


def test_a_rule_that_does_not_fit_is_refused_and_one_for_a_shock_above_all():
    with Desk(HOME) as desk:
        for bad in (RULE.replace("vibrate", "shock"), RULE.replace("60", "101"), "{}"):
            assert desk.ask("rules add " + bad).startswith("$SYS$|Error|rules: up to 8 rules")
        assert desk.ask("rules add 7").startswith("$SYS$|Error|{")
        assert desk.ask("rules add {").startswith("$SYS$|Error|not JSON")
        assert desk.ask("rules nonsense").startswith("$SYS$|Error|rules, rules add JSON")
        assert "rules" not in stored(desk)


def test_what_would_come_of_an_event_is_told_and_nothing_is_sent():
    with Desk(HOME, bounds=caps(vibrate=25)) as desk:
        desk.ask("rules add " + RULE)
        frames = desk.on_air()
        desk.dispatcher.locked = ""
        assert desk.asks("rules try valtronics alert critical it is hot") == [
            "$SYS$|Response|Rules|rule 1: vibrate 25 for 800 ms to caixianlin 4321",
            "$SYS$|Success|Nothing was sent",
        ]
        assert desk.asks("rules try - alert info x")[0] == "$SYS$|Response|Rules|no rule is for this"
        assert desk.ask("rules try valtronics").startswith("$SYS$|Error|rules try")
        desk.ask("estop trip")
        assert "refused: the emergency stop is latched" in desk.asks("rules try valtronics alert critical -")[0]
        assert desk.on_air() == frames == 0


def test_authorities_of_ones_own_are_added_shown_and_taken_out():
    with Folder(), Desk() as desk:
        assert desk.ask("certificates") == "$SYS$|Success|Those of the image are trusted, too"
        told = desk.ask("certificates add " + BASE64.decode())
        name = told.rpartition(" ")[2]
        assert told.startswith("$SYS$|Success|Added ") and list(ca_certs.Roots()) == [ROOT]
        assert desk.asks("certificates")[0] == "$SYS$|Response|Certificate|" + name
        assert desk.ask("certificates add nonsense").startswith("$SYS$|Error|not a certificate")
        assert desk.ask("certificates remove other.der").startswith("$SYS$|Error|there is no such certificate")
        assert desk.ask("certificates bake").startswith("$SYS$|Error|certificates, certificates add")
        assert desk.ask("certificates remove " + name) == "$SYS$|Success|Removed"
        desk.ask("certificates add " + BASE64.decode())
        desk.asks("factoryreset")
        assert list(ca_certs.Roots()) == [], "nobody who had the device before is trusted"


def test_networks_sent_back_as_shown_are_what_they_were():
    address = {"ip": "192.168.7.20", "mask": "255.255.255.0", "gateway": "192.168.7.1", "dns": "9.9.9.9"}
    wifi = [
        {"ssid": "home", "key": "12345678", "security": "wpa3", "hidden": True, "address": address},
        {"ssid": "other", "key": ""},
    ]
    with Desk(json.dumps({"board": "simulated", "wifi": wifi}).encode()) as desk:
        line = desk.ask("networks").split("|", 3)[3]
        assert desk.ask("networks " + line) == SAVED
        assert stored(desk)["wifi"] == wifi
        line = desk.ask("jsonconfig").split("|", 3)[3]
        assert desk.ask("jsonconfig " + line) == SAVED
        assert stored(desk)["wifi"] == wifi
        wrong = json.loads(desk.ask("networks").split("|", 3)[3])
        wrong[0]["address"]["mask"] = "255.0.255.0"
        assert desk.ask("networks " + json.dumps(wrong)).startswith("$SYS$|Error|mask: ")


def test_a_document_of_kilobytes_can_be_given_back():
    rule = {"model": "caixianlin", "action": "vibrate", "level": 20, "duration_ms": 1000, "text": 'a "word", {[\\'}
    rules = [dict(rule, rf_id=number) for number in range(8)]
    wifi = [{"ssid": "a, b: {c} [%d]" % number, "key": "12345678"} for number in range(8)]
    with Desk(json.dumps({"board": "simulated", "rules": rules, "wifi": wifi}).encode()) as desk:
        before = stored(desk)
        document = desk.ask("jsonconfig").split("|", 3)[3]
        assert 2500 < len(document.encode()) < 4000 and json.loads(document)["settings"]["rules"] == rules
        for command in ("jsonconfig ", "JsonConfig "):
            assert desk.ask(command + document) == SAVED
            assert stored(desk) == before
        cut = desk.ask("jsonconfig " + document[:-5])
        assert cut.startswith("$SYS$|Error|not JSON at byte ") and stored(desk) == before
        other = json.loads(document)
        other["settings"]["rules"][5]["rf_id"] = 70000
        assert desk.ask("jsonconfig " + json.dumps(other)).startswith("$SYS$|Error|rules: ") and stored(desk) == before
        other["settings"]["rules"][5]["rf_id"] = 555
        other["settings"]["cap.shock"] = 7
        assert desk.ask("jsonconfig " + json.dumps(other)) == SAVED
        assert stored(desk)["cap.shock"] == 7 and stored(desk)["rules"][5]["rf_id"] == 555


def test_documents_are_read_however_they_are_spaced():
    for text in (
        ' { "rf" : { "txPin" : 15 , "keepAliveEnabled" : false } , "wifi" : { } } ',
        '{"rf":{"txPin":15,"keepAliveEnabled":false}}',
        '{"x":{"a":[1,{"b":"}"}],"c":"\\\\"},"rf":{"txPin":15,"keepAliveEnabled":false}}',
    ):
        for fill in ("", '"y":{"z":"%s"},' % ("z" * 300)):  # a long one is read in place
            with Desk() as desk:
                desk.asks("jsonconfig " + text.replace("{", "{" + fill, 1))
                assert stored(desk) == {"board": "simulated", "rf.pin": 15, "rf.keep_alive": False}, (text, fill)
