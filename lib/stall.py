"""What holds up the interpreter for longer than 20 ms says so here first: writes to the flash, handshakes (S26). No I/O.

Whoever must not be held up puts its own answers here; a new kind of thing that blocks belongs behind one of them.
"""


class _Always:
    """A time in which nothing begins, where there is nothing that could."""

    async def __aenter__(self):
        """Return at once."""

    async def __aexit__(self, *fault):
        """Return at once."""


def _nothing():
    """Return at once."""


stop_first = _nothing  # called before a write: whatever is active has been stopped when it returns
quiet = _Always()  # `async with stall.quiet`: begins when nothing is active, and nothing begins inside


def ask(stop=_nothing, times=None):
    """Ask these from now on: a function as `stop_first`, an asynchronous context manager as `quiet`. Without them: nobody."""
    global stop_first, quiet
    stop_first, quiet = stop, times or _Always()
