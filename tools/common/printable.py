"""Text from elsewhere (names, paths, requests, a device's lines) as a person's terminal may show it. No I/O."""

_MOST = 1000  # characters of a line: a path may have thousands


def printable(text):
    """Return `text` with a ? for each character that is not there to be seen.

    Those are control characters (escape sequences begin with one), line ends, lone surrogates, and marks that turn the
    direction of writing: they could move the cursor, colour the screen or hide what follows.
    """
    return text if text.isprintable() else "".join([each if each.isprintable() else "?" for each in text])


def printable_lines(text):
    """Return `text` as `printable` does, but with its line ends (LF; CR is left out) and a blank for each tab."""
    return "\n".join([printable(line) for line in text.replace("\r", "").replace("\t", " ").split("\n")])


def one_line(text):
    """Return `text` as one line that a terminal shows as it is, with at most some 1000 characters."""
    return printable(shortened(text))


def shortened(text, most=_MOST):
    """Return `text` with its middle left out where it has more than `most` characters."""
    if len(text) <= most:
        return text
    half = (most - 3) // 2
    return f"{text[:half]} … {text[-half:]}"


def reason(fault):
    """Return the reason that an OSError gives, in one line of words: "/a/b: No space left on device"."""
    words = getattr(fault, "strerror", None) or str(fault) or type(fault).__name__
    name = getattr(fault, "filename", None)
    if isinstance(name, bytes):
        name = name.decode(errors="replace")
    return one_line(f"{name}: {words}" if isinstance(name, str) else words)
