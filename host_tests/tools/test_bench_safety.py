"""The safety bench judges rightly: its reading of a trace on traces made by hand, and stops in virtual time as DESIGN §7 wants."""

import pytest

from tools.bench._safety import tape, virtual
from tools.rf.encoders import encoded

ACTIVE = encoded("caixianlin", 1, "vibrate", 50)
STOP = encoded("caixianlin", 1, "vibrate", 0)
FRAME_US = 45_150


def played(*trains, start_us=1_000_000):
    """The edges of these trains, one right after the other."""
    edges, at_us = [], start_us
    for train in trains:
        for place, pulse in enumerate(train):
            edges.append((at_us, 1 - (place & 1)))
            at_us += pulse
    return edges


def test_the_rest_of_the_frame_on_the_air_counts():
    edges = played(ACTIVE, ACTIVE, STOP, STOP)
    found = tape.reaction(edges, 1_000_000 + FRAME_US + 5000)
    assert found.frames == 0
    assert found.last_ms == pytest.approx(45.15 - 5 - 0.75)  # the last edge is where the last low begins
    assert found.stop_ms == pytest.approx(45.15 - 5)


def test_a_frame_that_begins_after_the_cause_is_told():
    found = tape.reaction(played(ACTIVE, ACTIVE, ACTIVE, STOP, STOP), 1_000_000 + 5000)
    assert found.frames == 2


def test_an_active_frame_behind_the_first_stop_frame_is_not_overlooked():
    found = tape.reaction(played(ACTIVE, STOP, ACTIVE, STOP), 1_000_000 + 5000)
    assert found.frames == 1 and found.last_ms > 2 * 45


def test_a_cut_frame_ends_where_the_pin_fell():
    edges = played(ACTIVE) + [(1_100_000, 1), (1_100_300, 0)] + played(STOP, STOP, start_us=1_120_000)
    found = tape.reaction(edges, 1_100_290)
    assert found.frames == 0 and found.last_ms == pytest.approx(0.01)


def test_no_stop_frame_is_no_reaction():
    assert tape.reaction(played(ACTIVE, ACTIVE), 1_000_000 + 5000) is None


@pytest.mark.parametrize("name", [name for name in virtual.SOURCES if name != "link silent"])
def test_no_cause_lets_an_active_frame_begin_with_sixteen_shockers(name):
    for found in virtual.measure(name, 16, 2):
        assert found is not None and found.frames == 0
        assert found.last_ms <= virtual.FRAME_MS + 5


def test_the_button_drops_the_pin_within_a_millisecond():
    assert all(found.last_ms < 1 for found in virtual.measure("button in a frame", 4, 10))


def test_a_silent_link_is_noticed_in_three_seconds():
    assert all(found.last_ms < 3000 for found in virtual.measure("link silent", 1, 5))
