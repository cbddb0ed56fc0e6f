"""The options --image and --micropython of every command that needs an official MicroPython, and what they stand for."""

import argparse

from tools import Failure
from tools.common import arguments
from tools.flash import plan
from tools.images import micropython


def add_options(parser, several=False):
    """Add the two options to an argument parser: `image` is a path or None, with `several` a list of paths, one for each chip."""
    source = parser if several else parser.add_mutually_exclusive_group()
    many = {"action": "append", "default": []} if several else {}
    each = ", one for each chip" if several else ""
    source.add_argument(
        "--image",
        type=arguments.path,
        metavar="FILE",
        help=f"MicroPython's .bin or .app-bin{each}; what is not given is downloaded",
        **many,
    )
    source.add_argument(
        "--micropython",
        type=_version,
        metavar="VERSION",
        help="which one is downloaded; left out, the newest that the project has linked and verified",
    )


def _version(text):
    try:
        return micropython.parsed(text)
    except ValueError as fault:
        raise argparse.ArgumentTypeError(str(fault))


def officials(chips, paths=(), version=None, fetch=None, to_look_at=False):
    """Return {chip: Official} for each of these chips: of the files `paths`, or else downloaded.

    `version`: which one is downloaded, None for the newest verified one. `fetch(chip, version)` returns an Official. `to_look_at`
    as plan.official_image. Raise Failure in words when one cannot be had, and for two files of one chip.
    """
    given, found = {}, {}
    for path in paths:
        read = plan.official_image(path, to_look_at=to_look_at)
        if read.chip in given:
            raise Failure(f"{path}: there is another MicroPython for {read.chip} already")
        given[read.chip] = read
    for chip in dict.fromkeys(chips):
        found[chip] = given.get(chip) or (fetch or plan.fetched_image)(chip, version)
    return found
