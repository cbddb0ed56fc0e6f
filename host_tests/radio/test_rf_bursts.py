"""Frames become bursts: what `sim --json` and `tools rf decode` say was sent, one line for each thing that happened."""

import json

from hypothesis import given
from hypothesis import strategies as st
from rf_vectors import first, train

from tools.rf.bursts import Bursts, bursts, frame_event
from tools.rf.decode import decode, train_pulses

SHOCK_25 = "1011010010010111 0000 0001 00011001 01100101 000"  # CaiXianlin 46231
SHOCK_26 = "1011010010010111 0000 0001 00011010 01100110 000"
VIBRATE_25 = "1011010010010111 0000 0010 00011001 01100110 000"
STOP = "1011010010010111 0000 0010 00000000 01001101 000"
OTHER_50 = "0001001000110100 0000 0001 00110010 01111001 000"  # CaiXianlin 4660, shock 50
FRAME_US = 45_150


def cx(bits):
    return train("caixianlin", bits)


def frames(*times):
    return decode(train_pulses([width for each in times for width in each]))


def silent(times, silence_ms):
    return [*times[:-1], times[-1] + silence_ms * 1000]


def said(events):
    return [(e["rf_id"], e["action"], e["intensity"], e["frames"]) for e in events]


def test_one_burst_is_exactly_this_json():
    (event,) = bursts(frames(*[cx(SHOCK_25)] * 23))
    assert json.dumps(event) == (
        '{"event": "rf", "model": "caixianlin", "rf_id": 46231, "action": "shock", "intensity": 25, '
        '"frames": 23, "first_ms": 0, "last_ms": 1038}'
    )


def test_the_milliseconds_count_from_the_origin():
    times = train_pulses(cx(SHOCK_25), start_us=5_000_000)
    (event,) = bursts(decode(times), origin_us=4_000_000)
    assert (event["first_ms"], event["last_ms"]) == (1000, 1045)


def test_stop_frames_end_a_burst_and_are_one_themselves():
    grouped = Bursts()
    assert grouped.feed(frames(*[cx(SHOCK_25)] * 3, *[cx(STOP)] * 7))[0]["frames"] == 3
    assert said(grouped.flush()) == [(46231, "vibrate", 0, 7)]
    assert grouped.flush() == []


def test_another_level_ends_a_burst():
    events = bursts(frames(*[cx(SHOCK_25)] * 2, *[cx(SHOCK_26)] * 3))
    assert said(events) == [(46231, "shock", 25, 2), (46231, "shock", 26, 3)]


def test_another_action_of_the_same_level_ends_a_burst():
    events = bursts(frames(*[cx(SHOCK_25)] * 2, *[cx(VIBRATE_25)] * 3))
    assert said(events) == [(46231, "shock", 25, 2), (46231, "vibrate", 25, 3)]


def test_receivers_in_turns_keep_a_burst_each():
    d80, t330 = train("d80", first("d80").bits), train("wellturnt330", first("wellturnt330").bits)
    events = bursts(frames(*[cx(SHOCK_25), d80, t330] * 5))
    assert [(e["model"], e["frames"]) for e in events] == [("caixianlin", 5), ("d80", 5), ("wellturnt330", 5)]


def test_the_same_id_of_two_models_is_two_receivers():
    petrainer, dr = train("petrainer", first("petrainer").bits), train("petrainer998dr", first("petrainer998dr").bits)
    assert [e["frames"] for e in bursts(frames(*[petrainer, dr] * 4))] == [4, 4]


def test_the_same_id_on_two_channels_is_two_receivers_and_the_unusual_channel_is_named():
    one = train("petrainer998dr", "1000 0001 1011010010010111 00011001 0111 1110")
    two = train("petrainer998dr", "1111 0001 1011010010010111 00011001 0111 0000")
    events = bursts(frames(*[one, two] * 4))
    assert [(e["frames"], e.get("channel")) for e in events] == [(4, None), (4, 2)]


def test_silence_ends_a_burst_and_the_same_again_is_another():
    events = bursts(frames(cx(SHOCK_25), silent(cx(SHOCK_25), 401), cx(SHOCK_25)))
    assert [e["frames"] for e in events] == [2, 1]
    events = bursts(frames(cx(SHOCK_25), silent(cx(SHOCK_25), 400), cx(SHOCK_25)))
    assert [e["frames"] for e in events] == [3]


def test_ten_receivers_take_450_ms_a_round_and_no_burst_breaks():
    ids = [f"{number:016b}" for number in range(10)]
    trains = [cx(f"{rf_id} 0000 0001 00000000 {(number + 1) & 255:08b} 000") for number, rf_id in enumerate(ids)]
    events = bursts(frames(*trains * 6))
    assert said(events) == [(number, "shock", 0, 6) for number in range(10)]


def test_a_long_turn_of_another_ends_a_burst():
    events = bursts(frames(cx(SHOCK_25), *[cx(OTHER_50)] * 30, cx(SHOCK_25)))
    assert said(events) == [(46231, "shock", 25, 1), (4660, "shock", 50, 30), (46231, "shock", 25, 1)]


def test_a_turn_of_another_long_ago_lends_no_more_time():
    events = bursts(frames(cx(SHOCK_25), cx(OTHER_50), silent(cx(SHOCK_25), 420), cx(SHOCK_25)))
    assert said(events) == [(46231, "shock", 25, 2), (4660, "shock", 50, 1), (46231, "shock", 25, 1)]


def test_a_few_frames_of_another_do_not():
    events = bursts(frames(cx(SHOCK_25), *[cx(OTHER_50)] * 7, cx(SHOCK_25)))
    assert said(events) == [(46231, "shock", 25, 2), (4660, "shock", 50, 7)]


def test_settle_ends_bursts_without_another_frame():
    grouped = Bursts()
    assert grouped.feed(frames(cx(SHOCK_25))) == []
    assert grouped.settle(FRAME_US + 400_000) == []
    assert said(grouped.settle(FRAME_US + 400_001)) == [(46231, "shock", 25, 1)]
    assert grouped.settle(10**12) == []


def test_a_faulty_frame_is_an_event_of_its_own_at_once_and_ends_nothing():
    cut = cx(SHOCK_25)[:40] + [300, 20_000]
    grouped = Bursts()
    (event,) = grouped.feed(frames(cx(SHOCK_25), cut, cx(SHOCK_25)))
    assert (event["event"], event["model"], event["rf_id"], event["pulses"]) == ("rf_fault", "caixianlin", None, 21)
    assert event["faults"] == ["truncated: 20 of 44 pulses, then 300 us high, 20000 us low"]
    assert (event["first_ms"], event["last_ms"]) == (45, 67)
    assert json.loads(json.dumps(event)) == event
    assert said(grouped.flush()) == [(46231, "shock", 25, 2)]


def test_a_frame_as_an_event_says_everything():
    (frame,) = frames(cx(SHOCK_25))
    assert frame_event(frame) == {
        "event": "frame",
        "model": "caixianlin",
        "rf_id": 46231,
        "channel": 0,
        "action": "shock",
        "intensity": 25,
        "hex": "B497011965",
        "bits": "1011010010010111000000010001100101100101000",
        "pulses": 44,
        "faults": [],
        "start_us": 0,
        "end_us": 45150,
        "worst_us": 0,
    }


@given(st.lists(st.tuples(st.sampled_from([SHOCK_25, STOP, OTHER_50]), st.sampled_from([0, 0, 0, 50, 399, 900]))))
def test_no_frame_is_lost_or_counted_twice(plan):
    sent = frames(*[silent(cx(bits), silence_ms) for bits, silence_ms in plan])
    whole = bursts(sent)
    assert sum(event["frames"] for event in whole) == len(plan)
    grouped = Bursts()
    piecewise = [event for frame in sent for event in grouped.feed([frame])] + grouped.flush()
    assert sorted(map(str, piecewise)) == sorted(map(str, whole))
