"""Command-line tools, `python3 -m tools NAME`: a module or package each, with `main(argv)`."""


class Failure(Exception):
    """A tool cannot do what was asked; its text is the one line that the person reads."""

    code = 1  # of the process


class Misuse(Failure):
    """A tool was called wrongly: an argument is none, or out of its range."""

    code = 2
