"""Lines with a level, printed as they come; the last fifty can be asked for. No line may hold a token or a key."""

from micropython import const

DEBUG = const(0)
INFO = const(1)
WARNING = const(2)
ERROR = const(3)

_NAMES = ("debug", "info", "warning", "error")
_KEPT = const(50)
_LONGEST = const(200)


class Log:
    """A ring of the last lines; `clock` gives milliseconds, `write` takes a finished line (default: print)."""

    def __init__(self, clock, write=print, level=INFO):
        self._clock = clock
        self._write = write
        self.level = level
        self._ring = [()] * _KEPT
        self._count = 0

    def line(self, level, place, text):
        """None; keeps and prints one line, cut at 200 characters. Below `self.level` nothing happens."""
        if level < self.level:
            return
        text = _printable(text[:_LONGEST])
        entry = (self._clock(), level, place, text)
        self._ring[self._count % _KEPT] = entry
        self._count += 1
        self._write("[%d][%s][%s] %s" % (entry[0], _NAMES[level], place, text))

    def info(self, place, text):
        """None; a line for the course of things."""
        self.line(INFO, place, text)

    def warning(self, place, text):
        """None; a line for what was refused or will be tried again."""
        self.line(WARNING, place, text)

    def error(self, place, text):
        """None; a line for a fault."""
        self.line(ERROR, place, text)

    def last(self):
        """The kept entries, oldest first: tuples (ms, level, place, text)."""
        start = max(0, self._count - _KEPT)
        return [self._ring[at % _KEPT] for at in range(start, self._count)]


def _printable(text):
    """`text` with "?" for each control character: names come from strangers, and a line must stay one line."""
    if all(_may_stand(letter) for letter in text):
        return text
    return "".join([letter if _may_stand(letter) else "?" for letter in text])


def _may_stand(letter):
    # behind 0x7f the second set of control characters: to a terminal 0x9b begins a command as well
    return letter >= " " and not "\x7f" <= letter <= "\x9f"
