"""The tools of the person at the desk, `python3 -m tools NAME`: a module or package each, with `main(argv)`."""


class Failure(Exception):
    """A tool cannot do what was asked; its text is the one line that the person reads."""
