"""CaiXianlin: 16 id, 4 channel, 4 action, 8 intensity, 8 sum; then three 0 bits. 44 pairs, 45.150 ms always.

    start  ‾‾‾‾‾‾____   1400 high,  750 low
    one    ‾‾‾_          750 high,  250 low
    zero   ‾___          250 high,  750 low

The sum is that of the four bytes before it, modulo 256. The intensity byte is 0–99, and 0 for sound: some collars
ignore the command or lock up otherwise. Channel 0–15, 0 unless told. Source: reference/openshock-firmware.md §a.
"""

from firmware.command import LIGHT, SHOCK, SOUND, VIBRATE, carried, whole
from lib.pulse_train import train

ACTIONS = {SHOCK: 1, VIBRATE: 2, SOUND: 3, LIGHT: 4}
CHANNEL = 0  # the usual one


def encode(rf_id, action, intensity, channel=None):
    """A new pulse train of one frame, `array("H")` in µs. ValueError for an id, action or channel that it cannot carry."""
    level = min(carried(rf_id, action, intensity), 99)
    channel = CHANNEL if channel is None else channel
    if action not in ACTIONS or not whole(channel, 0, 15):
        raise ValueError("CaiXianlin: no such action or channel (0-15)")
    if action == SOUND:
        level = 0
    kind = channel << 4 | ACTIONS[action]
    total = (rf_id >> 8) + (rf_id & 0xFF) + kind + level & 0xFF
    value = (rf_id << 24 | kind << 16 | level << 8 | total) << 3
    return train((1400, 750), (750, 250), (250, 750), value, 43)


def stop(rf_id, channel=None):
    """A new pulse train that tells the receiver to be still: vibrate 0."""
    return encode(rf_id, VIBRATE, 0, channel)
