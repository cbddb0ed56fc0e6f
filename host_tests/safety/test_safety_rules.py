"""S18, S20, S25 for rules: an event never shocks, whoever fails to see to it; once in so many seconds; and the log says why."""

from firmware.command import EVENT, SHOCK, SOUND, VIBRATE, Event
from firmware.config.settings import fits
from firmware.control.event_rules import Rules
from host_tests.unit.rooms import command
from host_tests.unit.test_dispatcher import House

ALERT = Event("valtronics", "alert", "critical", "pump 7 is hot")
BUZZ = {"model": "caixianlin", "rf_id": 4321, "action": "vibrate", "level": 30, "duration_ms": 300, "once_in_s": 20}


class Careless:
    """Rules that ask for whatever they were given."""

    notes = ()

    def __init__(self, *actions):
        self._actions = actions

    def commands(self, event, now):
        return [command(action=action) for action in self._actions]


# S20: bounds bind every source. A rule may vibrate or sound: refused thrice, each time without the others


def test_s20_no_rule_for_a_shock_is_stored():
    assert fits("rules", [BUZZ]) and not fits("rules", [dict(BUZZ, action="shock")])
    assert not fits("rules", [BUZZ, dict(BUZZ, action="shock")])


def test_s20_no_rule_has_a_word_for_a_shock():
    for action in ("shock", "stop", "light"):
        rules = Rules([dict(BUZZ, action=action)])
        assert rules.notes and rules.commands(ALERT, 0) == []
    made = Rules([BUZZ, dict(BUZZ, action="sound")]).commands(ALERT, 0)
    assert [each.action for each in made] == [VIBRATE, SOUND]


def test_s20_no_event_passes_a_shock_whatever_the_rules_say():
    house = House()
    house.dispatcher.rules = Careless(SHOCK)
    house.obey(EVENT, ALERT)
    assert not house.hear() and house.dispatcher.refusals() == {"event": 1}
    house.dispatcher.rules = Careless(VIBRATE)
    house.obey(EVENT, ALERT)
    assert house.hear()


def test_s20_a_rule_is_bound_by_lock_and_latch():
    house = House()
    house.dispatcher.rules = Rules([dict(BUZZ, once_in_s=1)])
    house.dispatcher.lock("set-up")
    house.obey(EVENT, ALERT)
    house.dispatcher.locked = ""
    house.dispatcher.emergency("button")
    house.clock.ms += 1000
    house.obey(EVENT, ALERT)
    assert not house.hear() and house.dispatcher.refusals() == {"locked": 1, "estop": 1}


# S18: how often


def test_s18_a_rule_acts_once_in_its_seconds():
    house = House()
    house.dispatcher.rules = Rules([BUZZ])
    acted_ms = []
    for _ in range(600):
        before = len(house.lines)
        now = house.clock.ms
        house.obey(EVENT, ALERT)
        if any("[act]" in line for line in house.lines[before:]):
            acted_ms.append(now)
        house.hear()
        house.clock.ms = max(house.clock.ms, now + 100)
    assert len(acted_ms) >= 3
    assert all(later - first >= 20_000 for first, later in zip(acted_ms, acted_ms[1:], strict=False))


# S25: the log says what was left undone, and why


def test_s25_what_a_rule_leaves_undone_is_in_the_log():
    house = House()
    house.dispatcher.rules = Rules([BUZZ])
    house.obey(EVENT, ALERT)
    assert "[act] valtronics vibrate 30 for 300 ms to caixianlin 4321" in house.lines[-1]
    house.obey(EVENT, ALERT)
    assert house.lines[-2].endswith("[event] valtronics alert critical: pump 7 is hot")
    assert house.lines[-1].endswith("[rules] rule 1 rests for another 20 s")
