"""`python3 -m tools traceback`: puts the names of the sources into tracebacks and log lines of a board, whose names are short.

Reads the files that are given, or what is typed. `build` writes `names.txt` beside each image: --names FILE; without it the
names are those of this source tree. Where a short name stands for several, all are said.
"""

import argparse
import re
import sys
from pathlib import Path

from tools import Failure
from tools.images import content

_LINE = re.compile(r'(File "([^"]+)", line \d+, in )(\S+)')


def text(names):
    """The names {path: {short: list of names}} as text: a line a file, `path short=name,name short=name`."""
    lines = []
    for path, table in sorted(names.items()):
        pairs = " ".join(f"{short}={','.join(olds)}" for short, olds in sorted(table.items()))
        lines.append(f"{path} {pairs}".rstrip() + "\n")
    return "".join(lines)


def parsed(words):
    """The names of such a text. Failure for another one."""
    names = {}
    try:
        for line in words.splitlines():
            path, *pairs = line.split()
            names[path] = {short: olds.split(",") for short, olds in (pair.split("=") for pair in pairs)}
    except ValueError:
        raise Failure("this is no list of names as `build` writes it")
    return names


def read_back(lines, names):
    """The lines with the names of the sources."""

    def old(match):
        table = names.get(match[2].replace(".", "/") + ".py", {})
        olds = table.get(match[3], [match[3]])
        return match[1] + " or ".join(olds)

    return [_LINE.sub(old, line) for line in lines]


def main(argv):
    """Command line entry; 0."""
    parser = argparse.ArgumentParser(
        prog="python3 -m tools traceback", description=__doc__.split("\n")[0].partition(": ")[2]
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="logs of a board; without any, what is typed")
    parser.add_argument(
        "--names", type=Path, metavar="FILE", help="names.txt of the build that ran; this source tree's"
    )
    args = parser.parse_args(argv)
    try:
        names = parsed(args.names.read_text(encoding="utf-8")) if args.names else content.names()
        logs = [Path(each).read_text(encoding="utf-8", errors="replace").splitlines(True) for each in args.files]
    except OSError as fault:
        raise Failure(f"{fault.filename}: {fault.strerror}")
    for lines in logs or [sys.stdin]:
        sys.stdout.writelines(read_back(lines, names))
    return 0
