"""Two services tell of the same: it is done once; stops always pass; each link watches only what it has begun."""

from firmware.command import ACT, EMERGENCY, EVENT, HALT, NOTE, REFUSE, SHOCK, STOP, Event
from firmware.control import deduplicate
from host_tests.unit.rooms import Hand, command


class Both:
    """Two ears, `one` and `two`, at a dispatcher that writes down."""

    def __init__(self):
        self.clock = Hand()
        self.orders = []
        self.halts = []
        self.is_busy = True
        self.rules = None
        self.one, self.two = deduplicate.ears(self, self.clock)

    def receive(self, order, detail):
        self.orders.append((order, detail))

    def halt(self, why):
        self.halts.append(why)

    def busy(self):
        return self.is_busy

    def kinds(self):
        return [order for order, _ in self.orders]


def test_s24_what_both_tell_of_is_done_once_whoever_is_first():
    for first, second in (("one", "two"), ("two", "one")):
        both = Both()
        getattr(both, first).receive(ACT, command(source="gateway", asked_us=None))
        both.clock.ms += 300
        getattr(both, second).receive(ACT, command(source="Ann", asked_us=1_700_000_000_000_000))
        assert both.kinds() == [ACT, REFUSE]
        assert both.orders[1][1][0] == "repeated"


def test_each_time_counts():
    both = Both()
    for ear in (both.one, both.one, both.two, both.two, both.two):
        ear.receive(ACT, command())
    assert both.kinds() == [ACT, ACT, REFUSE, REFUSE, ACT], "the fifth was told by one service alone so far"


def test_the_same_service_may_say_it_again():
    both = Both()
    both.one.receive(ACT, command())
    both.one.receive(ACT, command())
    assert both.kinds() == [ACT, ACT]


def test_other_actions_are_other_actions():
    both = Both()
    both.one.receive(ACT, command())
    others = (
        command(model="d80"),
        command(rf_id=1235),
        command(action=SHOCK),
        command(level=51),
        command(ms=1001),
    )
    for other in others:
        both.two.receive(ACT, other)
    assert both.kinds() == [ACT] * 6


def test_after_two_seconds_it_is_a_new_action():
    both = Both()
    both.one.receive(ACT, command())
    both.clock.ms += 2000
    both.two.receive(ACT, command())
    both.clock.ms += 2001
    both.two.receive(ACT, command())
    both.one.receive(ACT, command())
    assert both.kinds() == [ACT, REFUSE, ACT, REFUSE]


def test_s24_a_stop_passes_from_either_as_often_as_it_is_said():
    both = Both()
    both.one.receive(ACT, command())
    for ear in (both.one, both.two, both.two):
        ear.receive(ACT, command(action=STOP, level=0))
    for order, detail in ((EMERGENCY, "hub"), (HALT, "hub"), (NOTE, "welcome")):
        both.one.receive(order, detail)
        both.two.receive(order, detail)
    assert both.kinds() == [ACT, ACT, ACT, ACT, EMERGENCY, EMERGENCY, HALT, HALT, NOTE, NOTE]


def test_an_echo_that_comes_after_the_stop_does_not_begin_again():
    both = Both()
    both.one.receive(ACT, command(ms=5000))
    both.one.receive(ACT, command(action=STOP, level=0))
    both.clock.ms += 500
    both.two.receive(ACT, command(ms=5000))
    both.two.receive(ACT, command(action=STOP, level=0))
    assert both.kinds() == [ACT, ACT, REFUSE, ACT]


def test_s10_a_lost_link_stops_all_if_it_had_begun_anything_and_leaves_the_other_alone_if_not():
    both = Both()
    both.one.receive(ACT, command())
    both.two.halt("link lost")
    assert both.halts == []
    both.one.halt("link lost")
    assert both.halts == ["link lost"]
    both.one.halt("link lost")
    assert both.halts == ["link lost"], "nothing has begun since"


def test_what_a_rule_makes_of_an_event_ends_with_the_link_that_told_it():
    both = Both()
    alert = Event("valtronics", "alert", "critical", "hot")
    both.two.receive(EVENT, alert)
    both.two.halt("link lost")
    assert both.halts == [] and not both.two.busy(), "without rules it makes nothing"
    both.rules = ["a rule"]
    both.two.receive(EVENT, alert)
    assert both.two.busy() and not both.one.busy()
    both.one.halt("link lost")
    assert both.halts == []
    both.two.halt("link lost")
    assert both.halts == ["link lost"] and both.kinds() == [EVENT, EVENT]


def test_each_link_is_busy_with_its_own_actions():
    both = Both()
    both.one.receive(ACT, command(ms=1000))
    assert both.one.busy() and not both.two.busy()
    both.clock.ms += 999
    assert both.one.busy()
    both.is_busy = False
    assert not both.one.busy(), "it was stopped"
    both.is_busy = True
    both.clock.ms += 1
    assert not both.one.busy()


def test_rubbish_for_a_duration_is_handed_on_for_safety_to_refuse():
    both = Both()
    for ms in (None, "1000", -5, 1e9, True, 10**12):
        both.one.receive(ACT, command(ms=ms))
        assert not both.one.busy()
    assert both.kinds() == [ACT] * 6


def test_what_is_remembered_is_bounded():
    both = Both()
    for rf_id in range(1000):
        both.one.receive(ACT, command(rf_id=rf_id))
    assert len(both.one._heard) == 16
    both.two.receive(ACT, command(rf_id=999))
    both.two.receive(ACT, command(rf_id=0))
    assert both.kinds()[-2:] == [REFUSE, ACT]


# --- who may


class Urls:
    """Settings of two backends, of which only the servers count."""

    def __init__(self, one, two):
        self._urls = {"one.url": one, "two.url": two}

    def get(self, key):
        return self._urls[key]


AFAR = "https://api.openshock.app"


def _why(one, two=AFAR, known=("one", "two"), free_bytes=60_000):
    return deduplicate.why_not(Urls(one, two), "one", "two", known, free_bytes)


def test_two_encrypted_connections_need_more_memory_than_the_chip_has():
    assert "one encrypted connection" in _why(AFAR)
    assert _why(AFAR, free_bytes=2_000_000) == ""


def test_one_of_them_may_be_plain_in_ones_own_network():
    near = "http://192.168.0.2:8080 http://10.1.2.3 ws://172.16.0.1 http://172.31.9.9 http://169.254.1.1 http://127.0.0.1:80"
    for url in near.split() + ["http://desk", "http://hub.local:8080/x", "ws://Hub.LOCAL"]:
        assert _why(url) == "" and _why(AFAR, url) == "", url
    far = "http://192.169.0.2 http://172.32.0.1 http://11.0.0.1 http://hub.example wss://192.168.0.2 https://desk"
    for url in far.split() + ["http://10.example", "http://[2001:db8::1]:80", "http://192.168.0.2.example"]:
        assert "one encrypted connection" in _why(url), url


def test_the_second_must_be_another_one_that_there_is():
    assert deduplicate.why_not(Urls(AFAR, AFAR), "one", "one", ["one"], 2_000_000) == "it is the first one"
    assert "'two'" in _why("http://desk", known=["one"])
    assert _why("http://desk", known=[]) == "", "code that is frozen cannot be listed"
