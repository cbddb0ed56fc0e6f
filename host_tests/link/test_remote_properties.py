"""Whatever fingers, wires and the service do: a remote sends what was pressed, when it was pressed, and never while it may not."""

from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.command import STOP
from firmware.control.remote_control import Button, Knob
from host_tests.unit.test_remote import SHOCKS, STOPS, VIBRATES, Desk

STEP_MS = 5
spans = st.lists(st.tuples(st.booleans(), st.integers(1, 80)), max_size=12)  # a level, and so many samples of it
# (which input, its level, what happens to the device: blocked, refused, or nothing), and for so many samples
acts = st.lists(
    st.tuples(
        st.integers(0, 2), st.booleans(), st.sampled_from(["", "", "", "blocked", "refusal"]), st.integers(1, 60)
    ),
    max_size=25,
)

WISHES = {("red", 2, 30, 1000), ("blue", 1, 10, 300), ("red", 0, 0, 300), ("blue", 0, 0, 300)}


class Witness(Desk):
    """A Desk that knows when each wish was made, and what was blocked then."""

    def __init__(self, *entries):
        self.made = []
        super().__init__(*entries)

    def _ask(self, what, wish):
        self.made.append((self.now, wish, self.blocked, self.refusal))
        return super()._ask(what, wish)


@settings(deadline=None)
@given(acts)
def test_nothing_is_asked_while_it_is_blocked_but_a_stop_and_never_more_often_than_pressed(steps):
    desk = Witness(VIBRATES, dict(SHOCKS, duration_ms=300), STOPS)
    presses = 0
    for which, level, state, samples in steps:
        presses += level and not desk.down[which]
        desk.down[which] = level
        desk.blocked = "latched" if state == "blocked" else ""
        desk.refusal = "not connected" if state == "refusal" else ""
        desk.pass_ms(samples * STEP_MS)
    desk.blocked = desk.refusal = ""
    before = len(desk.made)
    desk.down = [False] * 3
    desk.pass_ms(5000)
    late = desk.made[before:]
    assert all(wish.action == STOP for _, wish, _, _ in late), "a press that could not be sent is never sent later"
    commands = [(now, wish) for now, wish, blocked, refusal in desk.made if wish.action != STOP]
    assert len(commands) <= presses
    assert not [wish for _, wish, blocked, _ in desk.made if blocked and wish.action != STOP]
    for shocker in ("red", "blue"):
        sent = [
            now
            for now, wish, _, refusal in desk.made
            if wish.action != STOP and wish.shocker == shocker and not refusal
        ]
        assert all(after - first >= 250 for first, after in zip(sent, sent[1:], strict=False))
    assert {tuple(wish) for _, wish, _, _ in desk.made} <= WISHES


@settings(deadline=None)
@given(spans)
def test_a_press_and_a_release_take_turns_and_begin_with_a_press_that_lasted(levels):
    button, now, heard, row = Button(), 0, [], 0
    for level, samples in levels:
        for _ in range(samples):
            row = row + 1 if level else 0
            what = button.sample(level, now)
            now += STEP_MS
            if what:
                heard.append(what)
                assert what != 1 or row >= 4, "four samples in a row, or it was a spark"
    assert heard == [1 + at % 2 for at in range(len(heard))]


@settings(deadline=None)
@given(st.sampled_from([1, 2, 4]), st.lists(st.sampled_from([(0, 0), (0, 1), (1, 0), (1, 1)]), max_size=60))
def test_a_dial_never_turns_further_than_its_contacts_moved(clicks, states):
    knob, turned = Knob(clicks), 0
    for a, b in states:
        turned += knob.sample(a, b)
    moves = sum((a != c) + (b != d) == 1 for (a, b), (c, d) in zip(states, states[1:], strict=False))
    assert abs(turned) * max(1, clicks // 2) <= moves
