"""The firmware's encoders before their judge: what was asked for is what the independent receiver hears, and nothing else."""

import importlib
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rf_vectors import VECTORS, WIDTHS, first, train

from tools.rf.decode import decode, train_pulses

STOP, SHOCK, VIBRATE, SOUND, LIGHT = range(5)
NAMES = ("stop", "shock", "vibrate", "sound", "light")

# reference/openshock-firmware.md §a, "What each model lacks"
ACTIONS = {
    "caixianlin": [SHOCK, VIBRATE, SOUND, LIGHT],
    "petrainer": [SHOCK, VIBRATE, SOUND],
    "petrainer998dr": [SHOCK, VIBRATE, SOUND, LIGHT],
    "wellturnt330": [SHOCK, VIBRATE, SOUND],
    "d80": [SHOCK, VIBRATE, SOUND],
}
CHANNELS = {
    "caixianlin": range(16),
    "petrainer": [],
    "petrainer998dr": [1, 2],
    "wellturnt330": [1, 2],
    "d80": [1, 2, 3],
}
USUAL_CHANNEL = {"caixianlin": 0, "petrainer": None, "petrainer998dr": 1, "wellturnt330": 1, "d80": 1}
FRAME_US = {
    "caixianlin": (45_150, 45_150),
    "petrainer": (750 + 750 + 40 * 950 + 7200, 750 + 750 + 40 * 1700 + 7200),
    "petrainer998dr": (46_250, 46_250),
    "wellturnt330": (960 + 790 + 41 * 800 + 355, 960 + 790 + 41 * 1200 + 355),
    "d80": (56_300, 56_300),
}
IDS = sorted(
    {0, 65535, 46231, 0x5555, 0xAAAA, *(1 << bit for bit in range(16)), *(65535 - (1 << bit) for bit in range(16))}
)
CASES = [(model, action) for model, actions in ACTIONS.items() for action in actions]
MODELS = list(ACTIONS)


def encode(model, *arguments, **options):
    return importlib.import_module(f"firmware.shockers.{model}").encode(*arguments, **options)


def carried(model, action, intensity):
    """What the table says goes on the air for this level."""
    level = min(max(intensity, 0), 100)
    if action == SOUND and model in ("caixianlin", "wellturnt330", "d80"):
        return 0
    if model == "caixianlin":
        return min(level, 99)
    if model == "d80":
        return max(level * 15 // 100, 1) if level else 0
    return level


def assert_heard(model, times, rf_id, action, intensity, channel):
    (frame,) = decode(train_pulses(times), tolerance_us=1)
    assert frame.faults == () and frame.worst_us == 0
    assert (frame.model, frame.rf_id, frame.channel) == (model, rf_id, channel)
    assert (frame.action, frame.intensity) == (NAMES[action], carried(model, action, intensity))


@pytest.mark.parametrize("model", MODELS)
def test_the_worked_example_is_sent_edge_for_edge(model):
    assert list(encode(model, 46231, SHOCK, 25)) == train(model, first(model).bits)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector.model}-{vector.action}-{vector.rf_id}")
def test_every_vector_of_the_table_is_sent_edge_for_edge(vector):
    level = {3: 25, 1: 5, 15: 100, 0: 0}[vector.intensity] if vector.model == "d80" else vector.intensity
    times = encode(vector.model, vector.rf_id, NAMES.index(vector.action), level, channel=vector.channel)
    assert list(times) == train(vector.model, vector.bits)


@pytest.mark.parametrize(("model", "action"), CASES)
def test_every_level_is_heard_as_the_table_says(model, action):
    for rf_id in (0, 1, 46231, 65535):
        for intensity in [*range(101), 101, 107, 200, 255, 256, 10**6, -1]:
            times = encode(model, rf_id, action, intensity)
            assert_heard(model, times, rf_id, action, intensity, USUAL_CHANNEL[model])


@pytest.mark.parametrize(("model", "action"), CASES)
def test_every_bit_of_the_id_is_heard(model, action):
    for rf_id in IDS:
        assert_heard(model, encode(model, rf_id, action, 50), rf_id, action, 50, USUAL_CHANNEL[model])


@pytest.mark.parametrize(("model", "action"), CASES)
def test_every_channel_is_heard_and_no_other_is_taken(model, action):
    for channel in CHANNELS[model]:
        assert_heard(model, encode(model, 46231, action, 30, channel=channel), 46231, action, 30, channel)
        assert encode(model, 46231, action, 30, channel) == encode(model, 46231, action, 30, channel=channel)
    for channel in {*range(-2, 20), 255, 10**6} - set(CHANNELS[model]):
        with pytest.raises(ValueError):
            encode(model, 46231, action, 30, channel=channel)
    with pytest.raises(ValueError):
        encode(model, 46231, action, 30, channel="1")


@pytest.mark.parametrize("model", MODELS)
def test_an_action_that_the_model_lacks_is_refused(model):
    for action in {-1, STOP, SHOCK, VIBRATE, SOUND, LIGHT, 5, 255, None, "shock"} - set(ACTIONS[model]):
        with pytest.raises(ValueError):
            encode(model, 46231, action, 30)


@pytest.mark.parametrize(("model", "action"), CASES)
def test_an_id_that_is_none_is_refused(model, action):
    for rf_id in (-1, 65536, 1 << 32, 7.5, "46231", None, True):
        with pytest.raises(ValueError):
            encode(model, rf_id, action, 30)


@pytest.mark.parametrize(("model", "action"), CASES)
def test_a_level_that_is_no_whole_number_is_refused(model, action):
    for intensity in (None, "5", 1.5, float("nan"), float("inf"), True):
        with pytest.raises(ValueError):
            encode(model, 46231, action, intensity)


@pytest.mark.parametrize("model", MODELS)
def test_the_stop_frame_carries_level_0(model):
    (frame,) = decode(train_pulses(encode(model, 46231, VIBRATE, 0)))
    assert (frame.action, frame.intensity, frame.ok) == ("vibrate", 0, True)


@pytest.mark.parametrize("model", MODELS)
def test_no_frame_says_more_than_the_one_before_it(model):
    """Each call makes its own train: a frame that is being played is never changed under the player's hands."""
    one = encode(model, 46231, SHOCK, 25)
    before = list(one)
    two = encode(model, 1, VIBRATE, 100)
    assert one is not two and list(one) == before


@given(st.sampled_from(CASES), st.integers(0, 65535), st.integers(-1000, 1000), st.data())
def test_whatever_is_asked_is_heard(case, rf_id, intensity, data):
    model, action = case
    channel = data.draw(st.sampled_from([None, *CHANNELS[model]]))
    times = encode(model, rf_id, action, intensity, channel=channel)
    assert_heard(model, times, rf_id, action, intensity, USUAL_CHANNEL[model] if channel is None else channel)
    assert type(times) is array and times.typecode == "H"
    assert max(times[::2]) <= 1900 and min(times) > 0, "S1: no mark is longer than the longest legal one"
    shortest, longest = FRAME_US[model]
    assert shortest <= sum(times) <= longest


@given(st.lists(st.tuples(st.sampled_from(CASES), st.integers(0, 65535), st.integers(0, 100)), min_size=1, max_size=12))
def test_any_frames_behind_each_other_without_a_pause_are_all_heard(plan):
    times = [width for (model, action), rf_id, level in plan for width in encode(model, rf_id, action, level)]
    heard = [
        (frame.model, frame.rf_id, frame.action, frame.intensity, frame.ok) for frame in decode(train_pulses(times))
    ]
    wanted = [
        (model, rf_id, NAMES[action], carried(model, action, level), True) for (model, action), rf_id, level in plan
    ]
    assert heard == wanted


def test_the_widths_of_the_judge_are_those_of_the_table():
    """The vectors and the receiver were typed apart; both must say what the table says."""
    from tools.rf.models import BY_NAME

    assert {name: (m.sync, m.one, m.zero, m.end) for name, m in BY_NAME.items() if name in WIDTHS} == WIDTHS
