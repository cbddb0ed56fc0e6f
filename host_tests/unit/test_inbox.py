"""What was received and waits: the newest order for each receiver, stops drop what is older, and a flood takes bounded room."""

from firmware.command import ACT, EVENT, NOTE, PORTAL, REFUSE, SHOCK, VIBRATE, Event
from firmware.control.inbox import Inbox
from host_tests.unit.rooms import NO_NUMBERS, command

EVENT_ = Event("valtronics", "alert", "", "words")


class Desk:
    """An Inbox, and what it told."""

    def __init__(self):
        self.refused = []
        self.overtaken = []
        self.inbox = Inbox(self.refused.append, self.overtaken.append)

    def put(self, *commands):
        for one in commands:
            self.inbox.put(ACT, one)

    def all(self):
        found = []
        while True:
            waiting = self.inbox.next()
            if waiting is None:
                return found
            found.append(waiting)


def test_what_came_is_given_back_in_its_order_and_then_there_is_nothing():
    desk = Desk()
    orders = [command(rf_id=1), command(rf_id=2, action=SHOCK), command(rf_id=2, channel=2)]
    desk.put(*orders)
    desk.inbox.put(PORTAL, True)
    desk.inbox.put(EVENT, EVENT_)
    assert desk.all() == [(ACT, order) for order in orders] + [(PORTAL, True), (EVENT, EVENT_)]
    assert desk.all() == [] and not desk.refused and not desk.overtaken


def test_s27_the_newest_order_of_each_receiver_takes_the_place_of_the_one_before():
    desk = Desk()
    first, second, third = [command(level=level) for level in (1, 2, 3)]
    other = command(rf_id=9)
    desk.put(first, other, second, third)
    made = desk.all()
    assert made[:2] == [(ACT, third), (ACT, other)]
    assert made[2][0] == NOTE and made[2][1].startswith("2 orders")
    assert desk.overtaken == [first, second]


def test_an_order_asked_for_before_the_one_that_waits_does_not_win_and_the_same_one_is_said_twice():
    desk = Desk()
    desk.put(command(level=5, asked_us=2000), command(level=6, asked_us=1000), command(level=5, asked_us=2000))
    made = desk.all()
    assert made[0] == (ACT, command(level=5, asked_us=2000))
    assert [detail[0] for order, detail in made[1:]] == ["stale", "repeated"]


def test_what_is_no_whole_action_replaces_nothing_and_comes_out_to_be_refused():
    good = command(level=7)
    for wrong in NO_NUMBERS + (-1, 30001):
        desk = Desk()
        desk.put(good, command(level=wrong), command(ms=wrong), command(action=wrong))
        made = desk.all()
        assert made[0] == (ACT, good) and len(made) == 4, wrong


def test_s05_a_stop_drops_what_is_older_of_its_receiver_and_leaves_the_others():
    desk = Desk()
    desk.put(command(rf_id=1), command(rf_id=2, channel=1), command(rf_id=2, channel=2), command(model="d80", rf_id=2))
    desk.inbox.stop("caixianlin", 2, 1)
    assert [order.channel for _, order in desk.all()[:3]] == [None, 2, None]
    desk.put(command(rf_id=1), command(rf_id=2, channel=1), command(rf_id=2, channel=2), command(model="d80", rf_id=2))
    desk.inbox.stop("caixianlin", 2, None)
    made = desk.all()
    assert [(order.model, order.rf_id) for _, order in made[:2]] == [("caixianlin", 1), ("d80", 2)]
    assert made[2][1].startswith("2 orders")


def test_s05_a_stop_of_all_drops_every_action_and_event_but_no_order_for_another_mode():
    desk = Desk()
    desk.put(command(rf_id=1), command(rf_id=2))
    desk.inbox.put(EVENT, EVENT_)
    desk.inbox.put(PORTAL, True)
    desk.inbox.stop_all()
    made = desk.all()
    assert made[0] == (PORTAL, True) and [order for order, _ in made[1:]] == [NOTE]
    assert made[1][1].startswith("2 orders") and "1 refusals, notes and events" in made[1][1]
    assert len(desk.overtaken) == 2


def test_s05_a_stop_of_all_drops_every_action_without_memory_for_its_notes():
    desk = Desk()

    def fails(_):
        raise MemoryError

    inbox = Inbox(desk.refused.append, fails)
    for rf_id in range(5):
        inbox.put(ACT, command(rf_id=rf_id))
    inbox.put(EVENT, EVENT_)
    inbox.stop_all()
    desk.inbox = inbox
    assert not [waiting for waiting in desk.all() if waiting[0] in (ACT, EVENT)]


def test_s05_a_stop_drops_what_is_older_of_its_receiver_without_memory_for_its_notes():
    desk = Desk()

    def fails(_):
        raise MemoryError

    desk.inbox = Inbox(desk.refused.append, fails)
    desk.put(command(rf_id=1, channel=1), command(rf_id=1, channel=2), command(rf_id=2))
    desk.inbox.stop(command().model, 1, None)
    assert [detail.rf_id for order, detail in desk.all() if order == ACT] == [2]


def test_s27_a_flood_of_receivers_and_of_refusals_takes_bounded_room_and_is_counted():
    desk = Desk()
    desk.put(*[command(rf_id=rf_id) for rf_id in range(200)])
    for number in range(100):
        desk.inbox.put(REFUSE, ("unknown", "number %d" % number))
        desk.inbox.put(NOTE, "note")
    desk.inbox.put(PORTAL, False)
    made = desk.all()
    assert [order for order, _ in made].count(ACT) == 64 and len(made) <= 64 + 16 + 1
    assert (PORTAL, False) in made and "too many others" in made[-1][1]
    told = [detail[0] for order, detail in made if order == REFUSE]
    assert desk.refused.count("unknown") + told.count("unknown") == 100
    assert desk.refused.count("full") + told.count("full") == 136


def test_an_event_goes_last_where_there_is_no_room():
    desk = Desk()
    for _ in range(40):
        desk.inbox.put(EVENT, EVENT_)
    desk.inbox.put(PORTAL, True)
    desk.put(command(action=VIBRATE))
    made = desk.all()
    assert made[0][0] == ACT and (PORTAL, True) in made and len(made) == 18
