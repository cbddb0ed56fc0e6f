"""D80: 8 constant 04h, 16 id, 2 action, 2 channel, 4 intensity, 8 sum. 42 pairs, 56.300 ms always.

    start  ‾‾‾‾__________   1900 high, 4000 low
    one    ‾‾‾_              900 high,  300 low
    zero   ‾___              300 high,  900 low
    end    ‾_______          200 high, 2200 low

The sum is that of the four bytes before it, modulo 256. The level is 0–15: 0 stays 0, all else is floor(i × 15 / 100), at
least 1; 0 for sound. Channel 1, 2, or 3 for both collars. Source: reference/openshock-firmware.md §a.
"""

from firmware.command import SHOCK, SOUND, VIBRATE, carried, whole
from lib.pulse_train import train

ACTIONS = {SHOCK: 1, VIBRATE: 2, SOUND: 3}
CHANNEL = 1  # the usual one


def encode(rf_id, action, intensity, channel=None):
    """A new pulse train of one frame, `array("H")` in µs. ValueError for an id, action or channel (1-3) it cannot carry."""
    percent = carried(rf_id, action, intensity)  # clamped before it is scaled: 107 would wrap to 0 in four bits
    channel = CHANNEL if channel is None else channel
    if action not in ACTIONS or not whole(channel, 1, 3):
        raise ValueError("D80: no such action or channel (1-3)")
    level = 0 if action == SOUND or percent == 0 else max(percent * 15 // 100, 1)
    kind = ACTIONS[action] << 6 | channel << 4 | level
    total = 0x04 + (rf_id >> 8) + (rf_id & 0xFF) + kind & 0xFF
    value = 0x04 << 32 | rf_id << 16 | kind << 8 | total
    return train((1900, 4000), (900, 300), (300, 900), value, 40, (200, 2200))


def stop(rf_id, channel=None):
    """A new pulse train that tells the receiver to be still: vibrate 0."""
    return encode(rf_id, VIBRATE, 0, channel)
