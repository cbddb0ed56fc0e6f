"""`python3 -m tools bench NAME …`: figures. One module a bench, with `run(report)`; timings live here alone."""

import argparse
import importlib
import json
import pkgutil

from tools import Failure
from tools.common import arguments
from tools.common.printable import printable

# One sentence each: what the bench measures. A new bench is a module of this folder; its first docstring line is printed.
NAMES = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


class Report:
    """Collects the rows of a bench and prints each as it comes: a table for people, or one JSON object a line."""

    def __init__(self, as_json=False):
        self.as_json = as_json
        self.rows = []

    def title(self, text):
        """Start a new group of rows."""
        if not self.as_json:
            print(f"\n{text}", flush=True)

    def row(self, name, value, unit="", target=None, note=""):
        """Add one figure. `target` is words such as "≤ 3 µs"; the bench compares nothing, the reader does."""
        row = {"name": name, "value": value, "unit": unit, "target": target, "note": note}
        self.rows.append(row)
        if self.as_json:
            print(json.dumps(row), flush=True)
            return
        value_text = (
            f"{value:,.3f}".rstrip("0").rstrip(".")
            if isinstance(value, float)
            else f"{value:,}"
            if isinstance(value, int)
            else str(value)
        )
        extra = f"  (target {target})" if target else ""
        print(f"  {name:<58} {value_text:>12} {unit:<8}{extra}{'  ' + printable(note) if note else ''}", flush=True)


def main(argv):
    """Return 0. Raise Failure for a bench that does not exist."""
    lines = []
    for name in NAMES:
        first = (importlib.import_module(f"tools.bench.{name}").__doc__ or "").splitlines()[0]
        lines.append(f"  {name:<12} {first}")
    parser = arguments.Parser(
        prog="python3 -m tools bench",
        description="Measures, and prints figures with their targets.",
        epilog="benches:\n" + "\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="which; all when none is named")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    options = parser.parse_args(argv)
    unknown = [name for name in options.names if name not in NAMES]
    if unknown:
        raise Failure(f"there is no bench '{unknown[0]}'; there are: {', '.join(NAMES)}")
    for name in options.names or NAMES:
        report = Report(options.json)
        report.title(name)
        importlib.import_module(f"tools.bench.{name}").run(report)
    return 0
