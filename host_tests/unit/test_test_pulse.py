"""The one command that passes the lock of the set-up: what it may be, and that nothing else comes with it."""

from firmware.command import ACT, LIGHT, SHOCK, SOUND, STOP, VIBRATE
from firmware.shockers import caixianlin
from host_tests.unit.rooms import NO_NUMBERS, caps, command
from host_tests.unit.test_dispatcher import House


def _open(**more):
    house = House(**more)
    house.dispatcher.lock("set-up", tests=True)
    return house


def _active(house):
    return house.scheduler.active(house.clock())


def test_a_gentle_pulse_goes_out_while_everything_else_is_locked():
    for action in (VIBRATE, SOUND):
        house = _open()
        assert house.dispatcher.test_pulse(command(action=action, level=30, ms=1000)) == ""
        assert _active(house) == 1
        assert bytes(house.scheduler.next(house.clock())) == bytes(caixianlin.encode(1234, action, 30))
        house.clock.ms += 1000
        assert _active(house) == 0
        house.obey(ACT, command(rf_id=7, action=action, level=10, ms=300))
        assert _active(house) == 0
        assert house.safety.refused == {"locked": 1}


def test_what_is_not_gentle_is_no_test():
    house = _open()
    rough = [command(action=action, level=10) for action in (SHOCK, LIGHT, STOP, 5, -1, None, "vibrate")]
    rough += [
        command(level=31),
        command(level=100),
        command(level=-1),
        command(level=30, ms=1001),
        command(level=1, ms=0),
    ]
    rough += [command(level=value) for value in NO_NUMBERS] + [command(level=1, ms=value) for value in NO_NUMBERS]
    for asked in rough:
        assert house.dispatcher.test_pulse(asked) == "test", asked
    assert _active(house) == 0
    assert house.safety.refused == {"test": len(rough)}
    assert house.lines[-1].find("a test is vibrate or sound") > 0


def test_no_other_lock_lets_it_through():
    for why in ("restart", "update", "not set up"):
        house = House()
        house.dispatcher.lock(why)
        assert house.dispatcher.test_pulse(command(level=10)) == "locked"
        assert _active(house) == 0
    house = House()  # at work: commands come from a backend, not from a page
    assert house.dispatcher.test_pulse(command(level=10)) == "locked"
    house = _open()
    house.dispatcher.lock("restart")
    assert house.dispatcher.test_pulse(command(level=10)) == "locked"


def test_the_latch_wins():
    house = _open()
    assert house.dispatcher.test_pulse(command(level=10)) == ""
    house.dispatcher.emergency("button")
    assert _active(house) == 0
    assert house.dispatcher.test_pulse(command(level=10)) == "estop"
    house = House(kept=1)
    house.dispatcher.lock("set-up", tests=True)
    assert house.dispatcher.test_pulse(command(level=10)) == "estop"
    assert _active(house) == 0


def test_every_other_rule_binds_it():
    house = _open(bounds=caps(vibrate=5, sound=0, longest_ms=300))
    assert house.dispatcher.test_pulse(command(action=SOUND, level=10)) == "cap"
    assert house.dispatcher.test_pulse(command(level=30, ms=1000)) == ""
    assert bytes(house.scheduler.next(house.clock())) == bytes(caixianlin.encode(1234, VIBRATE, 5))
    house.clock.ms += 300
    assert _active(house) == 0
    assert house.dispatcher.test_pulse(command(model="nobody", level=1)) == "model"
    assert house.dispatcher.test_pulse(command(rf_id=65536, level=1)) == "id"
    reasons = [house.dispatcher.test_pulse(command(level=1 + turn % 2, ms=100)) for turn in range(12)]
    assert reasons.count("rate") >= 2 and reasons[0] == ""
