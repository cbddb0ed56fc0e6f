"""Rules: which event makes which command, how often, and never a shock."""

from firmware.command import SHOCK, SOUND, VIBRATE, Command, Event
from firmware.config.settings import fits
from firmware.control.event_rules import Rules
from host_tests.unit.rooms import NAN, NO_NUMBERS

BUZZ = {"model": "caixianlin", "rf_id": 4321, "action": "vibrate", "level": 30, "duration_ms": 1000}
HOT = Event("valtronics", "alert", "critical", "device 1: High Temperature: Temperature exceeds safe threshold")


def rule(**more):
    """A rule that any event meets, but for what a story names."""
    return dict(BUZZ, **more)


def numbers(rows, event=HOT, now=0):
    """The rules that an event meets."""
    assert fits("rules", rows), rows
    return [number for number, _, _ in Rules(rows).foretold(event, now)]


def test_an_event_becomes_a_command_of_its_service():
    rows = [rule(), rule(action="sound", model="petrainer", rf_id=7, level=0, duration_ms=300, channel=2)]
    assert fits("rules", rows)
    assert Rules(rows).commands(HOT, 0) == [
        Command("caixianlin", 4321, VIBRATE, 30, 1000, None, "valtronics", None),
        Command("petrainer", 7, SOUND, 0, 300, 2, "valtronics", None),
    ]


def test_what_a_rule_leaves_open_is_any():
    assert numbers([rule(backend="", kind="", severity="", text="")]) == [1]
    assert numbers([rule()], Event("", "", "", "")) == [1]


def test_backend_and_kind_are_met_whole():
    rows = [rule(backend="valtronics"), rule(backend="valtron"), rule(backend="dsp_fleet")]
    assert numbers(rows) == [1]
    rows = [rule(kind="alert"), rule(kind="device"), rule(kind="ale"), rule(backend="dsp_fleet", kind="alert")]
    assert numbers(rows) == [1]


def test_a_text_is_found_inside_whatever_its_capitals():
    rows = [rule(text="temperature"), rule(text="TEMPERATURE EXCEEDS"), rule(text="humidity"), rule(text="1: high")]
    assert numbers(rows) == [1, 2, 4]


def test_a_severity_is_the_least():
    graver = ["info", "warning", "error", "critical"]
    rows = [rule(severity=word) for word in graver]
    for said, count in (("info", 1), ("warning", 2), ("error", 3), ("critical", 4)):
        assert numbers(rows, Event("x", "alert", said, "")) == list(range(1, count + 1))
        assert numbers(rows, Event("x", "alert", said.upper(), "")) == list(range(1, count + 1))
    for word, same in (("low", "info"), ("medium", "warning"), ("high", "error"), ("fatal", "critical")):
        assert numbers(rows, Event("x", "alert", word, "")) == numbers(rows, Event("x", "alert", same, ""))
    assert numbers([rule(severity="high")], Event("x", "alert", "error", "")) == [1]


def test_an_unknown_severity_is_no_severity():
    rows = [rule(severity="info"), rule()]
    for word in ("", "purple", "criticality", "4"):
        assert numbers(rows, Event("x", "alert", word, "")) == [2]


def test_once_in_so_many_seconds_and_the_note_says_how_long():
    rules = Rules([rule(once_in_s=5)])
    assert len(rules.commands(HOT, 1000)) == 1 and rules.notes == []
    assert rules.commands(HOT, 1001) == [] and rules.notes == ["rule 1 rests for another 5 s"]
    assert rules.commands(HOT, 5999) == [] and rules.notes == ["rule 1 rests for another 1 s"]
    assert len(rules.commands(HOT, 6000)) == 1
    assert rules.commands(HOT, 6001) == []


def test_ten_seconds_when_the_rule_does_not_say():
    rules = Rules([rule()])
    assert len(rules.commands(HOT, 0)) == 1
    assert rules.commands(HOT, 9999) == [] and len(rules.commands(HOT, 10000)) == 1


def test_each_rule_rests_for_itself():
    rules = Rules([rule(text="temperature", once_in_s=60), rule(once_in_s=1, rf_id=2)])
    assert [each.rf_id for each in rules.commands(HOT, 0)] == [4321, 2]
    assert [each.rf_id for each in rules.commands(HOT, 1000)] == [2]
    assert rules.notes == ["rule 1 rests for another 59 s"]
    assert [each.rf_id for each in rules.commands(Event("x", "", "", "cold"), 2000)] == [2] and rules.notes == []


def test_an_event_that_a_rule_does_not_meet_costs_it_nothing():
    rules = Rules([rule(kind="alert")])
    assert rules.commands(Event("valtronics", "system", "", "cpu 99"), 0) == []
    assert rules.notes == ["no rule is for this"]
    assert len(rules.commands(HOT, 1)) == 1


def test_foretelling_changes_nothing():
    rules = Rules([rule(once_in_s=5)])
    for _ in range(3):
        assert rules.foretold(HOT, 0) == [
            (1, Command("caixianlin", 4321, VIBRATE, 30, 1000, None, "valtronics", None), 0)
        ]
    rules.commands(HOT, 0)
    assert [wait_ms for _, _, wait_ms in rules.foretold(HOT, 2000)] == [3000]


def test_a_rule_for_a_shock_is_left_out_and_told():
    for action in ("shock", "stop", "light", "SHOCK", "Vibrate", "", "1", "shock\n"):
        rules = Rules([rule(action=action), rule(rf_id=2)])
        assert rules.notes == ["rule 1 is left out: vibrate or sound, nothing else"]
        assert [(each.rf_id, each.action) for each in rules.commands(HOT, 0)] == [(2, VIBRATE)]
    for number in (SHOCK, True, 1.0):
        assert Rules([rule(action=number)]).commands(HOT, 0) == []


def test_the_settings_take_no_rule_for_a_shock():
    for action in ("shock", "stop", "light", "SHOCK", "Vibrate", "", SHOCK, VIBRATE, None, True, ["vibrate"], {}):
        assert not fits("rules", [rule(action=action)]), action
        assert not fits("rules", [rule(), rule(action=action)]), action


def test_no_rules_no_commands():
    rules = Rules([])
    assert rules.commands(HOT, 0) == [] and rules.notes == ["no rule is for this"]


def test_what_fits_the_setting():
    good = [
        [],
        [rule()] * 8,
        [rule(backend="x" * 40, kind="x" * 20, text="x" * 60, severity="warning", channel=0, once_in_s=1)],
        [rule(channel=None, rf_id=65535, level=0, duration_ms=30000, once_in_s=86400)],
    ]
    bad = [[rule()] * 9, [{}], ["rule"], [None], [[rule()]], rule(), [rule(nonsense=1)], [rule(text="a\nb")]]
    bad += [[rule(backend="x" * 41)], [rule(kind="x" * 21)], [rule(text="x" * 61)], [rule(severity="purple")]]
    bad += [[rule(once_in_s=0)], [rule(once_in_s=86401)], [rule(duration_ms=0)], [rule(duration_ms=30001)]]
    bad += [[rule(level=101)], [rule(level=-1)], [rule(rf_id=65536)], [rule(model="")], [rule(model="x" * 41)]]
    for name in ("rf_id", "level", "duration_ms", "once_in_s"):
        bad += [[rule(**{name: value})] for value in NO_NUMBERS]
    for name in ("backend", "kind", "severity", "text", "model"):
        bad += [[rule(**{name: value})] for value in (None, 1, NAN, ["x"], {})]
    for name in BUZZ:
        bad.append([{key: value for key, value in BUZZ.items() if key != name}])
    for rows in good:
        assert fits("rules", rows), rows
    for rows in bad:
        assert not fits("rules", rows), rows
