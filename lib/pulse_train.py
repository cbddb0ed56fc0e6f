"""Pulse trains from bits: what every OOK encoder needs, and nothing of any one receiver. No I/O, no clock.

A pulse train is `array("H")` of microseconds: high, low, high, low … with the high first (`lib/ook_player.py` plays it).
"""

from array import array


def _put(pulses, at, pair):
    pulses[at], pulses[at + 1] = pair
    return at + 2


def train(start, one, zero, value, n_bits, end=None):
    """Return a new `array("H")` of µs: the pair `start`, `n_bits` of `value`, highest bit first, then the pair `end`.

    `start`, `one`, `zero`, `end` are (high, low) in µs, 1–65535 each. Raise ValueError when `value` does not fit in `n_bits`.
    """
    if value < 0 or value >> n_bits:
        raise ValueError("value does not fit in %d bits" % n_bits)
    n_pairs = 1 + n_bits + (1 if end else 0)
    pulses = array("H", bytes(4 * n_pairs))  # made once, at its exact length
    at = _put(pulses, 0, start)
    for shift in range(n_bits - 1, -1, -1):
        at = _put(pulses, at, one if value >> shift & 1 else zero)
    if end:
        _put(pulses, at, end)
    return pulses
