"""The table of the lamp's signals in docs/troubleshooting.md, from firmware/hardware/status_led.py: its patterns in words."""

from tools.common.firmware_modules import load_module
from tools.pages import table

_LONGEST_MS = 12_000  # longer than any pattern
_STEP_MS = 50

# What each state means to a person, in the order of hardware/status_led.py
MEANINGS = (
    "Something is broken inside: `log` on the console tells what.",
    "Emergency stop: held long enough. Let go now, and it is cleared.",
    "Emergency stop: keep holding, five seconds in all.",
    "Emergency stop: everything is stopped, and stays so until somebody clears it here.",
    "A receiver is being sent to.",
    "An update is being taken in.",
    "The set-up page is open.",
    "All is well: connected with the service.",
    "In the Wi-Fi, and not connected with the service.",
    "Not in any Wi-Fi.",
)
_COLOURS = {
    (255, 0, 0): "red",
    (0, 255, 0): "green",
    (0, 0, 255): "blue",
    (255, 110, 0): "orange",
    (170, 0, 255): "purple",
    (0, 200, 255): "cyan",
    (255, 255, 255): "white",
}


def table_of_signals():
    """Return a row for each state: the plain lamp, the pixel, what it means."""
    lamps = load_module("firmware.hardware.status_led")
    rows = []
    for state, meaning in enumerate(MEANINGS):
        shining = [lamps.level(state, ms) for ms in range(0, 2 * _LONGEST_MS, _STEP_MS)]
        colours = [lamps.colour(state, ms) for ms in range(0, 2 * _LONGEST_MS, _STEP_MS)]
        name = _COLOURS[max(colours)]
        glowing = [int(any(colour)) for colour in colours]
        rows.append((_blinks(shining), f"{name}, {_blinks(glowing)}", meaning))
    return table(("plain lamp", "coloured pixel", "what it means"), rows)


def _blinks(levels):
    """Return the pattern of the 0s and 1s, one each 50 ms, in words: its first period."""
    runs = []
    for level in levels:
        if runs and runs[-1][0] == level:
            runs[-1][1] += _STEP_MS
        else:
            runs.append([level, _STEP_MS])
    if len(runs) == 1:
        return "breathing"
    runs.pop()  # cut short
    on, off = runs[0][1], runs[1][1]
    flashes = next((i // 2 for i in range(2, len(runs), 2) if runs[i - 1][1] != off), 0)
    if flashes:
        pause = runs[2 * flashes - 1][1]
        return f"{flashes} flashes, {_seconds(pause)} dark"
    if off >= 10 * on:
        return f"a flash every {_seconds(on + off)}"
    return f"{_seconds(on)} on, {_seconds(off)} off"


def _seconds(ms):
    return f"{ms / 1000:g} s"
