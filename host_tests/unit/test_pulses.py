"""Bits in, microseconds out: the pulse trains that encoders build."""

from array import array

from lib import pulse_train

_START = (1400, 750)
_ONE = (750, 250)
_ZERO = (250, 760)


def test_a_train_is_start_then_bits_highest_first():
    train = pulse_train.train(_START, _ONE, _ZERO, 0b1101, 4)
    assert train == array("H", (1400, 750, 750, 250, 750, 250, 250, 760, 750, 250))


def test_leading_zeros_are_sent():
    assert pulse_train.train(_START, _ONE, _ZERO, 1, 3) == array("H", (1400, 750, 250, 760, 250, 760, 750, 250))


def test_the_end_comes_last():
    assert list(pulse_train.train(_START, _ONE, _ZERO, 0, 1, (200, 7000))) == [1400, 750, 250, 760, 200, 7000]


def test_a_value_wider_than_a_machine_word_is_whole():
    value = 0xB497011965 << 3  # 43 bits: a CaiXianlin frame with its three zeros
    train = pulse_train.train(_START, _ONE, _ZERO, value, 43)
    assert len(train) == 88
    bits = 0
    for i in range(2, 88, 2):
        bits = bits << 1 | (train[i] == 750)
    assert bits == value


def test_the_longest_pulse_fits():
    assert list(pulse_train.train((65535, 65535), _ONE, _ZERO, 1, 1)) == [65535, 65535, 750, 250]


def test_a_value_that_does_not_fit_is_refused():
    for value in (16, -1, 1 << 40):
        try:
            pulse_train.train(_START, _ONE, _ZERO, value, 4)
        except ValueError:
            continue
        raise AssertionError(value)
