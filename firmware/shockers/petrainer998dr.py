"""Petrainer 998DR: 4 channel, 4 action, 16 id, 8 intensity, 4 action check, 4 channel check. 42 pairs, 46.250 ms always.

    start  ‾‾‾‾‾‾____   1500 high,  750 low
    one    ‾‾‾_          750 high,  250 low
    zero   ‾___          250 high,  750 low
    end    ‾________     250 high, 3750 low   (some variants need the silence between frames)

The action is one-hot: shock 1, vibrate 2, sound 4, light 8. Channel 1 is 1000b, channel 2 is 1111b. Each check is the
nibble inverted, its bits then mirrored. Intensity 0–100 as it is. Source: reference/openshock-firmware.md §a.

Open upstream (#432): a burst of full strength at the end of each action was reported. Whether the stop frame (vibrate 0)
causes it is not known; until a receiver has been measured, the stop frame stays what the reference sends. The setting
`rf.end_frames_998dr` leaves out those behind a command that has ended by itself, and those that keep an idle receiver awake.
A stop is sent all the same.
"""

from firmware.command import LIGHT, SHOCK, SOUND, VIBRATE, carried, whole
from lib.pulse_train import train

ACTIONS = {SHOCK: 1, VIBRATE: 2, SOUND: 4, LIGHT: 8}
CHANNEL = 1  # the usual one
_CHANNELS = {1: 0b1000, 2: 0b1111}


def _check(nibble):
    mirrored = 0
    for bit in range(4):
        mirrored = mirrored << 1 | (~nibble >> bit & 1)
    return mirrored


def encode(rf_id, action, intensity, channel=None):
    """A new pulse train of one frame, `array("H")` in µs. ValueError for an id, action or channel (1, 2) it cannot carry."""
    level = carried(rf_id, action, intensity)
    channel = CHANNEL if channel is None else channel
    if action not in ACTIONS or not whole(channel, 1, 2):
        raise ValueError("Petrainer 998DR: no such action or channel (1, 2)")
    kind, lane = ACTIONS[action], _CHANNELS[channel]
    value = lane << 36 | kind << 32 | rf_id << 16 | level << 8 | _check(kind) << 4 | _check(lane)
    return train((1500, 750), (750, 250), (250, 750), value, 40, (250, 3750))


def stop(rf_id, channel=None):
    """A new pulse train that tells the receiver to be still: vibrate 0."""
    return encode(rf_id, VIBRATE, 0, channel)
