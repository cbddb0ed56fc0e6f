"""The device as a remote: when a press counts, what a turn is, what is asked of the service, which pins cannot be used."""

from firmware.command import SHOCK, STOP, VIBRATE, Wish
from firmware.control import remote_inputs
from firmware.control.remote_control import NOTHING, PRESSED, RELEASED, Button, Input, Knob, Remote
from firmware.hardware import gpio_rules
from lib import plugins
from lib.log import Log

UP, DOWN = False, True
VIBRATES = {"pin": 14, "shocker": "red", "action": "vibrate", "level": 30, "duration_ms": 1000}
SHOCKS = {"pin": 15, "shocker": "blue", "action": "shock", "level": 10, "duration_ms": 500}
STOPS = {"pin": 16, "shocker": "red", "action": "stop", "level": 0, "duration_ms": 300}
DIAL = {"a": 17, "b": 18, "press": 19, "shocker": "red", "action": "vibrate", "step": 5, "duration_ms": 800}


def told(*spans, step_ms=5, samples=4):
    """What a fresh button says to (pressed, ms) spans, as [(ms, what)] without the NOTHINGs."""
    button, now, said = Button(samples), 0, []
    for pressed, length_ms in spans:
        for _ in range(length_ms // step_ms):
            what = button.sample(pressed, now)
            if what != NOTHING:
                said.append((now, what))
            now += step_ms
    return said


# one button


def test_a_press_is_one_press_and_a_release():
    assert told((UP, 100), (DOWN, 500), (UP, 500)) == [(115, PRESSED), (665, RELEASED)]
    assert told((UP, 100), (DOWN, 40), (UP, 200), (DOWN, 40), (UP, 200)) == [
        (115, PRESSED),
        (205, RELEASED),
        (355, PRESSED),
        (445, RELEASED),
    ]


def test_it_may_bounce_on_both_ways():
    bounce = [(DOWN, 5), (UP, 5)] * 4
    assert told((UP, 100), *bounce, (DOWN, 200), *bounce, (UP, 500)) == [(155, PRESSED), (440, RELEASED)]
    chatter = [(UP, 30), (DOWN, 30)] * 5
    assert told((UP, 100), (DOWN, 100), *chatter, (UP, 500)) == [(115, PRESSED), (565, RELEASED)]


def test_a_spark_is_no_press_but_stops_where_stopping_is_its_task():
    sparks = [(UP, 100), (DOWN, 15), (UP, 500), (DOWN, 5), (UP, 500)]
    assert told(*sparks) == []
    assert told(*sparks, samples=1) == [(100, PRESSED), (180, RELEASED), (615, PRESSED), (685, RELEASED)]


def test_who_holds_it_at_the_start_must_let_go_first():
    assert told((DOWN, 60000)) == []
    assert told((DOWN, 1000), (UP, 100), (DOWN, 100), (UP, 100)) == [(1115, PRESSED), (1265, RELEASED)]
    assert told((DOWN, 1000), (UP, 30), (DOWN, 1000), (UP, 30), (DOWN, 100)) == []
    assert told((DOWN, 100), samples=1) == []


def test_seldom_looks_make_no_press_of_two_sparks():
    # a frame on the air holds the loop up for 60 ms: each look finds something else
    assert told((UP, 300), (DOWN, 60), (UP, 60), (DOWN, 60), (UP, 60), step_ms=60) == []
    assert [what for _, what in told((UP, 300), (DOWN, 600), (UP, 600), step_ms=60)] == [PRESSED, RELEASED]


# one dial


def turned(states, clicks=4):
    """The steps of a knob whose contacts (a, b) go through these states."""
    knob = Knob(clicks)
    return [step for step in [knob.sample(a, b) for a, b in states] if step]


RIGHT = [(0, 0), (0, 1), (1, 1), (1, 0)]
LEFT = [(0, 0), (1, 0), (1, 1), (0, 1)]


def test_a_detent_is_four_changes_to_either_side():
    assert turned(RIGHT * 3 + [(0, 0)]) == [1, 1, 1]
    assert turned(LEFT * 2 + [(0, 0)]) == [-1, -1]
    assert turned(RIGHT + LEFT + [(0, 0)]) == [1, -1]


def test_a_bounce_goes_there_and_back_and_half_a_turn_is_none():
    assert turned([(0, 0), (0, 1), (0, 0), (0, 1), (0, 0)]) == []
    assert turned([(0, 0), (0, 1), (1, 1), (0, 1), (1, 1), (1, 0), (1, 1), (1, 0), (0, 0)]) == [1]
    assert turned([(0, 0), (0, 1), (1, 1), (0, 1), (0, 0)]) == []


def test_a_change_that_nobody_saw_turns_nothing_the_wrong_way():
    assert turned([(0, 0), (1, 1), (0, 0)]) == []
    assert turned([(0, 0), (0, 1), (1, 1), (0, 0)]) == [1]  # one of four was missed
    assert turned([(0, 0), (1, 1)] + RIGHT + [(0, 0)]) == [1]


def test_dials_with_two_changes_or_one_a_detent():
    assert turned(RIGHT + [(0, 0)], clicks=2) == [1, 1]
    assert turned(LEFT + [(0, 0)], clicks=1) == [-1, -1, -1, -1]
    assert turned([(0, 0), (0, 1), (0, 0)], clicks=2) == []


def test_no_row_of_states_turns_further_than_it_goes():
    # every path of six samples: never more steps than changes allow, never an exception
    for clicks in (1, 2, 4):
        for path in range(4**6):
            states = [((path >> shift) & 1, (path >> shift + 1) & 1) for shift in range(0, 12, 2)]
            assert abs(sum(turned(states, clicks))) <= 5 // clicks + (clicks > 1), (clicks, states)


# what is asked


class Desk:
    """A Remote with inputs that a test presses, a service that writes down, and a clock that it turns."""

    def __init__(self, *entries):
        self.now = 10000
        self.down = [False] * len(entries)
        self.contacts = [False, False]
        self.wishes = []
        self.lines = []
        self.refusal = self.blocked = ""
        made = []
        for at, entry in enumerate(entries):
            turned = (lambda: self.contacts[0], lambda: self.contacts[1]) if "step" in entry else None
            made.append(Input(entry, lambda at=at: self.down[at], turned))
        log = Log(lambda: self.now, self.lines.append)
        self.remote = Remote(made, self._ask, lambda: self.blocked, lambda: self.now, log)
        self.pass_ms(200)

    def _ask(self, what, wish):
        assert what == "control" or what == "seen" and wish is None
        if not self.refusal:
            self.wishes.append(wish)
        return self.refusal

    def pass_ms(self, length_ms, acts=True):
        for _ in range(length_ms // 5):
            self.remote.look(self.now)
            if acts:
                self.remote.act()
            self.now += 5

    def press(self, at=0, ms=100, after_ms=300):
        self.down[at] = True
        self.pass_ms(ms)
        self.down[at] = False
        self.pass_ms(after_ms)

    def turn(self, states):
        for a, b in states:
            self.contacts = [a, b]
            self.pass_ms(10)

    def heard(self):
        """What was asked since the last time."""
        wishes, self.wishes = self.wishes, []
        return wishes


def test_a_press_is_one_command_and_who_lets_go_of_a_vibration_ends_it():
    desk = Desk(VIBRATES)
    desk.press()
    assert desk.heard() == [Wish("red", VIBRATE, 30, 1000), Wish("red", STOP, 0, 300)]
    desk.press(ms=3000)
    assert desk.heard() == [Wish("red", VIBRATE, 30, 1000)]  # it was over before the finger left


def test_what_is_not_held_runs_its_time():
    desk = Desk(SHOCKS, dict(VIBRATES, hold=False), dict(SHOCKS, hold=True))
    desk.press(0)
    assert desk.heard() == [Wish("blue", SHOCK, 10, 500)]
    desk.press(1)
    assert desk.heard() == [Wish("red", VIBRATE, 30, 1000)]
    desk.press(2)
    assert desk.heard() == [Wish("blue", SHOCK, 10, 500), Wish("blue", STOP, 0, 300)]


def test_a_quarter_of_a_second_lies_between_two_commands_and_none_before_a_stop():
    desk = Desk(dict(VIBRATES, hold=False), STOPS)
    for _ in range(8):
        desk.press(0, ms=40, after_ms=80)  # every 120 ms
    assert len(desk.heard()) == 3
    assert len([line for line in desk.lines if "too soon" in line]) == 5
    for _ in range(4):
        desk.press(1, ms=40, after_ms=80)
    assert desk.heard() == [Wish("red", STOP, 0, 300)] * 4


def test_the_newest_wins_and_an_older_finger_ends_nothing():
    desk = Desk(dict(VIBRATES, duration_ms=5000), dict(VIBRATES, level=60, hold=False, duration_ms=5000))
    desk.down[0] = True
    desk.pass_ms(300)
    desk.press(1)
    desk.down[0] = False
    desk.pass_ms(300)
    assert desk.heard() == [Wish("red", VIBRATE, 30, 5000), Wish("red", VIBRATE, 60, 5000)]


def test_what_is_refused_is_told_and_never_sent_later():
    desk = Desk(VIBRATES)
    for what in ("blocked", "refusal"):
        setattr(desk, what, "not connected")
        desk.press()
        assert "red vibrate 30, 1000 ms: refused: not connected" in desk.lines[-1], desk.lines
        setattr(desk, what, "")
        desk.pass_ms(2000)
        assert desk.heard() == []
    desk.press()
    assert desk.heard()[0].action == VIBRATE


def test_a_press_that_nobody_could_act_on_in_time_is_too_old():
    desk = Desk(VIBRATES)
    desk.down[0] = True
    desk.pass_ms(400, acts=False)
    desk.pass_ms(100)
    assert desk.heard() == [] and "pressed too long ago" in desk.lines[-1]
    for _ in range(100):  # a task that is gone for long fills no memory
        desk.down[0] = not desk.down[0]
        desk.pass_ms(100, acts=False)
    desk.pass_ms(100)
    assert len(desk.lines) < 20


def test_whatever_blocks_this_device_ends_what_its_buttons_began():
    desk = Desk(dict(VIBRATES, hold=False), SHOCKS)
    desk.press(0)
    desk.heard()
    desk.blocked = "the emergency stop is latched"
    desk.pass_ms(50)
    assert desk.heard() == [Wish("red", STOP, 0, 300)]  # and not blue, which is still
    desk.pass_ms(500)
    assert desk.heard() == []
    desk.press(0)
    assert desk.heard() == []


def test_a_stop_passes_while_the_emergency_stop_is_latched():
    desk = Desk(STOPS)
    desk.blocked = "the emergency stop is latched"
    desk.press()
    assert desk.heard() == [Wish("red", STOP, 0, 300)]


def test_a_button_that_says_seen_asks_for_that_alone_whatever_is_blocked():
    desk = Desk({"pin": 14, "action": "seen"})
    desk.blocked = "the emergency stop is latched"
    desk.press()
    assert desk.wishes == [None] and desk.lines[-1].endswith("read: the sender will know")
    desk.refusal = "no message yet"
    desk.press(ms=5000)
    assert desk.wishes == [None] and desk.lines[-1].endswith("read: no message yet")


def test_the_dial_sets_the_level_and_its_press_sends_it():
    desk = Desk(dict(DIAL, level=20))
    desk.turn(RIGHT * 3 + [(0, 0)])
    assert desk.heard() == []
    desk.pass_ms(400)
    assert [line for line in desk.lines if "the dial is at 35" in line] == desk.lines[-1:]
    desk.press()
    assert desk.heard() == [Wish("red", VIBRATE, 35, 800)]  # and no stop: a push is too short a way to hold
    desk.turn(LEFT * 30 + [(0, 0)])
    desk.press()
    desk.turn(RIGHT * 50 + [(0, 0)])
    desk.press()
    assert [wish.intensity for wish in desk.heard()] == [0, 100]


# the pins


class Chosen:
    """Settings of which only these differ."""

    def __init__(self, **values):
        self._values = {"rf.pin": -1, "estop.pin": -1, "estop.enabled": True, "remote.inputs": [], "remote.dial": {}}
        self._values.update({key.replace("__", "."): value for key, value in values.items()})

    def get(self, key):
        return self._values[key]


def whys(board, **values):
    """Why the inputs cannot be used on that board, a text each."""
    return [why for _, _, why in remote_inputs.looked_at(Chosen(**values), plugins.load("firmware.boards", board))]


def on(*pins):
    return [dict(VIBRATES, pin=pin) for pin in pins]


def test_pins_that_are_free_can_be_used():
    assert whys("simulated") == []
    assert (
        whys("simulated", remote__inputs=on(14, 15, 16, 17), remote__dial=dict(DIAL, a=18, b=19, press=20)) == [""] * 5
    )
    assert whys("generic_esp32", remote__inputs=on(4, 13, 14, 27), rf__pin=25, estop__pin=26) == [""] * 4


def test_pins_that_others_have_are_refused_in_words():
    board = plugins.load("firmware.boards", "simulated")
    taken = whys("simulated", remote__inputs=on(board.RF_PIN, board.ESTOP_PIN, board.LED_PIN, board.BOOT_PIN))
    assert taken[0] == "button 1: GPIO4 is that of the transmitter"
    assert taken[1] == "button 2: GPIO13 is that of the emergency stop"
    assert "lamp or button" in taken[2] and "lamp or button" in taken[3]
    assert whys("simulated", remote__inputs=on(13), estop__enabled=False) == [""]
    assert whys("simulated", remote__inputs=on(7), rf__pin=7) == ["button 1: GPIO7 is that of the transmitter"]
    assert whys("simulated", remote__inputs=on(14, 14)) == ["", "button 2: GPIO14 is that of button 1"]
    dial = whys("simulated", remote__inputs=on(17), remote__dial=DIAL)
    assert dial == ["", "the dial: GPIO17 is that of button 1"]
    assert whys("simulated", remote__dial=dict(DIAL, b=17)) == ["the dial: it needs a pin for each contact"]


def test_pins_that_no_button_may_have_are_refused_in_words():
    for pin, words in (
        (6, "cannot be used"),
        (12, "decides how the chip starts"),
        (34, "no pull-up"),
        (48, "cannot be used"),
    ):
        assert words in whys("generic_esp32", remote__inputs=on(pin))[0], pin
    board = plugins.load("firmware.boards", "generic_esp32c3")
    for pin in range(49):
        assert bool(whys("generic_esp32c3", remote__inputs=on(pin))[0]) == (pin not in gpio_rules.estop_pins(board)), (
            pin
        )


def test_an_input_that_cannot_be_used_is_left_out_and_the_log_says_why():
    class Hardware:
        made = []

        def input(self, pin, level):
            self.made.append((pin, level))
            return bool

    lines = []
    log = Log(lambda: 0, lines.append)
    board = plugins.load("firmware.boards", "simulated")
    chosen = Chosen(remote__inputs=on(4) + [dict(VIBRATES, pressed="high")], remote__dial=DIAL)
    made = remote_inputs.remote(chosen, board, Hardware(), None, str, lambda: 0, log)
    assert isinstance(made, Remote) and Hardware.made == [(14, 1), (17, 0), (18, 0), (19, 0)]
    assert len(lines) == 1 and "not used: button 1: GPIO4 is that of the transmitter" in lines[0]
    assert remote_inputs.remote(Chosen(remote__inputs=on(4)), board, Hardware(), None, str, lambda: 0, log) is None


def test_a_pin_that_the_chip_itself_refuses_keeps_nobody_from_work():
    class Hardware:
        def input(self, pin, level):
            if pin == 14:
                raise ValueError("invalid pin")
            return bool

    lines = []
    log = Log(lambda: 0, lines.append)
    board = plugins.load("firmware.boards", "simulated")
    both = Chosen(remote__inputs=[VIBRATES, SHOCKS])
    assert isinstance(remote_inputs.remote(both, board, Hardware(), None, str, lambda: 0, log), Remote)
    assert len(lines) == 1 and "not used: invalid pin" in lines[0]
    alone = Chosen(remote__inputs=[VIBRATES])
    assert remote_inputs.remote(alone, board, Hardware(), None, str, lambda: 0, log) is None
