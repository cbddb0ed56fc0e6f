"""What a person sees of esptool: one bar for each piece, and its warnings; everything else is left out."""

import sys

from esptool.logger import EspLog, EspLogBase

_WIDTH = 30


class Bar:
    """A progress bar on a terminal; elsewhere a line when it begins and one when it is full."""

    def __init__(self, stream=None):
        self._stream = stream or sys.stdout
        self._terminal = self._stream.isatty()
        self._name = None

    def show(self, name, share):
        """Draw that `share` (0 to 1) of the work called `name` is done."""
        if not self._terminal:
            if share >= 1 or name != self._name:
                self._stream.write(f"  {name}{': done' if share >= 1 else ' …'}\n")
        else:
            full = int(share * _WIDTH)
            self._stream.write(f"\r  {name:28} [{'#' * full:{_WIDTH}}] {int(share * 100):3} %")
            if share >= 1:
                self._stream.write("\n")
        self._name = None if share >= 1 else name
        self._stream.flush()

    def broken(self):
        """End the line of a bar that never became full."""
        if self._name is not None and self._terminal:
            self._stream.write("\n")
        self._name = None


class Quiet(EspLogBase):
    """esptool's logger: the bar and warnings come through. `name` is what the bar is about."""

    def __init__(self, bar=None):
        self.name = ""
        self._bar = bar or Bar()

    def listen(self):
        """Become the logger of esptool."""
        EspLog.set_logger(self)

    def broken(self):
        """End the bar: its work does not go on."""
        self._bar.broken()

    def print(self, *args, **kwargs):
        """Ignore a line of progress."""

    def note(self, *args):
        """Ignore a note."""

    def hint(self, *args):
        """Ignore a hint."""

    def debug(self, *args):
        """Ignore debug output."""

    def err(self, *args, suggestion=None):
        """Ignore an error: an exception with the same text follows."""

    def warn(self, *args, suggestion=None):
        """Print a warning to stderr."""
        print("esptool:", *args, file=sys.stderr)

    warning, error = warn, err

    def set_verbosity(self, mode):
        """Ignore the level: the output does not depend on it."""

    def progress_bar(self, cur_iter, total_iters, prefix="", suffix="", bar_length=30):
        """Show `cur_iter` of `total_iters` on the bar."""
        if self.name and total_iters > 0:
            self._bar.show(self.name, min(cur_iter / total_iters, 1))
