"""The simulated chip's microseconds. While its interrupts are off, time passes only by looking at it.

On a chip nothing can get between two polls of a masked loop; on a PC anything can. So between `mask` and `unmask` each
look takes POLL_US, and `unmask` waits until the real time has caught up: frames are exact, and take as long as they do.
"""

POLL_US = 4  # simstart.py makes it longer, so that a PC with other work keeps up

_state = [None, None, None]  # the real ticks_us and sleep_us, and the time of the masked section
_between = []  # called at each look at the clock while interrupts are on: what interrupts have left to be done


def between(function):
    """None; from now on `function` is called at each look: the nearest to "between two lines of Python" that a stub has."""
    _between.append(function)


def deliver():
    """None; what interrupts left to be done was done, unless they are off."""
    if _state[2] is None:
        for function in _between:
            function()


def wind(real_ticks_us, real_sleep_us):
    """None; what the clock is made of."""
    _state[0], _state[1] = real_ticks_us, real_sleep_us


def real_us():
    """Microseconds of what the clock is made of, masked or not."""
    return _state[0]()


def ticks_us():
    """Microseconds, as `time.ticks_us`."""
    if _state[2] is None:
        deliver()
        return _state[0]()
    _state[2] += POLL_US
    return _state[2]


def peek_us():
    """Microseconds, without a look that takes time: when an edge is made."""
    return _state[0]() if _state[2] is None else _state[2]


def masked():
    """True while the simulated interrupts are off."""
    return _state[2] is not None


def mask():
    """None; from here on time passes by looks alone."""
    if _state[2] is None:
        _state[2] = _state[0]()


def unmask():
    """None; the real time has caught up with what was played."""
    ahead_us = _state[2] - _state[0]()
    _state[2] = None
    if ahead_us > 0:
        _state[1](ahead_us)
