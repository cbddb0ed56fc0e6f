"""Petrainer: 8 method, 16 id, 8 intensity, 8 method check. 42 pairs, the bit is in the low time.

    start  ‾‾‾___          750 high,  750 low
    one    ‾______         200 high, 1500 low
    zero   ‾___            200 high,  750 low
    end    ‾____________   200 high, 7000 low

With n = 0 shock, 1 vibrate, 2 sound: method = 80h + 2^n, check = NOT(01h OR (80h >> n)). Intensity 0–100 as it is.
It has no channel. Source: reference/openshock-firmware.md §a.
"""

from firmware.command import SHOCK, SOUND, VIBRATE, carried
from lib.pulse_train import train

ACTIONS = {SHOCK: 0, VIBRATE: 1, SOUND: 2}
CHANNEL = None


def encode(rf_id, action, intensity, channel=None):
    """A new pulse train of one frame, `array("H")` in µs. ValueError for an id or action it cannot carry, or any channel."""
    level = carried(rf_id, action, intensity)
    if action not in ACTIONS or channel is not None:
        raise ValueError("Petrainer: no such action, or a channel (it has none)")
    n = ACTIONS[action]
    method = 0x80 + (1 << n)
    check = ~(0x01 | 0x80 >> n) & 0xFF
    value = method << 32 | rf_id << 16 | level << 8 | check
    return train((750, 750), (200, 1500), (200, 750), value, 40, (200, 7000))


def stop(rf_id, channel=None):
    """A new pulse train that tells the receiver to be still: vibrate 0."""
    return encode(rf_id, VIBRATE, 0, channel)
