"""The manifest with which MicroPython's own build freezes the firmware: see docs/frozen.md. Run by that build, not by `tools`.

Its functions (package, module, options) and the folder in which it runs are those of MicroPython's tools/manifestfile.py.
`include(".../tools/manifest.py", chip="esp32s3")` leaves the boards of other chips out: they would drive registers that are not
there.
"""

# ruff: noqa: F821  (options, package and module are given by the build)
import ast
import os

_ROOT = os.path.dirname(os.getcwd())  # the build runs a manifest in its own folder
_OPT = 3  # as our own images are compiled: no asserts, no line numbers
_BOARDS = "boards"
_ALWAYS = "generic_esp32.py"  # what firmware/fitting.py takes for a board that nobody knows


def _rooms(folder):
    """The files of a package, relative to it, sorted."""
    top = os.path.join(_ROOT, folder)
    found = []
    for place, _, names in os.walk(top):
        found += [os.path.relpath(os.path.join(place, name), top) for name in names if name.endswith(".py")]
    return sorted(name.replace(os.sep, "/") for name in found)


def _chip(path):
    """The chip of a board's file."""
    with open(path, encoding="utf-8") as file:
        for node in ast.parse(file.read()).body:
            if isinstance(node, ast.Assign) and node.targets[0].id == "CHIP":
                return ast.literal_eval(node.value)
    return None


def _fits(room, chip):
    folder, _, name = room.rpartition("/")
    if folder != _BOARDS or chip is None or name == _ALWAYS:
        return True
    return _chip(os.path.join(_ROOT, "firmware", room)) == chip


options.defaults(chip=None)
package("lib", files=[room for room in _rooms("lib") if room != "packed.py"], base_path="..", opt=_OPT)
package("firmware", files=[room for room in _rooms("firmware") if _fits(room, options.chip)], base_path="..", opt=_OPT)
module("boot.py", base_path="..", opt=_OPT)
module("main.py", base_path="frozen", opt=_OPT)
