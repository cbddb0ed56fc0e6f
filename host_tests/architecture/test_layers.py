"""The layers of docs/architecture.md: what a package of firmware/ may import, and that the page shows the tree as it is."""

import re

import pytest
import test_house as house
from conftest import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
# from the top to the bottom, as on the page
LAYERS = (
    {"app.py", "modes.py", "supervisor.py", "device.py"},
    {"portal", "console", "ota", "link"},
    {"config"},
    {"backends", "shockers", "boards", "www"},
    {"control", "hardware", "net"},
    {"command.py", "requests.py", "version.py", "build_info.py", "ca_bundle.py"},
)
# who imports upwards, and what
EXCEPTIONS = {
    "firmware/backends/": "link/signalr_service.py",
    "firmware/control/rule_editor.py": "console/",
}


def package(path):
    """The first folder below firmware/, or the name of a file that lies there itself."""
    return path.split("/")[1]


def layer(path):
    """The number of the layer, 0 for the topmost."""
    return next(number for number, names in enumerate(LAYERS) if package(path) in names)


def upwards(module):
    """The files of a higher layer that a module of firmware/ imports, without the exceptions."""
    targets = [house.BY_NAME[name].path for name in module.imports() & house.BY_NAME.keys()]
    found = [path for path in targets if path.count("/") and path.startswith("firmware/")]
    found = [path for path in found if not path.endswith("__init__.py") and layer(path) < layer(module.path)]
    excused = [what for who, what in EXCEPTIONS.items() if module.path.startswith(who)]
    return [path for path in found if not any(path.startswith("firmware/" + what) for what in excused)]


def test_nothing_imports_upwards():
    wrong = {module.path: upwards(module) for module in house.ROOMS if module.path.startswith("firmware/")}
    assert {path: found for path, found in wrong.items() if found} == {}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("firmware/control/x.py", "from firmware.link import connection"),
        ("firmware/net/x.py", "def f():\n    from firmware.config.settings import TABLE"),
        ("firmware/portal/x.py", "import firmware.device"),
        ("firmware/backends/x.py", "from firmware.link import connection"),
    ],
)
def test_an_import_upwards_is_found(path, text):
    assert upwards(house.Room(path, text))


def test_the_page_has_every_package_in_the_tree_and_in_a_layer():
    folders = {path.name for path in (ROOT / "firmware").iterdir() if path.is_dir() and path.name != "__pycache__"}
    tree = re.findall(r"^\| `firmware/(\w+)/`", PAGE, re.M)
    assert sorted(tree) == sorted(folders)
    assert {name for names in LAYERS for name in names if not name.endswith(".py")} == folders
    rows = re.findall(r"^\| (?!layer)[\w ]+ \| ((?:`[\w./]+`,? ?)+) \|", PAGE.partition("## Layers")[2], re.M)
    shown = [set(re.findall(r"`([\w.]+?)/?`", row)) for row in rows][: len(LAYERS)]
    assert shown == [names - {"www"} for names in LAYERS]


@pytest.mark.parametrize("title", ["The path of a command", "The path of an update"])
def test_a_path_has_at_most_eight_modules_in_order(title):
    part = PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]
    steps = re.findall(r"^\| (\d) \| `([\w./]+)` \|", part, re.M)
    assert [int(number) for number, _ in steps] == list(range(1, len(steps) + 1)) and 5 <= len(steps) <= 8
    assert [path for _, path in steps if not (ROOT / path).is_file()] == []
