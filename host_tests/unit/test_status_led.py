"""The lamp: what each state looks like, which of several is shown, and what the brightness may hide."""

import asyncio

from firmware.hardware.status_led import Lamp, colour, level, state_of
from host_tests.unit.rooms import Hand, run

ERROR, RELEASE, CLEARING, LATCHED, SENDING, UPDATING, SETTING_UP, CONNECTED, NO_HUB, NO_WIFI = STATES = range(10)
RED, GREEN, BLUE, ORANGE, DARK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 110, 0), (0, 0, 0)


def strip(state, step_ms, count):
    """The lamp every `step_ms`, as # and dots."""
    return "".join(["#" if level(state, at * step_ms) else "." for at in range(count)])


def pixels(state, step_ms, count):
    """The pixel every `step_ms`."""
    return [colour(state, at * step_ms) for at in range(count)]


def test_the_lamp_blinks_as_openshock_does():
    assert strip(ERROR, 100, 8) == "#.#.#.#."
    assert strip(RELEASE, 100, 8) == "#.#.#.#."
    assert strip(CLEARING, 100, 8) == "##..##.."
    assert strip(LATCHED, 100, 20) == "#####.....#####....."
    assert strip(CONNECTED, 100, 102) == "#" + "." * 100 + "#"
    assert strip(NO_HUB, 100, 20) == "#.#......." * 2
    assert strip(NO_WIFI, 100, 24) == "#.#.#......." * 2


def test_the_lamp_has_three_patterns_of_its_own():
    assert strip(SENDING, 50, 8) == "#.#.#.#."
    assert strip(UPDATING, 100, 20) == "#########." * 2
    assert strip(SETTING_UP, 500, 8) == "###.###."


def test_the_pixel_has_openshocks_colours():
    assert pixels(ERROR, 100, 3) == [RED, DARK, RED]
    assert pixels(RELEASE, 150, 3) == [GREEN, DARK, GREEN]
    assert pixels(LATCHED, 500, 3) == [RED, DARK, RED]
    assert pixels(CONNECTED, 100, 2) == [GREEN, DARK]
    assert pixels(NO_HUB, 100, 5) == [ORANGE, DARK, ORANGE, DARK, DARK]
    assert pixels(NO_WIFI, 100, 7) == [BLUE, DARK, BLUE, DARK, BLUE, DARK, DARK]


def test_the_pixel_breathes_while_the_button_is_held():
    quarters = [(63, 27, 0), (127, 55, 0), (191, 82, 0), ORANGE]
    assert pixels(CLEARING, 50, 9) == quarters + quarters[::-1] + quarters[:1]


def test_each_state_can_be_told_from_the_others():
    strips = [tuple(pixels(state, 50, 240)) for state in STATES]
    assert len(set(strips)) == 10


def test_the_most_urgent_state_is_shown():
    assert state_of("", False, False) == NO_WIFI
    assert state_of("", False, True) == NO_HUB
    assert state_of("", True, True) == CONNECTED
    assert state_of("", True, True, pairing=True) == 10
    assert state_of("", False, False, pairing=True) == NO_WIFI
    assert state_of("", True, True, setting_up=True, pairing=True) == SETTING_UP
    assert state_of("", True, True, sending=True, pairing=True) == SENDING
    assert state_of("", True, True, setting_up=True) == SETTING_UP
    assert state_of("", True, True, setting_up=True, updating=True) == UPDATING
    assert state_of("", True, True, True, True, sending=True) == SENDING
    assert state_of("latched", True, True, True, True, sending=True) == LATCHED
    assert state_of("clearing", True, True, True, True) == CLEARING
    assert state_of("release", True, True, True, True) == RELEASE
    assert state_of("release", True, True, True, True, failed=True) == ERROR


class Board:
    """A lamp and a pixel that remember what they were told, and a hand that turns the clock."""

    def __init__(self, led=True, pixel=True, state=CONNECTED, brightness=100, swapped=False):
        self.clock = Hand()
        self.state = state
        self.leds = []
        self.pixels = []
        self.lamp = Lamp(
            self.leds.append if led else None,
            (lambda *rgb: self.pixels.append(rgb)) if pixel else None,
            lambda: self.state,
            self.clock,
            brightness,
            swapped,
        )

    def shows(self, until_ms):
        """None; every 50 ms from where the clock stands."""
        while self.clock.ms < until_ms:
            self.lamp.show(self.clock.ms)
            self.clock.ms += 50


def test_a_lamp_alone_shows_the_pattern():
    board = Board(pixel=False, state=LATCHED, brightness=40)
    board.shows(1100)
    assert board.leds == [40, 0, 40]
    assert board.pixels == []


def test_a_pixel_alone_shows_the_pattern():
    board = Board(led=False, state=LATCHED, brightness=50)
    board.shows(1100)
    assert board.pixels == [(127, 0, 0), DARK, (127, 0, 0)]


def test_the_lamps_go_out_when_nobody_shows_anything_any_more():
    async def story(board):
        task = asyncio.create_task(board.lamp.run())
        while not board.leds:
            await asyncio.sleep_ms(1)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass

    board = Board()
    run(story(board))
    assert board.leds == [100, 0] and board.pixels == [GREEN, DARK]


def test_beside_a_pixel_the_lamp_says_that_all_is_well():
    board = Board()
    board.shows(300)
    assert board.leds == [100, 100] and board.pixels == [GREEN, DARK]
    board = Board(state=NO_WIFI)
    board.shows(1100)
    assert set(board.leds) == {0}


def test_some_pixels_take_green_for_red():
    board = Board(led=False, state=LATCHED, swapped=True)
    board.shows(50)
    assert board.pixels == [(0, 255, 0)]


def test_dark_is_dark_but_not_for_the_emergency_stop():
    for state in STATES:
        board = Board(pixel=False, state=state, brightness=0)
        board.shows(1500)
        urgent = state in (ERROR, RELEASE, CLEARING, LATCHED)
        assert max(board.leds) == (20 if urgent else 0), state
        board = Board(led=False, state=state, brightness=0)
        board.shows(1500)
        assert any(max(rgb) for rgb in board.pixels) == urgent, state


def test_a_bright_setting_holds_for_the_emergency_stop_too():
    board = Board(pixel=False, state=LATCHED, brightness=80)
    board.shows(50)
    assert board.leds == [80]


def test_nothing_is_written_while_nothing_changes():
    board = Board(state=CONNECTED)
    board.shows(10000)
    assert board.pixels == [GREEN, DARK]


def test_the_test_shows_every_state_for_two_seconds():
    board = Board(led=False, state=NO_WIFI, brightness=0)
    board.lamp.test()
    for at in range(11):
        board.pixels.clear()
        board.shows(2000 * (at + 1))
        brightest = max([colour(at, ms) for ms in range(0, 20000, 50)])
        assert max(board.pixels) == tuple([part * 20 // 100 for part in brightest]), at
        assert len(set(board.pixels)) > 1, at
    board.pixels.clear()
    board.shows(24000)
    assert board.pixels == [DARK]


def test_an_emergency_ends_the_test_on_the_spot():
    board = Board(led=False, state=NO_WIFI, brightness=0)
    board.lamp.test()
    board.state = LATCHED
    board.shows(50)
    assert board.pixels == [(51, 0, 0)]
