"""Frames typed from the table of widths (reference/openshock-firmware.md §a), for the tests of `tools/rf`: literals only."""

from collections import namedtuple

# Widths in µs: (high, low) of the start, of a 1, of a 0, and of the end pulse where the model has one.
Widths = namedtuple("Widths", ("start", "one", "zero", "end"))

WIDTHS = {
    "caixianlin": Widths((1400, 750), (750, 250), (250, 750), None),
    "petrainer": Widths((750, 750), (200, 1500), (200, 750), (200, 7000)),
    "petrainer998dr": Widths((1500, 750), (750, 250), (250, 750), (250, 3750)),
    "wellturnt330": Widths((960, 790), (220, 980), (220, 580), (220, 135)),
    "d80": Widths((1900, 4000), (900, 300), (300, 900), (200, 2200)),
}

# What a frame must be read as. `bits` as in the reference, field by field.
Vector = namedtuple("Vector", ("model", "rf_id", "channel", "action", "intensity", "bits"))

VECTORS = [
    # id 16 | channel 4 | type 4 | intensity 8 | sum 8 | 000
    Vector("caixianlin", 46231, 0, "shock", 25, "1011010010010111 0000 0001 00011001 01100101 000"),
    Vector("caixianlin", 4660, 0, "shock", 50, "0001001000110100 0000 0001 00110010 01111001 000"),
    Vector("caixianlin", 46231, 0, "vibrate", 0, "1011010010010111 0000 0010 00000000 01001101 000"),
    Vector("caixianlin", 0, 3, "sound", 0, "0000000000000000 0011 0011 00000000 00110011 000"),
    Vector("caixianlin", 65535, 15, "light", 99, "1111111111111111 1111 0100 01100011 01010101 000"),
    # method 8 | id 16 | intensity 8 | check 8
    Vector("petrainer", 46231, None, "shock", 25, "10000001 1011010010010111 00011001 01111110"),
    Vector("petrainer", 1, None, "vibrate", 0, "10000010 0000000000000001 00000000 10111110"),
    Vector("petrainer", 65535, None, "sound", 100, "10000100 1111111111111111 01100100 11011110"),
    # channel 4 | type 4 | id 16 | intensity 8 | type check 4 | channel check 4
    Vector("petrainer998dr", 46231, 1, "shock", 25, "1000 0001 1011010010010111 00011001 0111 1110"),
    Vector("petrainer998dr", 1, 1, "vibrate", 0, "1000 0010 0000000000000001 00000000 1011 1110"),
    Vector("petrainer998dr", 65535, 1, "sound", 100, "1000 0100 1111111111111111 01100100 1101 1110"),
    Vector("petrainer998dr", 46231, 1, "light", 50, "1000 1000 1011010010010111 00110010 1110 1110"),
    Vector("petrainer998dr", 46231, 2, "shock", 25, "1111 0001 1011010010010111 00011001 0111 0000"),
    # channel 4 | upper type 4 | id 16 | intensity 8 | lower type 4 | channel 4 | 0
    Vector("wellturnt330", 46231, 1, "shock", 25, "0000 0110 1011010010010111 00011001 0001 0000 0"),
    Vector("wellturnt330", 1, 1, "vibrate", 50, "0000 0111 0000000000000001 00110010 0010 0000 0"),
    Vector("wellturnt330", 65535, 1, "sound", 0, "0000 1000 1111111111111111 00000000 0100 0000 0"),
    Vector("wellturnt330", 46231, 2, "shock", 100, "1110 0110 1011010010010111 01100100 0001 1110 0"),
    # 04h 8 | id 16 | type 2 | channel 2 | intensity 4 | sum 8
    Vector("d80", 46231, 1, "shock", 3, "00000100 1011010010010111 01 01 0011 10100010"),
    Vector("d80", 46231, 1, "vibrate", 15, "00000100 1011010010010111 10 01 1111 11101110"),
    Vector("d80", 46231, 1, "sound", 0, "00000100 1011010010010111 11 01 0000 00011111"),
    Vector("d80", 65535, 3, "shock", 1, "00000100 1111111111111111 01 11 0001 01110011"),
]


def train(model, bits):
    """The pulse train of these bits, [high, low, high, low …] in µs."""
    widths = WIDTHS[model]
    pairs = [widths.start]
    pairs += [widths.one if bit == "1" else widths.zero for bit in bits if bit != " "]
    if widths.end:
        pairs.append(widths.end)
    return [width for pair in pairs for width in pair]


def flipped(bits, index):
    """The bits with the one at `index` (blanks not counted) turned over."""
    plain = bits.replace(" ", "")
    return plain[:index] + ("0" if plain[index] == "1" else "1") + plain[index + 1 :]


def first(model):
    """The model's worked example: id 46231, shock 25."""
    return next(vector for vector in VECTORS if vector.model == model)
