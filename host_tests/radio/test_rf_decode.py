"""The receiver of `tools/rf` against frames typed from the table: what is right is read, what is wrong is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rf_vectors import VECTORS, WIDTHS, first, flipped, train

from tools.rf.decode import Pulse, Receiver, decode, edges, pulses, train_pulses

MODELS = list(WIDTHS)
SILENCE_US = 50_000


def heard(times, tolerance_us=75):
    return decode(train_pulses(times), tolerance_us)


def kinds(frame):
    return [fault.kind for fault in frame.faults]


def with_silence(times):
    return [*times[:-1], times[-1] + SILENCE_US]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector.model}-{vector.action}-{vector.rf_id}")
def test_every_frame_of_the_table_is_read(vector):
    times = train(vector.model, vector.bits)
    (frame,) = heard(times)
    assert frame.faults == ()
    assert (frame.model, frame.rf_id, frame.channel, frame.action, frame.intensity) == vector[:5]
    assert frame.bits == vector.bits.replace(" ", "")
    assert (frame.start_us, frame.end_us, frame.n_pulses) == (0, sum(times), len(times) // 2)
    assert frame.worst_us == 0


def test_the_worked_examples_give_the_bytes_of_the_reference():
    shown = {model: heard(train(model, first(model).bits))[0].hex for model in MODELS}
    assert shown == {
        "caixianlin": "B497011965",
        "petrainer": "81B497197E",
        "petrainer998dr": "81B497197E",
        "wellturnt330": "06B4971910",
        "d80": "04B49753A2",
    }


def test_the_lengths_of_the_frames_are_those_of_the_reference():
    lengths = {model: {sum(train(v.model, v.bits)) for v in VECTORS if v.model == model} for model in MODELS}
    assert lengths["caixianlin"] == {45_150}
    assert lengths["petrainer998dr"] == {46_250}
    assert lengths["d80"] == {56_300}
    assert min(lengths["petrainer"]) >= 52_700 and max(lengths["petrainer"]) <= 67_700
    assert min(lengths["wellturnt330"]) >= 35_700 and max(lengths["wellturnt330"]) <= 44_500


@pytest.mark.parametrize("model", MODELS)
def test_a_width_within_the_tolerance_is_good_and_one_beyond_is_a_fault(model):
    times = train(model, first(model).bits)
    for index in range(len(times) - 1):
        for error in (-75, 75):
            off = with_silence(times)
            off[index] += error
            (frame,) = heard(off)
            assert frame.ok and frame.worst_us == 75, (index, error, frame)
        for error in (-76, 76, 120, -120):
            off = with_silence(times)
            off[index] += error
            (frame,) = heard(off)
            assert kinds(frame) == ["width"], (index, error, frame)
            assert frame.rf_id == 46231
            assert f"pulse {index // 2 + 1} is {off[index]} us {'low' if index % 2 else 'high'}" in str(frame.faults[0])


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("error", [-300, 300, 2500])
def test_a_gap_or_mark_far_off_never_passes(model, error):
    times = train(model, first(model).bits)
    for index in range(len(times) - 1):
        off = with_silence(times)
        off[index] = max(off[index] + error, 1)
        frames = heard(off)
        assert all(not frame.ok for frame in frames), (index, frames)
        assert sum(frame.n_pulses for frame in frames) == len(times) // 2


@pytest.mark.parametrize("model", MODELS)
def test_the_last_low_may_be_longer_but_never_shorter(model):
    times = train(model, first(model).bits)
    for longer in (1, 1000, 10_000_000):
        (frame,) = heard([*times[:-1], times[-1] + longer])
        assert frame.ok
        assert frame.end_us == sum(times), "the silence behind a frame is not the frame"
    short = [*times[:-1], times[-1] - 76]
    bad, good = heard(short + times)
    assert kinds(bad) == ["width" if model == "caixianlin" else "tail"]
    assert good.ok


def test_a_last_bit_that_should_be_0_is_told_though_its_gap_is_silence():
    (frame,) = heard(with_silence(train("caixianlin", "1011010010010111 0000 0001 00011001 01100101 001")))
    assert kinds(frame) == ["tail"] and frame.bits.endswith("001")


def test_only_what_is_out_of_tolerance_is_counted():
    times = train("caixianlin", first("caixianlin").bits)
    times[10] += 75
    times[20] += 76
    times[30] -= 90
    (frame,) = heard(times)
    assert [str(fault) for fault in frame.faults] == ["width: pulse 16 is 660 us high instead of 750, the worst of 2"]


@pytest.mark.parametrize("model", MODELS)
def test_a_slow_clock_is_one_fault_not_forty(model):
    (frame,) = heard([round(width * 1.12) for width in train(model, first(model).bits)])
    assert kinds(frame) == ["width"]
    assert "the worst of" in str(frame.faults[0])
    (frame,) = heard([round(width * 1.04) for width in train(model, first(model).bits)], tolerance_us=400)
    assert frame.ok


CHECKED = [
    # model, which bits, the fault that each flip must give
    ("caixianlin", range(32, 40), "checksum"),
    ("caixianlin", range(32), "checksum"),
    ("caixianlin", range(40, 43), "tail"),
    ("petrainer", range(32, 40), "check"),
    ("petrainer", range(8), "action"),
    ("petrainer998dr", range(32, 40), "check"),
    ("petrainer998dr", range(8), "check"),
    ("wellturnt330", [*range(4, 8), *range(32, 36)], "action"),
    ("wellturnt330", [*range(4), *range(36, 40)], "check"),
    ("wellturnt330", [40], "tail"),
    ("d80", range(32, 40), "checksum"),
    ("d80", range(32), "checksum"),
    ("d80", range(8), "constant"),
]


@pytest.mark.parametrize(("model", "indexes", "kind"), CHECKED)
def test_every_flipped_bit_that_the_layout_can_show_is_shown(model, indexes, kind):
    for vector in (vector for vector in VECTORS if vector.model == model):
        for index in indexes:
            (frame,) = heard(train(model, flipped(vector.bits, index)))
            assert kind in kinds(frame), (vector, index, frame)


@pytest.mark.parametrize(
    ("model", "bits", "kind", "words"),
    [
        ("caixianlin", "1011010010010111 0000 0010 01100100 10110001 000", "intensity", "100 is above 99"),
        ("caixianlin", "1011010010010111 0000 0011 00000001 01001111 000", "intensity", "sound must carry 0, not 1"),
        ("caixianlin", "1011010010010111 0000 0101 00000000 01010000 000", "action", "0101"),
        ("petrainer", "10000001 1011010010010111 01100101 01111110", "intensity", "101 is above 100"),
        ("petrainer", "10001000 1011010010010111 00110010 11101110", "action", "10001000"),
        ("petrainer998dr", "1010 0001 1011010010010111 00011001 0111 1010", "channel", "1010"),
        ("petrainer998dr", "1000 0011 1011010010010111 00011001 0011 1110", "action", "0011"),
        ("wellturnt330", "0000 1000 1011010010010111 00000001 0100 0000 0", "intensity", "sound must carry 0"),
        ("wellturnt330", "0101 0110 1011010010010111 00011001 0001 0101 0", "channel", "0101"),
        ("d80", "00000100 1011010010010111 00 01 0011 01100010", "action", "00"),
        ("d80", "00000100 1011010010010111 01 00 0011 10010010", "channel", "00"),
        ("d80", "00000100 1011010010010111 11 01 0001 00100000", "intensity", "sound must carry 0, not 1"),
    ],
)
def test_well_formed_bits_that_no_remote_sends_are_faults_of_their_own(model, bits, kind, words):
    (frame,) = heard(train(model, bits))
    assert kinds(frame) == [kind]
    assert words in str(frame.faults[0])


@pytest.mark.parametrize("model", MODELS)
def test_a_frame_cut_anywhere_is_reported_and_the_next_one_is_heard(model):
    times = train(model, first(model).bits)
    for count in range(1, len(times) // 2):
        cut = times[: 2 * count]
        bad, good = heard(cut + times)
        assert kinds(bad) == ["truncated"] and bad.model == model and bad.rf_id is None, (count, bad)
        assert bad.n_pulses == count and good.ok
        (alone,) = heard(with_silence(cut))
        assert kinds(alone) == ["truncated" if count > 1 else "sync"] and alone.n_pulses == count


@pytest.mark.parametrize("model", MODELS)
def test_a_frame_stopped_within_a_mark_is_truncated_not_noise(model):
    times = train(model, first(model).bits)
    for count in range(1, len(times) // 2):
        stopped = [*times[: 2 * count], 40, SILENCE_US]  # the pin dropped 40 us into the next mark
        bad, good = heard(stopped + times)
        assert good.ok and bad.n_pulses == count + 1 and bad.model == model
        whole = count + 1 == len(times) // 2  # only its last mark is too short
        assert kinds(bad) == ["width" if whole else "truncated"], (count, bad)


@pytest.mark.parametrize("model", MODELS)
def test_a_lost_or_an_added_pulse_spoils_its_frame_alone(model):
    times = train(model, first(model).bits)
    for count in range(len(times) // 2):
        lost = with_silence(times[: 2 * count] + times[2 * count + 2 :] if count else times[2:])
        *bad, good = heard(lost + times)
        assert bad and all(not frame.ok for frame in bad) and good.ok, (count, bad)
        if count:
            added = with_silence(times[: 2 * count] + list(WIDTHS[model].zero) + times[2 * count :])
            *bad, good = heard(added + times)
            assert good.ok and any(not frame.ok for frame in bad), (count, bad)


def test_a_stray_pulse_is_never_dropped():
    times = train("d80", first("d80").bits)
    stray = [120, SILENCE_US]
    before, frame, after = heard(stray + times + stray)
    assert frame.ok
    for fault in (before, after):
        assert (fault.model, fault.n_pulses, kinds(fault)) == (None, 1, ["sync"])
    assert str(before.faults[0]) == "sync: no model begins so: 120 us high, 50000 us low"
    assert (before.start_us, before.end_us) == (0, 120)


def test_pulses_that_begin_like_no_model_are_one_fault_with_their_number():
    bits = train("caixianlin", first("caixianlin").bits)[2:]  # somebody switched the receiver on in mid-frame
    fault, good = heard(with_silence(bits) + train("caixianlin", first("caixianlin").bits))
    assert (fault.model, fault.n_pulses, kinds(fault)) == (None, 43, ["sync"])
    assert "43 pulses that fit nowhere" in str(fault.faults[0])
    assert good.ok


def test_a_start_between_two_models_is_told_by_what_follows():
    for model in ("caixianlin", "petrainer998dr"):  # starts of 1400 and 1500 us
        times = train(model, first(model).bits)
        times[0] = 1450
        (frame,) = heard(with_silence(times))
        assert (frame.model, frame.rf_id, frame.ok) == (model, 46231, True)
    for model in ("petrainer", "wellturnt330"):  # starts of 750 and 960 us
        times = train(model, first(model).bits)
        times[0] = 855
        (frame,) = heard(with_silence(times))
        assert (frame.model, frame.rf_id, kinds(frame)) == (model, 46231, ["width"])


def test_the_same_bits_in_the_other_models_widths_are_the_other_model():
    bits = "10000001 1011010010010111 00011001 01111110"
    assert heard(train("petrainer", bits))[0].model == "petrainer"
    assert heard(train("petrainer998dr", bits))[0].model == "petrainer998dr"


def test_two_receivers_in_turns_without_a_pause_are_both_read():
    sent = [first("caixianlin"), first("petrainer"), VECTORS[4], first("wellturnt330"), first("d80")] * 3
    frames = heard([width for vector in sent for width in train(vector.model, vector.bits)])
    assert [(frame.model, frame.rf_id, frame.action) for frame in frames] == [
        (v.model, v.rf_id, v.action) for v in sent
    ]
    assert all(frame.ok for frame in frames)


def all_edges():
    """Every vector behind the other, with a stray pulse and a cut frame in between, as edges of a trace."""
    times = []
    for vector in VECTORS:
        times += train(vector.model, vector.bits)
    times += train("d80", first("d80").bits)[:20] + [500, SILENCE_US] + train("petrainer", first("petrainer").bits)
    return edges(train_pulses(times, start_us=123_456_789))


def test_edges_may_come_in_any_portions():
    wanted = decode(pulses(all_edges()))
    assert len(wanted) == len(VECTORS) + 2
    for size in (1, 2, 3, 7, 100):
        receiver = Receiver()
        found = []
        for at in range(0, len(all_edges()), size):
            found += receiver.feed(all_edges()[at : at + size])
        assert found + receiver.flush() == wanted


def test_an_edge_that_changes_nothing_is_no_edge():
    doubled = [(0, 0), *(edge for edge in all_edges() for _ in range(2))]
    assert decode(pulses(doubled)) == decode(pulses(all_edges()))
    again = [(0, 0), (100, 1), (130, 1), (300, 0), (320, 0), (500, 1), (700, 0), (720, 0)]
    assert pulses(again) == [Pulse(100, 200, 200), Pulse(500, 200, None)]


def test_silence_completes_a_frame_without_another_edge():
    for model in MODELS:
        times = train(model, first(model).bits)
        fall_us = sum(times[:-1])
        receiver = Receiver()
        assert receiver.feed(edges(train_pulses(times))) == []
        assert receiver.settle(fall_us + 7_999) == []
        (frame,) = receiver.settle(fall_us + 8_000)
        assert frame.ok and frame.model == model
        assert receiver.settle(fall_us + 10_000_000) == receiver.flush() == []


def test_silence_completes_a_cut_frame_too_and_the_next_frame_is_whole():
    times = train("caixianlin", first("caixianlin").bits)
    receiver = Receiver()
    receiver.feed(edges(train_pulses(times[:30])))
    (bad,) = receiver.settle(1_000_000)
    assert kinds(bad) == ["truncated"]
    assert receiver.feed(edges(train_pulses(times, start_us=2_000_000))) == []
    assert receiver.flush()[0].ok


def test_a_pin_left_high_is_named():
    receiver = Receiver()
    assert receiver.feed([(1000, 1)]) == []
    (frame,) = receiver.flush(now_us=9000)
    assert kinds(frame) == ["sync", "stuck"]
    assert "high for 8000 us" in str(frame.faults[1])
    times = train("d80", first("d80").bits)
    times[40] = 5000  # in mid-frame
    frames = heard(times)
    assert kinds(frames[0]) == ["truncated", "stuck"]


def test_after_a_flush_the_receiver_begins_anew():
    trace = edges(train_pulses(train("d80", first("d80").bits)))
    receiver = Receiver()
    for cut in (len(trace), 30, 31, len(trace)):  # at the end, in a gap, in a mark; the time begins at 0 each time
        frames = receiver.feed(trace[:cut]) + receiver.flush(now_us=100_000)
        assert len(frames) == 1 and frames[0].ok == (cut == len(trace))


def test_the_longest_legal_mark_is_not_stuck():
    (frame,) = heard([2090, SILENCE_US])
    assert "stuck" not in kinds(frame)


def test_time_that_runs_backwards_is_refused():
    with pytest.raises(ValueError, match="an edge at 5 us comes after one at 10 us"):
        Receiver().feed([(10, 1), (5, 0)])


def test_an_odd_train_is_refused():
    with pytest.raises(ValueError, match="a low for every high"):
        train_pulses([750])


def test_nothing_heard_is_nothing_reported():
    assert decode([]) == []
    assert pulses([]) == []
    assert pulses([(5, 0)]) == []
    assert Receiver().flush() == []


WIDTH_US = st.one_of(
    st.sampled_from(sorted({width for widths in WIDTHS.values() for pair in widths if pair for width in pair})),
    st.integers(0, 9000),
)


@given(st.lists(st.tuples(WIDTH_US, WIDTH_US), max_size=150))
def test_whatever_comes_every_pulse_is_in_exactly_one_report(pairs):
    sent = train_pulses([width for pair in pairs for width in pair])
    frames = decode(sent)
    assert sum(frame.n_pulses for frame in frames) == len(sent)
    at = 0
    for frame in frames:
        assert frame.start_us == sent[at].start_us
        at += frame.n_pulses
        assert frame.end_us <= (sent[at].start_us if at < len(sent) else frame.end_us)


@st.composite
def chunks(draw):
    """A start that may be of two models, then bits of a family that may be another's, then perhaps an end."""
    start = draw(
        st.sampled_from([(1450, 750), (1440, 760), (855, 770), (850, 775), (1900, 4000), (750, 750), (960, 790)])
    )
    widths = WIDTHS[draw(st.sampled_from(MODELS))]
    symbols = [widths.one, widths.zero, (210, 665), (220, 780)]
    bits = draw(st.lists(st.sampled_from(symbols), min_size=38, max_size=45))
    return [start, *bits, *([widths.end] if widths.end and draw(st.booleans()) else [])]


@given(st.lists(chunks(), min_size=1, max_size=4))
def test_starts_that_fit_two_models_lose_no_pulse_and_keep_the_order(parts):
    sent = train_pulses([width for part in parts for pair in part for width in pair])
    at = 0
    for frame in decode(sent):
        assert frame.start_us == sent[at].start_us
        at += frame.n_pulses
        assert sent[at - 1].start_us < frame.end_us
    assert at == len(sent)


@given(st.sampled_from(VECTORS), st.lists(st.tuples(WIDTH_US, WIDTH_US), max_size=60))
def test_a_good_frame_behind_silence_is_heard_whatever_went_before(vector, noise):
    times = [width for pair in noise for width in pair]
    if times:
        times[-1] += SILENCE_US
    *_, frame = heard(times + train(vector.model, vector.bits))
    assert frame.ok
    assert (frame.model, frame.rf_id, frame.channel, frame.action, frame.intensity) == vector[:5]


@given(st.sampled_from(VECTORS), st.data())
def test_jitter_within_the_tolerance_never_hurts(vector, data):
    times = with_silence(train(vector.model, vector.bits))
    jitter = data.draw(st.lists(st.integers(-75, 75), min_size=len(times) - 1, max_size=len(times) - 1))
    (frame,) = heard([width + error for width, error in zip(times, [*jitter, 0], strict=True)])
    assert frame.ok and frame.rf_id == vector.rf_id
    assert frame.worst_us == max(map(abs, jitter))


@given(st.lists(st.tuples(st.integers(0, 3000), st.booleans()), max_size=200))
def test_edges_of_any_kind_are_taken(steps):
    now_us = 0
    trace = []
    for step, level in steps:
        now_us += step
        trace.append((now_us, int(level)))
    whole = pulses(trace)
    assert sum(frame.n_pulses for frame in decode(whole)) == len(whole)
    receiver = Receiver()
    found = receiver.feed(trace) + receiver.flush(now_us)
    left_high = bool(trace) and trace[-1][1] == 1
    assert sum(frame.n_pulses for frame in found) == len(whole) + left_high


def test_pulses_and_edges_are_each_others_inverse():
    trace = all_edges()
    assert edges(pulses(trace)) == trace
    assert pulses(trace)[0] == Pulse(123_456_789, 1400, 750)
    assert pulses(trace)[-1].low_us is None
