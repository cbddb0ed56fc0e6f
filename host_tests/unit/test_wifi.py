"""Wi-Fi: names and keys, which network comes first, why one refuses; and the station over a simulated air, in a rushed time."""

import asyncio
import sys

import network
import simboard

from firmware.config import settings
from firmware.net import access_point, networks
from firmware.net.station import Station
from host_tests.unit.hurry import Hurry
from host_tests.unit.rooms import Dice, Store, book, forget, raised
from lib import resolver

HOME = {"ssid": "home", "key": "correct horse"}
CAFE = {"ssid": "café 🏠", "key": ""}
ADDRESS = {"ip": "192.168.7.20", "mask": "255.255.255.0", "gateway": "192.168.7.1", "dns": "9.9.9.9"}
PRINTABLE = "".join([chr(code) for code in range(32, 127)])
WRONG = "wrong password (or key type)"
MISSING = "not found (2.4 GHz only)"


# --- names, keys, addresses


def test_a_name_has_1_to_32_bytes():
    for good in ("a", "x" * 32, "🏠" * 8, "é" * 16, " ", "'\"\\<>%00"):
        assert networks.ssid_problem(good) == "", good
    for bad in ("", "x" * 33, "🏠" * 8 + "x", "é" * 17, None, 5, b"home", ["home"]):
        assert "1-32 bytes" in networks.ssid_problem(bad), bad


def test_a_key_has_8_to_63_characters_or_64_hexadecimal_digits():
    for good in ("", "x" * 8, PRINTABLE[:63], PRINTABLE[32:], "0123456789abcdefABCDEF" + "0" * 42):
        assert networks.key_problem(good) == "", good
    for bad in ("x", "x" * 7, "x" * 64, "g" + "0" * 63, "0" * 65, "é" * 32, None, 12345678, b"correct horse"):
        assert "8-63 characters" in networks.key_problem(bad), bad


def test_an_address_is_whole_or_nothing():
    assert networks.address_problem(None) == networks.address_problem(ADDRESS) == ""
    for name in ADDRESS:
        for bad in (
            "",
            "1.2.3",
            "1.2.3.4.5",
            "1.2.3.256",
            "1.2.3.x",
            "1.2.3.-1",
            "1.2.3. 4",
            "1.2..4",
            None,
            5,
            "²" * 7,
        ):
            wrong = ADDRESS.copy()
            wrong[name] = bad
            assert networks.address_problem(wrong), wrong
    for bad in ({}, [], "1.2.3.4", {"ip": "1.2.3.4"}, 0, False):
        assert networks.address_problem(bad), bad


# --- what a scan says


def _heard(ssid, rssi=-60, number=3, channel=6, bssid=b"\x02\0\0\0\0\x01"):
    return ssid if isinstance(ssid, bytes) else ssid.encode(), bssid, channel, rssi, number, False


def test_a_scan_keeps_the_strongest_of_each_name_and_no_nameless_ones():
    scan = [
        _heard("home", -80, 3, 1),
        _heard("café 🏠", -70, 0, 3),
        _heard("home", -50, 7, 11),
        _heard("home", -60, 3, 6),
        _heard(b"", -20),
        _heard(b"\0\0\0\0", -20),
        _heard(b"\xff\xfe", -90),  # no text
    ]
    assert networks.heard(scan) == [("home", -50, "wpa2/wpa3", 11), ("café 🏠", -70, "open", 3), ("ÿþ", -90, "wpa2", 6)]
    assert networks.heard([]) == []


def test_a_crowded_house_does_not_fill_the_memory():
    found = networks.heard([_heard("n%d" % number, -30 - number) for number in range(60)])
    assert len(found) == 24 and found[0][0] == "n0" and found[-1][0] == "n23"


def test_securities_have_words():
    numbers = (0, 1, 2, 3, 4, 5, 6, 7, 10, 14, 16, 17, 99, -1)
    words = (
        "open wep wpa wpa2 wpa/wpa2 enterprise wpa3 wpa2/wpa3 enterprise enterprise enterprise unknown unknown unknown"
    )
    assert " ".join([networks.security_of(number) for number in numbers]) == words
    assert "enterprise" in networks.refusal("enterprise") and "WEP" in networks.refusal("wep")
    assert not any(networks.refusal(word) for word in ("open", "wpa2", "wpa3", "wpa2/wpa3", "unknown"))


def test_an_access_point_that_is_less_safe_than_the_saved_network_is_refused():
    twin, real = _heard("home", -30, 0, 1, b"twin.."), _heard("home", -80, 6, 6, b"real..")
    saved = {"ssid": "home", "key": "correct horse", "security": "wpa3"}
    assert networks.access_point([twin, real], saved) == (-80, 6, b"real..", "")
    rssi, _, _, words = networks.access_point([twin], saved)
    assert rssi is None and "somebody else" in words
    for number, said, good in (
        (3, "wpa3", False),
        (7, "wpa3", False),
        (6, "wpa3", True),
        (3, "wpa2", True),
        (3, "wpa2/wpa3", True),
        (2, "wpa2", False),
        (6, "wpa2", True),
        (0, "open", False),  # it has a key: nobody may do without it
        (3, 5, True),
        (3, None, True),
    ):
        found = networks.access_point([_heard("home", -50, number)], {"ssid": "home", "key": "x" * 8, "security": said})
        assert (found[0] == -50) == good, (number, said)
    assert networks.access_point([_heard("café 🏠", -50, 0)], CAFE)[0] == -50
    assert networks.access_point([_heard("home")], CAFE) == (None, None, None, "")
    assert "enterprise" in networks.access_point([_heard("home", -50, 5)], HOME)[3]


# --- which one first


def _names(*arguments):
    return [known["ssid"] for known in networks.ranked(*arguments)]


def _known(*names, **more):
    return [dict(more, ssid=name) for name in names]


def test_who_took_us_the_last_time_comes_first_then_the_strongest():
    three = _known("a", "b", "c")
    assert _names(three, None, {}) == ["a", "b", "c"]
    assert _names(three, None, {"c": networks.JOINED}) == ["c", "a", "b"]
    assert _names(three, {"a": -80, "b": -50, "c": -60}, {}) == ["b", "c", "a"]
    assert _names(three, {"a": -80, "b": -50, "c": -60}, {"a": networks.JOINED}) == ["a", "b", "c"]
    assert _names(three, {"a": -80, "b": -50, "c": -60}, {"b": 1}) == ["c", "a", "b"]
    assert _names(three, {"a": -80, "b": -50, "c": -60}, {"b": 1, "c": 2, "a": 3}) == ["b", "c", "a"]


def test_what_was_not_heard_comes_last_unless_it_hides():
    assert _names(_known("a", "b"), {"b": -90}, {"a": networks.JOINED}) == ["b", "a"]
    assert _names(_known("x", hidden=True) + _known("a", "b"), {"a": -90}, {}) == ["a", "x", "b"]
    assert _names(_known("x", hidden=True) + _known("a", "b"), {"a": -90}, {"x": networks.JOINED}) == ["x", "a", "b"]
    assert _names(_known("a", "b"), {}, {}) == ["a", "b"]
    assert _names([], {}, {}) == []


def test_every_known_network_has_its_turn_whatever_happened():
    dice = Dice(7)
    for _ in range(300):
        names = ["n%d" % number for number in range(dice.below(9))]
        known = [{"ssid": name, "hidden": dice.below(2) == 0} for name in names]
        strengths = {name: -30 - dice.below(60) for name in names if dice.below(2)} if dice.below(3) else None
        record = {}
        for name in names:
            for _ in range(dice.below(12)):
                networks.note(record, name, dice.below(4) == 0)
        order = networks.ranked(known, strengths, record)
        assert sorted(one["ssid"] for one in order) == sorted(names)
        assert all(networks.JOINED <= count <= 9 for count in record.values())
        here = [one["hidden"] or strengths is None or one["ssid"] in strengths for one in order]
        assert here == sorted(here, reverse=True)


# --- why not


def test_reasons_are_plain_words():
    table = {
        WRONG: (15, 204, 202, 2, 23),
        MISSING: (201,),
        "needs a different security": (210, 211),
        "the router is full": (5,),
        "refused by the router": (205, 203),
        "lost, too weak": (200,),
        "too weak": (212,),
        "joined, but got no address in 15 s (DHCP)": (1000, 1001),
        "refused (reason 99)": (99,),
    }
    for words in table:
        for status in table[words]:
            assert networks.reason(status, 15) == words, status
    assert all(networks.reason(status, 3) for status in range(-2, 1100))


def test_an_attempt_ends_at_an_address_a_reason_or_a_quarter_of_a_minute():
    attempt = networks.Attempt(1000, 500)
    assert [attempt.look(status, 600) for status in (1000, 1001, 1010, 15)] == [None, None, "", WRONG]
    assert attempt.look(1001, 15_499) is None and "DHCP" in attempt.look(1001, 15_500)
    assert "DHCP" in attempt.look(1000, 15_500)


def test_a_reason_from_the_last_attempt_proves_nothing_until_this_one_could_have_failed():
    attempt = networks.Attempt(201, 0)
    assert attempt.look(201, 100) is None and attempt.look(201, 5_999) is None
    assert attempt.look(201, 6_000) == MISSING
    for news in (202, 1010, 15):
        assert networks.Attempt(201, 0).look(news, 100) is not None
    attempt = networks.Attempt(15, 0)
    assert attempt.look(15, 50) is None
    assert attempt.look(1001, 100) is None
    assert attempt.look(15, 900) == WRONG, "it was connecting meanwhile: this is news"


def test_no_status_keeps_an_attempt_going_for_ever():
    dice = Dice(3)
    for _ in range(300):
        attempt = networks.Attempt(dice.below(1100), 0)
        at_ms = 0
        while attempt.look((1000, 1001, dice.below(1100))[dice.below(3)], at_ms) is None:
            at_ms += 100
        assert at_ms <= 15_000


# --- the station, over an air that each story makes


class World:
    """A station in a rushed time, over the networks of `air`. `lines` is its log."""

    def __init__(self, air, known, store=None, busy=None):
        self.hurry = Hurry()
        self.clock = self.hurry.clock
        self.log, self.lines = book(self.clock)
        self.store = store
        self.air_busy = False
        self._kept = simboard.air
        simboard.air = air
        self.station = Station(known, "Red Room", [], self.clock, self.log, busy or self.is_busy, store)
        self.station.on_failed = self.on_failed
        self._failed = asyncio.Event()
        self.wlan = self.station.wlan

    def on_failed(self, rounds):
        self._failed.set()

    async def failed(self, rounds):
        """Wait until so many rounds of all networks in a row have failed."""
        while self.station.failed_rounds < rounds:
            self._failed.clear()
            await self._failed.wait()

    def is_busy(self):
        return self.air_busy

    def run(self, story):
        """None; tells the story, a function of this world, beside the supervisor."""
        self._tell(self._supervised(story))

    def set_up(self, story):
        """None; tells the story of a device that is being set up: nobody joins unasked."""
        self._tell(story(self))

    def _tell(self, coroutine):
        try:
            self.hurry.run(coroutine)
        finally:
            simboard.air = self._kept
            simboard.levels.pop(simboard.WIFI_BYTE, None)
            simboard.guests.clear()

    async def _supervised(self, story):
        task = asyncio.create_task(self.station.run())
        try:
            await story(self)
        finally:
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                pass

    def tried(self):
        """The names of the attempts so far, in their order."""
        return [attempt[0] for attempt in self.wlan.attempts]

    async def until(self, true, seconds=300):
        """None as soon as `true()`."""
        until_ms = self.clock() + 1000 * seconds
        while not true():
            assert self.clock() < until_ms, (self.lines, self.tried())
            await asyncio.sleep_ms(50)

    def told(self, words):
        """How often these words are in the log."""
        return sum(words in line for line in self.lines)

    async def said(self, words, times=1):
        """How often these words are in the log, once they are so often."""
        await self.until(lambda: self.told(words) >= times)
        return self.told(words)


def test_a_device_that_nobody_named_has_the_digits_of_its_address():
    unnamed = settings.default("hostname")
    for given, name in (
        (unnamed, "OpenShock-000001"),
        ("🏠 -", "OpenShock-000001"),  # no letter that a network takes
        ("OpenShock-2", "OpenShock-2"),
        ("Red Room", "Red-Room"),
        ("x" * 32, "x" * 32),
    ):
        station = Station([], given, [], None, None)
        assert station.name() == network.hostname() == name


def test_it_joins_and_says_as_whom():
    async def story(world):
        await asyncio.wait_for_ms(world.station.wait_online(), 2000)
        assert world.station.address() == "127.0.0.1" and world.station.rssi() == -55
        assert await world.said("joined home as 127.0.0.1") == 1
        assert world.wlan.config("reconnects") == 0 and world.wlan.config("pm") == network.WLAN.PM_NONE
        assert network.hostname() == "Red-Room"
        await asyncio.sleep_ms(60_000)
        assert "firmware.net.join" not in sys.modules and "firmware.net.networks" not in sys.modules, (
            "nobody needs them now"
        )
        assert world.tried() == ["home"] and world.wlan.scans == 1
        assert world.station.failed_rounds == 0 and world.station.reason == ""

    forget(("firmware.net.join", "firmware.net.networks"))
    World({"home": "correct horse"}, [HOME]).run(story)


def test_a_wrong_key_is_said_in_words_and_tried_again_after_a_growing_while():
    async def story(world):
        assert await world.said("home: " + WRONG) == 1
        assert world.station.reason == WRONG and world.station.rssi() == 0
        await asyncio.wait_for_ms(world.failed(3), 60_000)
        assert world.tried() == ["home"] * 3
        await asyncio.sleep_ms(3_600_000)
        n_rounds = len(world.tried())
        assert 60 <= n_rounds <= 240, "a minute at most, half of that on average, between two"
        assert world.wlan.scans == n_rounds and world.station.failed_rounds in (n_rounds, n_rounds - 1)
        simboard.air["home"] = "correct horse"
        await asyncio.wait_for_ms(world.station.wait_online(), 70_000)
        await world.until(lambda: world.station.failed_rounds == 0)

    World({"home": "another horse"}, [HOME]).run(story)


def test_the_others_are_tried_by_their_signal_until_one_takes_us():
    async def story(world):
        await world.said("joined middle")
        assert world.tried() == ["strong", "middle"]
        assert world.wlan.scans == 1
        assert [known["ssid"] for known in world.station.ranked()] == ["middle", "gone", "weak", "strong"]

    air = {
        "weak": {"key": "12345678", "rssi": -80},
        "strong": {"key": "changed!", "rssi": -40},
        "middle": {"key": "12345678", "rssi": -60},
    }
    World(air, _known("gone", "weak", "strong", "middle", key="12345678")).run(story)


def test_a_hidden_network_is_tried_although_no_scan_shows_it():
    async def story(world):
        await asyncio.wait_for_ms(world.station.wait_online(), 20_000)
        assert world.tried()[-1] == "cellar" and "gone" not in world.tried()

    air = {"cellar": {"key": "12345678", "hidden": True}}
    World(air, _known("gone", key="12345678") + _known("cellar", key="12345678", hidden=True)).run(story)


def test_who_took_us_before_the_start_is_tried_first_and_without_a_scan():
    store = Store()
    air = {"one": {"key": "12345678", "rssi": -40}, "two": {"key": "12345678", "rssi": -70}}

    async def moved(world):
        await world.said("joined one")
        assert world.tried() == ["one"] and world.wlan.scans == 1
        air.pop("one")
        world.wlan.active(False)
        await world.said("joined two")

    async def back(world):
        await asyncio.wait_for_ms(world.station.wait_online(), 20_000)
        assert world.tried() == ["two"] and world.wlan.scans == 0

    known = _known("one", "two", key="12345678")
    World(air, known, store).run(moved)
    assert store.puts == 2
    air["one"] = {"key": "12345678", "rssi": -40}
    World(air, known, store).run(back)
    assert store.puts == 2, "the flash is written when something is new, and only then"


def test_a_storage_that_fails_keeps_nobody_off_line():
    store = Store()
    store.broken = True

    async def story(world):
        await asyncio.wait_for_ms(world.station.wait_online(), 20_000)
        await world.said("keeps no note")

    World({"home": "correct horse"}, [HOME], store).run(story)


def test_a_lost_network_is_told_and_joined_again():
    async def story(world):
        await world.said("joined home")
        for times in (1, 2, 3):
            simboard.levels[simboard.WIFI_BYTE] = 0
            await world.until(lambda: not world.station.online(), 1)
            await asyncio.sleep_ms(5_000)
            assert world.told("lost, too weak") == times
            simboard.levels[simboard.WIFI_BYTE] = 1
            await world.said("joined home", times + 1)
        assert world.told("joined home") == 4
        assert world.told(MISSING) >= 3

    World({"home": "correct horse"}, [HOME]).run(story)


def test_an_address_that_never_comes_is_a_reason_and_nothing_keeps_running():
    async def story(world):
        assert await world.said("home: joined, but got no address in 15 s (DHCP)") == 1
        assert world.wlan.status() == network.STAT_IDLE

    World({"home": {"key": "correct horse", "dhcp": False}}, [HOME]).run(story)


def test_an_address_of_ones_own_needs_nobody_to_give_one_and_goes_with_its_network():
    fixed = dict(HOME, address=ADDRESS)

    async def story(world):
        await asyncio.wait_for_ms(world.station.wait_online(), 20_000)
        assert world.station.address() == "192.168.7.20"
        simboard.air.clear()
        simboard.air["café 🏠"] = ""
        world.wlan.disconnect()
        await world.said("joined café 🏠 as 127.0.0.1")

    World({"home": {"key": "correct horse", "dhcp": False}}, [fixed, CAFE]).run(story)


def test_an_address_that_makes_no_sense_is_told_and_not_used():
    async def story(world):
        await asyncio.wait_for_ms(world.station.wait_online(), 20_000)
        assert world.station.address() == "127.0.0.1"
        await world.said("an address has ip, mask, gateway and dns")

    World({"home": "correct horse"}, [dict(HOME, address={"ip": "1.2.3"})]).run(story)


def test_a_twin_without_protection_is_not_joined_even_when_it_is_the_strongest():
    saved = dict(HOME, security="wpa3")
    twin = {"key": "correct horse", "rssi": -20, "security": "wpa2", "bssid": "t"}
    real = {"key": "correct horse", "rssi": -80, "security": "wpa3", "bssid": "r"}

    async def alone(world):
        await asyncio.wait_for_ms(world.failed(3), 60_000)
        assert world.tried() == [] and "somebody else" in world.station.reason

    async def both(world):
        await asyncio.wait_for_ms(world.station.wait_online(), 20_000)
        assert world.wlan.attempts == [("home", "correct horse", "r")]

    World({"home": [twin]}, [saved]).run(alone)
    World({"home": [twin, real]}, [saved]).run(both)


def test_a_network_that_lost_its_protection_is_refused():
    async def story(world):
        assert await world.said("home: is less safe than it was") and world.tried() == []

    World({"home": ""}, [HOME]).run(story)


def test_it_is_switched_off_and_on_after_rounds_that_failed():
    switched = []

    async def story(world):
        real = world.wlan.active

        def active(wanted=None):
            if wanted is not None:
                switched.append((wanted, world.station.failed_rounds))
            return real(wanted)

        world.wlan.active = active
        await asyncio.wait_for_ms(world.failed(5), 120_000)
        assert [rounds for wanted, rounds in switched if not wanted] == [2, 4]

    World({}, [HOME]).run(story)


def test_nothing_is_scanned_or_joined_while_something_is_on_the_air():
    async def story(world):
        world.air_busy = True
        await asyncio.sleep_ms(20_000)
        assert world.tried() == [] and world.wlan.scans == 0
        assert "on the air" in str(raised(OSError, world.station.scan))
        world.air_busy = False
        await world.said("joined one")
        assert world.station.scan() == [("one", -55, "wpa2", 6), ("two", -55, "wpa2", 6)]
        world.air_busy = True
        simboard.air.pop("one")
        world.wlan.disconnect()
        n_tried, n_scans = len(world.tried()), world.wlan.scans
        await asyncio.sleep_ms(20_000)
        assert (len(world.tried()), world.wlan.scans) == (n_tried, n_scans)

    World({"one": "12345678", "two": "12345678"}, _known("one", "two", key="12345678")).run(story)


def test_without_a_network_rounds_fail_and_nothing_else_happens():
    async def story(world):
        await asyncio.wait_for_ms(world.failed(3), 60_000)
        assert world.tried() == []

    World({"home": "correct horse"}, []).run(story)


# --- several access points of one name


def _mesh(*strengths, **more):
    points = [{"key": "correct horse", "rssi": rssi, "bssid": b"mesh:%d" % at} for at, rssi in enumerate(strengths)]
    return [dict(point, **more) for point in points]


def test_the_strongest_access_point_of_a_name_is_joined_not_the_first():
    store = Store()

    async def story(world):
        for times in (1, 2):
            await world.said("joined home", times)
            assert world.station.rssi() == -40
            world.wlan.disconnect()
            await world.until(lambda: not world.station.online())

    for _ in range(2):  # and again behind a restart
        World({"home": _mesh(-82, -40, -60)}, [HOME], store).run(story)


def test_a_trial_joins_the_strongest_and_finds_one_that_moved_meanwhile():
    async def story(world):
        assert await world.station.try_join("home", "correct horse") == "" and world.station.rssi() == -40
        simboard.air["home"] = _mesh(-70, bssid=b"other!")
        assert await world.station.try_join("home", "correct horse") == "" and world.station.rssi() == -70

    World({"home": _mesh(-82, -40)}, []).set_up(story)


def test_an_access_point_that_refuses_gives_way_to_the_next_one_of_its_name():
    async def story(world):
        await world.until(world.station.online)
        assert world.station.rssi() == -70

    points = _mesh(-40, -70)
    points[0]["reason"] = 5
    World({"home": points}, [HOME]).run(story)


def test_whoever_was_joined_weakly_looks_for_a_stronger_one_the_next_time():
    air = {"home": _mesh(-85)}

    async def story(world):
        await world.said("joined home")
        air["home"] = _mesh(-85, -45)
        world.wlan.disconnect()
        await world.until(lambda: not world.station.online())
        await world.said("joined home", 2)
        assert world.station.rssi() == -45

    World(air, [HOME]).run(story)


def test_a_name_that_is_no_utf8_is_shown_and_can_be_joined():
    name = "café".encode()[:3] + b"\xe9"  # Latin-1
    air = {"-": {"key": "correct horse", "name": name, "rssi": -60}}
    shown = "café"

    async def tried(world):
        assert [each[0] for each in world.station.scan()] == [shown]
        assert await world.station.try_join(shown, "correct horse") == ""
        assert world.wlan.attempts[-1][0] == name

    async def joined(world):
        for times in (1, 2):
            await world.said("joined " + shown, times)
            assert world.wlan.attempts[-1][0] == name
            world.wlan.disconnect()
            await world.until(lambda: not world.station.online())

    World(air, []).set_up(tried)
    World(air, [{"ssid": shown, "key": "correct horse"}]).run(joined)


def test_every_name_that_can_be_heard_can_be_kept():
    dice = Dice(11)
    for _ in range(400):
        name = bytes([dice.below(256) for _ in range(1 + dice.below(32))])
        found = networks.heard([_heard(name)])
        assert (found == []) == (name[0] == 0), name
        for ssid, _, _, _ in found:
            assert networks.ssid_problem(ssid) == "" and settings.fits("wifi", [{"ssid": ssid}]), name
            assert networks.access_point([_heard(name)], {"ssid": ssid})[0] == -60
            assert networks.names([_heard(name)], ssid) == [name]


def test_an_address_that_no_network_can_have_is_refused():
    for bad, words in (
        ({"mask": "255.0.255.0"}, "mask"),
        ({"mask": "0.0.0.0"}, "mask"),
        ({"mask": "255.255.255.255"}, "mask"),
        ({"mask": "255.255.255.254"}, "mask"),
        ({"gateway": "192.168.8.1"}, "gateway"),
        ({"gateway": "192.168.7.20"}, "own"),
        ({"gateway": "192.168.7.255"}, "gateway"),
        ({"gateway": "192.168.7.0"}, "gateway"),
        ({"gateway": "0.0.0.0"}, "gateway"),
        ({"ip": "192.168.7.0"}, "ip"),
        ({"ip": "192.168.7.255"}, "ip"),
        ({"ip": "127.0.0.1", "gateway": "127.0.0.2"}, "ip"),
        ({"ip": "224.0.0.5", "gateway": "224.0.0.1"}, "ip"),
        ({"ip": "0.0.0.0"}, "ip"),
        ({"ip": "255.255.255.255"}, "ip"),
        ({"dns": "0.0.0.0"}, "dns"),
        ({"dns": "192.168.7.255"}, "dns"),
        ({"dns": "192.168.7.20"}, "own"),
    ):
        wrong = dict(ADDRESS, **bad)
        assert words in networks.address_problem(wrong), bad
        assert not settings.fits("wifi", [dict(HOME, address=wrong)]), bad
    for good in (
        {"mask": "255.255.255.240", "gateway": "192.168.7.17"},
        {"mask": "255.0.0.0", "gateway": "192.1.1.1"},
        {"dns": "192.168.7.1"},
    ):
        fine = dict(ADDRESS, **good)
        assert networks.address_problem(fine) == "" and settings.fits("wifi", [dict(HOME, address=fine)]), good


def _served(world, reached):
    """None; a service behind that station was reached when `reached()` says so, in ms."""
    world.station.reached_ms = reached


def test_s26_a_network_in_which_no_service_is_reached_is_left_when_nothing_is_active():
    restarts = []

    async def story(world):
        reached = [world.clock()]
        _served(world, lambda: reached[0])
        world.station.on_cut_off = lambda: restarts.append(world.clock())
        await world.said("joined home")
        for _ in range(60):  # all is well for an hour
            await asyncio.sleep_ms(60_000)
            reached[0] = world.clock()
        assert world.told("joined home") == 1
        world.air_busy = True
        await asyncio.sleep_ms(600_000)
        assert world.told("reached") == 0, "never while anything is on the air"
        world.air_busy = False
        assert await world.said("home: joined, but no service was reached for 5 min: joining anew") == 1
        await world.said("joined other")
        assert not restarts
        await world.until(lambda: restarts, 3600)
        assert world.told("joining anew") == 2 and 25 * 60_000 < restarts[0] - reached[0] - 600_000 < 35 * 60_000

    World({"home": {"key": "correct horse", "rssi": -40}, "other": ""}, [HOME, {"ssid": "other"}]).run(story)


def test_a_service_that_is_reached_again_forgets_how_often_it_was_not():
    async def story(world):
        reached = [0]
        _served(world, lambda: reached[0])
        world.station.on_cut_off = lambda: raised(AssertionError, None)
        for times in range(1, 6):
            await asyncio.sleep_ms(290_000)
            await world.said("joining anew", times)
            await world.until(world.station.online)
            reached[0] = world.clock() + 1000
            await asyncio.sleep_ms(2000)

    World({"home": "correct horse"}, [HOME]).run(story)


def test_all_name_servers_that_are_known_are_asked():
    async def story(world):
        asked = []

        async def resolve(host, servers, memory, now):
            asked.append(servers)

        real, resolver.resolve = resolver.resolve, resolve
        try:
            await world.station.resolve("a.test")
            world.station.wlan.ifconfig(("10.0.0.5", "255.255.255.0", "10.0.0.1", "10.0.0.53"))
            await world.station.resolve("a.test")
            world.station._servers = [("9.9.9.9", 54), ("10.0.0.1", 53)]
            await world.station.resolve("a.test")
        finally:
            resolver.resolve = real
        assert asked == [
            [("127.0.0.1", 53)],
            [("10.0.0.53", 53), ("10.0.0.1", 53)],
            [("9.9.9.9", 54), ("10.0.0.1", 53), ("10.0.0.53", 53)],
        ]

    World({}, []).set_up(story)


# --- trials


def test_a_trial_gives_a_reason_or_nothing_and_leaves_no_trace_when_it_failed():
    air = {
        "home": {"key": "correct horse", "channel": 11},
        "full": {"key": "12345678", "reason": 5},
        "office": {"key": "12345678", "security": "enterprise"},
        "old": {"key": "12345678", "security": "wep"},
        "silent": {"key": "", "dhcp": False},
        "cellar": {"key": PRINTABLE[:63], "hidden": True},
        "🏠" * 8: {"key": PRINTABLE[32:], "security": "wpa3"},
        "café 🏠": "",
    }

    async def story(world):
        try_join, station = world.station.try_join, world.station
        assert station.scan() == station.scan() and len(station.scan()) == 7
        for ssid, key, words in (
            ("home", "wrong horse", WRONG),
            ("nobody", "12345678", MISSING),
            ("full", "12345678", "the router is full"),
            ("home", "", "needs a different security"),
            ("café 🏠", "12345678", "needs a different security"),
            ("silent", "", "joined, but got no address in 15 s (DHCP)"),
            ("", "12345678", "a name has 1-32 bytes"),
            ("home", "short", "a key has 8-63 characters, or 64 hexadecimal digits; an open network has none"),
        ):
            assert await try_join(ssid, key) == words
            assert not station.online() and world.wlan.status() != network.STAT_CONNECTING
        assert (await try_join("home", "correct horse", {"ip": "1"})).startswith("an address has")
        for ssid, key in (
            ("home", "correct horse"),
            ("cellar", PRINTABLE[:63]),
            ("🏠" * 8, PRINTABLE[32:]),
            ("café 🏠", ""),
        ):
            assert await try_join(ssid, key) == ""
            assert station.online() and world.wlan.attempts[-1][:2] == (ssid, key or None)
        assert await try_join("silent", "", ADDRESS) == "" and station.address() == "192.168.7.20"
        assert station.networks == [] and station.failed_rounds == 0
        assert not any("horse" in line or PRINTABLE[:20] in line for line in world.lines)

    World(air, []).set_up(story)


def test_a_network_that_wants_more_than_a_key_is_refused_before_it_is_tried():
    air = {"office": {"key": "x" * 8, "security": "enterprise"}, "old": {"key": "x" * 8, "security": "wep"}}

    async def story(world):
        world.station.scan()
        assert "enterprise" in await world.station.try_join("office", "12345678")
        assert "WEP" in await world.station.try_join("old", "12345678")
        assert world.tried() == []

    World(air, []).set_up(story)


def test_the_access_point_follows_before_the_trial_and_stays_up():
    async def story(world):
        world.station.scan()
        point = access_point.AccessPoint(world.station, "abcdefgh", world.log)
        point.start()
        ap = network._newest[network.WLAN.IF_AP]
        assert ap.config("channel") == 1
        assert await world.station.try_join("home", "wrong horse") == WRONG
        assert ap.config("channel") == 11 and ap.active()
        assert await world.station.try_join("home", "correct horse") == ""
        assert ap.active() and world.station.online()

    World({"home": {"key": "correct horse", "channel": 11}}, []).set_up(story)


def test_a_trial_that_is_broken_off_leaves_the_radio_quiet():
    async def story(world):
        fault = None
        try:
            await asyncio.wait_for_ms(world.station.try_join("home", "correct horse"), 3000)
        except asyncio.TimeoutError as raised_here:
            fault = raised_here
        assert fault is not None and world.wlan.status() == network.STAT_IDLE
        assert await world.station.try_join("café 🏠", "") == ""

    World({"home": {"key": "correct horse", "dhcp": False}, "café 🏠": ""}, []).set_up(story)


def test_a_trial_takes_turns_with_the_supervisor_and_the_old_network_comes_back():
    async def story(world):
        await world.said("joined home")
        assert await world.station.try_join("gone", "12345678") == MISSING
        await asyncio.wait_for_ms(world.station.wait_online(), 30_000)
        assert world.tried() == ["home", "gone", "home"]
        fault = []
        trial = asyncio.create_task(world.station.try_join("silent", ""))
        await asyncio.sleep_ms(1000)
        fault.append(str(raised(OSError, world.station.scan)))
        assert "being tried" in fault[0]
        assert "DHCP" in await trial
        await world.until(lambda: world.station.online(), 30)

    World({"home": "correct horse", "silent": {"key": "", "dhcp": False}}, [HOME]).run(story)


# --- the access point


def test_the_access_point_has_a_name_a_key_and_an_address():
    async def story(world):
        point = access_point.AccessPoint(world.station, "abcdefgh", world.log)
        assert point.name == "OpenShock-24:0A:C4:00:00:01"
        point.move(6)  # before it is open: nothing to move
        assert point.clients() == 0
        world.station.scan()
        point.start(9)
        ap = network._newest[network.WLAN.IF_AP]
        assert [ap.config(name) for name in ("ssid", "key", "security", "max_clients", "channel")] == [
            "OpenShock-24:0A:C4:00:00:01",
            "abcdefgh",
            network.WLAN.SEC_WPA2,
            4,
            9,
        ]
        assert ap.ifconfig() == ("4.3.2.1", "255.255.255.0", "4.3.2.1", "4.3.2.1")
        assert point.address() == "4.3.2.1"
        assert ap.active() and world.wlan.active()
        point.move(13)  # not everywhere allowed
        assert ap.config("channel") == 9
        simboard.guests.append(b"\x02\x01\x01\x01\x01\x01")
        assert point.clients() == 1
        point.stop()
        assert not ap.active() and world.wlan.active() and point.clients() == 0
        assert not any("abcdefgh" in line for line in world.lines), "whoever may know the key asks the console"

    World({}, []).set_up(story)


def test_an_open_access_point_says_that_it_is_open():
    async def story(world):
        access_point.AccessPoint(world.station, "", world.log).start(6)
        ap = network._newest[network.WLAN.IF_AP]
        assert ap.config("security") == network.WLAN.SEC_OPEN
        assert await world.said("open to everybody") == 1

    World({}, []).set_up(story)


def test_a_key_that_the_driver_does_not_take_is_an_error_and_no_open_network():
    async def story(world):
        point = access_point.AccessPoint(world.station, "short", world.log)
        raised(OSError, point.start)
        assert not network._newest[network.WLAN.IF_AP].active()

    World({}, []).set_up(story)


def test_each_device_has_a_key_of_its_own_made_once():
    store = Store()
    log, lines = book()
    key = access_point.key_of("", False, store, log)
    assert len(key) == 10 and all(letter in "abcdefghjkmnpqrstuvwxyz23456789" for letter in key)
    assert access_point.key_of("", False, store, log) == key and store.puts == 2
    assert access_point.key_of("my own key", False, store, log) == "my own key"
    assert access_point.key_of("my own key", True, store, log) == access_point.key_of("", True, store, log) == ""
    assert networks.key_problem(key) == "" and lines == []
    keys = [access_point.key_of("", False, Store(), log) for _ in range(300)]
    assert len(set(keys)) == 300
    assert set("".join(keys)) == set("abcdefghjkmnpqrstuvwxyz23456789")


def test_a_key_lives_on_in_the_letters_of_its_two_numbers():
    log, _ = book()
    assert access_point.key_of("", False, Store(key_a=0, key_b=31**5 - 1), log) == "aaaaa99999"
    assert access_point.key_of("", False, Store(key_a=1, key_b=31), log) == "baaaaabaaa"


def test_a_storage_that_fails_gives_a_key_for_today():
    store = Store()
    store.broken = True
    log, lines = book()
    keys = [access_point.key_of("", False, store, log) for _ in range(3)]
    assert len(set(keys)) == 3 and len(lines) == 3 and not any(key in line for key, line in zip(keys, lines))


def test_a_set_up_that_lost_networks_opened_ends_when_they_are_back_but_not_under_its_guests():
    async def story(world):
        point = access_point.AccessPoint(world.station, "abcdefgh", world.log)
        point.start()
        waiting = asyncio.create_task(access_point.come_back(world.station, point))
        await asyncio.sleep_ms(200_000)
        assert 3 <= len(world.tried()) <= 4
        simboard.guests.append(b"\x02\x01\x01\x01\x01\x01")
        simboard.air["home"] = "correct horse"
        n_tried = len(world.tried())
        await asyncio.sleep_ms(200_000)
        assert len(world.tried()) == n_tried and not waiting.done()
        simboard.guests.clear()
        await asyncio.wait_for_ms(waiting, 70_000)
        assert world.station.online()

    World({}, [HOME]).set_up(story)
