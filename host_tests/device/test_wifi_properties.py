"""Wi-Fi, whatever comes: strange names and scans, and hours of an air that changes, while commands come and go."""

import asyncio

import simboard
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.config.settings import fits
from firmware.net import networks
from host_tests.unit.test_wifi import World

NAMES = ("one", "two", "three", "🏠" * 8)
KEY = "correct horse"
ANYTHING = st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.binary(), st.lists(st.integers()))
SCAN = st.lists(
    st.tuples(
        st.one_of(st.binary(max_size=32), st.sampled_from([name.encode() for name in NAMES])),
        st.binary(min_size=6, max_size=6),
        st.integers(0, 14),
        st.integers(-120, 0),
        st.integers(-1, 20),
        st.booleans(),
    ),
    max_size=40,
)
NETWORK = st.fixed_dictionaries(
    {"ssid": st.sampled_from(NAMES)},
    optional={
        "key": st.sampled_from(["", KEY]),
        "hidden": st.booleans(),
        "security": ANYTHING,
        "address": ANYTHING,
    },
)


@given(st.text(max_size=70), st.text(max_size=70))
def test_what_the_settings_keep_is_what_can_be_joined(ssid, key):
    printable = not any(letter < " " or "\x7f" <= letter <= "\x9f" for letter in ssid + key)
    good = networks.ssid_problem(ssid) == networks.key_problem(key) == ""
    assert fits("wifi", [{"ssid": ssid, "key": key}]) == (good and printable)


@given(ANYTHING, ANYTHING, ANYTHING)
def test_no_value_is_a_fault(ssid, key, address):
    for words in (networks.ssid_problem(ssid), networks.key_problem(key), networks.address_problem(address)):
        assert isinstance(words, str)


@given(SCAN, st.lists(NETWORK, max_size=8))
def test_no_scan_is_a_fault(scan, known):
    found = networks.heard(scan)
    assert len(found) <= 24 and len({one[0] for one in found}) == len(found)
    assert [one[1] for one in found] == sorted((one[1] for one in found), reverse=True)
    for one in known:
        rssi, _, bssid, words = networks.access_point(scan, one)
        assert (rssi is None) == (bssid is None) and not (words and bssid)
        names = [point for point in scan if point[0] == one["ssid"].encode()]
        assert rssi is None or rssi in [point[3] for point in names]
        assert names or not words
        if one.get("key") and bssid is not None:
            assert any(point[1] == bssid and point[4] != 0 for point in names), "never one without protection"


AIR = st.dictionaries(
    st.sampled_from(NAMES),
    st.fixed_dictionaries(
        {"key": st.sampled_from(["", KEY, "wrong horse"])},
        optional={
            "rssi": st.integers(-95, -30),
            "security": st.sampled_from(["open", "wpa2", "wpa3", "wep", "enterprise", "wpa2/wpa3", "wpa"]),
            "hidden": st.booleans(),
            "reason": st.sampled_from([0, 2, 5, 15, 200, 202, 203, 205, 8, 1, 39]),
            "dhcp": st.booleans(),
        },
    ),
    max_size=4,
)
KNOWN = st.lists(NETWORK, max_size=4, unique_by=lambda one: one["ssid"])
WALK = st.lists(st.tuples(AIR, st.booleans(), st.integers(1, 900), st.sampled_from(["", "scan", "try"])), max_size=12)


@settings(max_examples=25, deadline=None)
@given(KNOWN, WALK)
def test_whatever_the_air_does_it_joins_in_the_end_and_disturbs_nobody(known, walk):
    disturbed = []
    world = World({}, known + [{"ssid": "haven", "key": KEY}])
    scan, connect = world.wlan.scan, world.wlan.connect
    world.wlan.scan = lambda: (disturbed.append("scan") if world.air_busy else None, scan())[1]
    world.wlan.connect = lambda *what, **more: (
        disturbed.append("join") if world.air_busy else None,
        connect(*what, **more),
    )[1]

    async def act(what):
        if what == "try":
            await world.station.try_join("one", KEY)
        elif what == "scan":
            try:
                world.station.scan()
            except OSError as fault:
                assert str(fault) in ("a receiver is on the air", "a network is being tried")

    async def story(world):
        trials = []
        for air, reach, seconds, what in walk:
            simboard.air = air
            simboard.levels[simboard.WIFI_BYTE] = int(reach)
            world.air_busy = seconds % 3 == 0
            trials.append(asyncio.create_task(act(what)))
            await asyncio.sleep_ms(seconds * 100)
        world.air_busy = False
        simboard.levels[simboard.WIFI_BYTE] = 1
        simboard.air = {"haven": KEY}
        await asyncio.gather(*trials)
        await world.until(world.station.online, 300)
        await world.until(lambda: world.station.failed_rounds == 0, 10)
        assert world.wlan.attempts[-1][0] == "haven"

    world.run(story)
    assert disturbed == []
    assert not any("the radio refused" in line for line in world.lines), "no attempt began before the last was over"
    assert not any(KEY in line for line in world.lines)
