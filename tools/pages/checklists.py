"""The table of docs/backends.md: a row for each test that is named after a row of a service's checklist, and how it ended.

A checklist is host_tests/test_<service>_checklist.py; its tests are called test_row_…, and the first line of the docstring
has the requirement. The text around the table is written by hand.
"""

import ast
import collections
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from tools import Failure
from tools.common.environment import ROOT

PAGE = ROOT / "docs" / "backends.md"
BEGIN, END = "<!-- made by python3 -m tools docs --rows -->\n", "<!-- the end of the rows -->\n"
PASSED = "passes"

# service: of the file's name · name: of the test · words: what must be
Row = collections.namedtuple("Row", ("service", "name", "words"))

# The services in reading order: the file's name, and what people call it
SERVICES = {
    "gateway": "`openshock_gateway`",
    "user": "`openshock_user`",
    "share": "`openshock_share`",
    "fleet": "`dsp_fleet`",
    "valtronics": "`valtronics`",
}


def rows(root=ROOT):
    """Return the list of Rows of all checklists. Raise Failure for a test without words, or a checklist of no known service."""
    found = []
    paths = {path.stem[len("test_") : -len("_checklist")]: path for path in _files(root)}
    strangers = sorted(set(paths) - set(SERVICES))
    if strangers:
        raise Failure(f"tools/pages/checklists.py knows no service {strangers[0]}")
    for service in SERVICES:
        if service in paths:
            found += _rows_of(service, paths[service])
    return found


def _files(root):
    return sorted((root / "host_tests").rglob("test_*_checklist.py"))


def _rows_of(service, path):
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_row_"):
            words = (ast.get_docstring(node) or "").split("\n")[0]
            if not words:
                raise Failure(f"{path.name}: {node.name} does not say what must be")
            yield Row(service, node.name, words)


def table(found, results):
    """Return the text of the tables; `results` is {(service, test): one word}."""
    lines = []
    for service, title in SERVICES.items():
        own = [row for row in found if row.service == service]
        if own:
            lines += [f"### {title}", "", "| what must be | test | result |", "|---|---|---|"]
            for row in own:
                words = row.words.replace("|", "\\|")
                lines.append(f"| {words} | `{row.name}` | {results.get((service, row.name), 'was not run')} |")
            lines.append("")
    return "\n".join(lines)


def run(root=ROOT):
    """Return {(service, test): "passes", "fails" or "skipped"}: the worst of its cases. Takes a minute or two."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}"]
        subprocess.run([*command, *map(str, _files(root))], cwd=root, capture_output=True, check=False)
        if not report.exists():
            raise Failure("pytest told nothing of the checklists")
        return _results(ElementTree.parse(report).getroot())


def _results(report):
    results = {}
    for case in report.iter("testcase"):
        service = re.sub(r".*test_(\w+)_checklist$", r"\1", case.get("classname", ""))
        key = service, case.get("name", "").partition("[")[0]
        children = {child.tag for child in case}
        result = "fails" if children & {"failure", "error"} else "skipped" if "skipped" in children else PASSED
        results[key] = max(results.get(key, PASSED), result, key=(PASSED, "skipped", "fails").index)
    return results


def page(text, made):
    """Return `text` of the page with the tables `made` in their place. Raise Failure when that place is not there."""
    before, mark, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise Failure(f"{PAGE.name} has no place for the rows")
    return before + mark + "\n" + made + "\n" + end + after


def write(root=ROOT):
    """Run the tests, and write into the page how they ended."""
    path = root / PAGE.relative_to(ROOT)
    path.write_text(page(path.read_text(encoding="utf-8"), table(rows(root), run(root))), encoding="utf-8")


def is_current(root=ROOT):
    """Return whether the page has just the rows that there are, and all of them pass."""
    found = rows(root)
    text = (root / PAGE.relative_to(ROOT)).read_text(encoding="utf-8")
    return page(text, table(found, {(row.service, row.name): PASSED for row in found})) == text
