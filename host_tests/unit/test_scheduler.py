"""Who is on the air, told frame by frame on a clock turned by hand. The model here is made of paper: its frames can be read."""

from array import array

from firmware.command import LIGHT, SHOCK, SOUND, STOP, VIBRATE, Command
from firmware.control.scheduler import Full, Scheduler
from firmware.shockers import caixianlin
from host_tests.unit.rooms import Dice, command, raised

FRAME_MS = 45
SLOW_MS = 140
STOPPED = (STOP, 0)


class Paper:
    """A receiver model whose frames say in plain numbers what they are. It knows no light, and channels 0–3."""

    def __init__(self, ms):
        self.ms = ms
        self.encoded = 0

    CHANNEL = None

    def encode(self, rf_id, action, intensity, channel=None):
        if action == LIGHT or channel not in (None, 0, 1, 2, 3) or not 0 <= rf_id <= 65535:
            raise ValueError
        self.encoded += 1
        return self._frame(rf_id, action, intensity, channel)

    def stop(self, rf_id, channel=None):
        if channel not in (None, 0, 1, 2, 3) or not 0 <= rf_id <= 65535:
            raise ValueError
        return self._frame(rf_id, STOP, 0, channel)

    def _frame(self, rf_id, action, intensity, channel):
        head = (rf_id, action, intensity, 9 if channel is None else channel)
        return array("H", head + (self.ms * 1000 - sum(head) if self.ms * 1000 - sum(head) < 65536 else 60000,))


class Air:
    """A scheduler with somebody who plays what it gives: `sent` is a list of (began_ms, rf_id, (action, level), channel)."""

    def __init__(self, frame_ms=FRAME_MS, **options):
        self.paper = {"caixianlin": Paper(frame_ms), "slow": Paper(SLOW_MS)}
        self.scheduler = Scheduler(lambda model: self.paper[model], **options)
        self.frame_ms = frame_ms
        self.now = 0
        self.sent = []

    def put(self, *arguments, **more):
        self.scheduler.put(command(*arguments, **more), self.now)

    def stop(self, rf_id, channel=None, model="caixianlin"):
        self.scheduler.stop(model, rf_id, channel, self.now)

    def frame(self, spoilt=False):
        """One frame; None when the air is quiet, and then no time passes. `spoilt`: with an edge that came too late."""
        train = self.scheduler.next(self.now)
        if train is None:
            return None
        rf_id, action, level, channel, _ = train
        said = (self.now, rf_id, (action, level), None if channel == 9 else channel)
        assert self.scheduler.saying_stop == (said[2] == STOPPED)
        self.sent.append(said)
        self.now += self.frame_ms
        self.scheduler.again(spoilt)
        return said

    def until(self, ms):
        """Everything up to then; the clock shows it at least."""
        while self.now < ms and self.frame():
            pass
        self.now = max(self.now, ms)

    def to_the_end(self):
        """None when the air is quiet."""
        for _ in range(10000):
            if not self.frame():
                return
        raise AssertionError("it never ends")

    def of(self, rf_id):
        """[(began_ms, (action, level))] of one receiver."""
        return [(began, what) for began, sender, what, _ in self.sent if sender == rf_id]

    def whats(self, rf_id):
        return [what for _, what in self.of(rf_id)]


def _goodbye(air, rf_id):
    """The times of the stop frames that end what a receiver heard; they must be a full goodbye."""
    begun = []
    for began, what in air.of(rf_id):
        begun = begun + [began] if what == STOPPED else []
    assert len(begun) >= 3, begun
    assert begun[-1] + air.frame_ms - begun[0] >= 300, begun
    return begun


# one receiver


def test_a_command_is_on_the_air_for_its_time_and_ends_with_stop_frames():
    air = Air()
    air.put(rf_id=7, action=VIBRATE, level=40, ms=1000)
    assert air.scheduler.active(0) == 1 and air.scheduler.busy()
    air.to_the_end()
    active = [began for began, what in air.of(7) if what == (VIBRATE, 40)]
    assert active[0] == 0 and 1000 - FRAME_MS <= active[-1] < 1000
    assert len(active) == len(range(0, 1000, FRAME_MS))  # one behind the other, without a gap
    stops = _goodbye(air, 7)
    assert stops[0] == active[-1] + FRAME_MS and len(stops) == 7
    assert not air.scheduler.busy() and air.scheduler.active(air.now) == 0
    assert len(air.sent) == len(active) + len(stops)


def test_a_command_whose_time_is_over_before_its_turn_is_missed_once_and_says_goodbye():
    air = Air()
    for rf_id in (1, 2, 3):
        air.put(rf_id=rf_id, ms=80)
    missed = []
    while air.frame():
        missed.append(air.scheduler.missed)
    assert air.whats(1)[0] == air.whats(2)[0] == (VIBRATE, 50) and air.whats(3)[0] == STOPPED
    assert [key for key in missed if key] == [("caixianlin", 3, None)] and missed[2]
    _goodbye(air, 3)


def test_what_was_stopped_or_replaced_or_heard_is_not_missed():
    air = Air()
    air.put(rf_id=1, ms=500)
    air.put(rf_id=2, ms=500)
    air.put(rf_id=3, ms=10)
    air.put(rf_id=3, ms=500, level=20)
    air.stop(2)
    while air.frame():
        assert air.scheduler.missed is None
    assert air.whats(2)[0] == STOPPED and air.whats(3)[0] == (VIBRATE, 20)


def test_the_shortest_command_is_one_frame():
    air = Air()
    air.put(rf_id=7, ms=1)
    air.to_the_end()
    assert air.whats(7)[:2] == [(VIBRATE, 50), STOPPED]
    _goodbye(air, 7)


def test_a_long_frame_still_gets_three_stop_frames():
    air = Air(SLOW_MS)
    air.put(model="slow", rf_id=7, ms=300)
    air.to_the_end()
    assert air.whats(7) == [(VIBRATE, 50)] * 3 + [STOPPED] * 3
    _goodbye(air, 7)


def test_nothing_active_begins_after_the_end_however_late_the_frame_comes():
    air = Air()
    air.put(rf_id=7, ms=1000)
    air.until(500)
    air.now = 1000  # the loop was busy elsewhere
    assert air.frame()[2] == STOPPED
    air = Air()
    air.put(rf_id=7, ms=1000)
    air.until(500)
    air.now = 10**9
    air.to_the_end()
    assert set(what for began, what in air.of(7) if began >= 1000) == {STOPPED}


def test_nothing_is_sent_when_nothing_was_asked():
    air = Air()
    assert air.frame() is None and not air.scheduler.busy() and air.scheduler.active(0) == 0
    air.scheduler.stop_all(0)
    assert air.frame() is None


# newest wins


def test_the_newest_replaces_what_ran_at_the_next_frame():
    air = Air()
    air.put(rf_id=7, action=VIBRATE, level=50, ms=5000)
    air.until(500)
    before = len(air.sent)
    air.put(rf_id=7, action=SOUND, level=20, ms=600)
    began = air.now
    air.to_the_end()
    later = air.sent[before:]
    assert later[0][2] == (SOUND, 20)
    assert (VIBRATE, 50) not in [what for _, _, what, _ in later]
    last = [when for when, _, what, _ in later if what == (SOUND, 20)][-1]
    assert last < began + 600
    _goodbye(air, 7)


def test_the_newest_may_be_shorter_or_longer():
    for first_ms, second_ms in ((5000, 300), (300, 5000)):
        air = Air()
        air.put(rf_id=7, level=1, ms=first_ms)
        air.until(100)
        air.put(rf_id=7, level=2, ms=second_ms)
        began = air.now
        air.to_the_end()
        active = [when for when, what in air.of(7) if what == (VIBRATE, 2)]
        assert began + second_ms - FRAME_MS <= active[-1] < began + second_ms


def test_nothing_queues():
    air = Air()
    for level in range(1, 51):
        air.put(rf_id=7, level=level, ms=1000)
    air.to_the_end()
    assert set(air.whats(7)) == {(VIBRATE, 50), STOPPED}


def test_the_same_again_makes_no_new_frame_and_leaves_no_gap():
    air = Air()
    for _ in range(20):  # live control: half a second, five times a second
        air.put(rf_id=7, level=30, ms=500)
        air.until(air.now + 200)
    last = air.now
    air.to_the_end()
    assert air.paper["caixianlin"].encoded == 1
    active = [began for began, what in air.of(7) if what != STOPPED]
    assert all(after - before == FRAME_MS for before, after in zip(active, active[1:]))
    assert active[-1] < last + 500


def test_a_command_after_a_stop_is_heard():
    air = Air()
    air.put(rf_id=7, level=30, ms=5000)
    air.until(100)
    air.stop(7)
    air.until(250)
    air.put(rf_id=7, level=40, ms=300)
    assert air.frame()[2] == (VIBRATE, 40)
    air.to_the_end()
    assert air.whats(7)[-8] == (VIBRATE, 40)
    _goodbye(air, 7)


# what a model cannot do


def test_an_unsupported_action_leaves_the_running_one_alone():
    air = Air()
    air.put(rf_id=7, action=VIBRATE, level=50, ms=1000)
    air.until(300)
    raised(ValueError, air.put, rf_id=7, action=LIGHT, level=50, ms=30000)
    air.to_the_end()
    active = [began for began, what in air.of(7) if what == (VIBRATE, 50)]
    assert len(active) == len(range(0, 1000, FRAME_MS))
    assert len(air.whats(7)) == len(active) + 7


def test_an_unsupported_action_starts_nothing():
    air = Air()
    for wrong in (dict(action=LIGHT), dict(channel=7), dict(rf_id=65536)):
        raised(ValueError, air.put, **wrong)
    raised(KeyError, air.put, model="nosuch")
    assert not air.scheduler.busy() and air.frame() is None


def test_a_stop_that_a_model_cannot_carry_is_refused():
    air = Air()
    air.put(rf_id=7, ms=1000)
    raised(ValueError, air.stop, 65536)
    raised(ValueError, air.stop, 8, 7)
    assert air.frame()[1:3] == (7, (VIBRATE, 50))


# turns


def test_the_round_is_fair():
    for count in (1, 2, 3, 16):
        air = Air()
        for rf_id in range(count):
            air.put(rf_id=rf_id, level=rf_id + 1, ms=20000)
        for turn in range(5):
            assert [air.frame()[1] for _ in range(count)] == list(range(count)), turn
        while air.now < 18000:
            air.frame()
        heard = [len(air.of(rf_id)) for rf_id in range(count)]
        assert max(heard) - min(heard) <= 1
        for rf_id in range(count):
            begun = [began for began, _ in air.of(rf_id)]
            assert all(after - before == count * FRAME_MS for before, after in zip(begun, begun[1:]))


def test_a_newcomer_waits_for_no_more_than_one_round():
    air = Air()
    for rf_id in range(10):
        air.put(rf_id=rf_id, ms=20000)
    for _ in range(13):
        air.frame()
    air.put(rf_id=99, ms=20000)
    assert 99 in [air.frame()[1] for _ in range(11)]


def test_sixteen_end_each_in_its_time_with_a_full_goodbye():
    air = Air()
    for rf_id in range(16):
        air.put(rf_id=rf_id, ms=1000 + 500 * rf_id)
    air.to_the_end()
    for rf_id in range(16):
        active = [began for began, what in air.of(rf_id) if what != STOPPED]
        assert active[-1] < 1000 + 500 * rf_id
        _goodbye(air, rf_id)


# stop


def test_a_stop_jumps_the_round():
    for count in (1, 2, 16):
        for chosen in range(count):
            air = Air()
            for rf_id in range(count):
                air.put(rf_id=rf_id, ms=20000)
            for _ in range(count + 3):
                air.frame()
            air.stop(chosen)
            assert air.frame()[1:3] == (chosen, STOPPED)
            before = len(air.sent)
            air.until(air.now + 3000)
            after = [(rf_id, what) for _, rf_id, what, _ in air.sent[before:]]
            assert (chosen, (VIBRATE, 50)) not in after
            assert all((rf_id, STOPPED) not in after for rf_id in range(count) if rf_id != chosen)
            assert all((rf_id, (VIBRATE, 50)) in after for rf_id in range(count) if rf_id != chosen)
            _goodbye(air, chosen)


def test_after_a_stop_of_all_no_active_frame_goes_out():
    air = Air()
    for rf_id in range(16):
        air.put(rf_id=rf_id, ms=20000)
    for _ in range(21):
        air.frame()
    before = len(air.sent)
    air.scheduler.stop_all(air.now)
    assert air.scheduler.active(air.now) == 0 and air.scheduler.busy()
    air.to_the_end()
    after = air.sent[before:]
    assert sorted(rf_id for _, rf_id, _, _ in after[:16]) == list(range(16))  # first one for each
    assert set(what for _, _, what, _ in after) == {STOPPED}
    for rf_id in range(16):
        _goodbye(air, rf_id)


def test_a_stop_during_the_goodbye_begins_it_anew():
    air = Air()
    air.put(rf_id=7, ms=100)
    air.until(350)
    told = len(air.sent)
    air.stop(7)
    air.to_the_end()
    assert len(air.sent) - told == 7
    _goodbye(air, 7)


def test_a_stop_for_somebody_unknown_is_sent_all_the_same():
    air = Air()
    air.put(rf_id=7, ms=5000)
    air.frame()
    air.stop(8)
    assert air.frame()[1:3] == (8, STOPPED)
    air.until(4000)
    assert air.whats(8) == [STOPPED] * len(air.whats(8))
    _goodbye(air, 8)
    assert STOPPED not in air.whats(7)


def test_a_stop_of_all_reaches_those_who_say_goodbye_too():
    air = Air()
    air.put(rf_id=7, ms=50)
    air.put(rf_id=8, ms=5000)
    air.until(300)
    before = len(air.sent)
    air.scheduler.stop_all(air.now)
    air.to_the_end()
    for rf_id in (7, 8):
        begun = [began for began, sender, what, _ in air.sent[before:] if sender == rf_id]
        assert begun[-1] + FRAME_MS - begun[0] >= 300


# channels


def test_two_channels_are_two_transmissions():
    air = Air()
    air.put(rf_id=7, channel=1, level=10, ms=1000)
    air.put(rf_id=7, channel=2, level=20, ms=2000)
    air.to_the_end()
    assert set((what, channel) for _, _, what, channel in air.sent) == {
        ((VIBRATE, 10), 1),
        ((VIBRATE, 20), 2),
        (STOPPED, 1),
        (STOPPED, 2),
    }


def test_a_stop_without_a_channel_stops_all_of_a_receiver():
    air = Air()
    for channel in (None, 1, 2):
        air.put(rf_id=7, channel=channel, ms=9000)
    air.put(rf_id=8, channel=1, ms=9000)
    air.until(500)
    before = len(air.sent)
    air.stop(7)
    assert sorted(str(air.frame()[3]) for _ in range(3)) == ["1", "2", "None"]
    air.until(3000)
    assert set(what for _, rf_id, what, _ in air.sent[before:] if rf_id == 7) == {STOPPED}
    assert STOPPED not in air.whats(8)


def test_a_stop_with_a_channel_stops_that_one():
    air = Air()
    air.put(rf_id=7, channel=1, ms=9000)
    air.put(rf_id=7, channel=2, ms=9000)
    air.until(500)
    before = len(air.sent)
    air.stop(7, 2)
    assert air.frame()[1:] == (7, STOPPED, 2)
    air.until(2000)
    later = air.sent[before:]
    assert set(what for _, _, what, channel in later if channel == 2) == {STOPPED}
    assert set(what for _, _, what, channel in later if channel == 1) == {(VIBRATE, 50)}


def test_the_same_id_of_another_model_is_another_receiver():
    air = Air()
    air.put(rf_id=7, level=10, ms=9000)
    air.put(model="slow", rf_id=7, level=20, ms=9000)
    air.until(500)
    air.stop(7, model="slow")
    before = len(air.sent)
    air.until(1500)
    later = [what for _, _, what, _ in air.sent[before:]]
    assert (VIBRATE, 20) not in later and (VIBRATE, 10) in later


# room


def _crowd(ms=60000):
    air = Air()
    for rf_id in range(64):
        air.put(rf_id=rf_id, ms=ms)
    return air


def test_there_is_room_for_64_and_the_next_changes_nothing():
    air = _crowd()
    raised(Full, air.put, rf_id=64)
    assert [air.frame()[1] for _ in range(64)] == list(range(64))
    assert air.scheduler.active(air.now) == 64
    air.put(rf_id=63, level=99, ms=60000)  # no new one: that is always possible
    assert (63, (VIBRATE, 99)) in [air.frame()[1:3] for _ in range(64)]


def test_a_stop_needs_no_room():
    air = _crowd()
    for _ in range(70):
        air.frame()
    for rf_id in (64, 65, 66):
        air.stop(rf_id)
        assert air.frame()[1:3] == (rf_id, STOPPED)
    before = len(air.sent)
    for _ in range(200):
        air.frame()
    heard = set((rf_id, what) for _, rf_id, what, _ in air.sent[before:])
    assert all((rf_id, (VIBRATE, 50)) in heard for rf_id in range(64))  # nobody was dropped for it


def test_room_is_made_by_whoever_has_heard_most_of_its_goodbye():
    air = _crowd(100)
    for _ in range(64 + 10):  # three had an active frame each; then came stop frames, a second one for seven receivers
        air.frame()
    air.stop(64)
    assert air.frame()[1:3] == (64, STOPPED)
    before = len(air.sent)
    air.to_the_end()
    gone = set(range(65)) - set(rf_id for _, rf_id, _, _ in air.sent[before:])
    assert len(gone) == 1 and gone < set(range(3, 10))
    for rf_id in set(range(65)) - gone:
        _goodbye(air, rf_id)


def test_who_has_gone_makes_room():
    air = _crowd(100)
    air.to_the_end()
    air.put(rf_id=100)
    assert air.frame()[1] == 100


# keep-alive: an idle receiver falls asleep


def test_an_idle_receiver_is_woken_every_minute():
    air = Air()
    air.put(rf_id=7, ms=100)
    air.to_the_end()
    ended = air.now
    air.now = ended + 59900
    assert air.frame() is None
    for _ in range(3):
        air.now = ended + 60000
        before = len(air.sent)
        air.to_the_end()
        assert [what for _, _, what, _ in air.sent[before:]] == [STOPPED] * 7
        ended = air.now
    air.put(rf_id=7, level=9, ms=100)
    assert air.frame()[2] == (VIBRATE, 9)


def test_nobody_is_woken_when_that_is_switched_off():
    air = Air(keep_alive=False)
    air.put(rf_id=7, ms=100)
    air.to_the_end()
    air.now += 600000
    assert air.frame() is None
    air.scheduler.keep_alive = True  # the latch was cleared
    assert air.frame()[1:3] == (7, STOPPED)


def test_who_is_on_the_air_is_not_woken():
    air = Air()
    air.put(rf_id=7, ms=100)
    air.to_the_end()
    air.put(rf_id=7, ms=100000)
    while air.now < 90000:
        assert air.frame()[2] == (VIBRATE, 50)
        air.sent = []


def test_64_idle_receivers_are_remembered_the_longest_idle_forgotten():
    air = Air()
    for rf_id in range(70):
        air.put(rf_id=rf_id, ms=1)
        air.to_the_end()
        air.sent = []
    air.now += 120000
    woken = set()
    while air.frame():
        woken.add(air.sent.pop()[1])
    assert woken == set(range(6, 70))


# a frame that was spoilt


def test_a_spoilt_frame_is_sent_again_once():
    air = Air()
    for rf_id in (1, 2, 3):
        air.put(rf_id=rf_id, ms=9000)
    assert air.frame(spoilt=True)[1] == 1
    assert [air.frame()[1] for _ in range(5)] == [1, 2, 3, 1, 2]
    assert [air.frame(spoilt=True)[1] for _ in range(6)] == [3, 3, 1, 1, 2, 2]  # a bad ground holds nobody up
    assert [air.frame()[1] for _ in range(3)] == [3, 1, 2]


def test_a_spoilt_stop_frame_does_not_count():
    air = Air()
    air.put(rf_id=7, ms=1)
    air.frame()
    good, spoilt = [], True
    while air.frame(spoilt):
        assert air.sent[-1][2] == STOPPED
        good += [] if spoilt else [air.sent[-1][0]]
        spoilt = not spoilt
    assert len(good) >= 3 and good[-1] + FRAME_MS - good[0] >= 300
    air = Air(SLOW_MS)
    air.put(model="slow", rf_id=7, ms=1)
    air.frame()
    for spoilt in (False, False, True, False):
        assert air.frame(spoilt)[2] == STOPPED
    assert air.frame() is None


def test_a_first_stop_frame_that_is_spoilt_is_first_again():
    air = Air()
    for rf_id in (1, 2, 3):
        air.put(rf_id=rf_id, ms=9000)
    air.frame()
    air.stop(3)
    assert air.frame(spoilt=True)[1:3] == (3, STOPPED)
    assert air.frame()[1:3] == (3, STOPPED)
    air.until(2000)
    _goodbye(air, 3)


def test_a_spoilt_frame_gives_way_to_a_stop():
    air = Air()
    air.put(rf_id=1, ms=9000)
    air.put(rf_id=2, ms=9000)
    air.frame(spoilt=True)
    air.stop(2)
    assert air.frame()[1:3] == (2, STOPPED)
    assert air.frame()[1] == 1
    air.frame(spoilt=True)
    air.stop(1)  # and what was to be sent again is not
    assert air.frame()[1:3] == (1, STOPPED)


# a long walk, judged by somebody who knows only the rules


class Oracle:
    """Knows only the rules: what each receiver may be told, and how each must be left."""

    def __init__(self):
        self.wanted = {}  # rf_id → (what, until), as the last command or stop left it
        self.stops = {}  # rf_id → (first, last, how many) stop frames of its last goodbye

    def active(self, now):
        return [rf_id for rf_id, (_, until) in self.wanted.items() if now < until]

    def hear(self, began, rf_id, what):
        wanted, until = self.wanted[rf_id]
        assert what == (wanted if began < until else STOPPED), (began, rf_id, what)
        if what != STOPPED:
            self.stops.pop(rf_id, None)
            return
        first, last, count = self.stops.get(rf_id, (began, began, 0))
        if count >= 3 and began - last > 5000:  # kept awake: a goodbye of its own
            first, count = began, 0
        self.stops[rf_id] = first, began, count + 1

    def at_the_end(self):
        for rf_id in self.wanted:
            first, last, count = self.stops[rf_id]
            assert count >= 3 and last + FRAME_MS - first >= 300, rf_id


def test_a_walk_of_thousands_of_steps():
    for seed in (1, 2, 3):
        dice, air, oracle = Dice(seed), Air(), Oracle()
        heard = set()
        for _ in range(2000):
            rf_id, kind = dice.below(9), dice.below(12)
            if kind < 3:
                what, ms = (1 + dice.below(3), 1 + dice.below(100)), 1 + dice.below(1500)
                air.put(rf_id=rf_id, action=what[0], level=what[1], ms=ms)
                oracle.wanted[rf_id] = what, air.now + ms
            elif kind == 3:
                air.stop(rf_id)
                oracle.wanted[rf_id] = STOPPED, air.now
            elif kind == 4 and dice.below(10) == 0:
                air.scheduler.stop_all(air.now)
                oracle.wanted = {rf_id: (STOPPED, air.now) for rf_id in oracle.wanted}
            elif kind == 5 and dice.below(10) == 0:
                air.now += dice.below(100000)
            assert air.scheduler.active(air.now) == len(oracle.active(air.now))
            if air.frame():
                began, rf_id, what, _ = air.sent.pop()
                oracle.hear(began, rf_id, what)
                heard.add(what[0])
            else:
                assert not oracle.active(air.now)
        while air.frame():
            began, rf_id, what, _ = air.sent.pop()
            oracle.hear(began, rf_id, what)
        oracle.at_the_end()
        assert heard == {STOP, SHOCK, VIBRATE, SOUND}


def test_the_usual_channel_said_aloud_is_the_same_receiver():
    """With and without its number the usual channel is one place on the air: the newest wins, and either stop ends it."""
    scheduler = Scheduler(lambda model: caixianlin)
    scheduler.put(Command("caixianlin", 7, VIBRATE, 10, 1000, None, "a", None), 0)
    scheduler.put(Command("caixianlin", 7, VIBRATE, 20, 1000, 0, "b", None), 0)
    assert scheduler.active(0) == 1
    scheduler.stop("caixianlin", 7, 0, 0)
    assert scheduler.active(0) == 0
