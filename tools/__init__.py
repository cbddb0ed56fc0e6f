"""The tools of the person at the desk: `python3 -m tools NAME`. One module or package a command, each with `main(argv)`."""


class Failure(Exception):
    """A tool cannot do what was asked; its text is the one line that the person reads."""
