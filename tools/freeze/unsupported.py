"""How an image is refused: one wording for whatever is missing in it, or ambiguous."""

from tools import Failure

_ADVICE = (
    "take an official image of another version (1.23 or newer), or build MicroPython yourself with FROZEN_MANIFEST"
)


def unsupported(what):
    """Return the Failure for an image that is not built the way the linker knows; `what` is the fact that shows it."""
    return Failure(f"this image cannot be linked: {what}; {_ADVICE}")


def only(found, what):
    """Return the one element of an iterable. Raise Failure where there is none, or several different ones."""
    candidates = set(found)
    if len(candidates) != 1:
        raise unsupported(f"{what}: {len(candidates) or 'no'} candidates where one is expected")
    return candidates.pop()
