"""Pages and parts of docs/ that are made from the firmware. A page is a module here, and a row in tools/docs.py.

A page that is written by hand has places for made parts: `<!-- made: NAME -->`, the part, `<!-- end -->`.
"""

import re

from tools import Failure

_PLACE = re.compile(r"(<!-- made: ([\w-]+) -->\n).*?(<!-- end -->)", re.S)


def filled(text, parts):
    """Return `text` with the results of `parts` {name: function without arguments} in its places. Raise Failure."""

    def fill(match):
        if match[2] not in parts:
            raise Failure(f"nobody makes the part '{match[2]}', only {', '.join(sorted(parts))}")
        return match[1] + parts[match[2]]() + match[3]

    return _PLACE.sub(fill, text)


def table(head, rows):
    """Return a Markdown table: a line of titles, and a line for each row of cells."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n" for cells in lines)
