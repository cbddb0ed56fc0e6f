"""One order in, one effect out, and a line in the log for each: the real rooms around a player that only writes down."""

import gc

from firmware import requests
from firmware.command import (
    ACT,
    EMERGENCY,
    EVENT,
    HALT,
    KEEP,
    LIGHT,
    NOTE,
    PORTAL,
    REFUSE,
    RESTART,
    SHOCK,
    SOUND,
    STOP,
    UPDATE,
    VIBRATE,
    Event,
)
from firmware.control.dispatcher import Dispatcher
from firmware.control.estop import Latch
from firmware.control.safety import Safety
from firmware.control.scheduler import Scheduler
from firmware.control.transmitter import Radio
from firmware.shockers import caixianlin, petrainer998dr, wellturnt330
from host_tests.unit.rooms import NO_NUMBERS, Context, Hand, Store, book, caps, command, raised
from lib import plugins
from lib.log import INFO, WARNING


class House:
    """The rooms between a backend and the air. `hear()` plays everything that is due."""

    def __init__(self, bounds=None, kept=None, budget=6000):
        self.clock = Hand()
        self.store = Store(estop=kept) if kept is not None else Store()
        self.log, self.lines = book(self.clock)
        self.safety = Safety(bounds or caps(), {}, budget, 2000)
        self.scheduler = Scheduler(lambda model: plugins.load("firmware.shockers", model))
        self.radio = Radio(self.scheduler, self, self.clock, self._cut, lambda: None)
        self.latch = Latch(self.store)
        self.requests = []
        self.wall_us = None
        context = Context(self.clock, lambda: self.wall_us, self.log, lambda *request: self.requests.append(request))
        self.dispatcher = Dispatcher(self.safety, self.scheduler, self.radio, self.latch, context)
        self.obey = self.dispatcher.obey
        self.played = []  # trains, as bytes

    def _cut(self):
        self.dispatcher.emergency("button")

    def play(self, train, heed=True):
        self.played.append(bytes(train))
        self.clock.ms += 45
        return 0

    def act(self, **more):
        """The last line of the log after this command."""
        self.obey(ACT, command(**more))
        return self.lines[-1]

    def hear(self):
        """How often each train was played until the air was quiet, as {train: count}."""
        self.played = []
        while True:
            train = self.scheduler.next(self.clock.ms)
            if train is None:
                return {train: self.played.count(train) for train in self.played}
            self.scheduler.again(self.play(train) > 60)


def _train(action, level, rf_id=1234, model=caixianlin):
    return bytes(model.encode(rf_id, action, level))


SILENCE = bytes(caixianlin.stop(1234))


# commands


def test_a_command_is_heard_and_written_down():
    house = House()
    line = house.act(action=VIBRATE, level=40, ms=450, source="desk")
    assert line == "[0][info][act] desk vibrate 40 for 450 ms to caixianlin 1234"
    assert house.dispatcher.busy()
    assert house.hear() == {_train(VIBRATE, 40): 10, SILENCE: 7}
    assert not house.dispatcher.busy()


def test_the_log_says_what_is_carried_out_not_what_was_asked():
    house = House(caps(vibrate=30, longest_ms=500))
    assert "vibrate 30 for 500 ms" in house.act(level=90, ms=9000)
    assert _train(VIBRATE, 30) in house.hear()


def test_a_channel_is_named():
    house = House()
    assert house.act(model="petrainer998dr", channel=2).endswith("to petrainer998dr 1234 channel 2")
    assert bytes(petrainer998dr.encode(1234, VIBRATE, 50, 2)) in house.hear()


def test_a_stop_is_heard_at_once_also_by_a_stranger():
    house = House()
    house.act(level=40, ms=9000)
    house.act(action=STOP)
    house.act(action=STOP, rf_id=9, model="wellturnt330")
    assert not house.dispatcher.busy()
    heard = house.hear()
    assert set(heard) == {SILENCE, bytes(wellturnt330.stop(9))} and min(heard.values()) >= 3


REFUSALS = (
    (dict(action=9), "no such action"),
    (dict(rf_id=65536), "no such receiver id"),
    (dict(level=101), "level outside 0-100"),
    (dict(ms=0), "duration outside 1-30000 ms"),
    (dict(action=SHOCK), "shocks are switched off here"),
    (dict(action=SOUND), "the local cap is 0"),
    (dict(model="nosuch"), "unknown model"),
    (dict(model="../caixianlin"), "unknown model"),
    (dict(model="nosuch", action=STOP), "unknown model"),
    (dict(model="wellturnt330", action=LIGHT), "this receiver cannot do that"),
    (dict(channel=99), "this receiver cannot do that"),
    (dict(channel=99, action=STOP), "this receiver cannot do that"),
    (dict(asked_us=1), "too old"),
)


def test_what_is_refused_makes_no_edge_and_is_written_down_with_its_reason():
    for asked, words in REFUSALS:
        house = House(caps(sound=0, shock_allowed=False))
        house.wall_us = 1792500000000000
        line = house.act(**asked)
        assert line.startswith("[0][warning][refused] " + words + ": test "), line
        assert sum(house.safety.refused.values()) == 1
        assert house.hear() == {} and len(house.lines) == 1


def test_an_age_that_is_no_good_is_a_doubt_about_our_clock():
    house = House(caps())
    house.wall_us = 1792500000000000
    doubts = []
    house.dispatcher.on_stale = lambda: doubts.append(house.lines[-1])
    house.act(level=101)
    house.act()
    assert not doubts
    house.act(asked_us=house.wall_us - 2_000_001)
    house.act(asked_us=house.wall_us + 2_000_001)
    assert len(doubts) == 2


def test_what_is_refused_leaves_what_runs_alone():
    house = House(caps(sound=0, shock_allowed=False))
    house.wall_us = 1792500000000000
    house.act(level=40, ms=900)
    for asked, _ in REFUSALS:
        house.act(**asked)
    assert house.hear() == {_train(VIBRATE, 40): 20, SILENCE: 7}


def test_what_went_on_the_air_is_booked():
    house = House(budget=100)
    for level in range(10):
        assert "[act]" in house.act(level=1 + level, ms=10)
    assert "more than 10 commands a second" in house.act(level=99, ms=10)
    house.clock.ms = 5000
    assert "the minute's budget is spent" in house.act(level=100, ms=1000)


def test_whatever_stands_in_a_command_becomes_one_line():
    house = House()
    for value in ("a\nb\x1b[2J", b"\xff", float("nan"), 10**100, [[]], {"a": 1}, (), None) + NO_NUMBERS:
        for field in ("action", "level", "ms", "rf_id", "model", "source"):
            before = len(house.lines)
            house.clock.ms += 5000  # no repeat of the one before: those are not written
            house.obey(ACT, command(**{field: value}))
            assert len(house.lines) == before + 1
            assert "\n" not in house.lines[-1] and "\x1b" not in house.lines[-1] and len(house.lines[-1]) < 300


def test_a_backends_own_refusal_is_counted_and_written_down():
    house = House()
    house.obey(REFUSE, ("unknown", "shocker 0-0 of somebody"))
    assert house.lines == ["[0][warning][refused] unknown receiver: shocker 0-0 of somebody"]
    assert house.safety.refused == {"unknown": 1} and house.hear() == {}


def test_too_many_receivers_are_refused_and_the_others_go_on():
    house = House()
    for rf_id in range(64):
        house.act(rf_id=rf_id, ms=30000)
    assert "too many receivers at once" in house.act(rf_id=64)
    assert "stop" in house.act(rf_id=65, action=STOP)
    assert house.scheduler.active(0) == 64


# stopping


def test_halt_stops_everybody_with_a_full_goodbye():
    house = House()
    for rf_id in (1, 2, 3):
        house.act(rf_id=rf_id, ms=30000)
    house.obey(HALT, "link lost")
    assert house.lines[-1] == "[0][info][stop] all: link lost"
    assert not house.dispatcher.busy()
    heard = house.hear()
    assert sorted(heard) == sorted(bytes(caixianlin.stop(rf_id)) for rf_id in (1, 2, 3))
    assert all(count >= 3 for count in heard.values())
    house.act(rf_id=1, ms=100)  # a halt locks nothing
    assert len(house.hear()) == 2


def test_halting_what_is_quiet_says_nothing():
    house = House()
    house.obey(HALT, "link lost")
    assert house.lines == [] and house.hear() == {}


def test_an_emergency_stop_latches_in_memory_and_storage():
    house = House()
    house.act(ms=30000)
    house.obey(EMERGENCY, "hub")
    assert house.latch.latched and house.store.kept == {"estop": 1}
    assert house.lines[-2:] == ["[0][info][stop] all: emergency stop, hub", "[0][warning][estop] latched: hub"]
    assert house.hear() == {SILENCE: 7}
    assert "the emergency stop is latched" in house.act()
    assert "stop" in house.act(action=STOP)  # a stop still passes
    assert house.hear() == {SILENCE: 7}


def test_an_emergency_stop_said_again_stays_one():
    house = House()
    for _ in range(5):
        house.obey(EMERGENCY, "hub")
    assert house.store.puts == 1 and len(house.lines) == 1


def test_a_storage_that_refuses_does_not_hinder_the_stop():
    house = House()
    house.act(ms=30000)
    house.store.broken = True
    house.obey(EMERGENCY, "hub")
    assert house.latch.latched and house.hear() == {SILENCE: 7}
    assert "[error][estop]" in house.lines[-1]
    house.store.broken = False
    house.obey(EMERGENCY, "hub")
    assert house.store.kept == {"estop": 1}  # and the next one is kept


def test_the_latch_is_what_it_was_before_the_start():
    for kept, latched in ((None, False), (0, False), (1, True), (-1, True), (7, True)):
        house = House(kept=kept)
        assert house.latch.latched is latched
        assert (house.hear() == {}) and ("latched" in house.act()) is latched
    store = Store()
    store.broken = True
    assert Latch(store).latched is True


def test_clearing_the_latch_restarts_nothing():
    house = House()
    house.act(ms=30000)
    house.obey(EMERGENCY, "hub")
    house.hear()
    house.dispatcher.clear_estop("console")
    assert not house.latch.latched and house.store.kept == {"estop": 0}
    assert house.lines[-1].endswith("[warning][estop] cleared: console")
    assert house.hear() == {}
    house.act(level=40, ms=100)
    assert _train(VIBRATE, 40) in house.hear()


def test_a_latch_that_cannot_be_cleared_stays():
    house = House(kept=1)
    house.store.broken = True
    assert house.dispatcher.clear_estop("console") is False
    assert "it stays latched" in house.lines[-1]
    assert house.latch.latched and "latched" in house.act()
    house.store.broken = False
    assert house.dispatcher.clear_estop("console") is True and not house.latch.latched


def test_nobody_is_kept_awake_while_it_is_latched():
    house = House()
    house.act(ms=100)
    house.hear()
    house.obey(EMERGENCY, "hub")
    house.clock.ms += 120000
    assert house.scheduler.next(house.clock.ms) is None
    house.dispatcher.clear_estop("console")
    assert house.scheduler.next(house.clock.ms) is not None
    assert House(kept=1).scheduler.keep_alive is False


def test_a_locked_radio_sends_stop_frames_alone():
    house = House()
    house.act(ms=30000)
    house.dispatcher.lock("update")
    assert house.lines[-1] == "[0][info][stop] all: update"
    assert "the radio is locked" in house.act()
    house.act(action=STOP)
    assert set(house.hear()) == {SILENCE}
    house.dispatcher.locked = ""
    house.act(ms=100)
    assert len(house.hear()) == 2


# everything else


def test_an_emergency_stop_by_hand_is_told_to_the_services_and_one_of_theirs_is_not():
    house = House()
    house.obey(EMERGENCY, "hub")
    assert house.latch.latched and house.requests == []
    house.dispatcher.clear_estop("by hand")
    house.act()
    house.dispatcher.emergency("button")
    assert house.requests == [(requests.STOP_OTHERS, "button")]
    house.dispatcher.emergency("button")
    assert len(house.requests) == 1, "it was latched already"


def test_an_event_is_a_line_in_the_log_and_what_the_rules_make_of_it_passes_as_every_command():
    class Rules:
        asked = []
        notes = ["rule 3 rests for another 4 s"]

        def commands(self, event, now):
            self.asked.append((event, now))
            return [command(source="valtronics"), command(action=LIGHT, source="valtronics"), command(action=SHOCK)]

    house = House()
    event = Event("valtronics", "alert", "critical", "pump 7 is hot")
    house.obey(EVENT, event)
    assert house.lines[-1].endswith("valtronics alert critical: pump 7 is hot") and not house.hear()
    rules = house.dispatcher.rules = Rules()
    house.obey(EVENT, event)
    assert rules.asked == [(event, house.clock.ms)]
    assert house.lines[-1].endswith("[rules] rule 3 rests for another 4 s")
    for line in house.lines[-3:-1]:
        assert "[refused] an event may vibrate or sound, and no more" in line
    assert "valtronics vibrate" in house.lines[-4] and house.dispatcher.refusals() == {"event": 2}
    assert list(house.hear()) != []


def test_what_would_be_is_foreseen_and_nothing_is_sent_or_counted():
    house = House(caps(vibrate=20, sound=0))
    foresee = house.dispatcher.foresee
    assert foresee(command(level=80)) == (command(level=20), "")
    assert foresee(command(action=SOUND)) == (None, "cap")
    assert foresee(command(level=101)) == (None, "level")
    house.dispatcher.lock("set-up")
    assert foresee(command()) == (command(level=20), ""), "a lock is for a while"
    house.dispatcher.locked = ""
    house.dispatcher.emergency("button")
    assert foresee(command()) == (None, "estop")
    assert not house.hear() and house.dispatcher.refusals() == {}


def test_requests_are_handed_on():
    house = House()
    house.obey(PORTAL, True)
    house.obey(PORTAL, False)
    house.obey(UPDATE, "1.6.0")
    house.obey(RESTART, "hub")
    house.obey(KEEP, ("dsp_fleet", {"token": "t"}))
    assert house.requests == [
        (requests.OPEN_PORTAL, requests.AFAR),
        (requests.OPEN_PORTAL, 0),
        (requests.UPDATE, "1.6.0"),
        (requests.RESTART, "hub"),
        (requests.STORE, ("dsp_fleet", {"token": "t"})),
    ]


def test_a_note_is_a_line():
    house = House()
    house.obey(NOTE, "3 shockers known")
    assert house.lines == ["[0][info][note] 3 shockers known"]


def test_an_order_that_nobody_knows_is_no_order():
    house = House()
    for order in (0, 9, 99, None, "act"):
        raised(KeyError, house.obey, order, None)
    assert house.hear() == {}


def test_the_log_agrees_with_what_was_heard():
    house = House(caps(shock=20))
    asked = [(VIBRATE, 10), (SHOCK, 90), (SOUND, 3), (LIGHT, 1)]
    for number, (action, level) in enumerate(asked):
        house.act(rf_id=number, action=action, level=level, ms=900)
    entries = [(level, text) for _, level, place, text in house.log.last() if place in ("act", "refused")]
    assert [level for level, _ in entries] == [INFO] * 4
    assert [text.split()[1:3] for _, text in entries] == [
        ["vibrate", "10"],
        ["shock", "20"],
        ["sound", "3"],
        ["light", "1"],
    ]
    heard = house.hear()
    wanted = [_train(VIBRATE, 10, 0), _train(SHOCK, 20, 1), _train(SOUND, 3, 2), _train(LIGHT, 1, 3)]
    assert sorted(heard) == sorted(wanted + [bytes(caixianlin.stop(rf_id)) for rf_id in range(4)])
    assert WARNING not in [level for level, _ in entries]


def test_s05_stops_to_receivers_that_nobody_knows_take_bounded_room():
    house = House()
    house.act(rf_id=1, ms=20000)
    house.log.level = 9
    gc.collect()
    before = gc.mem_free()
    for rf_id in range(2000, 3000):
        house.obey(ACT, command(rf_id=rf_id, action=STOP))
    house.obey(ACT, command(rf_id=1, action=STOP))
    gc.collect()
    assert before - gc.mem_free() < 2 * 12_000, "bytes of a heap with pointers of 8"
    assert not house.dispatcher.busy() and house.dispatcher.refusals() == {"full": 988}
