"""One frame as a picture (PNG): the wave, each bit printed, each field named in its colour. For the README and for people.

matplotlib's Agg draws into the file: no screen is needed.
"""

from collections import namedtuple

from tools import Failure
from tools.rf.models import BY_NAME

# One coloured stretch: pulses first..last (not included), its name, and its value as text.
Span = namedtuple("Span", ("first", "last", "name", "value"))

_INK = "#1f2933"
_SOFT = "#616e7c"
_BAD = "#b91c1c"
_COLOURS = {
    "sync": "#cbd2d9",
    "id": "#a9d3f5",
    "channel": "#f7d794",
    "action": "#f5b7b1",
    "intensity": "#b8e0b0",
    "check": "#d7bde2",
    "tail": "#cbd2d9",
}
_WIDTH_IN, _HEIGHT_IN, _DPI = 12, 3.3, 200
_WIDE_PT = 820  # of the frame, in points, once the margins are gone
_CHAR_WIDTH = 0.62  # of a letter, in its size
# heights: under the wave, its "on", below and above the fields' head
_GROUND, _HIGH, _HEAD, _TOP = -0.06, 1.0, 1.46, 2.2
_MIDDLE = (_HEAD + _TOP) / 2


def _colour(name):
    """Return the colour of a field; kinds that belong together share one."""
    if "check" in name or name == "constant":
        return _COLOURS["check"]
    return _COLOURS.get(name.split()[0].rstrip(","), _COLOURS["tail"])


def _value_text(frame, name, code, width):
    """Return the text for a field, in the words of the frame where it has some."""
    words = {"id": frame.rf_id, "channel": frame.channel, "intensity": frame.intensity, "action": frame.action}
    if words.get(name) is not None:
        return str(words[name])
    if width >= 8:
        return f"{code:02X}h"
    return f"{code:0{width}b}"


def spans(frame):
    """Return the list of Span of a frame: sync, every field, and the end pulse where the model has one."""
    model = BY_NAME[frame.model]
    found = [Span(0, 1, "sync", "")]
    at = 1
    for (name, width), code in zip(model.fields, model.split(int(frame.bits, 2)), strict=True):
        found.append(Span(at, at + width, name, _value_text(frame, name, code, width)))
        at += width
    if model.end:
        found.append(Span(at, at + 1, "end", ""))
    return found


def _wave(pulses, end_us):
    """Return (times in ms, levels) of the drawn line, from a little before the first edge to a little behind `end_us`."""
    origin = pulses[0].start_us
    times, levels = [-0.9], [0]
    for start, high, _ in pulses:
        rise, fall = (start - origin) / 1000, (start + high - origin) / 1000
        times += [rise, rise, fall, fall]
        levels += [0, _HIGH, _HIGH, 0]
    return [*times, (end_us - origin) / 1000], [*levels, 0]


def _starts_ms(pulses, end_us):
    """Return where each pulse begins, in ms from the first, and where the frame ends."""
    origin = pulses[0].start_us
    return [(pulse.start_us - origin) / 1000 for pulse in pulses] + [(end_us - origin) / 1000]


def _fitted(text, width_pt, size):
    """Return (text, size): on one line, on two, or a little smaller, as the width allows; None when it does not fit at all."""
    for lines in (text, text.replace(" ", "\n")):
        longest = max(map(len, lines.split("\n")))
        for smaller in (size, size * 0.85):
            if longest * smaller * _CHAR_WIDTH <= width_pt:
                return lines, smaller
    return None


def _draw_span(axes, span, starts, wide_ms):
    """Draw the coloured ground of one field, with its name and value in the head."""
    left, right = starts[span.first], starts[span.last]
    colour = _colour(span.name)
    axes.fill_between((left, right), _GROUND, _HEAD, color=colour, alpha=0.45, linewidth=0)
    axes.fill_between((left, right), _HEAD, _TOP, color=colour, linewidth=0)
    axes.plot((left, left), (_GROUND, _TOP), color="white", linewidth=2.2, zorder=2, solid_capstyle="butt")
    width_pt = (right - left) / wide_ms * _WIDE_PT - 3
    middle = (left + right) / 2
    name, value = _fitted(span.name, width_pt, 10), _fitted(span.value, width_pt, 13)
    if name is None or value is None:  # too narrow: upright
        text = f"{span.name}{chr(10) if width_pt > 24 else ' '}{span.value}".strip()
        axes.text(
            middle, _MIDDLE, text, ha="center", va="center", fontsize=8.5, color=_INK, rotation=90, linespacing=1.1
        )
    elif not span.value:
        axes.text(middle, _MIDDLE, name[0], ha="center", va="center", fontsize=name[1], color=_INK)
    else:
        height, hang = (_TOP - 0.05, "top") if "\n" in name[0] else (_TOP - 0.2, "baseline")
        axes.text(middle, height, name[0], ha="center", va=hang, fontsize=name[1], color=_INK, linespacing=0.95)
        bold = {"fontsize": value[1], "weight": "bold"}
        axes.text(middle, _HEAD + 0.07, value[0], ha="center", va="bottom", color=_INK, **bold)


def _draw_bits(axes, frame, starts, wide_ms):
    """Draw each bit above its pulse, and a thin line where each pulse begins."""
    narrowest = min(b - a for a, b in zip(starts[1:], starts[2 : len(frame.bits) + 2], strict=False))
    size = min(11, narrowest / wide_ms * _WIDE_PT * 0.75)
    for index, bit in enumerate(frame.bits, 1):
        left, right = starts[index], starts[index + 1]
        axes.plot((left, left), (_GROUND, _HEAD), color="white", linewidth=0.8, zorder=1)
        axes.text(
            (left + right) / 2, 1.12, bit, ha="center", va="bottom", fontsize=size, color=_INK, family="monospace"
        )


def _frame_axes(axes, frame, end_ms, title):
    axes.set_xlim(-0.9, end_ms + 0.3)
    axes.set_ylim(-0.12, _TOP)
    axes.set_yticks([0, _HIGH], ["off", "on"])
    axes.tick_params(colors=_SOFT, labelsize=9.5, length=3)
    axes.set_xlabel("milliseconds", color=_SOFT, fontsize=9.5)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_SOFT)
    axes.set_title(title, loc="left", fontsize=13, color=_INK if frame.ok else _BAD, weight="bold", pad=6)
    model = BY_NAME[frame.model]
    widths = "   ".join(
        f"{name} {getattr(model, name)[0]}/{getattr(model, name)[1]}" for name in ("sync", "one", "zero")
    )
    end = f"   end {model.end[0]}/{model.end[1]}" if model.end else ""
    axes.set_title(f"{widths}{end}   µs high/low", loc="right", fontsize=9.5, color=_SOFT, pad=6)


def draw(frame, pulses, path, title=None):
    """Write a PNG of 2400 × 660 points. `pulses` are the frame's own. Raise Failure for a frame with no whole bits."""
    if frame.model is None or len(frame.bits) != BY_NAME[frame.model].n_bits:
        raise Failure("only a whole frame can be drawn, and this one is not: " + "; ".join(map(str, frame.faults)))
    import matplotlib  # slow to load, and only this function needs it

    matplotlib.use("Agg")
    from matplotlib import pyplot

    starts = _starts_ms(pulses, frame.end_us)
    wide_ms = starts[-1] - starts[0]
    figure, axes = pyplot.subplots(figsize=(_WIDTH_IN, _HEIGHT_IN), dpi=_DPI, facecolor="white")
    for span in spans(frame):
        _draw_span(axes, span, starts, wide_ms)
    _draw_bits(axes, frame, starts, wide_ms)
    axes.plot(*_wave(pulses, frame.end_us), color=_INK, linewidth=1.3, zorder=3, solid_joinstyle="miter")
    caption = f"{frame.model} · receiver {frame.rf_id} · {frame.action} {frame.intensity}"
    caption += "".join(f" · bad {fault.kind}" for fault in frame.faults)
    _frame_axes(axes, frame, starts[-1], title or caption)
    figure.tight_layout(pad=0.6)
    try:
        figure.savefig(path, metadata={"Software": None})  # no version in the file: the same frame, the same bytes
    finally:
        pyplot.close(figure)
