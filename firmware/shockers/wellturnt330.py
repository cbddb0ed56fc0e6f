"""Wellturn T330: 4 channel, 4 upper action, 16 id, 8 intensity, 4 lower action, 4 channel again; then one 0 bit. 43 pairs.

    start  ‾‾‾‾___   960 high, 790 low
    one    ‾____     220 high, 980 low
    zero   ‾__       220 high, 580 low
    end    ‾_        220 high, 135 low

The action byte is shock 61h, vibrate 72h, sound 84h. Channel 1 is 0000b, channel 2 is 1110b. Intensity 0–100, and 0 for
sound. The bit is in the low time. Source: reference/openshock-firmware.md §a.

Open upstream (#472): one collar variant is said to read a shock level of 0–15 in the low nibble, below a rolling counter:
15, 31 and 47 would be full strength. Until that is measured, shock is off unless `cap.unverified_shock` allows it.
"""

from firmware.command import SHOCK, SOUND, VIBRATE, carried, whole
from lib.pulse_train import train

ACTIONS = {SHOCK: 0x61, VIBRATE: 0x72, SOUND: 0x84}
UNVERIFIED = (SHOCK,)  # how strong these are, nobody has measured
CHANNEL = 1  # the usual one
_CHANNELS = {1: 0b0000, 2: 0b1110}


def encode(rf_id, action, intensity, channel=None):
    """A new pulse train of one frame, `array("H")` in µs. ValueError for an id, action or channel (1, 2) it cannot carry."""
    level = carried(rf_id, action, intensity)
    channel = CHANNEL if channel is None else channel
    if action not in ACTIONS or not whole(channel, 1, 2):
        raise ValueError("Wellturn T330: no such action or channel (1, 2)")
    if action == SOUND:
        level = 0
    kind, lane = ACTIONS[action], _CHANNELS[channel]
    value = (lane << 36 | (kind >> 4) << 32 | rf_id << 16 | level << 8 | (kind & 0xF) << 4 | lane) << 1
    return train((960, 790), (220, 980), (220, 580), value, 41, (220, 135))


def stop(rf_id, channel=None):
    """A new pulse train that tells the receiver to be still: vibrate 0."""
    return encode(rf_id, VIBRATE, 0, channel)
