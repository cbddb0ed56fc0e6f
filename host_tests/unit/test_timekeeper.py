"""firmware/net/time_sync.py in a rushed time: when the time is asked for, who is believed, and what one wrong answer does."""

import asyncio

from firmware.net import time_sync
from firmware.net.time_sync import Timekeeper
from host_tests.unit.hurry import Hurry
from host_tests.unit.rooms import book
from lib import http_time, ntp

TODAY_US = 1_800_000_000_000_000  # as the world knows it
HOUR_MS = 3_600_000
SECOND_US = 1_000_000


class World:
    """A network with time servers, `servers`: name → µs that they are ahead of the true time, or None for no answer."""

    def __init__(self, behind_us=0, servers=None, gateway="", chosen=()):
        self.hurry = Hurry()
        self.behind_us = behind_us  # that our clock is behind the true time
        self.servers = {name: 0 for name in time_sync._SERVERS} if servers is None else servers
        self.web = None
        self.gateway = lambda: gateway
        self.resolve = None
        self.asked = []  # (ms, server)
        self.sets = []  # (ms, µs that the clock is behind from then on)
        self.log, self.lines = book()
        self.keeper = Timekeeper(self, self._set_clock, self.log, chosen)

    async def wait_online(self):
        """We are."""

    def _true_us(self):
        return TODAY_US + 1000 * self.hurry.clock()

    def _raw_us(self):
        return self._true_us() - self.behind_us

    def _set_clock(self, shown_us):
        self.behind_us = self._true_us() - (shown_us + time_sync._EPOCH_S * SECOND_US)
        self.sets.append((self.hurry.clock(), self.behind_us))

    async def _ask(self, server, resolve, oldest_s, now_us):
        self.asked.append((self.hurry.clock(), server))
        await asyncio.sleep_ms(30)
        ahead_us = self.servers.get(server)
        if ahead_us is None:
            raise ntp.Failed(server + ": no answer")
        return self._true_us() + ahead_us - now_us()

    async def _ask_web(self, url, resolve, oldest_s, now_us):
        self.asked.append((self.hurry.clock(), url))
        if self.web is None:
            raise ntp.Failed(url + ": no date that can be believed")
        return self._true_us() + self.web - now_us()

    def live(self, ms, *happenings):
        """None; the keeper runs for `ms`. `happenings`: (ms, what is called then)."""

        async def story():
            task = asyncio.create_task(self.keeper.run())
            for at_ms, happen in happenings + ((ms, task.cancel),):
                await asyncio.sleep_ms(at_ms - self.hurry.clock())
                happen()

        before = ntp.ask, http_time.ask, time_sync._raw_us
        ntp.ask, http_time.ask, time_sync._raw_us = self._ask, self._ask_web, self._raw_us
        try:
            self.hurry.run(story())
        finally:
            ntp.ask, http_time.ask, time_sync._raw_us = before

    def when(self):
        """The seconds at which a round of questions began."""
        return [ms // 1000 for ms, _ in self.asked]


def test_a_clock_that_was_kept_over_a_restart_is_asked_for_at_once_and_each_hour():
    world = World(behind_us=300_000)
    world.live(3 * HOUR_MS + 1000)
    assert world.when() == [0, 3600, 7200, 10800]
    assert world.sets[0][0] < 100 and world.behind_us == 0


def test_the_fraction_of_a_second_counts():
    world = World(behind_us=TODAY_US + 123_456)
    world.live(1000)
    assert world.behind_us == 0 and len(world.sets) == 1


def test_a_doubt_asks_at_once_and_a_flood_of_them_is_no_storm():
    world = World()
    world.live(60_000, (30_000, world.keeper.doubt))
    assert world.when() == [0, 30]

    world = World()
    world.live(HOUR_MS, *[(20_000 + 5000 * count, world.keeper.doubt) for count in range(700)])
    assert 5 <= len(world.asked) <= 12, world.when()
    assert all(later - earlier >= 15 for earlier, later in zip(world.when(), world.when()[1:]))


def test_a_doubt_that_was_right_leaves_the_next_one_as_quick():
    world = World()

    def spoil():
        world.behind_us = 3 * SECOND_US
        world.keeper.doubt()

    world.live(200_000, (30_000, spoil), (60_000, spoil), (90_000, spoil))
    assert sorted(set(world.when())) == [0, 30, 60, 90] and world.behind_us == 0


def test_only_words_about_the_age_of_a_certificate_are_a_doubt():
    for why, doubts in (
        ("certificate has expired", True),
        ("certificate not valid yet (is the clock set?)", True),
        ("certificate not trusted", False),
        ("", False),
        (None, True),
    ):
        world = World()
        world.keeper.doubt(why)
        assert world.keeper._doubted is doubts, why


def test_two_of_three_set_a_clock_that_nobody_has_set():
    for liar in range(3):
        servers = {name: 9999 * SECOND_US if liar == number else 0 for number, name in enumerate(time_sync._SERVERS)}
        world = World(TODAY_US, servers)
        world.live(1000)
        assert world.behind_us == 0 and len(world.sets) == 1, liar


def test_a_wrong_answer_does_not_move_a_clock_that_goes_well():
    world = World(servers=dict.fromkeys(time_sync._SERVERS, 0))
    world.servers[time_sync._SERVERS[1]] = 90 * SECOND_US
    world.live(5 * HOUR_MS)
    assert {abs(behind_us) for _, behind_us in world.sets} == {0}


def test_a_lone_answer_starts_the_clock_and_is_looked_after_within_a_minute():
    first, second, third = time_sync._SERVERS
    world = World(TODAY_US, {second: -500 * SECOND_US})  # wrong, and nobody is there to say so

    def others_come():
        world.servers.update({first: 0, third: 0})

    world.live(70_000, (30_000, others_come))
    assert world.sets[0][1] == 500 * SECOND_US and world.behind_us == 0


def test_a_large_step_that_nobody_confirms_is_made_when_it_is_told_again():
    world = World(40 * SECOND_US, {"lan.test": 0}, chosen=["lan.test"])
    world.live(130_000)
    assert world.when() == [0, 60, 120] and world.sets[0][0] > 60_000 and world.behind_us == 0
    assert "one server alone says that the clock is 40 s off" in world.lines[0]

    world = World(0, {"lan.test": 40 * SECOND_US}, chosen=["lan.test"])
    world.live(130_000, (30_000, lambda: world.servers.update({"lan.test": 0})))
    assert all(abs(behind_us) == 0 for _, behind_us in world.sets)


def test_who_is_wrong_for_ever_is_not_the_first_for_ever():
    first, second, third = time_sync._SERVERS
    world = World(-777 * SECOND_US, {first: 777 * SECOND_US, second: 777 * SECOND_US, third: 777 * SECOND_US})

    def two_get_well():
        world.servers.update({first: 0, third: 0})

    world.live(4 * HOUR_MS, (10_000, two_get_well))
    assert world.behind_us == 0


def test_the_settings_name_the_servers_and_the_router_is_the_last():
    world = World(TODAY_US, {"192.168.7.1": 0}, "192.168.7.1", ["a.lan", "b.lan"])
    world.live(1000)
    assert sorted(name for _, name in world.asked[:2]) == ["a.lan", "b.lan"]
    assert world.asked[2][1] == "192.168.7.1" and world.behind_us == 0


def test_where_no_time_server_answers_a_date_of_the_web_does():
    world = World(TODAY_US, {})
    world.web = 400_000
    world.live(70_000)
    assert world.sets[0][1] == -400_000
    assert len(world.sets) == 2 and world.sets[1][1] == -400_000  # it is no more exact: nothing moves


def test_who_contradicts_is_not_believed_and_the_web_decides():
    first, second, third = time_sync._SERVERS
    for web, behind_us in ((None, TODAY_US), (300_000, 0)):
        world = World(TODAY_US, {first: 0, second: 55 * SECOND_US})
        world.web = web
        world.live(500)
        assert world.behind_us == behind_us
        assert "contradict" in world.lines[0]


def test_no_answer_is_asked_for_again_ever_less_often():
    world = World(TODAY_US, {})
    world.live(HOUR_MS)
    rounds = sum(name == time_sync._SERVERS[0] for _, name in world.asked)
    assert 60 <= rounds <= 300 and world.sets == []
