"""The self-test of the radio: everything plays but the pin."""

from array import array

from firmware.ota import health
from lib import dry_run_player, ook_player

TRAIN = array("H", (1400, 750, 750, 250))


class Times:
    """A clock that goes on when it is read."""

    def __init__(self, step_us=1):
        self.now_us = 0
        self.step_us = step_us
        self.masked = 0

    def ticks_us(self):
        self.now_us += self.step_us
        return self.now_us

    def disable(self):
        self.masked += 1
        return self.masked

    def enable(self, state):
        assert state == self.masked == 1
        self.masked = 0

    def rehearse(self, train):
        return dry_run_player.worst_us(train, "", 4, self.ticks_us, self.disable, self.enable)


def test_without_known_registers_the_calls_go_nowhere():
    times = Times()
    assert times.rehearse(TRAIN) == 0
    assert times.now_us >= 3150 and times.masked == 0
    assert health.radio_words(times.rehearse, health.silent_train()) == ""


def test_a_player_that_is_late_or_fails_is_told():
    assert health.radio_words(Times(50000).rehearse, TRAIN).startswith("frames come out ")
    assert health.radio_words(lambda train: -2, TRAIN) == "a frame does not come to its end"

    def fails(train):
        raise OSError("the chip's clock stands still")

    assert health.radio_words(fails, TRAIN) == "no frame can be played (the chip's clock stands still)"
    assert "no frame" in health.radio_words(Times().rehearse, array("H"))


def test_late_once_is_no_fault():
    said = [90000, 12]
    assert health.radio_words(lambda train: said.pop(0), TRAIN) == ""


def test_a_train_of_registers_leaves_the_pin_alone():
    # memory in place of all registers: its clock stands still, which the player notices
    memory = array("I", bytes(400))
    touched = []

    def at(address):
        touched.append(address)
        return memory

    times = Times()
    try:
        dry_run_player.worst_us(TRAIN, "esp32c3", 5, times.ticks_us, times.disable, times.enable, at)
        raise AssertionError("a clock that stands still was not noticed")
    except OSError as fault:
        assert "stands still" in str(fault)
    out = ook_player.wiring("esp32c3", 5)[4]
    assert touched and out not in touched and times.masked == 0


def test_the_stop_input_is_read():
    assert health.estop_words(None) == "" and health.estop_words(lambda: 1) == ""

    def broken():
        raise OSError(5)

    assert "cannot be read" in health.estop_words(broken)
