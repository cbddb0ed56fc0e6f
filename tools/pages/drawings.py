"""The drawings of docs/wiring.md, as SVG: lines, boxes and words at places on a sheet. A new drawing is a function here."""

from html import escape

_INK, _SOFT, _PAPER = "#16191d", "#59616b", "#ffffff"
_RED, _BLACK, _SIGNAL, _STOP = "#b3131f", "#30363d", "#1f5fbf", "#8a4b00"
_FONT = 'font-family="system-ui, sans-serif"'


def circuit():
    """Draw the board, the transmitter with its antenna, the emergency stop and the lamp."""
    parts = [
        _words(30, 40, "Transmitter, emergency stop and lamp", 20, bold=True),
        _box(40, 80, 220, 300, "ESP32 board"),
        _box(520, 80, 215, 170, "transmitter, 433.92 MHz"),
        _words(628, 128, "(FS1000A and its like: ASK/OOK)", 12, middle=True, colour=_SOFT),
        _pin(260, 140, "5V (or VIN)"),
        _pin(260, 180, "GND"),
        _pin(260, 220, "GPIO of the transmitter"),
        _pin(260, 300, "GPIO of the e-stop"),
        _pin(260, 340, "GND"),
        _pin(520, 160, "VCC", right=True),
        _pin(520, 190, "GND", right=True),
        _pin(520, 220, "DATA", right=True),
        _wire(_RED, (260, 140), (400, 140), (400, 160), (520, 160)),
        _wire(_BLACK, (260, 180), (380, 180), (380, 190), (520, 190)),
        _wire(_SIGNAL, (260, 220), (520, 220)),
        _words(390, 213, "data, 3.3 V", 12, middle=True, colour=_SIGNAL),
        _words(330, 133, "5 V", 12, middle=True, colour=_RED),
        # the antenna
        _wire(_INK, (735, 160), (765, 160), (765, 60)),
        _words(753, 56, "antenna: a straight wire of 17.3 cm", 12, end=True),
        # the button
        _wire(_STOP, (260, 300), (430, 300)),
        _wire(_BLACK, (260, 340), (600, 340), (600, 300), (500, 300)),
        *_button(430, 300),
        _words(465, 330, "emergency stop", 12, middle=True, colour=_STOP),
        # the lamp
        f'<circle cx="68" cy="260" r="9" fill="#2f9e5a" stroke="{_INK}"/>',
        _words(86, 265, "the board's own lamp", 12),
        _words(40, 410, "Which GPIO: the table of boards below. Never connect 5 V to a GPIO.", 13, colour=_SOFT),
    ]
    return _sheet(800, 430, "A board, a transmitter, an emergency stop button and the lamp", parts)


def estop():
    """Draw the two ways to wire an emergency stop."""
    parts = [
        _words(30, 40, "Two ways to wire the emergency stop", 20, bold=True),
        _words(40, 80, "normally closed (safer)", 15, bold=True),
        _box(40, 95, 150, 110, "board"),
        _pin(190, 140, "GPIO"),
        _pin(190, 180, "GND"),
        _wire(_STOP, (190, 140), (270, 140)),
        *_button(270, 140, closed=True),
        _wire(_BLACK, (340, 140), (370, 140), (370, 180), (190, 180)),
        _words(40, 235, "Pressing opens the circuit. A wire that breaks", 13),
        _words(40, 254, "or comes off stops everything, too.", 13),
        _words(40, 280, "estop.normally_closed: true", 13, colour=_SIGNAL),
        _words(430, 80, "normally open", 15, bold=True),
        _box(430, 95, 150, 110, "board"),
        _pin(580, 140, "GPIO"),
        _pin(580, 180, "GND"),
        _wire(_STOP, (580, 140), (650, 140)),
        *_button(650, 140),
        _wire(_BLACK, (720, 140), (750, 140), (750, 180), (580, 180)),
        _words(430, 235, "Pressing closes the circuit. A wire that breaks", 13),
        _words(430, 254, "is not noticed: try the button before each use.", 13),
        _words(430, 280, "estop.normally_closed: false (the default)", 13, colour=_SIGNAL),
    ]
    return _sheet(800, 300, "A normally closed and a normally open emergency stop button", parts)


def _sheet(width, height, title, parts):
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">'
    ground = f'<rect width="{width}" height="{height}" rx="12" fill="{_PAPER}"/>'
    return "\n".join([head, f"<title>{escape(title)}</title>", ground, *parts, "</svg>", ""])


def _box(x, y, width, height, title):
    frame = f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="10" fill="#f1f3f6" stroke="{_INK}" stroke-width="2"/>'
    return frame + _words(x + width // 2, y + 24, title, 15, middle=True, bold=True)


def _pin(x, y, name, right=False):
    """Draw a contact on the edge of a box; its name stands inside, to the left of it or to the right."""
    dot = f'<circle cx="{x}" cy="{y}" r="5" fill="{_INK}"/>'
    return dot + (_words(x + 12, y + 5, name, 13) if right else _words(x - 12, y + 5, name, 13, end=True))


def _wire(colour, *points):
    path = " ".join(f"{x},{y}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="3" stroke-linejoin="round"/>'


def _button(x, y, closed=False):
    """Draw a push button from (x, y) to (x + 70, y)."""
    lever = (
        f'<line x1="{x + 15}" y1="{y}" x2="{x + 55}" y2="{y if closed else y - 16}" stroke="{_INK}" stroke-width="3"/>'
    )
    top = y if closed else y - 8
    knob = f'<path d="M{x + 35} {top}V{top - 22}M{x + 22} {top - 22}h26" stroke="{_RED}" stroke-width="5" fill="none"/>'
    ends = "".join(
        f'<circle cx="{at}" cy="{y}" r="5" fill="{_PAPER}" stroke="{_INK}" stroke-width="2"/>'
        for at in (x + 15, x + 55)
    )
    return [_wire(_INK, (x, y), (x + 15, y)), _wire(_INK, (x + 55, y), (x + 70, y)), lever, knob, ends]


def _words(x, y, words, size, middle=False, end=False, bold=False, colour=_INK):
    anchor = ' text-anchor="middle"' if middle else ' text-anchor="end"' if end else ""
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x}" y="{y}" {_FONT} font-size="{size}"{anchor}{weight} fill="{colour}">{escape(words)}</text>'
