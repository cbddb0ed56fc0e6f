"""A stand-in for `neopixel`: a strip that remembers its colours."""


class NeoPixel:
    """`n` pixels of (red, green, blue)."""

    def __init__(self, pin, n, bpp=3, timing=1):
        self._colours = [(0, 0, 0)] * n
        self.shown = []

    def __setitem__(self, at, colour):
        self._colours[at] = colour

    def __getitem__(self, at):
        return self._colours[at]

    def write(self):
        self.shown = list(self._colours)
