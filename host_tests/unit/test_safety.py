"""The last word on every command, as tables: what passes as it is, what is lowered, what is refused and why. Never upwards."""

from firmware.command import ACT, LIGHT, SHOCK, SOUND, STOP, VIBRATE, means_stop, stops
from firmware.control import safety as rules
from firmware.control.safety import LONGEST_MS, Safety
from host_tests.unit.rooms import NO_NUMBERS, Dice, caps, command

ACTIVE = (SHOCK, VIBRATE, SOUND, LIGHT)
STRICTEST = caps(0, 0, 0, 0, longest_ms=1, shock_allowed=False)  # what damaged settings mean (S23)
MEAN_STOP = (False, 0.0, -0.0, None, "stop", "Stop", " STOP ", "0", "")
S = 1000000  # µs
NOON_US = 1792500000 * S  # some time of day


def _safety(bounds=None, own=None, budget=6000, rest_ms=2000):
    return Safety(bounds or caps(), own or {}, budget, rest_ms)


def _refused(reason, asked, safety=None, now=0, unix_us=None):
    """The command is refused for that reason, and counted once."""
    safety = safety or _safety()
    before = safety.refused.get(reason, 0)
    assert safety.judge(asked, now, unix_us) == (None, reason), asked
    assert safety.refused[reason] == before + 1 and rules.words(reason)


def _passes(asked, safety=None, now=0, unix_us=None):
    """The command as it may be carried out; nothing but its strength and length may differ from what was asked."""
    safety = safety or _safety()
    counted = dict(safety.refused)
    admitted, reason = safety.judge(asked, now, unix_us)
    assert reason == "" and safety.refused == counted, (asked, reason)
    for field in ("model", "rf_id", "action", "channel", "source", "asked_us"):
        assert getattr(admitted, field) == getattr(asked, field), field
    assert admitted.intensity <= asked.intensity and admitted.duration_ms <= asked.duration_ms
    return admitted


# S4, S21: what is no whole command is refused, and nothing is bent


def test_what_is_within_bounds_passes_as_it_is():
    for action in ACTIVE:
        for level in (0, 1, 50, 99, 100):
            for ms in (1, 300, 10000, LONGEST_MS):
                asked = command(action=action, level=level, ms=ms)
                assert _passes(asked) == asked
    for rf_id in (0, 1, 65535):
        assert _passes(command(rf_id=rf_id)).rf_id == rf_id


def test_a_wrong_action_is_refused():
    for action in (-1, 5, 255, 10**20, "vibrate", "2", "stopped", b"stop", ["stop"]) + NO_NUMBERS:
        if action not in MEAN_STOP:
            _refused("action", command(action=action))


def test_s05_whoever_seems_to_mean_stop_stops():
    for action in MEAN_STOP:
        safety = _safety(STRICTEST, budget=0)
        admitted, reason = safety.judge(command(action=action, level=None, ms="x"), 0)
        assert not reason and type(admitted.action) is int and admitted.action == STOP
        assert stops((ACT, command(action=action)))
    assert not [action for action in (1, 1.0, True, "1", "vibrate", [], {}, b"stop") if means_stop(action)]


def test_a_wrong_id_is_refused_for_a_stop_too():
    for rf_id in (-1, 65536, 10**20) + NO_NUMBERS:
        for action in (STOP,) + ACTIVE:
            _refused("id", command(rf_id=rf_id, action=action))


def test_a_model_that_is_no_name_is_refused():
    for model in (None, True, 5, 1.5, b"caixianlin", [], ["caixianlin"], {}, ("caixianlin",)):
        for action in (STOP,) + ACTIVE:
            _refused("model", command(model=model, action=action))


def test_a_wrong_level_is_refused():
    for level in (-1, -100, 101, 255, 1000, 10**20) + NO_NUMBERS:
        for action in ACTIVE:
            _refused("level", command(action=action, level=level))


def test_a_wrong_duration_is_refused():
    for ms in (0, -1, LONGEST_MS + 1, 65535, 10**20) + NO_NUMBERS:
        for action in ACTIVE:
            _refused("duration", command(action=action, ms=ms))


def test_a_wrong_moment_is_refused():
    for asked_us in [value for value in NO_NUMBERS if value is not None]:
        _refused("malformed", command(asked_us=asked_us), unix_us=NOON_US)


def test_a_stop_passes_whatever_else_is_wrong_with_it():
    safety = _safety(STRICTEST, budget=0)
    for wrong in (-1, 101, 10**20) + NO_NUMBERS:
        for asked in (
            command(action=STOP, level=wrong),
            command(action=STOP, ms=wrong),
            command(action=STOP, level=wrong, ms=wrong, asked_us=wrong),
            command(action=STOP, asked_us=1),
        ):
            assert safety.judge(asked, 0, NOON_US) == (asked, "")
    assert safety.refused == {}


# S20: caps lower and refuse, and never raise


def test_what_is_above_a_cap_is_lowered_to_it():
    for action, bounds in (
        (SHOCK, caps(shock=30)),
        (VIBRATE, caps(vibrate=30)),
        (SOUND, caps(sound=30)),
        (LIGHT, caps(light=30)),
    ):
        for level, wanted in ((0, 0), (29, 29), (30, 30), (31, 30), (100, 30)):
            assert _passes(command(action=action, level=level), _safety(bounds)).intensity == wanted
        for other in ACTIVE:
            if other != action:
                assert _passes(command(action=other, level=100), _safety(bounds)).intensity == 100


def test_what_is_longer_than_the_cap_is_shortened_to_it():
    for ms, wanted in ((1, 1), (999, 999), (1000, 1000), (1001, 1000), (LONGEST_MS, 1000)):
        assert _passes(command(ms=ms), _safety(caps(longest_ms=1000))).duration_ms == wanted


def test_a_cap_of_zero_lets_nothing_of_its_action_through():
    # at level 0 neither: three makers' receivers beep at any level
    for action, bounds in (
        (SHOCK, caps(shock=0)),
        (VIBRATE, caps(vibrate=0)),
        (SOUND, caps(sound=0)),
        (LIGHT, caps(light=0)),
    ):
        for level in (0, 1, 100):
            _refused("cap", command(action=action, level=level), _safety(bounds))


def test_shocks_can_be_switched_off():
    safety = _safety(caps(shock_allowed=False))
    for level in (0, 1, 100):
        _refused("shock", command(action=SHOCK, level=level), safety)
    for action in (VIBRATE, SOUND, LIGHT):
        _passes(command(action=action), safety)


def test_the_strictest_caps_let_only_stops_through():
    for action in ACTIVE:
        for level in (0, 1, 100):
            admitted, reason = _safety(STRICTEST).judge(command(action=action, level=level, ms=1), 0)
            assert admitted is None and reason in ("shock", "cap")
    assert _safety(STRICTEST).judge(command(action=STOP), 0)[1] == ""


def test_caps_of_one_receiver_bind_it_alone_and_only_more_tightly():
    own = {
        ("caixianlin", 7): caps(vibrate=20, longest_ms=500),
        ("caixianlin", 8): caps(shock_allowed=False),
        ("d80", 7): caps(vibrate=100, longest_ms=30000),
    }
    safety = _safety(caps(vibrate=50, longest_ms=1000), own)
    asked = dict(level=100, ms=30000)

    def bounds(**who):
        admitted = _passes(command(level=100, ms=30000, **who), safety)
        return admitted.intensity, admitted.duration_ms

    assert bounds(rf_id=7) == (20, 500)
    assert bounds(rf_id=8) == (50, 1000)
    assert bounds(rf_id=9) == (50, 1000)
    assert bounds(rf_id=7, model="d80") == (50, 1000)
    _refused("shock", command(rf_id=8, action=SHOCK, **asked), safety)
    _passes(command(rf_id=7, action=SHOCK, **asked), safety)


def test_whatever_is_asked_it_never_grows():
    dice = Dice(11)
    for _ in range(2000):
        bounds = caps(
            dice.below(101), dice.below(101), dice.below(101), dice.below(101), 1 + dice.below(30000), dice.below(4) > 0
        )
        action, level, ms = dice.below(6), dice.below(130) - 10, dice.below(33000) - 100
        asked = command(action=action, level=level, ms=ms)
        admitted, reason = _safety(bounds).judge(asked, 0)
        if admitted is None:
            assert rules.words(reason)
        elif action != STOP:
            assert 0 <= admitted.intensity <= min(level, bounds.levels[action], 100)
            assert 1 <= admitted.duration_ms <= min(ms, bounds.longest_ms, LONGEST_MS)
            assert admitted.action == action and (action != SHOCK or bounds.shock_allowed)


# S18: how often


def _obey(safety, asked, now, unix_us=None):
    """True when it is admitted; then it is on the air."""
    admitted, _ = safety.judge(asked, now, unix_us)
    if admitted:
        safety.book(admitted, now)
    return admitted is not None


def test_ten_commands_a_second_pass_and_the_eleventh_does_not():
    safety = _safety()
    for number in range(10):
        assert _obey(safety, command(level=number + 1), 1000 + number)
    assert not _obey(safety, command(level=50), 1999)
    assert safety.refused == {"rate": 1}
    assert _obey(safety, command(level=50), 2000)  # a second after the first
    assert not _obey(safety, command(level=51), 2000)
    assert _obey(safety, command(rf_id=99), 2000)  # each receiver for itself
    assert safety.judge(command(action=STOP), 2000)[1] == ""


def test_the_same_again_while_it_runs_is_live_control_and_not_counted():
    safety = _safety()
    for number in range(50):
        assert _obey(safety, command(level=30, ms=500), number * 20)
    assert not safety.refused


def test_refused_commands_do_not_count():
    safety = _safety(caps(shock_allowed=False))
    for number in range(50):
        assert not _obey(safety, command(action=SHOCK, level=1 + number), number)
    assert _obey(safety, command(), 50)


# S19: how much, and a rest


def test_the_budget_of_a_minute():
    safety = _safety(budget=3000)  # percent-seconds: 100 % for half a minute
    for number in range(3):
        assert _obey(safety, command(level=100, ms=10000), number * 10000)
    _refused("budget", command(level=1, ms=1), safety, 30000)
    assert not _obey(safety, command(level=1, ms=1), 59999)
    assert _obey(safety, command(level=100, ms=5000), 65000 + 5000)
    assert _obey(safety, command(rf_id=99, level=100, ms=30000), 70000)


def test_no_minute_holds_more_than_the_budget():
    for seed in range(5):
        dice, safety = Dice(seed), _safety(budget=1000)
        given = []  # (began, ended, level)
        now = 0
        for _ in range(400):
            now += dice.below(4000)
            if given and now < given[-1][1] and dice.below(4) == 0:
                began, _, level = given.pop()
                given.append((began, now, level))
                safety.stopped(command(action=STOP), now)
                continue
            asked = command(level=1 + dice.below(100), ms=1 + dice.below(15000))
            if _obey(safety, asked, now):
                if given and given[-1][1] > now:  # the newest replaces what ran
                    began, _, level = given.pop()
                    given.append((began, now, level))
                given.append((now, now + asked.duration_ms, asked.intensity))
        assert len(given) > 30 and "budget" in safety.refused
        for _, end, _ in given:
            dose = sum(level * max(0, min(ended, end) - max(began, end - 60000)) for began, ended, level in given)
            assert dose <= 1000 * 1000, seed


def test_more_than_the_whole_budget_is_refused_at_once():
    _refused("budget", command(level=100, ms=30000), _safety(budget=2999))
    _refused("budget", command(level=1, ms=1), _safety(budget=0))
    _passes(command(level=100, ms=30000), _safety(budget=3000))


def test_what_was_stopped_is_not_counted():
    safety = _safety(budget=1300)  # 1000 for what is asked, and 20 times 10 for what was given before each stop
    for number in range(20):
        assert _obey(safety, command(level=100, ms=10000), number * 2000), number
        safety.stopped(command(action=STOP), number * 2000 + 100)
    for number in range(20):
        assert _obey(safety, command(rf_id=5, level=100, ms=10000), 50000 + number * 2000), number
        safety.stopped_all(50000 + number * 2000 + 100)
    assert not safety.refused


def test_what_was_replaced_is_not_counted():
    safety = _safety(budget=1000)
    for number in range(4):  # each would be a third of the budget and more, and gives a tenth of that
        assert _obey(safety, command(level=100 - number, ms=4000), number * 400), number
    _refused("budget", command(level=100, ms=9000), safety, 1600)
    assert _obey(safety, command(level=100, ms=8000), 1600)


def test_after_a_full_length_shock_comes_a_rest():
    safety = _safety(caps(longest_ms=1000), rest_ms=2000)
    shock = command(action=SHOCK, level=10, ms=1000)
    assert _obey(safety, shock, 0)
    for now in (1000, 2999):
        _refused("rest", shock, safety, now)
        _refused("rest", command(action=SHOCK, level=0, ms=1), safety, now)
    assert _obey(safety, command(rf_id=99, action=SHOCK, level=10), 1500)
    assert _obey(safety, shock, 3000)


def test_what_is_shortened_to_full_length_needs_the_rest_too():
    safety = _safety(caps(longest_ms=1000), rest_ms=2000)
    assert _obey(safety, command(action=SHOCK, level=10, ms=30000), 0)
    _refused("rest", command(action=SHOCK, ms=300), safety, 2500)


def test_nothing_between_shortens_the_rest():
    for between in (command(ms=5000), command(action=SOUND, ms=5000), command(level=0, ms=1)):
        safety = _safety(caps(longest_ms=5000), rest_ms=2000)
        assert _obey(safety, command(action=SHOCK, level=10, ms=5000), 0)
        assert _obey(safety, between, 5500)
        _refused("rest", command(action=SHOCK, level=10, ms=300), safety, 5600)
        safety.stopped(command(action=STOP), 5700)
        _refused("rest", command(action=SHOCK, level=10, ms=300), safety, 6999)
        assert _obey(safety, command(action=SHOCK, level=10, ms=300), 7000)


def test_a_short_shock_needs_no_rest():
    safety = _safety(caps(longest_ms=1000))
    assert _obey(safety, command(action=SHOCK, level=10, ms=999), 0)
    assert _obey(safety, command(action=SHOCK, level=10, ms=999), 999)
    safety = _safety(caps(longest_ms=1000))
    assert _obey(safety, command(action=SHOCK, level=10, ms=1000), 0)
    safety.stopped(command(action=STOP), 300)
    assert _obey(safety, command(action=SHOCK, level=10, ms=300), 400)


# S16, S17: how old, and only once


def test_an_order_of_more_than_two_seconds_ago_is_stale():
    for age_us, passes in ((0, True), (2 * S, True), (2 * S + 1, False), (3600 * S, False), (-1 * S, True)):
        asked = command(asked_us=NOON_US - age_us)
        if passes:
            _passes(asked, unix_us=NOON_US)
        else:
            _refused("stale", asked, unix_us=NOON_US)


def test_without_the_time_of_day_no_order_is_too_old():
    _passes(command(asked_us=1))
    _passes(command(asked_us=NOON_US))


def test_an_order_said_twice_is_obeyed_once():
    safety = _safety()
    asked = command(asked_us=NOON_US)
    assert _obey(safety, asked, 0)
    _refused("repeated", asked, safety, 1)
    _refused("stale", command(level=3, asked_us=NOON_US - 1), safety, 1)
    assert _obey(safety, command(asked_us=NOON_US + 1), 2)
    assert _obey(safety, command(rf_id=99, asked_us=NOON_US), 2)


def test_what_was_asked_before_a_stop_comes_too_late_behind_it():
    safety = _safety()
    safety.stopped(command(action=STOP, asked_us=NOON_US), 0)
    _refused("stale", command(asked_us=NOON_US - 1), safety, 1)
    assert _obey(safety, command(asked_us=NOON_US + 1), 1)
    safety.stopped_all(2, NOON_US + 10)
    for rf_id in (1234, 99):
        _refused("stale", command(rf_id=rf_id, asked_us=NOON_US + 9), safety, 3, NOON_US + 11)
        assert _obey(safety, command(rf_id=rf_id, asked_us=NOON_US + 11), 3, NOON_US + 11)


# S21, memory


def test_64_receivers_are_remembered_and_the_next_waits():
    safety = _safety()
    for rf_id in range(64):
        assert _obey(safety, command(rf_id=rf_id, ms=1000), 0)
    _refused("full", command(rf_id=64), safety, 1)
    assert _obey(safety, command(rf_id=63, level=1), 1)
    assert safety.judge(command(rf_id=64, action=STOP), 1)[1] == ""
    assert _obey(safety, command(rf_id=64), 70000)  # who was idle for more than a minute is forgotten
    assert _obey(safety, command(rf_id=65), 70000)


def test_reasons_are_counted_each_for_itself():
    safety = _safety()
    for _ in range(3):
        safety.judge(command(level=101), 0)
    safety.judge(command(ms=0), 0)
    assert safety.refuse("unknown") == (None, "unknown")
    assert safety.refused == {"level": 3, "duration": 1, "unknown": 1}
    assert all(rules.words(reason).strip() for reason in ("level", "duration", "unknown"))
