"""Command-line arguments: numbers, ports, hosts, paths, each checked before anything starts. Errors are one line.

A new kind of argument is a function (text) -> value that raises argparse.ArgumentTypeError in words, for `type=`.
"""

import argparse
import contextlib
import datetime
import os
import re
from pathlib import Path

from tools import Misuse
from tools.common.printable import one_line, printable, shortened

_LARGEST_PORT = 65535  # RFC 9293 §3.1
_DAY_S = 86400
_LONGEST_NAME = 253  # characters of a host name, RFC 1035 §2.3.4 without the length bytes
_SHOWN = 60  # characters of what was typed


class Parser(argparse.ArgumentParser):
    """argparse's parser, whose errors are one line instead of a page."""

    def error(self, message):
        """Raise Misuse with argparse's words."""
        raise Misuse(f"{shortened(message)} ({self.prog} --help tells more)")


def _wrong(what, typed):
    return argparse.ArgumentTypeError(f"{what}, not '{printable(shortened(typed, _SHOWN))}'")


def text(typed):
    """Return `typed`: something, and nothing in it but what can be seen."""
    if not typed:
        raise argparse.ArgumentTypeError("it is empty")
    if not typed.isprintable():
        raise _wrong("a text without control characters is needed", typed)
    return typed


def whole(typed):
    """Return a whole number, written with 18 decimal digits at most, or as 0x and 15 hexadecimal ones."""
    found = re.fullmatch(r"([+-]?)(?:0[xX]([0-9a-fA-F]{1,15})|([0-9]{1,18}))", typed)
    if not found:
        raise _wrong("a whole number is needed", typed)
    return (int(found[2], 16) if found[2] else int(found[3])) * (-1 if found[1] == "-" else 1)


def number(low, high):
    """Return the type of a `whole` number from `low` to `high`."""

    def checked(typed):
        try:
            value = whole(typed)
        except argparse.ArgumentTypeError:
            value = None
        if value is None or not low <= value <= high:
            raise _wrong(f"a whole number from {low} to {high} is needed", typed)
        return value

    return checked


def port(typed):
    """Return the number of a TCP port to listen at; 0 is any free one."""
    return number(0, _LARGEST_PORT)(typed)


def seconds(typed):
    """Return a time in seconds (float) of at most a day, written with decimal digits and perhaps a point."""
    if not re.fullmatch(r"[0-9]{1,5}(\.[0-9]{1,3})?", typed) or float(typed) > _DAY_S:
        raise _wrong(f"a time from 0 to {_DAY_S} seconds is needed", typed)
    return float(typed)


def host(typed):
    """Return the name or address of an interface to listen at. Whether it is one of this machine turns out later."""
    try:
        good = typed and len(typed) <= _LONGEST_NAME and typed.isprintable() and bool(typed.encode("idna"))
    except UnicodeError:  # an empty label, one of more than 63 bytes, a surrogate
        good = False
    if not good:
        raise _wrong("the name or address of an interface is needed, such as 127.0.0.1", typed)
    return typed


def date(typed):
    """Return a day of the calendar as it was typed, YYYY-MM-DD."""
    try:
        good = re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", typed) and datetime.date.fromisoformat(typed)
    except ValueError:
        good = False
    if not good:
        raise _wrong("a day is needed, YYYY-MM-DD", typed)
    return typed


def path(typed):
    """Return the Path of a file or folder. Bytes that are no UTF-8 (Python's surrogates for them) may be in it."""
    if not typed:
        raise argparse.ArgumentTypeError("a path is needed, and it is empty")
    if any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in typed):
        raise _wrong("a path without control characters is needed", typed)
    return Path(typed)


def new_file(typed):
    """Return the Path of a file to write: it has a name, and is no folder."""
    wanted = path(typed)
    if wanted.name in ("", "..") or os.path.isdir(wanted):
        raise _wrong("the name of a file to write is needed", typed)
    return wanted


def key(typed):
    """Return the name of a signing key as it was typed: the path of its files without their suffix (tools/common/key_file.py)."""
    path(typed)
    return typed


def folder(typed):
    """Return the Path of a folder to write into, which is there or can be made: no file is in its way."""
    wanted = path(typed)
    try:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            os.lstat(wanted)
        there = next(place for place in (wanted, *wanted.absolute().parents) if os.path.lexists(place))
        if not there.is_dir():
            raise argparse.ArgumentTypeError(f"a folder is needed, and {one_line(str(there))} is a file")
        if not os.access(there, os.W_OK | os.X_OK):
            raise argparse.ArgumentTypeError(f"nothing can be written into {one_line(str(there))}")
    except (OSError, ValueError) as fault:  # a name longer than the file system takes
        raise _wrong(f"a folder is needed ({getattr(fault, 'strerror', fault)})", typed)
    return wanted
