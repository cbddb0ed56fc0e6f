"""Value change dumps (.vcd): edges written for PulseView, sigrok-cli and GTKWave, and read back from any of them.

Format: IEEE 1364-2001 §18. sigrok's reader counts samples from 0, so the times written begin near 0; a comment keeps the
origin. What each frame means is a comment in the header: sigrok (libsigrok 0.5.2) reads nothing behind one among the changes.
"""

import re

from tools import Failure
from tools.rf.decode import decode, edges, pulses

WIRE = "RF_TX"
_LEAD_US = 1000  # idle before the first edge, so that a viewer shows the line low
_TAIL_US = 10_000  # and behind the last
_UNITS_PS = {"s": 10**12, "ms": 10**9, "us": 10**6, "ns": 10**3, "ps": 1}
_ORIGIN = re.compile(r"origin_us (-?[0-9]{1,18})")
_TIME = re.compile("[0-9]{1,30}")  # in steps of down to 1 ps
_LATEST_US = 10**18


def describe(frame):
    """Return one line for people: the fields of the frame, or what is wrong with it."""
    if frame.model is None:
        return "; ".join(map(str, frame.faults))
    summary = (
        f"{frame.model} {frame.rf_id} {frame.action} {frame.intensity}" if frame.rf_id is not None else frame.model
    )
    return summary + "".join(f" [{fault}]" for fault in frame.faults)


def text(pulses):
    """Return the text of a .vcd file with one wire, 1 µs a step."""
    changes = edges(pulses)
    origin_us = changes[0][0] - _LEAD_US if changes else 0
    notes = [f"$comment #{frame.start_us - origin_us} {describe(frame)} $end" for frame in decode(pulses)]
    lines = [
        "$version python3 -m tools rf $end",
        f"$comment origin_us {origin_us} $end",
        *notes,
        "$timescale 1 us $end",
        "$scope module board $end",
        f"$var wire 1 ! {WIRE} $end",
        "$upscope $end",
        "$enddefinitions $end",
        "#0",
        "$dumpvars",
        "0!",
        "$end",
    ]
    for time_us, level in changes:
        lines.append(f"#{time_us - origin_us}")
        lines.append(f"{level}!")
    lines.append(f"#{(changes[-1][0] - origin_us if changes else 0) + _TAIL_US}")
    return "\n".join(lines) + "\n"


def _header(tokens):
    """Return (ps a step, {name: code} of the one-bit wires, origin in µs), reading up to $enddefinitions."""
    step_ps, wires, origin_us = None, {}, 0
    for word in tokens:
        if word == "$enddefinitions":
            return step_ps, wires, origin_us
        body = []
        if word.startswith("$"):
            for part in tokens:
                if part == "$end":
                    break
                body.append(part)
        if word == "$timescale":
            step_ps = _step_ps("".join(body))
        elif word == "$var" and len(body) >= 4 and body[1] == "1":
            wires[body[3]] = body[2]
        elif word == "$comment":
            found = _ORIGIN.fullmatch(" ".join(body))
            origin_us = int(found[1]) if found else origin_us
    raise Failure("not a VCD file: $enddefinitions is missing")


def _step_ps(written):
    found = re.fullmatch(r"(1|10|100)(s|ms|us|ns|ps)", written)
    if not found:
        raise Failure(f"the timescale '{written[:20]}' is none that a VCD file may have")
    return int(found[1]) * _UNITS_PS[found[2]]


def _choose(wires, wanted):
    """Return the code of the wire to read. Raise Failure with the names when it is not clear which."""
    if wanted is None and len(wires) == 1:
        return next(iter(wires.values()))
    name = wanted or WIRE
    if name in wires:
        return wires[name]
    if not wires:
        raise Failure("the VCD file has no wire of one bit")
    asked = f"there is no wire '{wanted}'" if wanted else "there are several wires"
    raise Failure(f"{asked}; name one by --wire: {', '.join(sorted(wires))}")


def _time_us(word, step_ps):
    time_us = (int(word[1:]) * step_ps + 500_000) // 1_000_000 if _TIME.fullmatch(word[1:]) else _LATEST_US
    if time_us >= _LATEST_US:
        raise Failure(f"'{word[:20]}' is no time of a VCD file")
    return time_us


def _changes(tokens, code, step_ps, origin_us):
    """Return the edges of one wire; a level that is unknown (x, z) counts as low."""
    changes = []
    time_us = origin_us
    level = 0
    for word in tokens:
        new = level
        if word == "$comment":
            while next(tokens, "$end") != "$end":
                pass
        elif word[0] == "#":
            time_us = origin_us + _time_us(word, step_ps)
        elif word[0] in "bBrRsS":  # a value and, apart from it, its wire
            new = int(word[1:] == "1") if next(tokens, "") == code else level
        elif word[0] in "01xXzZ" and word[1:] == code:
            new = int(word[0] == "1")
        if new != level:
            level = new
            changes.append((time_us, level))
    return changes


def parse(content, wire=None):
    """Return the list of Pulse of a VCD file: of the wire named, of its only wire, or of RF_TX. Raise Failure."""
    tokens = iter(content.split())
    step_ps, wires, origin_us = _header(tokens)
    if step_ps is None:
        raise Failure("not a VCD file: $timescale is missing")
    changes = _changes(tokens, _choose(wires, wire), step_ps, origin_us)
    try:
        return pulses(changes)
    except ValueError as error:
        raise Failure(f"the VCD file's time runs backwards: {error}")
